"""How many models an audit needs before its silence says anything, from public numbers alone.

From the number of patients and of models, not from what was found: so nothing that is hidden shows
through it. A patient's place d = Phi^-1(AUC) of K pairs is (mean in - mean out) / sqrt(V), so that
sqrt(K) d is a Student t statistic of 2K - 2 degrees of freedom, noncentral by sqrt(K) d.
"""

from __future__ import annotations

from scipy.special import nctdtr, ndtri, stdtrit

from rollcall.risk.exposed import EXPOSED_FDR

POWER = 0.8  # the chance with which it is to be seen
HIGH_AUC = 0.99
LEAST_PAIRS, MOST_PAIRS = 4, 5_000


def models_to_name(patients: int, auc: float = HIGH_AUC) -> int:
    """Return how many models name one patient of that AUC among so many with a chance of 80%.

    The first name of a cohort, at a false-discovery rate of 5%: at p of 0.05 / patients.
    """
    return _search(auc, EXPOSED_FDR / patients)


def models_to_tell(patients: int, auc: float, smallest: int) -> int:
    """Return how many models tell patients of that AUC from those of whom nothing can be told.

    So that of so many of the latter fewer than `smallest` look like it by chance.
    """
    return _search(auc, min(smallest / patients, 0.5))


def _search(auc: float, p: float) -> int:
    """Return the smallest even number of models at which p is reached with a chance of 80%.

    By halving: the chance grows with the number of pairs.
    """
    d, low, high = float(ndtri(auc)), LEAST_PAIRS, MOST_PAIRS
    while low < high:
        pairs = (low + high) // 2
        limit = stdtrit(2.0 * pairs - 2, 1 - p)
        if 1 - nctdtr(2.0 * pairs - 2, d * pairs**0.5, limit) >= POWER:
            high = pairs
        else:
            low = pairs + 1
    return 2 * low
