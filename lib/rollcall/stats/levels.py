"""The level of each target, taken out of scores where targets come one by one.

A target that was trained on more patients, or longer, gives all records higher scores, members or
not; and where the sizes of training sets differ, a patient was more often in the large ones. In a
pair both targets have one size, and each record meets both.
"""

from __future__ import annotations

import numpy as np

from rollcall.util.parallel import make_blocks, map_blocks

MOST_KINDS = 10  # of records, easy to hard, that have levels of their own
RECORDS_PER_BLOCK = 1024
LEAST_RECORDS = 100  # of a kind, in each target on average


def take_levels(scores: np.ndarray, members: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Return scores (M, N) less the level of their target for records like each, float32.

    members bool (M, P), index (N,). Records are put into up to 10 kinds of equal size by their mean
    score. A level is in standard deviations of the record's scores within in and out (a leak is no
    spread): half the mean of members' and half that of non-members', so that a leak, the same in
    all targets, raises all levels alike; less the mean level of all targets.
    """
    targets, records = scores.shape
    kinds = int(np.clip(records // LEAST_RECORDS, 1, MOST_KINDS))
    place = np.empty(records, int)
    middle, spread = _measure_records(scores, members, index)
    place[np.argsort(middle, kind="stable")] = np.arange(records)
    kind = place * kinds // records
    level = np.empty((targets, kinds))
    out = np.empty(scores.shape, np.float32)

    def measure(slices: list[slice]) -> None:
        for target in (block.start for block in slices):
            code = 2 * kind + members[target, index]
            values = (scores[target] - middle) / np.where(spread > 0, spread, np.inf)
            count = np.bincount(code, minlength=2 * kinds).reshape(kinds, 2)
            mean = np.bincount(code, values, 2 * kinds).reshape(kinds, 2) / np.maximum(count, 1)
            level[target] = np.where(count[:, 0] == 0, mean[:, 1], mean[:, 0]) / 2
            level[target] += np.where(count[:, 1] == 0, mean[:, 0], mean[:, 1]) / 2

    def subtract(slices: list[slice]) -> None:
        for target in (block.start for block in slices):
            out[target] = scores[target] - level[target, kind] * spread

    map_blocks(measure, make_blocks(targets, 1))
    level -= level.mean(0)
    map_blocks(subtract, make_blocks(targets, 1))
    return out


def _measure_records(
    scores: np.ndarray, members: np.ndarray, index: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of each record's scores, and their standard deviation within in and out."""
    targets, records = scores.shape
    middle, spread = np.empty((2, records))

    def work(slices: list[slice]) -> None:
        for c in slices:
            had, values = members[:, index[c]], scores[:, c].astype(np.float64)
            middle[c] = values.mean(0)
            values -= middle[c]
            n = had.sum(0)
            total = np.where(had, values, 0).sum(0)
            between = total**2 / np.maximum(n, 1) + total**2 / np.maximum(targets - n, 1)
            spread[c] = np.sqrt(np.maximum((values * values).sum(0) - between, 0) / (targets - 2))

    map_blocks(work, make_blocks(records, RECORDS_PER_BLOCK))
    return middle, spread
