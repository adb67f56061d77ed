import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, false_discovery_control

from rollcall.risk.exposed import compute_q_values, exposed_interval, share_at_least
from tests.oracles import risk as naive
from tests.oracles.risk import FIXED


@FIXED
@given(
    st.lists(st.integers(-5, 5), min_size=1, max_size=15),
    st.lists(st.integers(-5, 5), min_size=1, max_size=40),
)
def test_q_values_are_benjamini_hochbergs(values, null):
    q = compute_q_values(np.array(values, float), np.array(null, float))
    np.testing.assert_allclose(q, naive.compute_q_values(values, null), atol=1e-9)


def test_q_values_are_scipys_to_the_last_bit():
    """Few decimals: many ties."""
    rng = np.random.default_rng(0)
    floor = rng.random(500)
    for auc in (np.array([0.9]), np.round(rng.random(37), 1), rng.random(3000)):
        above = [(floor >= value - 1e-6).sum() for value in auc]
        expected = false_discovery_control((1 + np.array(above)) / 501)
        np.testing.assert_array_equal(compute_q_values(auc, floor), expected)


def test_shares_count_values_at_or_above():
    np.testing.assert_allclose(
        share_at_least(np.array([3.0, 1, 1, 2]), np.array([0, 1, 1.5, 3, 4])),
        [1, 1, 0.5, 0.25, 0],
    )


def test_no_exposed_patient_has_an_interval_too():
    scores, members, _ = naive.simulate(np.random.default_rng(0), 16, np.ones(50, int))
    auc = np.full(50, 0.5)
    interval = exposed_interval(scores, members, auc, auc > 1, np.full((1, 50), 0.5))
    assert interval == (0, 0.0, pytest.approx(3.689, abs=1e-3))
    assert interval[2] == chi2.ppf(0.975, 2) / 2
