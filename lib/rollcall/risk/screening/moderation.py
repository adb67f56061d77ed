"""Moderated variances: each patient's, pulled towards the cohort's where models are few."""

from __future__ import annotations

import numpy as np
from scipy.special import polygamma, psi

LARGEST_FREEDOM = 1e6
LEAST = 1e-12


def moderate(squares: np.ndarray, freedom: int) -> np.ndarray:
    """Return moderated variances, (n,), of sums of squares (n,) with `freedom` degrees each.

    (nu0 s0^2 + q) / (nu0 + d), nu0 and s0^2 by the moments of log variances over the cohort (Smyth,
    Statistical Applications in Genetics and Molecular Biology 2004, section 6.2), as limma does.
    """
    variance = np.maximum(squares / freedom, LEAST)
    e = np.log(variance) - psi(freedom / 2) + np.log(freedom / 2)
    excess = e.var(ddof=1) - polygamma(1, freedom / 2) if len(e) > 1 else 0.0
    if excess <= polygamma(1, LARGEST_FREEDOM / 2):
        return np.full(len(squares), variance.mean())
    nu = 2 * invert_trigamma(float(excess))
    level = np.exp(e.mean() + psi(nu / 2) - np.log(nu / 2))
    return (nu * level + squares) / (nu + freedom)


def invert_trigamma(value: float) -> float:
    """Return x with psi'(x) = value, above 0, by Newton's method on 1 / psi'."""
    x = 0.5 + 1 / value
    for _ in range(20):
        slope = polygamma(1, x)
        x += slope * (1 - slope / value) / polygamma(2, x)
    return float(x)
