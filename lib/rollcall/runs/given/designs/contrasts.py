"""What of the scores is compared with members: differences in pairs, or of targets one by one.

In a pair the even target's scores less the odd one's, with a sign 1 for patients whom the even one
had, else -1. Of targets one by one each one's scores less the record's mean over all, with the sign
2 (1 - r) for members and -2 r for others, r the share of members: Hoeffding's inequality holds as
for coins.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from rollcall.runs.given.kinds import Given, convert_target
from rollcall.stats.design import is_paired
from rollcall.stats.moments import pair_signs


class Contrast(NamedTuple):
    """Hold one unit: a pair of targets, or a target.

    first       number of its first target
    rows        the log odds of its targets, float32 (N,) or (N, L) each
    difference  what is compared, less its mean, float32 (N,) or (N, L); ranks: the same of ranks
                within each target, (N,)
    sign        (P,), of each patient
    """

    first: int
    rows: list[np.ndarray]
    difference: np.ndarray
    ranks: np.ndarray
    sign: np.ndarray


def iterate_contrasts(
    given: Given, members: np.ndarray, most: int | None = None
) -> Iterator[Contrast]:
    """Yield the contrast of each unit, of at most so many; members bool (M, P)."""
    if is_paired(members):
        for pair, sign in enumerate(pair_signs(members)[:most]):
            rows = [convert_target(given, 2 * pair + half) for half in (0, 1)]
            difference = rows[0] - rows[1]
            ranks = rank_records(rows[0])
            ranks -= rank_records(rows[1])
            difference -= difference.mean(0)
            yield Contrast(2 * pair, rows, difference, ranks, sign)
        return
    targets = len(members) if most is None else min(2 * most, len(members))
    middle, middle_rank = 0.0, 0.0
    for target in range(targets):
        row = convert_target(given, target)
        middle = middle + row / np.float64(targets)
        middle_rank = middle_rank + rank_records(row) / np.float64(targets)
    for target in range(targets):
        row = convert_target(given, target)
        difference = (row - middle).astype(np.float32)
        difference -= difference.mean(0)
        ranks = (rank_records(row) - middle_rank).astype(np.float32)
        sign = (2 * (members[target] - members[target].mean())).astype(np.float32)
        yield Contrast(target, [row], difference, ranks, sign)


def rank_records(row: np.ndarray) -> np.ndarray:
    """Return the rank of each record's score, or sum of scores, within a target, float32 (N,)."""
    values = row if row.ndim == 1 else row.sum(1)
    out = np.empty(len(values), np.float32)
    out[np.argsort(values)] = np.arange(len(values), dtype=np.float32)
    return out


def compare_rows(scores: np.ndarray, paired: bool) -> np.ndarray:
    """Return what is compared of scores (M, n): (K, n) differences in pairs, else (M, n)."""
    return scores[0::2] - scores[1::2] if paired else scores - scores.mean(0)


def make_signs(members: np.ndarray, paired: bool) -> np.ndarray:
    """Return the signs that go with compare_rows; members bool (M, P)."""
    if paired:
        return pair_signs(members)
    return (2 * (members - members.mean(1, keepdims=True))).astype(np.float32)
