import numpy as np
import pytest

from rollcall.risk import labels
from rollcall.risk.assess import assess_risk
from rollcall.risk.labels import combine_labels
from rollcall.risk.record import PooledShape, binormal_auc
from rollcall.stats.moments import compute_moments
from tests.oracles import risk as naive


def test_labels_are_combined_towards_those_that_leak():
    """Of three labels one leaks.

    The combined score finds nearly as much as that label alone, and much more than the labels' sum.
    """
    rng = np.random.default_rng(3)
    _, members, index = naive.simulate(rng, 32, np.ones(800, int))
    scores = rng.standard_normal((32, 800, 3)) + np.array([0.0, 1.0, 0.0]) * members[:, :, None]
    scores = (scores * [5, 1, 0.2]).astype(np.float32)

    def mean_auc(values):
        moments = compute_moments(values, members, index)
        return np.nanmean(binormal_auc(moments, PooledShape(0, 0, 0, 0))[0])

    combined = mean_auc(combine_labels(scores, members, index))
    assert combined > mean_auc(scores[:, :, 1]) - 0.02
    assert combined > mean_auc(scores.sum(2)) + 0.1
    risk = assess_risk(scores, members, index, draws=1000)
    assert len(risk.records) == 800
    assert risk.patients.auc_joint.mean() == pytest.approx(combined, abs=0.02)


def test_a_constant_label_changes_nothing(monkeypatch):
    rng = np.random.default_rng(4)
    _, members, index = naive.simulate(rng, 16, np.ones(100, int))
    scores = rng.standard_normal((16, 100, 3)).astype(np.float32)
    scores[:, :, 2] = 1.5
    combined = combine_labels(scores, members, index)
    assert combined.dtype == np.float32
    assert np.isfinite(combined).all()
    np.testing.assert_allclose(
        combined, combine_labels(scores[:, :, :2], members, index), rtol=1e-5
    )
    monkeypatch.setattr(labels, "RECORDS_PER_BLOCK", 7)
    np.testing.assert_array_equal(combine_labels(scores, members, index), combined)
