"""What every attack takes: scores and members, checked; who is whose reference."""

from __future__ import annotations

import numpy as np

from rollcall.stats.members import MIN_TARGETS
from rollcall.util.errors import InputError


def check_inputs(scores: np.ndarray, members: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
    """(scores float32 or float64 (M, N) or (M, N, L), members bool (M, N), whether rows 2i and 2i+1 of members are complementary pairs).

    InputError if they do not fit together, if targets are fewer than 8, or if fewer than 3 had a record, or had it not: a target is
    never its own reference, and one score has no spread. That scores are finite is checked where they are read (`check_finite`).
    """
    scores, members = np.asarray(scores), np.asarray(members)
    if members.dtype != bool or members.ndim != 2:
        raise InputError(
            f"members is {members.dtype} {members.shape}; expected a bool array (targets, records)"
        )
    if scores.ndim not in (2, 3) or scores.shape[:2] != members.shape:
        raise InputError(
            f"scores {scores.shape} and members {members.shape} differ; expected both (targets, records)"
        )
    if len(members) < MIN_TARGETS:
        raise InputError(f"{len(members)} targets; expected at least {MIN_TARGETS}")
    pairs = len(members) % 2 == 0 and bool((members[0::2] != members[1::2]).all())
    if not pairs:
        had = members.sum(0)
        few = np.flatnonzero((had < 3) | (had > len(members) - 3))
        if len(few):
            raise InputError(
                f"members: {had[few[0]]} of {len(members)} targets had record {few[0]}; expected at least 3 that had it and 3 that had not"
            )
    return (
        scores if scores.dtype in (np.float32, np.float64) else scores.astype(np.float64),
        members,
        pairs,
    )


def check_finite(scores: np.ndarray, sums: np.ndarray, numbers: np.ndarray | int) -> None:
    """InputError that names a score of `scores` (M, C, ...) that is NaN or infinite.

    `sums` over targets say whether to look; `numbers`: those of the records, or the first one's."""
    if not np.isfinite(sums).all() and not np.isfinite(scores).all():
        target, column = np.argwhere(~np.isfinite(scores))[0][:2]
        record = numbers + column if np.ndim(numbers) == 0 else numbers[column]
        raise InputError(
            f"scores: target {target}, record {record} is NaN or infinite; expected finite scores"
        )
