"""Moments and rank AUCs of records where targets come one by one: counts differ by record."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri, owens_t

from rollcall.util.parallel import make_blocks, map_blocks

RECORDS_PER_BLOCK = 1024
LEAST_SQUARE = 1e-12  # of a variance that is not 0
Z_975 = float(ndtri(0.975))
GRID = 2001  # AUCs at which an interval is tabulated


def compute_central(
    scores: np.ndarray, members: np.ndarray, index: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return means, variances, skewness, kurtosis of in and out scores; and how many of each.

    scores (M, n); members bool (M, P); index (n,) is the column of members of each record, None if
    columns are records. The first is (8, n): mean_in, mean_out, var_in, var_out, skew_in, skew_out,
    kurt_in, kurt_out, the unbiased ones; skewness of fewer than 3 scores and kurtosis of fewer than
    4 are 0. The others are (n,) float64.
    """
    columns = scores.shape[1]
    out, counts = np.empty((8, columns)), np.empty((2, columns))

    def work(slices: list[slice]) -> None:
        for c in slices:
            had = members[:, c] if index is None else members[:, index[c]]
            values = scores[:, c].astype(np.float64)
            middle = values.mean(0)
            values -= middle
            for kind, is_in in enumerate((had, ~had)):
                n = is_in.sum(0).astype(np.float64)
                counts[kind, c] = n
                out[kind::2, c] = _moments_of_kind(values, is_in, n)
                out[kind, c] += middle

    with np.errstate(over="ignore", invalid="ignore"):
        map_blocks(work, make_blocks(columns, RECORDS_PER_BLOCK))
    out[4:][~np.isfinite(out[4:])] = 0
    return out, counts[0], counts[1]


def _moments_of_kind(values: np.ndarray, is_in: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return mean, variance, skewness G1, kurtosis G2 of those of one kind, (4, c)."""
    mean = np.where(is_in, values, 0).sum(0) / np.maximum(n, 1)
    centred = np.where(is_in, values - mean, 0)
    square = centred * centred
    m2, m3, m4 = (
        power.sum(0) / np.maximum(n, 1) for power in (square, square * centred, square * square)
    )
    safe = np.where(m2 > LEAST_SQUARE, m2, 1.0)
    varies = m2 > LEAST_SQUARE
    g1 = np.where(varies, m3 / safe**1.5, 0) * np.sqrt(n * np.maximum(n - 1, 0))
    g2 = np.where(varies, (n + 1) * (m4 / safe**2 - 3) + 6, 0) * (n - 1)
    skew = np.where(n > 2, g1 / np.maximum(n - 2, 1), 0)
    kurt = np.where(n > 3, g2 / np.maximum((n - 2) * (n - 3), 1), 0)
    return np.stack([mean, m2 * n / np.maximum(n - 1, 1), skew, kurt])


def rank_interval_of_counts(
    area: np.ndarray, n_in: np.ndarray, n_out: np.ndarray, share_in: float = 0.5
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (se, low, high) of rank AUCs, (n,) each: rank.rank_interval for any counts.

    The variance of the Mann-Whitney statistic of independent normal scores, u = share_in of the
    sum of both variances being the in scores',
        sd(t)^2 n_in n_out = t (1 - t) + (n_in - 1) (Q(1 - u) - t^2) + (n_out - 1) (Q(u) - t^2)
    where Q(c) = t - 2 T(Phi^-1(t), sqrt((1 - c) / (1 + c))) is the chance that two pairs of an in
    and an out score, which share a score with the part c of the variance, are both in order.
    """
    truth = ndtri(np.linspace(0, 1, 2 * GRID + 1)[1:-1])
    truth = np.unique(np.concatenate([ndtr(truth), ndtr(np.linspace(-6, 6, GRID))]))
    d = ndtri(truth)
    two_in, two_out = (
        truth - 2 * owens_t(d, np.sqrt((1 - shared) / (1 + shared))) - truth**2
        for shared in (1 - share_in, share_in)
    )
    se, low, high = np.empty((3, len(area)))
    counts, kind = np.unique(np.stack([n_in, n_out]), axis=1, return_inverse=True)
    for number, (n1, n0) in enumerate(counts.T):
        these = np.flatnonzero(kind.ravel() == number)
        variance = truth * (1 - truth) + (n1 - 1) * two_in + (n0 - 1) * two_out
        sd = np.sqrt(np.maximum(variance, 0) / (n1 * n0))
        least = 0.5 / (n1 * n0)  # an AUC of 1 is not without error
        value = area[these]
        low[these] = np.interp(value, np.maximum.accumulate(truth + Z_975 * sd), truth)
        high[these] = np.interp(
            value, np.minimum.accumulate((truth - Z_975 * sd)[::-1])[::-1], truth
        )
        se[these] = np.interp(np.clip(value, least, 1 - least), truth, sd)
    return se, low, high


def estimate_moves(
    statistic: np.ndarray, members: np.ndarray, pooled: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return d (n,) and how each target moves it, (M, n): the infinitesimal jackknife.

    statistic (M, n), members bool (M, n) of the same columns. d is the difference of the means of
    in and out over sqrt(v_in + v_out); pooled: over sqrt(2 s^2), s^2 of both kinds together, times
    sqrt(2 n_in n_out) / M, which is the score that names. The variance of d, and of sums of it, is
    the sum over targets of the squared moves, over M (M - 1).
    """
    values, targets = statistic.astype(np.float64), len(statistic)
    n1 = members.sum(0)
    n0 = targets - n1
    mean_in = np.where(members, values, 0).sum(0) / n1
    mean_out = np.where(members, 0, values).sum(0) / n0
    rest = values - np.where(members, mean_in, mean_out)
    square = rest * rest
    in_square = np.where(members, square, 0).sum(0)
    out_square = square.sum(0) - in_square
    count = np.where(members, n1, n0)
    if pooled:
        total = 2 * np.maximum((in_square + out_square) / (targets - 2), LEAST_SQUARE)
        factor = np.sqrt(2.0 * n1 * n0) / targets
        of_square = (2 * square - total) / (targets - 2)
    else:
        variance_in, variance_out = in_square / (n1 - 1), out_square / (n0 - 1)
        total = np.maximum(variance_in + variance_out, LEAST_SQUARE)
        factor = np.ones(len(n1))
        of_kind = np.where(members, variance_in, variance_out)
        of_square = (square * count / (count - 1) - of_kind) / count
    d = factor * (mean_in - mean_out) / np.sqrt(total)
    move = np.where(members, rest, -rest) / count * (factor / np.sqrt(total))
    move -= d / (2 * total) * of_square
    move *= np.sqrt(count / (count - 1)) * np.sqrt(targets * (targets - 1))
    return d, move
