"""True-positive rates at low false-positive rates, and intervals that know the threshold's error.

A true-positive rate T at a false-positive rate f is read at a threshold that is estimated too, from
few non-members. Three steps make an interval for it, and none of them draws at random.

1. Members. With the threshold held, the interval (l, u) of T is Clopper and Pearson's for as many
   independent tries as give the variance between patients (metrics.exact_limits).
2. Non-members. Of n0 of them, f n0 exceed the true threshold, give or take: the number is Poisson
   like, with a variance D times as large, where D >= 1 is what clusters of a patient's records do
   to it. Its limits are those of a gamma variable of f n0 / D, times D and of the binomial's width
   (Garwood 1936), and T at the thresholds that so many exceed are the limits (l', u').
3. Both. Distances from T add as the sides of a triangle (Newcombe, Statistics in Medicine 1998;
   Zou and Donner 2008, who have the correlation):

       low = T - sqrt( (T - l)^2 + (T - l')^2 - 2 r (T - l) (T - l') ),      high likewise

   with r the correlation, over patients, of hits and false alarms: over all targets together a
   patient has both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import gammaincinv

from rollcall.stats.metrics import exact_limits

MIN_ALARMS = 10  # false alarms expected at a rate: with fewer, neither rate nor interval is one


class Rate(NamedTuple):
    """Hold a rate, its variance with patients as the units, its tries, and whose they are.

    rate, variance; tries: records that were tried; patients: how many they are of.
    """

    rate: float
    variance: float
    tries: int
    patients: int


def is_resolved(fpr: float, negatives: int) -> bool:
    """Return whether so many non-members can show a false-positive rate: 10 false alarms or more.

    fpr: the rate; negatives: the number of non-members' scores.
    """
    return fpr * negatives >= MIN_ALARMS - 1e-9


def count_rate(who: np.ndarray, tries: np.ndarray) -> Rate:
    """Return the rate of hits among tries, where tries of one patient are not independent.

    who (h,) int: the patient of each hit; tries (P,) int, each patient's. Sums over patients are
    sums over hits, so that few hits of many patients take no time:
        sum (h_p - r t_p)^2 = sum over hits of (h_p - 2 r t_p) + r^2 sum t_p^2
    """
    total = int(tries.sum())
    hits = np.bincount(who, minlength=len(tries))
    rate = len(who) / total
    moves = float(
        hits.take(who).sum() - 2 * rate * tries.take(who).sum() + rate**2 * (tries @ tries)
    )
    return Rate(rate, max(moves, 0.0) / total**2, total, int(np.count_nonzero(tries)))


def limit_tpr(
    curve: Callable[[int], float],
    fpr: float,
    hits: Rate,
    alarms: Rate,
    covariance: float = 0.0,
    level: float = 0.95,
) -> tuple[float, float]:
    """Return (low, high) of the true-positive rate at a false-positive rate.

    curve: a number k to the true-positive rate at the lowest threshold that at most k non-members
    exceed; fpr: the rate; hits, alarms: at its threshold; covariance: of their two rates, over
    patients. The module says how. Coverage in simulations: 94 to 97% from 10 false alarms on, for
    500 to 20,000 non-members, one or more records a patient, one target or 16 together
    (tests/stats/test_tail_rates.py).
    """
    rate, negatives = hits.rate, alarms.tries
    limits = exact_limits(*hits, level)
    binomial = alarms.rate * (1 - alarms.rate) / negatives
    clustering = max(alarms.variance / binomial, 1.0) if binomial > 0 else 1.0
    expected = fpr * negatives / clustering
    shrink = np.sqrt(1 - fpr)  # a binomial is narrower than a Poisson variable
    tail = (1 - level) / 2
    few = expected + shrink * (gammaincinv(expected, tail) - expected)
    many = expected + shrink * (gammaincinv(expected + 0.5, 1 - tail) - expected)
    at_limits = curve(int(clustering * few)), curve(min(int(clustering * many), negatives - 1))
    product = hits.variance * alarms.variance
    r = np.clip(covariance / np.sqrt(product), -1, 1) if product > 0 else 0.0
    widths = [
        np.sqrt(max(a * a + b * b - 2 * r * a * b, 0.0))
        for a, b in ((abs(rate - x), abs(rate - y)) for x, y in zip(limits, at_limits, strict=True))
    ]
    return max(rate - float(widths[0]), 0.0), min(rate + float(widths[1]), 1.0)
