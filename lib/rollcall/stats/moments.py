"""Moments of each record's scores over the targets that had it and over those that had not."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from rollcall.stats.checks import check_finite
from rollcall.stats.design import is_paired
from rollcall.stats.unpaired import compute_central
from rollcall.util.errors import InputError
from rollcall.util.parallel import make_blocks, map_blocks

RECORDS_PER_BLOCK = 4096  # a block's working arrays (pairs, records) stay in the CPU's cache
NUMBERS_PER_BLOCK = 16384  # where a record is one number, not a column of scores
MIN_VARIANCE = 1e-12  # the moments of a record with constant scores stay finite


@dataclass(frozen=True)
class Moments:
    """Moments of n records over K pairs of targets, (n,) float64 each; or over targets one by one.

    pairs                 K; of targets one by one half their number, rounded down
    mean_in, mean_out     means of the K scores with the record (in), of the K without (out)
    var_in, var_out       unbiased variances
    skew_in, skew_out     skewness G1
    kurt_in, kurt_out     excess kurtosis G2
    cov                   unbiased covariance of in and out score within a pair; else 0
    n_in, n_out           scores of either kind, where targets come one by one; None of pairs
    """

    pairs: int
    mean_in: np.ndarray
    mean_out: np.ndarray
    var_in: np.ndarray
    var_out: np.ndarray
    skew_in: np.ndarray
    skew_out: np.ndarray
    kurt_in: np.ndarray
    kurt_out: np.ndarray
    cov: np.ndarray
    n_in: np.ndarray | None = None
    n_out: np.ndarray | None = None

    @property
    def mean(self) -> np.ndarray:
        """Mean over all models, blind to membership."""
        if self.n_in is not None and self.n_out is not None:
            total = self.n_in * self.mean_in + self.n_out * self.mean_out
            return total / (self.n_in + self.n_out)
        return (self.mean_in + self.mean_out) / 2

    @property
    def sd(self) -> np.ndarray:
        """Population standard deviation over all models, blind to membership."""
        if self.n_in is not None and self.n_out is not None:
            n = self.n_in + self.n_out
            within = ((self.n_in - 1) * self.var_in + (self.n_out - 1) * self.var_out) / n
            between = self.n_in * self.n_out / n**2 * (self.mean_in - self.mean_out) ** 2
            return np.sqrt(np.maximum(within + between, MIN_VARIANCE))
        within = (self.pairs - 1) * (self.var_in + self.var_out) / (2 * self.pairs)
        return np.sqrt(np.maximum(within + (self.mean_in - self.mean_out) ** 2 / 4, MIN_VARIANCE))

    def take(self, which: np.ndarray) -> Moments:
        """Return the moments of some records, by position or by a mask (n,)."""
        rows = (getattr(self, field.name) for field in fields(self)[1:])
        return Moments(self.pairs, *(None if row is None else row[which] for row in rows))


def pair_signs(members: np.ndarray) -> np.ndarray:
    """Return (K, P) float32: 1 where the even target of a pair had the patient, -1 where the odd.

    members bool (2K, P), paired.
    """
    sign = members[0::2].astype(np.float32)
    sign *= 2
    sign -= 1
    return sign


def split_in_out(values: np.ndarray, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split each pair's two values into the one with the record and the one without.

    values (2K, n, ...), members bool (2K, n), paired. (in, out), each (K, n, ...).
    """
    shape = (len(members) // 2, members.shape[1], *[1] * (values.ndim - 2))
    even_had = members[0::2].reshape(shape)
    inside = np.where(even_had, values[0::2], values[1::2])
    return inside, np.where(even_had, values[1::2], values[0::2])


# How the moments are computed in one pass over the scores:
#
# A pair k of targets gives a record one in score a_k and one out score b_k. Which target of the
# pair had the record is a sign, so that no score has to be picked out:
#     s_k = a_k + b_k = even + odd            d_k = a_k - b_k = sign (even - odd)
#
# 1. Subtract from s its mean over pairs, 2c: c is the middle of all the record's scores. Then
#        u_k = s_k + d_k = 2 (a_k - c)        v_k = s_k - d_k = 2 (b_k - c)
#    are twice the scores about the middle. High powers of them lose few digits in float32.
# 2. Sum over pairs, for each record: s; d and d^2; u^2, u^3, u^4; v^2, v^3, v^4. These nine rows
#    are all that is kept of the scores (_sum_powers).
# 3. The mean of u is o = mean(d), that of v is -o. Powers about the mean follow in float64, here
#    for u, with p2, p3, p4 the means of its powers (_central_moments):
#        m2 = p2 - o^2       m3 = p3 - 3 o p2 + 2 o^3       m4 = p4 - 4 o p3 + 6 o^2 p2 - 3 o^4
#    var = m2 / 4, as u is doubled; skewness m3 / m2^1.5 and kurtosis m4 / m2^2 are as they are.
# 4. The covariance of a and b is a quarter of that of u and v. As u v = s^2 - d^2,
#        mean(u v) = (mean(u^2) + mean(v^2)) / 2 - 2 mean(d^2)
#    and its two means contribute - (o)(-o) = + o^2.
# 5. K/(K-1) and the factors of G1 and G2 make them unbiased (as in SAS, Excel and pandas).
#
# All arrays of step 1 and 2 are views of six rows allocated once a thread and written in place:
# memory does not grow with the records, and nothing is allocated in the loop.


def compute_moments(
    scores: np.ndarray, members: np.ndarray, index: np.ndarray | None = None
) -> Moments:
    """Compute the moments of every record in one pass over the scores.

    scores (M, n), summed in float32 (relative error about 1e-6), or in float64 where members, bool
    (M, P), are not paired; index (n,) is the column of members of each record, None if columns are
    records. A score that is NaN or infinite gives means that are; scores so large that their fourth
    powers overflow get skewness and kurtosis 0.
    """
    pairs, columns = len(scores) // 2, scores.shape[1]
    if not is_paired(members):
        central, n_in, n_out = compute_central(scores, members, index)
        return Moments(pairs, *central, np.zeros(columns), n_in, n_out)
    sums = _sum_powers(scores, pair_signs(members), index)
    central = np.empty((9, columns))

    def work(slices: list[slice]) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            for c in slices:
                central[:, c] = _central_moments(sums[:, c].astype(np.float64) / pairs, pairs)

    map_blocks(work, make_blocks(columns, NUMBERS_PER_BLOCK))
    return Moments(pairs, *central)


def _sum_powers(scores: np.ndarray, sign: np.ndarray, index: np.ndarray | None) -> np.ndarray:
    """Return sums over pairs, float32 (9, n): s, d, d^2, u^2, u^3, u^4, v^2, v^3, v^4."""
    pairs, columns = len(scores) // 2, scores.shape[1]
    sums = np.empty((9, columns), np.float32)

    def work(slices: list[slice]) -> None:
        store = np.empty((6, pairs * RECORDS_PER_BLOCK), np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            for c in slices:
                width = c.stop - c.start
                pair_sum, difference, inside, outside, square, column_sign = (
                    row[: pairs * width].reshape(pairs, width) for row in store
                )
                np.add(scores[0::2, c], scores[1::2, c], out=pair_sum, casting="same_kind")
                np.subtract(scores[0::2, c], scores[1::2, c], out=difference, casting="same_kind")
                if index is None:
                    difference *= sign[:, c]
                else:
                    difference *= np.take(sign, index[c], axis=1, out=column_sign, mode="clip")
                sums[0, c] = pair_sum.sum(0)
                pair_sum -= sums[0, c] / np.float32(pairs)
                np.add(pair_sum, difference, out=inside)
                np.subtract(pair_sum, difference, out=outside)
                sums[1, c] = difference.sum(0)
                sums[2, c] = np.einsum("kn,kn->n", difference, difference)
                for row, value in ((3, inside), (6, outside)):
                    np.multiply(value, value, out=square)
                    sums[row, c] = square.sum(0)
                    sums[row + 1, c] = np.einsum("kn,kn->n", square, value)
                    sums[row + 2, c] = np.einsum("kn,kn->n", square, square)

    map_blocks(work, make_blocks(columns, RECORDS_PER_BLOCK))
    return sums


def _central_moments(means: np.ndarray, pairs: int) -> np.ndarray:
    """Return the fields of Moments, (9, n), from the sums of _sum_powers divided by K, (9, n)."""
    middle, shift, difference2, *powers = means
    o2 = shift * shift
    out = np.empty(means.shape)
    for row, offset, (p2, p3, p4) in ((0, shift, powers[:3]), (1, -shift, powers[3:])):
        m2 = np.maximum(p2 - o2, 0)
        constant = m2 <= MIN_VARIANCE
        safe = np.where(constant, 1.0, m2)
        g1 = (p3 - offset * (3 * p2 - 2 * o2)) / (safe * np.sqrt(safe))
        g2 = (p4 - 4 * offset * p3 + o2 * (6 * p2 - 3 * o2)) / (safe * safe) - 3
        g1[constant], g2[constant] = 0, 0
        out[row] = (middle + offset) / 2
        out[row + 2] = m2 * (pairs / (4 * (pairs - 1)))
        out[row + 4] = g1 * (np.sqrt(pairs * (pairs - 1)) / (pairs - 2))
        out[row + 6] = ((pairs + 1) * g2 + 6) * ((pairs - 1) / ((pairs - 2) * (pairs - 3)))
    within = (powers[0] + powers[3]) / 2 - 2 * difference2 + o2
    out[8] = within * (pairs / (4 * (pairs - 1)))
    out[4:8][~np.isfinite(out[4:8])] = 0
    return out


def check_moments(moments: Moments, scores: np.ndarray) -> None:
    """Raise InputError for the first record whose scores are not finite or do not fit float32."""
    total = moments.mean_in + moments.mean_out
    wrong = np.flatnonzero(~np.isfinite(total))
    if len(wrong):
        record = wrong[0]
        check_finite(scores[:, [record]], total[record], record)
        raise InputError(
            f"scores: record {record} has scores whose sum float32 cannot hold; "
            "expected scores below 1e38"
        )
