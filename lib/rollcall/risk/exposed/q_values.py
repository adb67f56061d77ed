"""p-values of patients against the noise floor, and the false-discovery rates made of them."""

from __future__ import annotations

import numpy as np

# AUCs nearer than this are equal: with few models a redrawn membership can be the true one.
AUC_TOLERANCE = 1e-6
UNREMARKABLE_P = 0.5  # above it are half of the patients of whom nothing can be told, or more


def compute_p_values(auc: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """Compute each patient's p-value against the noise floor, one-sided, (n,).

    p = (1 + draws at or above auc) / (1 + draws). The floor's draws (all patients', pooled) are the
    decoys. Pooled, p is right on average over patients; random signs of different patients are
    independent, and leaking patients only widen the floor.
    """
    floor = np.sort(floor, axis=None)
    lowest_equal = _round_up(np.asarray(auc, np.float64) - AUC_TOLERANCE, floor.dtype)
    above = len(floor) - np.searchsorted(floor, lowest_equal, side="left")
    return (1 + above) / (1 + len(floor))


def _round_up(values: np.ndarray, kind: np.dtype) -> np.ndarray:
    """Return the smallest numbers of a kind that are not below `values`.

    The same are at or above them; values of a wider kind would have the floor copied as that.
    """
    rounded = values.astype(kind)
    return np.where(rounded < values, np.nextafter(rounded, kind.type(np.inf)), rounded)


def adjust_for_discoveries(
    p: np.ndarray, weight: np.ndarray | None = None, null_share: float = 1.0
) -> np.ndarray:
    """Compute q-values, (n,): Benjamini and Hochberg's (1995) of p / weight, times null_share.

    p (n,); weight (n,) of mean 1 (Genovese, Roeder and Wasserman 2006), 1 by default.
    """
    weighted = p if weight is None else p / np.maximum(weight, 1e-12)
    order = np.argsort(weighted, kind="stable")
    at_rank = weighted[order] * (null_share * len(p) / np.arange(1, len(p) + 1))
    q = np.empty(len(p))
    q[order] = np.minimum.accumulate(at_rank[::-1])[::-1]
    return np.minimum(q, 1)


def estimate_null_share(
    p: np.ndarray, weight: np.ndarray | None = None, errors: float = 0.0
) -> float:
    """Estimate the share of patients of whom nothing can be told, at most 1, rather too high.

    From p-values above 0.5: (max w + sum of w above) / (0.5 n). Source: Storey, Taylor and Siegmund
    (J. R. Stat. Soc. B 2004); with weights, Ignatiadis and Huber (2021). errors: standard errors
    of the count that are added.
    """
    w = np.ones(len(p)) if weight is None else weight
    above = w[p > UNREMARKABLE_P].sum()
    above += errors * np.sqrt(above)
    return float(min(1.0, (w.max() + above) / (len(p) * (1 - UNREMARKABLE_P))))


def compute_q_values(auc: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """Compute each patient's q-value with nothing known but AUCs and their floor, (P,).

    The false-discovery rate at which the patient, and all with higher AUCs, would be named.
    """
    return adjust_for_discoveries(compute_p_values(auc, floor))
