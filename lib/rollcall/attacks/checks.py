"""Checks of what every attack takes: scores and members."""

from __future__ import annotations

import numpy as np

from rollcall.stats.checks import check_members
from rollcall.stats.design import MIN_OF_A_KIND, find_few, is_paired
from rollcall.stats.members import MIN_TARGETS
from rollcall.util.errors import InputError


def check_inputs(scores: np.ndarray, members: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
    """Check scores and members; return them, and whether targets come in complementary pairs.

    Returned: scores float32 or float64, (M, N) or (M, N, L); members bool (M, N); whether rows 2i
    and 2i+1 of members are complementary.
    InputError if they do not fit together, if paired targets are fewer than 8, or if fewer than 3
    had a record, or had it not: a target is never its own reference, and one score has no spread.
    That scores are finite is checked where they are read (stats.checks.check_finite).
    """
    scores, members = np.asarray(scores), check_members(members)
    if scores.ndim not in (2, 3) or scores.shape[:2] != members.shape:
        raise InputError(
            f"scores {scores.shape} and members {members.shape} differ; "
            "expected both (targets, records)"
        )
    targets = len(members)
    paired = is_paired(members)
    if targets < (MIN_TARGETS if paired else 2 * MIN_OF_A_KIND):
        raise InputError(f"{targets} targets; expected at least {MIN_TARGETS}")
    if not paired:
        few = np.flatnonzero(find_few(members))
        if len(few):
            raise InputError(
                f"members: {members[:, few[0]].sum()} of {targets} targets had record {few[0]}; "
                f"expected at least {MIN_OF_A_KIND} that had it and {MIN_OF_A_KIND} that had not"
            )
    if scores.dtype not in (np.float32, np.float64):
        scores = scores.astype(np.float64)
    return scores, members, paired
