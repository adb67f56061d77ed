import tracemalloc

import numpy as np
import pandas as pd
import pytest

from rollcall import attacks
from rollcall.attacks import evaluation
from rollcall.stats import metrics
from tests.oracles import risk as naive


def results(seed, kind="normal"):
    """Attack scores of 8 targets of 40 patients with 1 to 3 records, records in any order."""
    rng = np.random.default_rng(seed)
    scores, members, index = naive.simulate(rng, 8, rng.integers(1, 4, 40), 1.0)
    order = rng.permutation(len(index))
    scores, index = scores[:, order], index[order]
    if kind == "tied":
        scores = np.round(scores)
    if kind == "constant":
        scores[:] = 1.5
    return scores.astype(np.float32), members, index


@pytest.mark.parametrize("kind", ["normal", "tied", "constant"])
@pytest.mark.parametrize("seed", range(4))
def test_every_number_by_hand(seed, kind):
    scores, members, index = results(seed, kind)
    in_target = members[:, index]
    got = attacks.evaluate({("a", "b"): lambda: scores}, members, index)
    flat, positive, patient = scores.ravel(), in_target.ravel(), np.tile(index, 8)
    row = got.pooled.iloc[0]
    assert (row.attack, row.variant) == ("a", "b")
    assert row.auc == pytest.approx(naive.auc(flat, positive), abs=1e-9)
    assert row.auc_se == pytest.approx(naive.auc_se_mixed(flat, positive, patient), abs=1e-9)
    for fpr in metrics.FPRS:
        assert row[f"tpr_at_fpr_{fpr:g}"] == pytest.approx(
            naive.tpr_at(flat, positive, fpr), abs=1e-9
        )
    for target in range(8):
        row = got.attacks.iloc[target]
        assert row.target == target
        assert row.auc == pytest.approx(naive.auc(scores[target], in_target[target]), abs=1e-9)
        assert row.auc_se == pytest.approx(
            naive.auc_se_clustered(scores[target], in_target[target], index), abs=1e-9
        )
        for fpr in metrics.FPRS:
            assert row[f"tpr_at_fpr_{fpr:g}"] == pytest.approx(
                naive.tpr_at(scores[target], in_target[target], fpr), abs=1e-9
            )
            assert row[f"tpr_low_{fpr:g}"] <= row[f"tpr_at_fpr_{fpr:g}"] <= row[f"tpr_high_{fpr:g}"]
        others = [t for t in range(8) if t // 2 != target // 2]
        limit = naive.best_threshold(scores[others].ravel(), in_target[others].ravel())
        hits = ((scores[target] >= limit) & in_target[target]).sum() / in_target[target].sum() + (
            (scores[target] < limit) & ~in_target[target]
        ).sum() / (~in_target[target]).sum()
        assert row.balanced_accuracy == pytest.approx(hits / 2, abs=1e-9)


@pytest.mark.parametrize("kind", ["normal", "tied", "constant"])
def test_the_roc_is_the_mean_over_targets(kind):
    scores, members, index = results(9, kind)
    roc = attacks.evaluate({("a", "b"): lambda: scores}, members, index).roc
    assert (roc.fpr == evaluation.ROC_FPRS).all()
    each = [
        metrics.tpr_at_fpr(row, inside, evaluation.ROC_FPRS)
        for row, inside in zip(scores, members[:, index], strict=True)
    ]
    np.testing.assert_allclose(roc.tpr, np.mean(each, 0), atol=1e-12)
    np.testing.assert_allclose(roc.tpr_sd, np.std(each, 0), atol=1e-12)


def test_precision_is_of_the_alarms_that_are_raised():
    rng = np.random.default_rng(5)
    members = naive.paired(rng, 8, 4000)
    scores = (rng.standard_normal((8, 4000)) + 2.0 * members).astype(np.float32)
    got = attacks.evaluate({("a", "b"): lambda: scores}, members, np.arange(4000))
    for target in (0, 5):
        row, limit = (
            got.attacks.iloc[target],
            np.sort(scores[target, ~members[target]])[-3],
        )  # two of 2,000 may be above
        tpr, fpr = (
            (scores[target, members[target]] > limit).mean(),
            (scores[target, ~members[target]] > limit).mean(),
        )
        assert fpr == 0.001
        assert row["tpr_at_fpr_0.001"] == tpr
        assert row["precision_at_prior_0.01"] == pytest.approx(
            0.01 * tpr / (0.01 * tpr + 0.99 * fpr)
        )
        assert row["precision_at_prior_0.1"] == pytest.approx(0.1 * tpr / (0.1 * tpr + 0.9 * fpr))


def test_more_scores_than_cells(monkeypatch):
    """With 50 cells for 16,000 scores, half of them equal.

    AUC within 1e-3, its error within 2%, true-positive rates still exact.
    """
    rng = np.random.default_rng(6)
    members = naive.paired(rng, 8, 1000)
    index = np.repeat(np.arange(1000), 2)
    scores = (rng.standard_normal((8, 2000)) + members[:, index]).astype(np.float32)
    scores[rng.random(scores.shape) < 0.5] = 0.25
    whole = attacks.evaluate({("a", "b"): lambda: scores}, members, index).pooled.iloc[0]
    monkeypatch.setattr(evaluation, "CELLS", 50)
    coarse = attacks.evaluate({("a", "b"): lambda: scores}, members, index).pooled.iloc[0]
    assert coarse.auc == pytest.approx(whole.auc, abs=1e-3)
    assert coarse.auc_se == pytest.approx(whole.auc_se, rel=0.02)
    assert whole.auc == pytest.approx(
        metrics.auc(scores.ravel(), members[:, index].ravel()), abs=1e-4
    )
    for fpr in metrics.FPRS:
        assert coarse[f"tpr_at_fpr_{fpr:g}"] == whole[f"tpr_at_fpr_{fpr:g}"]


def test_a_value_that_fills_cells_is_a_cell_of_its_own(monkeypatch):
    monkeypatch.setattr(evaluation, "CELLS", 9)  # no edge between negatives and positives
    rng = np.random.default_rng(10)
    members = naive.paired(rng, 8, 1000)
    scores = np.where(members, 0.25, rng.uniform(0, 0.249, members.shape)).astype(np.float32)
    row = attacks.evaluate({("a", "b"): lambda: scores}, members, np.arange(1000)).pooled.iloc[0]
    assert row.auc == pytest.approx(1, abs=1e-12)


def test_patients_without_records_change_nothing():
    """Patients 0 and 5 have no record; the last one must have some."""
    scores, members, index = results(7)
    gaps = np.setdiff1d(np.arange(42), [0, 5])
    wider = np.random.default_rng(0).random((8, 42)) < 0.5
    wider[:, gaps] = members
    got, want = (
        attacks.evaluate({("a", "b"): lambda: scores}, m, i)
        for m, i in ((wider, gaps[index]), (members, index))
    )
    pd.testing.assert_frame_equal(got.attacks, want.attacks, check_exact=False, rtol=1e-12)


def test_nothing_of_an_attack_is_kept_while_the_next_one_runs(monkeypatch):
    monkeypatch.setattr(evaluation, "CELLS", 50)
    rng = np.random.default_rng(8)
    members = naive.paired(rng, 8, 50_000)
    held = []

    def score():
        held.append(tracemalloc.get_traced_memory()[0])
        return rng.standard_normal((8, 50_000), np.float32)

    tracemalloc.start()
    try:
        attacks.evaluate({("a", "b"): score, ("c", "d"): score}, members, np.arange(50_000))
    finally:
        tracemalloc.stop()
    assert held[1] - held[0] < 0.1 * 8 * 50_000 * 4


@pytest.mark.slow
def test_error_over_all_targets_is_the_spread_over_patients():
    """300 audits of 300 patients and 8 targets.

    SD of the AUC over simulations (its SE 4%) against the mean claimed error. The scores of a
    patient share a part over targets that helps in both kinds, as exposed patients do.
    """
    areas, claimed = [], []
    for seed in range(300):
        rng = np.random.default_rng([seed, 4])
        members = naive.paired(rng, 8, 300)
        strength = rng.exponential(1.0, 300)
        scores = (rng.standard_normal((8, 300)) + strength * (members - 0.5)).astype(np.float32)
        row = attacks.evaluate(
            {("a", "b"): lambda scores=scores: scores}, members, np.arange(300)
        ).pooled.iloc[0]
        areas.append(row.auc)
        claimed.append(row.auc_se)
    assert np.mean(claimed) / np.std(areas, ddof=1) == pytest.approx(1, abs=0.16)
