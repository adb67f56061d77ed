import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from rollcall.risk.exposed import compute_q_values
from rollcall.risk.exposed.q_values import (
    AUC_TOLERANCE,
    adjust_for_discoveries,
    compute_p_values,
    estimate_null_share,
)
from tests.oracles import exposed
from tests.oracles import risk as naive


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


@given(
    st.lists(st.tuples(st.floats(0.001, 1), st.floats(0.2, 5)), min_size=1, max_size=20),
    st.floats(0.1, 1),
)
def test_weighted_q_values_are_the_rates_of_cuts(pairs, share):
    p, weight = np.array(pairs).T
    weight /= weight.mean()
    np.testing.assert_allclose(
        adjust_for_discoveries(p, weight, share),
        exposed.weighted_q_values(list(p), list(weight), share),
        rtol=1e-9,
    )


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=30))
def test_the_null_share_is_storeys(p):
    assert estimate_null_share(np.array(p)) == exposed.null_share(p)


def test_p_values_count_the_draws_at_or_above():
    rng = np.random.default_rng(2)
    auc, floor = np.round(rng.random(30), 1), np.round(rng.random((5, 20)), 1)
    np.testing.assert_allclose(compute_p_values(auc, floor), exposed.p_values(auc, floor.ravel()))


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20), st.integers(0, 2**32))
def test_single_precision_counts_as_its_exact_values_do(draws, seed):
    """AUCs within a rounding error of draws and of the tolerance above them."""
    rng, floor = np.random.default_rng(seed), np.array(draws, np.float32)
    nudges = rng.choice([0, AUC_TOLERANCE, 1e-9, -1e-9], (4, len(draws)))
    auc = (floor.astype(np.float64) + nudges).ravel()
    np.testing.assert_array_equal(
        compute_p_values(auc, floor), compute_p_values(auc, floor.astype(np.float64))
    )
