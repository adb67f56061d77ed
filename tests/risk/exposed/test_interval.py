import numpy as np
import pytest
from scipy.stats import chi2

from rollcall.risk.exposed import exposed_interval, share_at_least
from tests.oracles import risk as naive


def test_shares_count_values_at_or_above():
    np.testing.assert_allclose(
        share_at_least(np.array([3.0, 1, 1, 2]), np.array([0, 1, 1.5, 3, 4])),
        [1, 1, 0.5, 0.25, 0],
    )


def test_no_exposed_patient_has_an_interval_too():
    scores, members, _ = naive.simulate(np.random.default_rng(0), 16, np.ones(50, int))
    auc = np.full(50, 0.5)
    floor, limit = np.full((1, 50), 0.5), np.full(50, np.inf)
    interval = exposed_interval(scores, members, auc, auc > 1, limit, floor)
    assert interval == (0, 0.0, pytest.approx(3.689, abs=1e-3))
    assert interval[2] == chi2.ppf(0.975, 2) / 2
