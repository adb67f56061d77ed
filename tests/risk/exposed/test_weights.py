import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.risk.exposed import weights
from rollcall.risk.exposed.weights import (
    estimate_density,
    learn_weights,
    make_bins,
    weigh_patients,
)
from tests.oracles import exposed as naive


def draw_p(seed, count):
    """p-values of which some are tiny and some tied."""
    rng = np.random.default_rng(seed)
    p = np.where(rng.random(count) < 0.3, 10 ** -rng.uniform(1, 6, count), rng.random(count))
    return np.where(rng.random(count) < 0.5, np.round(0.9 * p, 2) + 1e-3, p)


@given(seed=st.integers(0, 2**32), count=st.integers(0, 30))
def test_the_density_is_the_slope_of_the_least_concave_function(seed, count):
    p = draw_p(seed, count)
    share, density = naive.grenander(list(p))
    steps = [(a + b) / 2 for a, b in zip(naive.P_GRID, naive.P_GRID[1:], strict=False)]
    found = estimate_density(p, np.array(steps))
    np.testing.assert_allclose(found, density, rtol=1e-6, atol=1e-9)
    assert (np.diff(found) <= 1e-9 * max(found[0], 1)).all()
    assert share[-1] == pytest.approx(1.0 if count else 0.0)


@given(seed=st.integers(0, 2**32), count=st.integers(0, 40), bins=st.integers(1, 4))
def test_weights_are_those_of_the_cut_that_names_most(seed, count, bins):
    p = draw_p(seed, count)
    number = np.random.default_rng(seed).integers(0, bins, count)
    found = learn_weights(p, number, bins, 0.05)
    np.testing.assert_allclose(found, naive.learn_weights(list(p), list(number), bins, 0.05))


def test_a_bin_that_leaks_weighs_more_and_the_mean_is_one():
    rng = np.random.default_rng(0)
    covariate, half = rng.random(4000), np.arange(4000) % 2 == 0
    p = np.where(covariate > 0.9, rng.random(4000) ** 4, rng.random(4000))
    weight = weigh_patients(p, covariate, half, 0.05)
    assert weight[covariate > 0.95].mean() > 4
    assert np.median(weight[covariate < 0.8]) < 0.7
    assert weight.min() >= 0.2
    for which in (half, ~half):
        assert weight[which].mean() == pytest.approx(1)


def test_no_p_value_of_a_half_enters_its_weights():
    rng = np.random.default_rng(1)
    covariate, half = rng.random(2000), rng.random(2000) < 0.5
    p = np.where(covariate > 0.8, rng.random(2000) ** 5, rng.random(2000))
    before = weigh_patients(p, covariate, half, 0.05)
    after = weigh_patients(np.where(half, rng.random(2000) ** 3, p), covariate, half, 0.05)
    np.testing.assert_array_equal(before[half], after[half])
    assert (before[~half] != after[~half]).any()


def test_nothing_to_learn_gives_even_weights():
    p = np.linspace(0.01, 1, 1000)
    half = np.arange(1000) % 4 < 2
    np.testing.assert_allclose(weigh_patients(p, np.arange(1000) % 7.0, half, 0.05), 1)
    alone = weigh_patients(p, np.arange(1000.0), np.zeros(1000, bool), 0.05)
    np.testing.assert_array_equal(alone, 1)


def test_bins_are_of_equal_size_in_each_half_whatever_its_level():
    rng = np.random.default_rng(2)
    half = np.arange(2000) % 2 == 0
    bins = make_bins(rng.random(2000) + 5 * half, half)
    assert bins.max() == 2000 // weights.LEAST_IN_BIN - 1
    for which in (half, ~half):
        assert set(np.bincount(bins[which])) == {125}
    assert make_bins(np.zeros(2000), half).max() == 7  # ties share one
    assert make_bins(np.arange(100.0), half[:100]).max() == 0
