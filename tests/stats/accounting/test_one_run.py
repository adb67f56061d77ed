"""Bounds of one run against linear programs, sums written out, and runs whose truth is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.special import ndtr, ndtri
from scipy.stats import beta, binom

from rollcall.stats.accounting.one_run import (
    MOST_EPSILON,
    bound_epsilon,
    refutes_by_counts,
    refutes_by_guesses,
)
from rollcall.util.errors import InputError


def gaussian(mu):
    """True positive rate -> lowest false positive rate, of N(0, 1) against N(mu, 1)."""
    return lambda tpr: float(ndtr(ndtri(tpr) - mu))


def of_lines(lines):
    """The curve that is the highest of some lines a + b x, and 0."""
    return lambda tpr: max(0.0, *(a + b * tpr for a, b in lines))


def most_likely(right, guesses, canaries, lines):
    """The largest chance of so many right guesses: the linear program over the chance of each."""
    count = np.arange(guesses + 1)
    goal = -(count >= right).astype(float)
    rows, most = [], []
    for least in range(1, guesses + 1):
        hits = count * (count >= least) / canaries
        misses = (guesses - count) * (count >= least - 1) / canaries
        for a, b in lines:  # misses >= (a + b (2 hits)) / 2
            rows.append(b * hits - misses)
            most.append(-a / 2)
    solved = linprog(goal, rows, most, np.ones((1, guesses + 1)), [1], bounds=(0, 1))
    assert solved.status == 0, solved.message
    return -solved.fun


@pytest.mark.parametrize("epsilon", [0.5, 1.5])
@pytest.mark.parametrize(("guesses", "canaries"), [(12, 12), (10, 40)])
def test_guesses_against_the_linear_program(epsilon, guesses, canaries):
    """Pure epsilon: FPR >= TPR / e^eps and >= 1 - e^eps (1 - TPR); every number of right guesses.

    A program has every line for every set, also where it says less than nothing.
    """
    grown = np.exp(epsilon)
    lines = [(0.0, 1 / grown), (1 - grown, grown)]
    curve = of_lines(lines)
    for right in range(guesses // 2, guesses + 1):
        chance = most_likely(right, guesses, canaries, lines)
        for confidence in (0.95, 0.8):
            if abs(chance - (1 - confidence)) > 1e-6:
                refuted = refutes_by_guesses(right, guesses, canaries, curve, confidence)
                assert refuted == (chance < 1 - confidence)


@given(st.integers(1, 60), st.integers(0, 200), st.floats(0.05, 4), st.data())
@settings(max_examples=40, deadline=None)
def test_more_right_guesses_refute_more(guesses, more, mu, data):
    canaries, right = guesses + more, data.draw(st.integers(0, guesses))
    refuted = refutes_by_guesses(right, guesses, canaries, gaussian(mu))
    if refuted:
        assert refutes_by_guesses(min(right + 1, guesses), guesses, canaries, gaussian(mu))
        assert refutes_by_guesses(right, guesses, canaries, gaussian(0.8 * mu))
    assert not refutes_by_guesses(right, guesses, canaries, lambda tpr: 0.0)


def test_bounds_of_epsilon_written_out():
    right, guesses, canaries, delta = 57, 60, 200, 1e-3
    bound = bound_epsilon(right, guesses, canaries, delta)

    def chance(epsilon):
        each = np.exp(epsilon) / (1 + np.exp(epsilon))
        at_least = binom.sf(right - 1, guesses, each)
        leaks = [(binom.sf(right - i - 1, guesses, each) - at_least) / i for i in range(1, 201)]
        return at_least + 2 * canaries * delta * max(leaks)

    assert chance(bound) <= 0.05 < chance(bound + 2e-3)
    assert 0 < bound < bound_epsilon(right, guesses, canaries, 0.0) < MOST_EPSILON
    assert bound_epsilon(31, guesses, canaries, delta) == 0
    exact = np.log(0.05 ** (1 / 60) / (1 - 0.05 ** (1 / 60)))  # all right: q^60 = 0.05
    assert bound_epsilon(60, 60, 60, 0.0) == pytest.approx(exact, abs=2e-3)


@pytest.mark.parametrize(("hits", "alarms"), [(30, 4), (50, 0), (0, 0), (50, 50)])
def test_counts_are_clopper_and_pearson(hits, alarms):
    least = beta.ppf(0.025, hits, 51 - hits) if hits else 0
    most = beta.ppf(0.975, alarms + 1, 50 - alarms) if alarms < 50 else 1
    for mu in (0.3, 1.0, 2.5):
        expected = most < gaussian(mu)(least)
        assert refutes_by_counts(hits, 50, alarms, 50, gaussian(mu)) == expected


def test_what_is_so_is_refuted_in_few_runs():
    """Independent canaries of a Gaussian mechanism, in 200 runs; a looser claim in most."""
    mu, canaries, guesses = 2.0, 400, 60
    rng = np.random.default_rng(3)
    refuted = np.zeros((2, 2))
    for _ in range(200):
        members = rng.random(canaries) < 0.5
        scores = rng.standard_normal(canaries) + mu * members
        right = int(members[np.argsort(-scores)[:guesses]].sum())
        hits, alarms = ((scores > 2.0) & members).sum(), ((scores > 2.0) & ~members).sum()
        inside = int(members.sum())
        counts = int(hits), inside, int(alarms), canaries - inside
        for number, claim in enumerate((mu, mu / 4)):
            refuted[number, 0] += refutes_by_guesses(right, guesses, canaries, gaussian(claim))
            refuted[number, 1] += refutes_by_counts(*counts, gaussian(claim))
    assert (refuted[0] <= 0.05 * 200).all()
    assert (refuted[1] >= 0.95 * 200).all()


def test_wrong_counts_are_refused():
    for counts in ((5, 4, 10), (3, 11, 10), (-1, 4, 10)):
        with pytest.raises(InputError, match="guesses are right"):
            bound_epsilon(*counts, 0.0)
        with pytest.raises(InputError, match="guesses are right"):
            refutes_by_guesses(*counts, gaussian(1))
    with pytest.raises(InputError, match="guesses are right"):
        refutes_by_counts(11, 10, 0, 10, gaussian(1))
