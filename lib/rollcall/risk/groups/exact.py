"""Exact tests of a group against the top, patient for patient, within strata; Holm's correction."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

LEAST_P = 1e-50  # below it a probability counts as this: tails are cut there
EQUAL = 1e-9  # relative; probabilities that differ by less are equal


def log_factorials(largest: int) -> np.ndarray:
    """Return log n! of n = 0 to `largest`, (largest + 1,)."""
    return gammaln(np.arange(largest + 1) + 1.0)


def conditional_p_value(tables: ArrayLike, factorials: np.ndarray | None = None) -> float:
    """Return the exact two-sided p-value of a group in strata, given all margins.

    tables int (S, 3): patients of the group at the top, patients of the group, patients at the top;
    and a fourth column, all patients. factorials as log_factorials gives them, to save time.

    Within a stratum the number of the group at the top is hypergeometric when the group's labels
    are handed out at random; of the sum over strata the law is the convolution. p is the
    probability of all sums that are no likelier than the one seen. One stratum: Fisher's exact
    test. Source: Gart, Biometrika 1970.
    """
    tables = np.asarray(tables, int).reshape(-1, 4)
    if factorials is None:
        factorials = log_factorials(int(tables[:, 3].max(initial=0)))
    law, first = np.ones(1), 0  # probabilities of the sums first, first + 1, ...
    seen, least = 0, np.log(LEAST_P)
    for inside, group, top, everybody in tables.tolist():
        seen += inside
        low, high = max(0, group + top - everybody), min(group, top)
        first += low
        if low == high:
            continue
        x = np.arange(low, high + 1)
        log_law = (
            -factorials[x]
            - factorials[group - x]
            - factorials[top - x]
            - factorials[everybody - group - top + x]
        )
        log_law -= log_law.max()
        keep = np.flatnonzero(log_law > least)
        part = np.exp(log_law[keep[0] : keep[-1] + 1])
        first += int(keep[0])
        law = np.convolve(law, part / part.sum())
    place = seen - first
    if not 0 <= place < len(law):
        return LEAST_P
    unlikely = law <= law[place] * (1 + EQUAL)
    return float(np.clip(law[unlikely].sum() / law.sum(), LEAST_P, 1.0))


def adjust_p_values(p: ArrayLike, larger: int = 0) -> np.ndarray:
    """Adjust p-values for their number, (n,): Holm's step-down method; NaN stays and counts not.

    The i-th smallest of n is multiplied by n - i + 1; none is below a smaller one's, none above 1.
    So many more were looked at and are left out: they count as larger, which is on the safe side.
    Source: Holm, Scandinavian Journal of Statistics 1979.
    """
    p = np.asarray(p, float)
    adjusted = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    adjusted[order] = np.maximum.accumulate(p[order] * np.arange(len(order) + larger, larger, -1))
    return np.minimum(adjusted, 1)
