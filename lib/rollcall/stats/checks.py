"""Checks of arrays that several rooms take, with one wording for each."""

from __future__ import annotations

import numpy as np

from rollcall.util.errors import InputError


def check_members(members: np.ndarray, columns: str = "records") -> np.ndarray:
    """Return `members` as an array; InputError unless it is bool (targets, `columns`)."""
    members = np.asarray(members)
    if members.dtype != bool or members.ndim != 2:
        raise InputError(
            f"members is {members.dtype} {members.shape}; "
            f"expected a bool array (targets, {columns})"
        )
    return members


def check_finite(scores: np.ndarray, sums: np.ndarray, records: np.ndarray | int = 0) -> None:
    """Raise InputError that names a score which is NaN or infinite, target and record.

    scores (M, C, ...). sums, of any shape, are numbers made of all scores: only where one of them
    is not finite are the scores looked at. records: the numbers of the C records, or the first's.
    """
    if np.isfinite(sums).all():
        return
    wrong = np.argwhere(~np.isfinite(scores))
    if len(wrong):
        target, column = wrong[0][:2]
        record = records + column if np.ndim(records) == 0 else records[column]
        raise InputError(
            f"scores: target {target}, record {record} is NaN or infinite; expected finite scores"
        )
