import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
