"""TODO."""

from __future__ import annotations

import numpy as np
from scipy.stats import chi2, false_discovery_control, norm

from rollcall.stats.moments import TINY, split_in_out

CLOSE = (
    1e-6  # AUCs nearer than this are equal: with few models a redraw can be the membership itself
)


def compute_q_values(auc: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """Target-decoy q-value of each patient, (P,): the false-discovery rate at which it, and all above it, would be called exposed.

    The floor's draws (all patients', pooled) are the decoys: p = (1 + draws at or above auc) / (1 + draws), one-sided, then Benjamini and
    Hochberg's q. Pooled, p is right on average over patients; coins of different patients are independent, and leaking patients only
    widen the floor. Realised rates: tests/test_risk.py.
    """
    floor = np.sort(floor, axis=None)
    above = len(floor) - np.searchsorted(floor, np.asarray(auc, np.float64) - CLOSE, side="left")
    return false_discovery_control((1 + above) / (1 + len(floor)))


def exposed_interval(
    statistic: np.ndarray,
    members: np.ndarray,
    auc: np.ndarray,
    exposed: np.ndarray,
    floor: np.ndarray,
    level: float = 0.95,
) -> tuple[int, float, float]:
    """(count, low, high): exposed patients, and an interval for the number expected if the audit were made again with as many new models of
    the same patients.

    statistic (M, P), members bool (M, P), auc (P,) its binormal AUCs, exposed bool (P,), floor as in noise_floor. Each pair of targets moves
    the patients' d = Phi^-1(auc); the variance of the count sums, over pairs, the squared move of all patients near the threshold (an
    infinitesimal jackknife with a normal kernel of half a patient's standard error, which gives independent patients the right
    variance and counts what they share through the models). More exposed patients let the q-values lower the threshold: the
    variance is raised by 1 / (1 - h1/h0)^2, h the hazards of patients and of floor at the threshold, at most 5^2. The limits are Poisson
    limits (Garwood 1936) of a count scaled to that variance. Coverage: tests/test_coverage.py.
    """
    pairs, count = len(statistic) // 2, int(exposed.sum())
    if not count:
        return 0, 0.0, float(chi2.ppf((1 + level) / 2, 2) / 2)
    d = norm.ppf(np.clip(auc, 1e-9, 1 - 1e-9))
    edge = float(d[exposed].min())
    near = np.flatnonzero(np.abs(d - edge) < 3)
    inside, outside = (
        values - values.mean(0) for values in split_in_out(statistic[:, near], members[:, near])
    )
    square = inside**2 + outside**2
    total = np.maximum(square.sum(0) / (pairs - 1), TINY)
    moves = (inside - outside) / np.sqrt(total) - d[near] / 2 * (
        square / total - 1
    )  # of d, by each pair
    width = np.maximum(np.sqrt((moves**2).mean(0) / pairs) / 2, 1e-6)
    kernel = norm.pdf((d[near] - edge) / width) / width
    variance = ((moves @ kernel / pairs) ** 2).sum() * pairs / (pairs - 1)
    middle = float(np.median(width))
    null = norm.ppf(
        np.clip(floor.ravel()[:: max(1, floor.size // 200_000)].astype(np.float64), 1e-9, 1 - 1e-9)
    )
    beyond = norm.sf((edge - null) / middle).mean()
    hazard = (norm.pdf((null - edge) / middle) / middle).mean() / beyond if beyond > 0 else np.inf
    variance /= max(1 - kernel.sum() / count / max(hazard, TINY), 0.2) ** 2
    scale = max(variance / count, 0.02)
    low, high = (
        scale
        / 2
        * chi2.ppf([(1 - level) / 2, (1 + level) / 2], [2 * count / scale, 2 * count / scale + 2])
    )
    return count, float(low), float(high)


EXPOSED_FDR = 0.05


def share_at_least(values: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Share of `values` at or above each threshold. (len(thresholds),)."""
    ordered = np.sort(values)
    return 1 - np.searchsorted(ordered, thresholds, side="left") / len(ordered)
