"""The cohort's variances as a prior for each record's: moderated variances.

With few references a record's variance is noisy, and one variance for all records is wrong for
most. Between the two: each record's variance sigma^2 is taken as a draw from

    s0^2 nu0 / chi^2(nu0)

and after q, a sum of squares with d degrees of freedom, its estimate is

    v = (nu0 s0^2 + q) / (nu0 + d)

with a Student's t of nu0 + d degrees of freedom in place of the Gaussian. nu0 -> infinity is one
variance for all records ("shared"), nu0 = 0 is each record's ("record").

1. The moment fit of nu0 (Smyth, Statistical Applications in Genetics and Molecular Biology 2004,
   section 6.2). If q / d = s^2, then e = log s^2 - psi(d/2) + log(d/2) has a variance over records
   of psi'(nu0/2) + psi'(d/2).
2. s0^2 is the mean variance of all records, and not the mean logarithm's: a few records of large
   variance raise all false alarms' limits, and infinite nu0 is then what "shared" is.
3. nu0 counts from once to infinitely often (`tuning` chooses). The fit itself describes the
   scores best, but an attack compares records with each other at low false-positive rates, where
   an underestimated variance is a false alarm and an overestimated one is not.

Both are fitted for each target and each kind over its references alone, the pair left out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import gammaln, polygamma, psi

STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0, np.inf)  # times that nu0 may count
MAX_FREEDOM = 1000.0  # of the prior; in float32 more would cost digits, and change nothing
MIN_VARIANCE = 1e-12  # a record with constant scores stays finite


class Prior(NamedTuple):
    """Hold what each target's references say of variances, (2, M) each: in and out.

    freedom: nu0; squares: nu0 s0^2.
    """

    freedom: np.ndarray
    squares: np.ndarray


def sum_logs(variances: np.ndarray, freedom: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Sum what the fit needs over records: e, e^2, psi'(d/2) and how many. (4, M) float64.

    variances, freedom and use (M, C): s^2, d, and which are to be used.
    """
    e = np.log(np.where(use, variances, 1)) - psi(freedom / 2) + np.log(freedom / 2)
    e = np.where(use, e, 0)
    return np.array(
        [e.sum(1), (e * e).sum(1), (use * polygamma(1, freedom / 2)).sum(1), use.sum(1)]
    )


def fit_prior(
    squares: np.ndarray, freedom: np.ndarray, logs: np.ndarray, strength: float | np.ndarray = 1.0
) -> Prior:
    """Fit the prior of each target and kind.

    squares, freedom (2, M): sums of squares and degrees of freedom over records; logs (4, 2, M), of
    sum_logs; strength: times that the fitted nu0 counts, one or (M,). Where variances differ by no
    more than chance, or are of fewer than 2 records, nu0 is MAX_FREEDOM.
    """
    e, e2, noise, count = logs
    enough, count = count > 1, np.maximum(count, 2)
    excess = enough * ((e2 - e * e / count) / (count - 1) - noise / count)
    least = polygamma(1, MAX_FREEDOM / (2 * strength))
    nu0 = 2 * strength * invert_trigamma(np.maximum(excess, least))
    return Prior(nu0, nu0 * np.maximum(squares / freedom, MIN_VARIANCE))


def invert_trigamma(values: np.ndarray) -> np.ndarray:
    """Return x with psi'(x) = values, for values above 0, by Newton's method on 1 / psi'.

    1 / psi' is convex and nearly x - 1/2, so the steps fall from the start 1/2 + 1/value.
    """
    x = 0.5 + 1 / np.asarray(values, float)
    for _ in range(20):
        slope = polygamma(1, x)
        x = x + slope * (1 - slope / values) / polygamma(2, x)
    return x


def log_constant(freedom: np.ndarray) -> np.ndarray:
    """Return log Gamma((nu+1)/2) - log Gamma(nu/2): what Student's density has before its scale."""
    return gammaln((freedom + 1) / 2) - gammaln(freedom / 2)
