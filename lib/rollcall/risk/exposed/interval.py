"""How sure the number of exposed patients is: an interval over as many new models."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaincinv, ndtr, ndtri

from rollcall.stats.design import is_paired
from rollcall.stats.moments import MIN_VARIANCE, split_in_out
from rollcall.stats.unpaired import estimate_moves
from rollcall.util.parallel import make_blocks, map_blocks

FLOOR_DRAWS_USED = 200_000  # of the noise floor, at most about twice as many, for its hazard
PATIENTS_PER_BLOCK = 1024
AUC_CLIP = 1e-9  # AUCs of 0 and 1 stay finite on the scale of Phi^-1


# How sure is the number N of exposed patients? It depends on which models were trained, and one
# model moves many patients at once, so N is no binomial count. In steps:
# 1. A patient's place is d = Phi^-1(AUC) = (mean_in - mean_out) / sqrt(V), V = var_in + var_out. If
#    pair k counted a little more, d would move in proportion to
#        move_k = (a_k - b_k) / sqrt(V) - d/2 ((a_k^2 + b_k^2) / V - 1)
#    with a_k, b_k the in and the out score about their means (infinitesimal jackknife). The
#    variance of d is the mean of move_k^2, over K.
# 2. N counts the d above their thresholds t. Smoothed, with a normal kernel of width w, a patient
#    at distance d - t moves N by kernel = phi((d - t) / w) / w for each unit of d. Pair k moves
#    the count by sum over patients of kernel times move_k, over K: patients who move together add.
# 3. var N = sum of the squares of these K moves, times K / (K - 1). A width of half a patient's
#    standard error gives independent patients their binomial variance.
# 4. The threshold is not fixed: with more exposed patients, q-values fall and t with them. At t the
#    share of the floor beyond it is 0.05 times the share of patients beyond it. With h0 and h1 the
#    hazards (density over share beyond) of floor and patients at t, a change of N at fixed t grows
#    by 1 / (1 - h1/h0). The variance is multiplied by the square of that, at most 5^2.
# Where targets come one by one, a target is a unit as a pair is here, and d is of the score that
# names (stats.unpaired.estimate_moves).
# 5. The limits are those of a Poisson count (Garwood 1936), of N scaled to this variance.


def exposed_interval(
    statistic: np.ndarray,
    members: np.ndarray,
    auc: np.ndarray,
    exposed: np.ndarray,
    threshold: np.ndarray,
    floor: np.ndarray,
    level: float = 0.95,
) -> tuple[int, float, float]:
    """Return (count, low, high): exposed patients, and an interval for their expected number.

    Expected if the audit were made again with as many new models of the same patients. statistic
    (M, P), members bool (M, P), auc (P,) by which patients are named, exposed bool (P,), threshold
    (P,): the AUC above which each patient is exposed; floor (rounds, P) of the noise floor.
    Coverage: tests/statistics/test_coverage.py.
    """
    paired, count = is_paired(members), int(exposed.sum())
    pairs = len(statistic) // 2 if paired else len(statistic)
    if not count:
        return 0, *scaled_poisson_interval(0, 0, level)
    limit = to_d(threshold)
    beyond = to_d(auc) - limit
    near = np.flatnonzero((np.abs(beyond) < 3) & np.isfinite(threshold))
    if not len(near):  # nobody whom other models could move over the threshold
        return count, *scaled_poisson_interval(count, 0, level)
    blocks = make_blocks(len(near), PATIENTS_PER_BLOCK)
    d, weights, widths = (beyond + limit)[near], np.empty(len(near)), np.empty(len(near))

    def work(slices: list[slice]) -> np.ndarray:
        total = np.zeros(pairs)
        for c in slices:
            values, had = statistic[:, near[c]], members[:, near[c]]
            if paired:
                move = _move_estimates(values, had, d[c])
            else:
                move = estimate_moves(values, had, pooled=True)[1]
            widths[c] = np.maximum(np.sqrt((move**2).mean(0) / pairs) / 2, 1e-6)
            weights[c] = _normal_density(beyond[near[c]] / widths[c]) / widths[c]
            total += move @ weights[c]
        return total

    moves = sum(map_blocks(work, blocks))
    variance = ((moves / pairs) ** 2).sum() * pairs / (pairs - 1)
    floor_hazard = _floor_hazard(floor, limit, float(np.median(widths)))
    variance /= max(1 - weights.sum() / count / floor_hazard, 0.2) ** 2
    return count, *scaled_poisson_interval(count, float(variance), level)


def _move_estimates(statistic: np.ndarray, members: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Return how each pair moves the estimates d (n,), step 1 above, (K, n) float32."""
    inside, outside = (values - values.mean(0) for values in split_in_out(statistic, members))
    square = inside**2 + outside**2
    total = np.maximum(square.sum(0) / (len(inside) - 1), MIN_VARIANCE)
    move = (inside - outside) / np.sqrt(total)
    return move - (d / 2).astype(np.float32) * (square / total - 1)


def scaled_poisson_interval(
    count: float, variance: float, level: float = 0.95
) -> tuple[float, float]:
    """Return (low, high) of a count with a variance that is not a Poisson count's.

    The limits of Garwood (1936) of a Poisson count, scaled to that variance. Of a count near 0,
    those of nobody.
    """
    if count < 1e-9:
        return 0.0, float(_chi_square_quantile((1 + level) / 2, 2) / 2)
    scale = max(variance / count, 0.02)
    freedom = 2 * count / scale
    low = scale / 2 * _chi_square_quantile((1 - level) / 2, freedom)
    high = scale / 2 * _chi_square_quantile((1 + level) / 2, freedom + 2)
    return float(low), float(high)


def _normal_density(x: np.ndarray) -> np.ndarray:
    return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)


def _chi_square_quantile(share: float, freedom: float) -> float:
    return 2 * gammaincinv(freedom / 2, share)


def to_d(auc: ArrayLike) -> np.ndarray:
    """Return Phi^-1 of AUCs, of their shape; 0 and 1 stay finite."""
    return ndtri(np.clip(np.asarray(auc, np.float64), AUC_CLIP, 1 - AUC_CLIP))


def _floor_hazard(floor: np.ndarray, limit: np.ndarray, width: float) -> float:
    """Density of the floor at the thresholds over its share beyond, smoothed; not 0, maybe inf.

    floor (rounds, P), limit (P,) on the scale of d.
    """
    rounds = max(1, FLOOR_DRAWS_USED // floor.shape[1])
    beyond = ((to_d(floor[:rounds]) - limit) / width).ravel()
    beyond = beyond[:: max(1, beyond.size // (2 * FLOOR_DRAWS_USED))]
    share = ndtr(beyond).mean()
    return max((_normal_density(beyond) / width).mean() / share, 1e-12) if share > 0 else np.inf


def share_at_least(values: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Return the share of `values` at or above each threshold, (len(thresholds),)."""
    ordered = np.sort(values)
    return 1 - np.searchsorted(ordered, thresholds, side="left") / len(ordered)
