"""Ranks; the Mann-Whitney AUC of each record over the targets, and a score interval of it."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri, owens_t

from rollcall.util.parallel import make_blocks, map_blocks

RECORDS_PER_BLOCK = 1024  # whose scores are sorted at a time
Z_975 = float(ndtri(0.975))
GRID = 2001  # AUCs at which the interval is tabulated, even in Phi^-1(AUC); twice as many in AUC


def ascending_order(values: np.ndarray) -> np.ndarray:
    """Return the positions of values from the lowest to the highest; ties keep their order. (n,).

    values (n,), none NaN; float32, or compared as float64. What np.argsort(values, kind="stable")
    returns, but faster: numpy sorts whole numbers of 16 bits by counting them, so the bits of the
    values are sorted 16 at a time, from the lowest to the highest, each sort keeping the order of
    the one before.
    """
    values = np.asarray(values, np.float32 if values.dtype == np.float32 else np.float64)
    width = 8 * values.itemsize
    bits = (values + values.dtype.type(0)).view(f"i{values.itemsize}")  # -0 becomes 0
    # As whole numbers, positive floats are in order and negative ones in reverse, so all bits of a
    # negative one are flipped, and the sign of a positive one: it is the greater.
    key = bits ^ (bits >> (width - 1) | np.iinfo(bits.dtype).min)
    order = np.argsort(key.astype(np.uint16), kind="stable")
    for shift in range(16, width, 16):
        part = (key >> shift).astype(np.uint16)
        order = order.take(np.argsort(part.take(order), kind="stable"))
    return order


def average_ranks(values: np.ndarray) -> np.ndarray:
    """Rank values from 1 along the last axis; ties share their mean rank. (..., n) float64.

    values (..., n); a row with a NaN has none but NaN.
    """
    rows = np.atleast_2d(values)
    order = np.argsort(rows, axis=-1)
    ordered = np.take_along_axis(rows, order, axis=-1)
    starts_group = np.ones(rows.shape, bool)  # of equal values; a row's first always does
    starts_group[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    first = np.flatnonzero(starts_group)
    length = np.diff(first, append=starts_group.size)
    shared = first % rows.shape[-1] + (length + 1) / 2
    ranks = np.empty(rows.shape)
    np.put_along_axis(ranks, order, np.repeat(shared, length).reshape(rows.shape), axis=-1)
    ranks[np.isnan(ordered[..., -1:]).any(-1)] = np.nan  # a NaN is sorted last
    return ranks.reshape(np.shape(values))


# How the AUCs of a block of records are computed in one sort:
#
# AUC = (R - h (h + 1) / 2) / h^2, with R the sum of the ranks of the h = M/2 scores of targets that
# had the record (Mann and Whitney). Only the ranks of members matter, so each score and its
# membership are packed into one integer and a row of integers is sorted:
# 1. Read as an integer, a positive float32 has the order of the float, as exponent and fraction
#    stand in order of weight. A negative one has it reversed; flipping all bits but the sign
#    mends that. -0 is made 0 first.
# 2. Shifted left by one, the lowest bit is free: it becomes the membership.
# 3. After sorting, R is the lowest bits times 1, 2, ... M: a matrix product. Its terms and sums
#    are whole numbers below 2^24 for all M that occur, hence exact in float32.
# 4. Among equal scores step 2 ranks members last. Records with any tie are ranked again by
#    `average_ranks`, where ties share their mean rank.


def rank_auc(
    scores: np.ndarray, members: np.ndarray, index: np.ndarray | None = None
) -> np.ndarray:
    """Compute the Mann-Whitney AUC of each column, ties half, (n,) float64.

    scores (M, n), compared as float32; members bool (M, P); index (n,) is the column of members of
    each record, None if columns are records.
    """
    targets, columns = scores.shape
    membership = np.ascontiguousarray(members.T)
    area = np.empty(columns)
    ranks = np.arange(1, targets + 1, dtype=np.float32)
    count = membership.sum(1)

    def work(slices: list[slice]) -> None:
        for c in slices:
            value = np.ascontiguousarray(scores[:, c].T, np.float32) + np.float32(0)  # -0 becomes 0
            is_member = membership[c] if index is None else membership[index[c]]
            n = count[c] if index is None else count[index[c]]
            least, products = n * (n + 1) / 2, n * (targets - n)
            bits = value.view(np.int32)
            key = np.where(bits < 0, bits ^ np.int32(0x7FFFFFFF), bits).astype(np.int64)
            key <<= 1
            key |= is_member
            key.sort(axis=1)
            rank_sum = ((key & 1).astype(np.float32) @ ranks).astype(np.float64)
            area[c] = (rank_sum - least) / products
            key >>= 1
            tied = np.flatnonzero((key[:, 1:] == key[:, :-1]).any(1))
            if len(tied):
                rank_sum = (average_ranks(value[tied]) * is_member[tied]).sum(1)
                area[c.start + tied] = (rank_sum - least[tied]) / products[tied]

    map_blocks(work, make_blocks(columns, RECORDS_PER_BLOCK))
    return area


def rank_interval(
    area: np.ndarray, pairs: int, correlation: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (se, low, high) of rank AUCs, (n,) each: a score interval.

    The interval holds all AUCs t with |area - t| <= 1.96 sd(t), where
        sd(t)^2 = (1 - r) (t (1 - t) + 2 (K - 1) (Q - t^2)) / K^2
    is the variance of the Mann-Whitney statistic if scores are normal, r the `correlation` within
    pairs, K = `pairs`, and Q = t - 2 T(Phi^-1(t), 3^-1/2), with Owen's T, the probability that two
    in scores exceed one out score.
    Source: Hanley and McNeil, Radiology 1982, with normal scores in place of exponential ones;
    Newcombe 2006 for turning it into an interval.
    """
    truth = ndtri(np.linspace(0, 1, 2 * GRID + 1)[1:-1])
    truth = np.unique(np.concatenate([ndtr(truth), ndtr(np.linspace(-6, 6, GRID))]))
    q = truth - 2 * owens_t(ndtri(truth), 3**-0.5)
    variance = (1 - correlation) * (truth * (1 - truth) + 2 * (pairs - 1) * (q - truth**2))
    sd = np.sqrt(np.maximum(variance, 0)) / pairs
    low = np.interp(area, np.maximum.accumulate(truth + Z_975 * sd), truth)
    high = np.interp(area, np.minimum.accumulate((truth - Z_975 * sd)[::-1])[::-1], truth)
    least = 0.5 / pairs**2  # an AUC of 1 is not without error
    return np.interp(np.clip(area, least, 1 - least), truth, sd), low, high
