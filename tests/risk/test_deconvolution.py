import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr, ndtri
from scipy.stats import nct

from rollcall.risk.deconvolution import (
    count_bins,
    deconvolve,
    make_kernel,
    relative_variance,
    share_above,
)


@pytest.mark.parametrize("pairs", [4, 8, 32, 100])
def test_independent_normal_scores_give_a_noncentral_t(pairs):
    """d sqrt(K) is a noncentral t of 2 (K - 1) degrees, centred at the true d sqrt(K)."""
    kernel = make_kernel(pairs, 0.0)
    limits = np.array([-0.5, 0.0, 0.4, 1.0, 2.5])
    found = kernel.exceed(limits)
    for true in (-1.0, 0.0, 0.5, 2.0):
        column = np.flatnonzero(np.isclose(kernel.grid, true))[0]
        expected = nct.sf(limits * np.sqrt(pairs), 2 * (pairs - 1), true * np.sqrt(pairs))
        np.testing.assert_allclose(found[:, column], expected, atol=2e-3)


@pytest.mark.parametrize("correlation", [-0.6, 0.3])
@pytest.mark.parametrize("pairs", [4, 16])
def test_correlated_pairs_spread_estimates_as_simulated(pairs, correlation):
    """100,000 estimates: a share is right within 0.01 (six standard errors, and the chi-square's
    approximation)."""
    rng = np.random.default_rng(pairs)
    a, b = rng.standard_normal((2, pairs, 100_000))
    b = correlation * a + np.sqrt(1 - correlation**2) * b
    spread = np.sqrt(a.var(0, ddof=1) + b.var(0, ddof=1))
    kernel = make_kernel(pairs, correlation)
    limits = np.array([-0.3, 0.3, 0.8, 1.5])
    for true in (0.0, 1.0):
        d = (a.mean(0) + np.sqrt(2) * true - b.mean(0)) / spread
        column = np.flatnonzero(np.isclose(kernel.grid, true))[0]
        expected = (d[:, None] > limits).mean(0)
        np.testing.assert_allclose(kernel.exceed(limits)[:, column], expected, atol=0.01)
    total = (a.var(0, ddof=1) + b.var(0, ddof=1)) / 2
    assert relative_variance(pairs, correlation) == pytest.approx(total.var(), rel=0.05)


@given(pairs=st.integers(4, 100), correlation=st.floats(-1, 0.9), kurtosis=st.floats(-2, 8))
def test_likelihoods_are_of_all_bins(pairs, correlation, kurtosis):
    kernel = make_kernel(pairs, correlation, kurtosis)
    assert kernel.likelihood.shape == (len(kernel.edges) - 1, len(kernel.grid))
    assert kernel.likelihood.min() > -1e-12
    np.testing.assert_allclose(kernel.likelihood.sum(0), 1, atol=1e-9)


@given(
    st.lists(st.floats(0, 1), min_size=191, max_size=191).filter(lambda m: sum(m) > 0),
    st.lists(st.floats(0.01, 0.99), min_size=1, max_size=5),
)
def test_shares_above_are_areas_of_a_histogram(mass, aucs):
    kernel = make_kernel(8, 0.0)
    mass = np.array(mass) / sum(mass)
    expected = []
    for auc in aucs:
        over = [min(max((g + 0.025 - ndtri(auc)) / 0.05, 0), 1) for g in kernel.grid]
        expected.append(sum(m * o for m, o in zip(mass, over, strict=True)))
    np.testing.assert_allclose(share_above(mass, kernel, aucs), expected, atol=1e-9)
    two = share_above(np.column_stack([mass, mass]), kernel, aucs)
    np.testing.assert_allclose(two, np.column_stack([expected] * 2), atol=1e-9)


@settings(max_examples=10)
@given(st.lists(st.floats(-20, 20), min_size=1, max_size=50))
def test_every_estimate_is_in_one_bin(d):
    kernel = make_kernel(8, 0.0)
    counts = count_bins(np.array(d), kernel)
    expected = [
        sum(a <= value < b for value in d)
        for a, b in zip(kernel.edges, kernel.edges[1:], strict=False)
    ]
    np.testing.assert_array_equal(counts, expected)


def test_the_fit_cannot_be_bettered_nearby_and_scales():
    rng = np.random.default_rng(0)
    kernel = make_kernel(16, -0.2)
    d = np.where(rng.random(5000) < 0.3, 1.0, 0) + rng.standard_normal(5000) / 4
    counts = count_bins(d, kernel)
    mass = deconvolve(counts, kernel)
    assert mass.min() >= 0
    assert mass.sum() == pytest.approx(1)
    likelihood = counts @ np.log(kernel.likelihood @ mass)
    for _ in range(20):  # tilted by a smooth factor it is less likely, but for the penalty
        bump = 0.2 * np.exp(-((kernel.grid - rng.uniform(-1, 2)) ** 2)) * rng.choice([-1, 1])
        other = mass * (1 + bump)
        other /= other.sum()
        assert counts @ np.log(kernel.likelihood @ other) < likelihood + 3
    both = deconvolve(np.column_stack([counts, 0 * counts]), kernel)
    np.testing.assert_allclose(both[:, 0], mass)
    assert share_above(both, kernel, 0.52)[1] == 0  # nobody: all at 0.5


def test_nothing_leaking_is_a_point_at_half():
    rng = np.random.default_rng(1)
    kernel = make_kernel(32, 0.0)
    mass = deconvolve(count_bins(rng.standard_normal(20_000) / np.sqrt(32), kernel), kernel)
    assert share_above(mass, kernel, 0.6) < 0.005
    assert share_above(mass, kernel, 0.75) < 1e-4
    assert abs(ndtr(kernel.grid) @ mass - 0.5) < 0.01
