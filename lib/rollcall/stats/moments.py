"""TODO."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rollcall.util.errors import InputError
from rollcall.util.parallel import make_blocks, map_blocks

CHUNK = 4096  # columns at a time: the working arrays stay in cache and memory does not grow with the records


LONG = 16384  # columns at a time where there is one number for each


TINY = 1e-12  # smallest variance: a record with constant scores stays finite


@dataclass(frozen=True)
class Moments:
    """Of n records over K `pairs` of targets, (n,) float64 each: mean, unbiased variance, skewness G1 and excess kurtosis G2 of the K
    scores with the record (in) and of the K without (out), and `cov`, the covariance of the two within a pair."""

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

    @property
    def mean(self) -> np.ndarray:
        """Mean over all models, blind to membership."""
        return (self.mean_in + self.mean_out) / 2

    @property
    def sd(self) -> np.ndarray:
        """Population standard deviation over all models, blind to membership."""
        within = (self.pairs - 1) * (self.var_in + self.var_out) / (2 * self.pairs)
        return np.sqrt(np.maximum(within + (self.mean_in - self.mean_out) ** 2 / 4, TINY))


def pair_signs(members: np.ndarray) -> np.ndarray:
    """(M/2, P) float32: 1 where the even target of a pair had the patient, -1 where the odd one had."""
    sign = members[0::2].astype(np.float32)
    sign *= 2
    sign -= 1
    return sign


def split_in_out(values: np.ndarray, had: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(K, n, ...) each: of every pair's two values the one with the record and the one without. values (2K, n, ...), had bool (2K, n)."""
    even = had[0::2].reshape(len(had) // 2, had.shape[1], *[1] * (values.ndim - 2))
    return np.where(even, values[0::2], values[1::2]), np.where(even, values[1::2], values[0::2])


def compute_moments(
    scores: np.ndarray, members: np.ndarray, index: np.ndarray | None = None
) -> Moments:
    """One pass over scores (M, n), in float32 (relative error about 1e-6). members bool (M, P), paired; index (n,) is the column of members
    of each record, None where they are the same. A score that is NaN or infinite gives a mean that is."""
    pairs, columns, sign = len(scores) // 2, scores.shape[1], pair_signs(members)
    sums = np.empty((9, columns), np.float32)

    def work(slices):
        store = np.empty((6, pairs * CHUNK), np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            for c in slices:
                width = c.stop - c.start
                both, lead, inside, outside, square, side = (
                    row[: pairs * width].reshape(pairs, width) for row in store
                )
                np.add(scores[0::2, c], scores[1::2, c], out=both, casting="same_kind")
                np.subtract(scores[0::2, c], scores[1::2, c], out=lead, casting="same_kind")
                lead *= (
                    sign[:, c]
                    if index is None
                    else np.take(sign, index[c], axis=1, out=side, mode="clip")
                )  # in - out
                sums[0, c] = both.sum(0)
                both -= sums[0, c] / np.float32(pairs)
                np.add(both, lead, out=inside)  # twice the in score, about the record's middle
                np.subtract(both, lead, out=outside)
                sums[1, c], sums[2, c] = lead.sum(0), np.einsum("kn,kn->n", lead, lead)
                for row, value in ((3, inside), (6, outside)):
                    np.multiply(value, value, out=square)
                    sums[row, c] = square.sum(0)
                    sums[row + 1, c] = np.einsum("kn,kn->n", square, value)
                    sums[row + 2, c] = np.einsum("kn,kn->n", square, square)

    map_blocks(work, make_blocks(columns, CHUNK))
    found = np.empty((9, columns))

    def central(slices):
        with np.errstate(over="ignore", invalid="ignore"):
            for c in slices:
                middle, shift, lead2, *powers = sums[:, c].astype(np.float64) / pairs
                o2 = shift * shift
                for row, offset, (s2, s3, s4) in ((0, shift, powers[:3]), (1, -shift, powers[3:])):
                    m2 = np.maximum(s2 - o2, 0)
                    constant = m2 <= TINY
                    safe = np.where(constant, 1.0, m2)
                    g1 = (s3 - offset * (3 * s2 - 2 * o2)) / (safe * np.sqrt(safe))
                    g2 = (s4 - 4 * offset * s3 + o2 * (6 * s2 - 3 * o2)) / (safe * safe) - 3
                    g1[constant], g2[constant] = 0, 0
                    found[row, c] = (middle + offset) / 2
                    found[row + 2, c] = m2 * (pairs / (4 * (pairs - 1)))
                    found[row + 4, c] = g1 * (np.sqrt(pairs * (pairs - 1)) / (pairs - 2))
                    found[row + 6, c] = ((pairs + 1) * g2 + 6) * (
                        (pairs - 1) / ((pairs - 2) * (pairs - 3))
                    )
                found[8, c] = ((powers[0] + powers[3]) / 2 - 2 * lead2 + o2) * (
                    pairs / (4 * (pairs - 1))
                )
                found[4:8, c][~np.isfinite(found[4:8, c])] = (
                    0  # scores so large that their fourth powers overflow
                )

    map_blocks(central, make_blocks(columns, LONG))
    return Moments(pairs, *found)


def check_finite(found: Moments, scores: np.ndarray) -> None:
    """InputError with the first record whose scores are not all finite."""
    wrong = np.flatnonzero(~np.isfinite(found.mean_in + found.mean_out))
    if len(wrong):
        target = np.argmax(~np.isfinite(scores[:, wrong[0]]))
        raise InputError(
            f"scores: target {target}, record {wrong[0]} is NaN or infinite; expected finite scores"
        )
