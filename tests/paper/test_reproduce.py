import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import trim_mean

from rollcall.paper import panel, reproduce
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
    """By the published formula term by term; several labels go through a softmax as if they excluded each other."""
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
                yes, no = (
                    sum(v for v, own in zip(p, y[n]) if own),
                    sum(v for v, own in zip(p, y[n]) if not own),
                )
                eps = float(np.float32(1e-45))
                assert got[n, view] == pytest.approx(
                    math.log(yes + eps) - math.log(no + eps), rel=1e-5, abs=1e-5
                )
                each.append(yes)
            assert sure[n] == pytest.approx(sum(each) / 2)


def test_records_without_a_label():
    """Scored as "No Finding" where the first label is that; else their score is constant, hence their AUC exactly 0.5."""
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
    assert (
        panel.compute_record_auc(
            compute_moments(scores[..., 0], np.tile([[True], [False]], (8, 1)))
        )[0]
        == 0.5
    )


def test_binary_scores_saturate_and_are_turned_by_the_label():
    """Facts: +(log p + 103.28) for y = 1, -(log p + 103.28) for y = 0; RMIA takes p whatever the label."""
    z, y = np.array([[2.0], [2.0], [40.0], [60.0]]), np.array([1, 0, 1, 1])
    each = reproduce.compute_probabilities(z, "binary")
    got = reproduce.score_records(each, reproduce.encode_positives(y, "binary", 1))[:, 0]
    p = 1 / (1 + math.exp(-2))
    assert got[:2] == pytest.approx([math.log(p) + 103.28, -(math.log(p) + 103.28)], abs=0.005)
    assert got[2] == got[3]  # where the exact score still tells 40 from 60
    assert reproduce.compute_confidence(each, reproduce.encode_positives(y, "binary", 1), "binary")[
        :2
    ] == pytest.approx([p, p])


def test_views_are_averaged_after_the_statistics():
    """Facts, W-A7: equal view and model noise, a shift of one sd of either. Averaging first gives 0.75, averaging means and standard deviations 0.69."""
    rng = np.random.default_rng(1)
    members = np.tile([[True], [False]], (2000, 1))
    scores = (
        rng.standard_normal((4000, 1, 1)) + rng.standard_normal((4000, 1, 400)) + members[..., None]
    )
    views = [compute_moments(scores[..., view].astype(np.float32), members) for view in range(400)]
    assert panel.compute_record_auc(*views)[0] == pytest.approx(0.69, abs=0.01)
    assert panel.compute_record_auc(compute_moments(scores.mean(2), members))[0] == pytest.approx(
        0.76, abs=0.015
    )


def test_lira_by_hand():
    """Medians for means, population standard deviations about the mean, views averaged last; the held-out pairs are nobody's reference."""
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
                    own = sorted(
                        float(scores[t, n, view]) for t in range(12) if members[t, n] == kind
                    )
                    middle, mean = (own[2] + own[3]) / 2, sum(own) / 6
                    sd = math.sqrt(sum((v - mean) ** 2 for v in own) / 6) + 1e-12
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
    got = reproduce.run_published_rmia(x, z)  # 30 records: all of them are the population
    for n in range(30):
        assert got[0, n] == pytest.approx(
            np.mean([x[0, n] / z[0, other] > 1 for other in range(30) if other != n]), abs=1e-9
        )


def audit(seed, targets=32, shift=1.0):
    scores, members, index = naive.simulate(
        np.random.default_rng(seed), targets, np.arange(300) % 3 + 1, shift
    )
    part = lambda target, rows: (
        scores[target, rows, None],
        1 / (1 + np.exp(-scores[target, rows].astype(float))),
    )
    return part, scores, members, index


def test_reproduce_puts_the_parts_together(monkeypatch):
    part, scores, members, index = audit(4)
    monkeypatch.setattr(reproduce, "CHUNK", 130)
    race = pd.DataFrame(
        {
            "race": pd.Categorical(
                np.array(["Black", "White", "Other/Unknown"])[np.arange(len(index)) % 3]
            )
        }
    )
    ids = np.array([f"p{p}" for p in range(300)])
    got = reproduce.reproduce_paper(part, members, index, ids, race)
    for n in (0, 200, 599):
        inside, outside = (
            scores[members[:, index[n]] == kind, n].astype(float) for kind in (True, False)
        )
        area = naive.phi(
            (inside.mean() - outside.mean()) / np.hypot(inside.std() + 1e-10, outside.std())
        )
        assert got.records.auc[n] == pytest.approx(min(max(area, 0.5), 1 - 1e-10), abs=1e-5)
    for p in (0, 7, 299):
        own = got.records[got.records.patient_id == f"p{p}"].auc
        assert got.patients.auc_max[p] == own.max()
        assert got.patients.auc_mean[p] == pytest.approx(own.mean())
        assert got.patients.records[p] == len(own)
    assert set(got.panel.group) == {"Black", "White"}
    assert list(got.attacks.target) == 2 * list(range(22, 32))
    assert (got.attacks.auc > 0.6).all()
    assert list(got.errors.models) == [20, 20]
    assert (got.errors.kind == ["all", "top"]).all()
    assert got.errors["median"][0] > got.errors["median"][1]  # a high AUC has a small error
    assert got.roc.groupby("attack").tpr.apply(lambda tpr: tpr.is_monotonic_increasing).all()
    again = reproduce.reproduce_paper(part, members, index, ids, race)
    assert again.records.equals(got.records)
    assert again.attacks.equals(got.attacks)
    assert again.errors.equals(got.errors)
    assert reproduce.reproduce_paper(part, members, index, ids, race[[]]).panel is None
    with pytest.raises(InputError, match="599 rows of attributes and 600 records"):
        reproduce.reproduce_paper(part, members, index, ids, race[1:])


def test_few_targets_hold_out_a_quarter_of_the_pairs():
    part, _, members, index = audit(5, 8)
    got = reproduce.reproduce_paper(
        part, members, index, np.arange(300), pd.DataFrame(index=range(len(index)))
    )
    assert list(got.attacks.target) == [6, 7, 6, 7]
    assert list(got.errors.models) == [8, 8]


def test_the_maximum_grows_with_the_records_though_nothing_leaks():
    """Facts, W-A6: where nothing leaks the published patient AUC averages .536, .562 and .591 with 3, 10 and 50 independent records, 200 models."""
    for records, mean in ((3, 0.536), (10, 0.562), (50, 0.591)):
        scores, members, index = naive.simulate(
            np.random.default_rng([records, 6]),
            200,
            np.full(200, records),
            correlation=0,
            tails=None,
        )
        scores = (
            np.random.default_rng([records, 7]).standard_normal(scores.shape).astype(np.float32)
        )
        part = lambda target, rows, scores=scores: (
            scores[target, rows, None],
            np.full(len(scores[target, rows]), 0.5),
        )
        got = reproduce.reproduce_paper(
            part, members, index, np.arange(members.shape[1]), pd.DataFrame(index=range(len(index)))
        )
        assert got.patients.auc_max.mean() == pytest.approx(mean, abs=0.004)
