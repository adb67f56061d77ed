import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import trim_mean

from rollcall.paper import reproduce
from rollcall.paper.panel import compute_record_auc
from rollcall.stats.moments import compute_moments
from rollcall.util.errors import InputError
from tests.oracles import risk as naive

LOWEST = math.log(float(np.float32(1e-45)))  # -103.28


def softmax(z):
    top = max(z)
    p = [math.exp(v - top) for v in z]
    return [v / sum(p) for v in p]


def test_the_smallest_log():
    assert pytest.approx(-103.28, abs=0.005) == LOWEST


def test_scores_of_many_classes_and_of_many_labels():
    """By the published formula term by term.

    Several labels go through a softmax as if they excluded each other.
    """
    rng = np.random.default_rng(0)
    z = 3 * rng.standard_normal((20, 2, 4))
    for task, labels in (
        ("multiclass", rng.integers(0, 4, 20)),
        ("multilabel", rng.integers(0, 2, (20, 4))),
    ):
        y = reproduce.encode_positives(labels, task, 4)
        p = reproduce.compute_probabilities(z, task)
        got, sure = reproduce.score_records(p, y), reproduce.compute_confidence(p, y, task)
        assert got.shape == (20, 2)
        assert got.dtype == np.float32
        for n in range(20):
            each = []
            for view in range(2):
                p = softmax(z[n, view])
                yes = sum(v for v, positive in zip(p, y[n], strict=True) if positive)
                no = sum(v for v, positive in zip(p, y[n], strict=True) if not positive)
                eps = float(np.float32(1e-45))
                assert got[n, view] == pytest.approx(
                    math.log(yes + eps) - math.log(no + eps), rel=1e-5, abs=1e-5
                )
                each.append(yes)
            assert sure[n] == pytest.approx(sum(each) / 2)


def test_records_without_a_label():
    """Scored as "No Finding" where the first label is that.

    Else their score is constant, hence their AUC exactly 0.5.
    """
    none = np.zeros((1, 3), np.int64)
    assert reproduce.encode_positives(none, "multilabel", 3, first=True).tolist() == [[1, 0, 0]]
    z = np.random.default_rng(0).standard_normal((16, 1, 3))
    y = reproduce.encode_positives(none, "multilabel", 3)
    scores = np.stack(
        [
            reproduce.score_records(
                reproduce.compute_probabilities(z[model : model + 1], "multilabel"), y
            )
            for model in range(16)
        ]
    )
    assert (scores == np.float32(LOWEST)).all()
    moments = compute_moments(scores[..., 0], np.tile([[True], [False]], (8, 1)))
    assert compute_record_auc(moments)[0] == 0.5


def test_binary_scores_saturate_and_are_turned_by_the_label():
    """As published, +(log p + 103.28) for y = 1 and -(log p + 103.28) for y = 0.

    RMIA takes p whatever the label.
    """
    z = np.array([[2.0], [2.0], [40.0], [60.0]])
    y = reproduce.encode_positives(np.array([1, 0, 1, 1]), "binary", 1)
    each = reproduce.compute_probabilities(z, "binary")
    got = reproduce.score_records(each, y)[:, 0]
    p = 1 / (1 + math.exp(-2))
    assert got[:2] == pytest.approx([math.log(p) + 103.28, -(math.log(p) + 103.28)], abs=0.005)
    assert got[2] == got[3]  # where the exact score still tells 40 from 60
    assert reproduce.compute_confidence(each, y, "binary")[:2] == pytest.approx([p, p])


def test_lira_by_hand():
    """Medians for means, population standard deviations about the mean, views averaged last.

    The held-out pairs are nobody's reference.
    """
    rng = np.random.default_rng(2)
    members = naive.paired(rng, 16, 5)
    scores = rng.standard_normal((16, 5, 3)).astype(np.float32)
    got = reproduce.run_published_lira(scores, members, 4)
    for row, target in enumerate(range(12, 16)):
        for n in range(5):
            each = []
            for view in range(3):
                density = []
                for kind in (True, False):
                    values = sorted(
                        float(scores[t, n, view]) for t in range(12) if members[t, n] == kind
                    )
                    middle, mean = (values[2] + values[3]) / 2, sum(values) / 6
                    sd = math.sqrt(sum((v - mean) ** 2 for v in values) / 6) + 1e-12
                    density.append(
                        -0.5 * ((float(scores[target, n, view]) - middle) / sd) ** 2 - math.log(sd)
                    )
                each.append(density[0] - density[1])
            assert got[row, n] == pytest.approx(sum(each) / 3, abs=1e-9)


def test_rmia_by_hand():
    rng = np.random.default_rng(3)
    members = naive.paired(rng, 12, 30)
    p = rng.random((12, 30))
    x, z = reproduce.compute_ratios(p, members, 2)
    for row, target in enumerate((10, 11)):
        for n in range(30):
            ins, outs = (
                [p[t, n] for t in range(10) if members[t, n] == kind] for kind in (True, False)
            )
            assert x[row, n] == pytest.approx(
                p[target, n] / ((trim_mean(ins, 0.01) + trim_mean(outs, 0.01)) / 2 + 1e-10)
            )
            assert z[row, n] == pytest.approx(p[target, n] / (trim_mean(outs, 0.01) + 1e-10))
    got = reproduce.run_published_rmia(x.copy(), z)  # 30 records: all of them are the population
    for n in range(30):
        assert got[0, n] == pytest.approx(
            np.mean([x[0, n] / z[0, other] > 1 for other in range(30) if other != n]), abs=1e-9
        )


@pytest.mark.parametrize("pairs", [4, 99, 100, 210])
def test_means_are_trimmed_as_scipy_does(pairs):
    rng = np.random.default_rng(pairs)
    members = naive.paired(rng, 2 * pairs + 2, 40)
    p = np.round(rng.random(members.shape), 2)  # with ties
    _, z = reproduce.compute_ratios(p, members, 2)
    outs = [p[:-2, n][~members[:-2, n]] for n in range(40)]
    trimmed = trim_mean(np.stack(outs, axis=1), 0.01, axis=0)
    np.testing.assert_array_equal(z, p[-2:] / (trimmed + 1e-10))


def score_block_of(scores):
    """Return what reproduce_paper asks for the scores of a block; one view, p = expit(score)."""

    def score_block(target, rows):
        values = scores[target, rows].astype(float)
        return scores[target, rows, None], 1 / (1 + np.exp(-values))

    return score_block


def simulate_audit(seed, targets=32):
    sizes = np.arange(300) % 3 + 1
    scores, members, index = naive.simulate(np.random.default_rng(seed), targets, sizes, shift=1.0)
    return score_block_of(scores), scores, members, index


def test_all_of_it(monkeypatch):
    score_block, scores, members, index = simulate_audit(4)
    monkeypatch.setattr(reproduce, "RECORDS_PER_BLOCK", 130)
    race = pd.DataFrame(
        {
            "race": pd.Categorical(
                np.array(["Black", "White", "Other/Unknown"])[np.arange(len(index)) % 3]
            )
        }
    )
    ids = np.array([f"p{p}" for p in range(300)])
    got = reproduce.reproduce_paper(score_block, members, index, ids, race)
    for n in (0, 200, 599):
        inside, outside = (
            scores[members[:, index[n]] == kind, n].astype(float) for kind in (True, False)
        )
        area = naive.phi(
            (inside.mean() - outside.mean()) / np.hypot(inside.std() + 1e-10, outside.std())
        )
        assert got.records.auc[n] == pytest.approx(min(max(area, 0.5), 1 - 1e-10), abs=1e-5)
    for p in (0, 7, 299):
        values = got.records[got.records.patient_id == f"p{p}"].auc
        assert got.patients.auc_max[p] == values.max()
        assert got.patients.auc_mean[p] == pytest.approx(values.mean())
        assert got.patients.records[p] == len(values)
    assert set(got.panel.group) == {"Black", "White"}
    assert list(got.attacks.target) == 2 * list(range(22, 32))
    assert (got.attacks.auc > 0.6).all()
    sizes = 2 * np.array(reproduce.choose_sizes(len(members)))
    assert list(got.errors.models) == list(np.repeat(sizes, 2))
    assert (got.errors.kind == ["all", "top"] * len(sizes)).all()
    assert got.errors["median"][0] > got.errors["median"][1]  # a high AUC has a small error
    assert got.roc.groupby("attack").tpr.apply(lambda tpr: tpr.is_monotonic_increasing).all()
    again = reproduce.reproduce_paper(score_block, members, index, ids, race)
    assert again.records.equals(got.records)
    assert again.attacks.equals(got.attacks)
    assert again.errors.equals(got.errors)
    assert reproduce.reproduce_paper(score_block, members, index, ids, race[[]]).panel is None
    with pytest.raises(InputError, match="599 rows of attributes and 600 records"):
        reproduce.reproduce_paper(score_block, members, index, ids, race[1:])


def test_few_targets_hold_out_a_quarter_of_the_pairs():
    score_block, _, members, index = simulate_audit(5, 8)
    got = reproduce.reproduce_paper(
        score_block, members, index, np.arange(300), pd.DataFrame(index=range(len(index)))
    )
    assert list(got.attacks.target) == [6, 7, 6, 7]
    assert list(got.errors.models) == [8, 8]


@pytest.mark.slow
def test_the_maximum_grows_with_the_records_though_nothing_leaks():
    """Where nothing leaks the published patient AUC rises with the number of records.

    It averages .536, .562 and .591 with 3, 10 and 50 independent records and 200 models.
    """
    for records, mean in ((3, 0.536), (10, 0.562), (50, 0.591)):
        rng, sizes = np.random.default_rng([records, 6]), np.full(200, records)
        scores, members, index = naive.simulate(rng, 200, sizes, correlation=0, tails=None)
        rng = np.random.default_rng([records, 7])
        scores = rng.standard_normal(scores.shape).astype(np.float32)
        got = reproduce.reproduce_paper(
            score_block_of(scores),
            members,
            index,
            np.arange(members.shape[1]),
            pd.DataFrame(index=range(len(index))),
        )
        assert got.patients.auc_max.mean() == pytest.approx(mean, abs=0.004)


@pytest.mark.parametrize(
    ("targets", "models"),
    [
        (8, [8]),
        (16, [8, 16]),
        (24, [12, 20, 24]),
        (64, [20, 50, 64]),
        (200, [20, 50, 100, 200]),
        (256, [20, 50, 100, 200, 256]),
    ],
)
def test_errors_are_of_the_runs_own_numbers_of_models(targets, models):
    assert [2 * pairs for pairs in reproduce.choose_sizes(targets)] == models
