"""What one training run refutes: guesses of which canaries were in, against what is promised.

Each of m canaries is put in by a fair coin of its own. Whoever guesses picks g of them, and g is
chosen before anything is seen; v guesses are right. Where v is more than a promise allows in 95 of
100 runs, the promise is refuted. Three bounds, from what is least assumed to what is most:

`bound_epsilon`        (epsilon, delta) alone (Steinke, Nasr & Jagielski 2023, theorem 5.2)
`refutes_by_guesses`   the mechanism's trade-off curve (Mahloujifar, Melis & Chaudhuri 2024), here
                       for guesses "was in" alone, below
`refutes_by_counts`    the curve, and that what is seen of one canary says nothing of another:
                       each is a trial of its own (Clopper & Pearson 1934)

The second, in short. Flip the coin of one canary that was rightly guessed to be in, with v right in
all: the guess is wrong, and v - 1 are right. The curve bounds how much more likely the one can be
than the other. Over all canaries: with p_k the chance of k right guesses, h = sum over k >= i of
k p_k / m, and w = sum over k >= i - 1 of (g - k) p_k / m, w >= F(2 h) / 2, F(x) being the lowest
false positive rate at true positive rate x. (Guesses of both kinds have F(h) instead, which is
less.) If v or more are right with a chance of a, then by this p_v-1 is at least so much, p_v-2, and
so on; where all of them would add up to more than 1, a is too much.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import bdtrc, betaincinv

from rollcall.util.errors import InputError

CONFIDENCE = 0.95
MOST_EPSILON = 60.0
CLOSE = 1e-3  # of an epsilon


def bound_epsilon(
    right: int, guesses: int, canaries: int, delta: float, confidence: float = CONFIDENCE
) -> float:
    """Return a lower bound of the epsilon at `delta`, of guesses "in" or "out": 0 if none.

    InputError unless right <= guesses <= canaries.
    """
    _check_counts(right, guesses, canaries)
    low, high = 0.0, MOST_EPSILON
    if compute_chance(right, guesses, canaries, 0.0, delta) > 1 - confidence:
        return 0.0
    while high - low > CLOSE:
        middle = (low + high) / 2
        if compute_chance(right, guesses, canaries, middle, delta) <= 1 - confidence:
            low = middle
        else:
            high = middle
    return low


def compute_chance(right: int, guesses: int, canaries: int, epsilon: float, delta: float) -> float:
    """Bound the chance of so many right guesses under (epsilon, delta)."""
    each = 1 / (1 + np.exp(-epsilon))
    fewer = np.arange(1, right + 1)
    at_least = bdtrc(right - 1.0, guesses, each) if right else 1.0
    more = np.where(fewer < right, bdtrc(np.maximum(right - fewer - 1.0, 0), guesses, each), 1.0)
    leak = ((more - at_least) / fewer).max(initial=0.0)
    return float(at_least + 2 * canaries * delta * leak)


def refutes_by_guesses(
    right: int,
    guesses: int,
    canaries: int,
    find_fpr: Callable[[float], float],
    confidence: float = CONFIDENCE,
) -> bool:
    """Say whether so many right guesses "was in" refute a trade-off curve, whatever else is so.

    find_fpr: the curve: true positive rate -> lowest false positive rate (`Ceiling.find_fpr`).
    InputError unless right <= guesses <= canaries.
    """
    _check_counts(right, guesses, canaries)
    supposed = 1 - confidence
    hits, misses = supposed * right / canaries, supposed * (guesses - right) / canaries
    for number in range(right - 1, -1, -1):
        if hits + misses > guesses / canaries:
            break
        least = max(misses, find_fpr(min(1.0, 2 * hits)) / 2)
        hits += number / (guesses - number) * (least - misses)
        misses = least
    return bool(hits + misses > guesses / canaries)


def refutes_by_counts(
    hits: int,
    members: int,
    alarms: int,
    others: int,
    find_fpr: Callable[[float], float],
    confidence: float = CONFIDENCE,
) -> bool:
    """Say whether counts of independent canaries above a threshold refute a trade-off curve.

    hits: of `members`, alarms: of `others`; the threshold is chosen before. find_fpr as
    `refutes_by_guesses`'s. InputError for counts of more than there are.
    """
    _check_counts(hits, members, members)
    _check_counts(alarms, others, others)
    error = (1 - confidence) / 2
    least = betaincinv(hits, members - hits + 1, error) if hits else 0.0
    most = betaincinv(alarms + 1, others - alarms, 1 - error) if alarms < others else 1.0
    return bool(most < find_fpr(least))


def _check_counts(right: int, guesses: int, canaries: int) -> None:
    if not 0 <= right <= guesses <= canaries:
        raise InputError(
            f"{right} of {guesses} guesses are right, of {canaries}; expected no more than that"
        )
