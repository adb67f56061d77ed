"""RMIA of a patient: the mean over records, blind to whose they are, null where nothing leaks."""

import numpy as np
import pytest

from rollcall.attacks.rmia import run_rmia, score_patients
from rollcall.risk.noise_floor import draw_noise_floor
from rollcall.risk.record import signed_auc
from rollcall.stats.members import draw_members
from rollcall.stats.moments import compute_moments


@pytest.fixture(scope="module")
def made():
    """300 patients with one to four records, unsorted; nothing leaks but of the first ten."""
    rng = np.random.default_rng(2)
    members = draw_members(16, 300, 0)
    index = rng.permutation(np.repeat(np.arange(300), rng.integers(1, 5, 300)))
    leak = np.where(np.arange(300) < 10, 4.0, 0.0)
    scores = rng.normal(2, 1, (16, len(index))) + (members * leak)[:, index]
    return scores.astype(np.float32), members, index


def test_it_is_the_mean_over_a_patients_records(made):
    scores, members, index = made
    by_record = run_rmia(scores, members[:, index])
    result = score_patients(scores, members, index)
    assert result.shape == members.shape
    assert result.dtype == np.float32
    for patient in (0, 17, 299):
        expected = by_record[:, index == patient].mean(axis=1)
        np.testing.assert_allclose(result[:, patient], expected, atol=1e-6)


def test_several_labels_of_a_record_count_together(made):
    scores, members, index = made
    both = np.stack([scores, scores[:, ::-1]], axis=2)
    expected = run_rmia(both, members[:, index])
    result = score_patients(both, members, index)
    np.testing.assert_allclose(result[:, 5], expected[:, index == 5].mean(axis=1), atol=1e-6)


def test_who_leaks_stands_above_the_floor_and_nobody_else(made):
    """Within a pair, the floor redraws who had the patient: nothing leaks, nothing shows."""
    scores, members, index = made
    result = score_patients(scores, members, index)
    auc = signed_auc(compute_moments(result, members))
    floor = draw_noise_floor(result, 200)
    assert auc[:10].min() > np.quantile(floor, 0.999)
    assert auc[10:].mean() == pytest.approx(0.5, abs=0.02)
    assert (auc[10:, None] > np.quantile(floor, 0.95)).mean() == pytest.approx(0.05, abs=0.03)
