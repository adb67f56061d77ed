"""What targets refute that were trained on random halves: a one-run bound over one after another.

Exactly half of the patients were in a target's training set, so their coins are not independent, as
a one-run bound needs. Those of couples are: of a couple of whom one was in and the other was not,
either is as likely to be the one who was in, whatever is known of all others, as every half was as
likely as any other. So each such couple is a canary with a fair coin of its own. To toss it again
is to replace one patient by another, and what is (epsilon, delta)-private towards a patient who is
added or removed is (2 epsilon, delta + e^epsilon delta)-private towards that.

Pairs of targets are looked at one after another. Those before say which patients are told best:
these get a partner each of whom little can be told, and of such couples the first are canaries. Who
of a couple was in the next target is guessed by its own scores, set against those before it. Only
one target of a pair is guessed, as the other one's coins are the same. Whatever is seen of the
targets before, a target's coins are fair, and its own; so all guesses together are those of one run
of a mechanism that is trained so often, in which a coin touches one training (Steinke et al. 2023,
theorem 5.2, whose proof goes from coin to coin in the same way). Several numbers of guesses are
tried, each at its share of the error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rollcall.stats.accounting.one_run import CLOSE, CONFIDENCE, MOST_EPSILON, compute_chance
from rollcall.stats.design import is_paired
from rollcall.util.errors import InputError

DELTA = 1e-5  # of an epsilon, where no other is promised
GUESSES = (4, 16, 64, 256, 1024)  # couples that are guessed of each target, as far as there are
CANARIES = 4  # couples for each guess: those that differ most are guessed
FIRST = 4  # pairs of targets before the first one that is guessed
COMMON = 8.0  # degrees of freedom: how far a patient's variance is drawn towards the mean


@dataclass(frozen=True)
class Refuted:
    """The epsilon that targets refute, of a patient who is added or removed: 0 if none.

    delta: its delta. confidence: of both. targets: how many were guessed; right of `guesses`, of
    `canaries` couples.
    """

    epsilon: float
    delta: float
    confidence: float
    targets: int
    right: int
    guesses: int
    canaries: int


def refute_epsilon(
    values: np.ndarray,
    members: np.ndarray,
    delta: float = DELTA,
    confidence: float = CONFIDENCE,
) -> Refuted | None:
    """Return the epsilon that targets refute, and with it every smaller one at `delta`.

    values (M, P): a number of each patient under each target that depends on that target alone
    (their mean score), higher = more like a member; members bool (M, P): complementary pairs of
    random halves. None where there are too few targets (10) or patients. InputError if targets
    are no pairs.
    """
    if not is_paired(members):
        raise InputError("targets 2i and 2i+1 are no complementary pairs; expected random halves")
    pairs = len(members) // 2
    guessed = [_guess(values, members, pair) for pair in range(FIRST, pairs)]
    fewest = min(map(len, guessed), default=0)
    tried = [number for number in GUESSES if CANARIES * number <= fewest]
    best = None
    for number in tried:
        right, canaries = 0, CANARIES * number
        for differences in guessed:  # of the first couples those that differ most
            chosen = differences[:canaries]
            right += int((chosen[np.argsort(-np.abs(chosen), kind="stable")[:number]] > 0).sum())
        counts = right, number * len(guessed), canaries * len(guessed)
        epsilon = _refute(*counts, delta, (1 - confidence) / len(tried))
        if best is None or epsilon > best.epsilon:
            best = Refuted(epsilon, delta, confidence, len(guessed), *counts)
    return best


def average_records(scores: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Return each patient's mean score under each target, over records and labels: (M, P).

    scores (M, N) or (M, N, L); index (N,): the patient of each record.
    """
    of_records = (each if each.ndim == 1 else each.mean(1) for each in scores)
    sums = [np.bincount(index, weights=each) for each in of_records]
    return np.stack(sums) / np.bincount(index)


def _guess(values: np.ndarray, members: np.ndarray, pair: int) -> np.ndarray:
    """Return by how much the one who was in looks more like it, of couples in their order.

    Of the couples of the first target of a pair, of whom one was in: those told best come first.
    """
    before, target = slice(0, 2 * pair), 2 * pair
    means, shift, variance = _learn(np.asarray(values[before], float), members[before])
    order = np.argsort(-(shift**2) / variance, kind="stable")
    half = len(order) // 2
    one, other = order[:half], order[::-1][:half]
    is_canary = members[target, one] != members[target, other]
    one, other = one[is_canary], other[is_canary]
    score = shift * (values[target] - means) / variance
    differences = score[one] - score[other]
    return np.where(members[target, one], differences, -differences)


def _learn(values: np.ndarray, members: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (middle, shift, variance) of two normal laws of each patient, with and without, (P,).

    Shifts and variances are drawn towards what all patients have.
    """
    pairs = len(members) // 2
    inside = np.where(members, values, 0.0).reshape(pairs, 2, -1).sum(1)
    outside = values.reshape(pairs, 2, -1).sum(1) - inside
    rest = pairs * (inside.var(0) + outside.var(0))
    freedom = 2 * pairs - 2
    variance = (rest + COMMON * np.mean(rest / freedom)) / (freedom + COMMON)
    variance = np.maximum(variance, np.finfo(float).tiny)
    mean_in, mean_out = inside.mean(0), outside.mean(0)
    shift, noise = mean_in - mean_out, 2 * variance / pairs
    spread = max(float(shift.var() - noise.mean()), 0.0)
    shift = shift.mean() + spread / (spread + noise) * (shift - shift.mean())
    return (mean_in + mean_out) / 2, shift, variance


def _refute(right: int, guesses: int, canaries: int, delta: float, error: float) -> float:
    """Return the largest epsilon under which so many right guesses are rarer than `error`."""

    def chance(epsilon: float) -> float:
        replaced = delta * (1 + np.exp(epsilon))
        return compute_chance(right, guesses, canaries, 2 * epsilon, replaced)

    low, high = 0.0, MOST_EPSILON / 2
    if chance(0.0) > error:
        return 0.0
    while high - low > CLOSE:
        middle = (low + high) / 2
        low, high = (middle, high) if chance(middle) <= error else (low, middle)
    return low
