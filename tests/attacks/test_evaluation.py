import tracemalloc

import numpy as np
import pandas as pd
import pytest

from rollcall import attacks
from rollcall.attacks import evaluation, pooled
from rollcall.stats import metrics, tail_rates
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


def two_way_plainly(scores, positive, patient, target):
    """Errors of the AUC of patients, and of patients and pairs of targets, from all comparisons."""
    ins, outs = scores[positive], scores[~positive]
    wins = (ins[:, None] > outs) + 0.5 * (ins[:, None] == outs)
    area, move = wins.mean(), np.empty(len(scores))
    move[positive] = (wins.mean(1) - area) / len(ins)
    move[~positive] = (wins.mean(0) - area) / len(outs)
    sums = {}
    for name, labels in (
        ("patient", patient),
        ("pair", target // 2),
        ("both", patient * 100 + target // 2),
    ):
        each = [move[labels == label].sum() for label in np.unique(labels)]
        more = 1 if name == "both" else len(each) / (len(each) - 1)
        sums[name] = more * sum(value**2 for value in each)
    both = max(sums["patient"] + sums["pair"] - sums["both"], sums["patient"], sums["pair"])
    return np.sqrt(sums["patient"]), np.sqrt(both)


@pytest.fixture
def every_rate(monkeypatch):
    """Rates are computed however few false alarms they stand on."""
    monkeypatch.setattr(tail_rates, "MIN_ALARMS", 0)


@pytest.mark.parametrize("kind", ["normal", "tied", "constant"])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.usefixtures("every_rate")
def test_every_number_by_hand(seed, kind):
    scores, members, index = results(seed, kind)
    in_target = members[:, index]
    got = attacks.evaluate({("a", "b"): lambda: scores}, members, index)
    flat, positive, patient = scores.ravel(), in_target.ravel(), np.tile(index, 8)
    row = got.pooled.iloc[0]
    assert (row.attack, row.variant) == ("a", "b")
    assert row.auc == pytest.approx(naive.auc(flat, positive), abs=1e-9)
    assert row.auc_se == pytest.approx(naive.auc_se_mixed(flat, positive, patient), abs=1e-9)
    by_patient, by_both = two_way_plainly(flat, positive, patient, np.arange(8).repeat(len(index)))
    assert row.auc_se == pytest.approx(by_patient, abs=1e-9)
    assert row.auc_se_two_way == pytest.approx(by_both, abs=1e-9)
    for fpr in metrics.FPRS:
        assert row[f"tpr_at_fpr_{fpr:g}"] == pytest.approx(
            naive.tpr_at(flat, positive, fpr), abs=1e-9
        )
        assert row[f"tpr_low_{fpr:g}"] <= row[f"tpr_at_fpr_{fpr:g}"] <= row[f"tpr_high_{fpr:g}"]
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
@pytest.mark.usefixtures("every_rate")
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


@pytest.mark.usefixtures("every_rate")
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


@pytest.mark.usefixtures("every_rate")
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
    monkeypatch.setattr(pooled, "CELLS", 50)
    coarse = attacks.evaluate({("a", "b"): lambda: scores}, members, index).pooled.iloc[0]
    assert coarse.auc == pytest.approx(whole.auc, abs=1e-3)
    assert coarse.auc_se == pytest.approx(whole.auc_se, rel=0.02)
    assert whole.auc == pytest.approx(
        metrics.auc(scores.ravel(), members[:, index].ravel()), abs=1e-4
    )
    for fpr in metrics.FPRS:
        assert coarse[f"tpr_at_fpr_{fpr:g}"] == whole[f"tpr_at_fpr_{fpr:g}"]


def test_a_value_that_fills_cells_is_a_cell_of_its_own(monkeypatch):
    monkeypatch.setattr(pooled, "CELLS", 9)  # no edge between negatives and positives
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
    monkeypatch.setattr(pooled, "CELLS", 50)
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


def test_a_rate_that_the_data_cannot_show_is_not_a_number():
    """500 and 8 x 500 non-members: 10 false alarms are 2% of a target, 0.25% of all."""
    rng = np.random.default_rng(11)
    members = naive.paired(rng, 8, 1000)
    scores = (rng.standard_normal((8, 1000)) + members).astype(np.float32)
    got = attacks.evaluate({("a", "b"): lambda: scores}, members, np.arange(1000))
    pooled_row = got.pooled.iloc[0]
    fewest = (~members).sum(1).min()
    for fpr in metrics.FPRS:
        names = [f"tpr_at_fpr_{fpr:g}", f"tpr_low_{fpr:g}", f"tpr_high_{fpr:g}"]
        if fpr == 1e-3:
            names += ["precision_at_prior_0.01", "precision_at_prior_0.1"]
        assert got.attacks[names].isna().all(axis=None) == (fpr * fewest < 10)
        assert pooled_row[names].isna().all() == (fpr * 4000 < 10)
        assert pooled_row[names].isna().any() == pooled_row[names].isna().all()
    assert got.roc.fpr.min() == evaluation.ROC_FPRS[evaluation.ROC_FPRS * fewest >= 10].min()
    assert not got.roc.isna().any(axis=None)


def test_order_of_records_and_of_pairs_changes_nothing():
    scores, members, index = results(12)
    rng = np.random.default_rng(0)
    order, pairs = rng.permutation(len(index)), rng.permutation(4)
    targets = np.stack([2 * pairs + 1, 2 * pairs], 1).ravel()
    want = attacks.evaluate({("a", "b"): lambda: scores}, members, index)
    got = attacks.evaluate(
        {("a", "b"): lambda: scores[targets][:, order]}, members[targets], index[order]
    )
    pd.testing.assert_frame_equal(got.pooled, want.pooled, check_exact=False, rtol=1e-9)
    pd.testing.assert_frame_equal(
        got.attacks.drop(columns="target"),
        want.attacks.iloc[targets].drop(columns="target").reset_index(drop=True),
        check_exact=False,
        rtol=1e-9,
    )


@pytest.mark.parametrize("differ", [0.0, 0.2])
def test_two_way_error_is_of_patients_and_models(differ):
    """500 patients, 16 targets whose strengths differ by a share of `differ`; 120 audits.

    1.96 errors about the AUC hold the mean over all audits in 97% if targets are alike, and in 89%
    if they differ (300 audits; 8 pairs are few); those of patients alone in 96 and 47%. The bounds
    are three Monte-Carlo errors (2.9% and 4.5%) away.
    """
    areas, errors, of_patients = [], [], []
    for seed in range(120):
        rng = np.random.default_rng([seed, int(10 * differ)])
        members = naive.paired(rng, 16, 500)
        strength = 1 + differ * rng.standard_normal((8, 1)).repeat(2, axis=0)
        shared = rng.standard_normal(500) * 0.5
        scores = (rng.standard_normal((16, 500)) + shared + strength * members).astype(np.float32)
        row = attacks.evaluate(
            {("a", "b"): lambda scores=scores: scores}, members, np.arange(500)
        ).pooled.iloc[0]
        areas.append(row.auc)
        errors.append(row.auc_se_two_way)
        of_patients.append(row.auc_se)
    away = abs(np.array(areas) - np.mean(areas))
    held = (away <= 1.96 * np.array(errors)).mean()
    alone = (away <= 1.96 * np.array(of_patients)).mean()
    assert held >= 0.8
    assert (alone < 0.62) == (differ > 0)
