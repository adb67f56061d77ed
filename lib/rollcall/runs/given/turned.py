"""Whether scores of some target models have the sign turned: half of them losses, for example.

Models agree on which patients are hard. Those whose scores run against the others' are found from
the scores alone, so that comparing them with members stays a fair test.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rollcall.stats.design import is_paired
from rollcall.util.errors import InputError

SURE_OF_SIDE = 9.0  # standard errors; of two halves of a pair, which depend, at most exp(-20)
AGAINST, SURE_AGAINST = 0.3, 6.0  # correlation with the others, turned, from which it is said


def refuse_turned(path: Path, scores: np.ndarray, members: np.ndarray) -> list[str]:
    """Raise InputError where some targets' scores run against the others' and members' are lower.

    scores (M, P), summed by patient; members bool (M, P). Return a note where they only
    run against the others'.
    """
    values, size = _normalise(scores), 2 if is_paired(members) else 1
    side, agreement = _find_sides(values, size)  # each (M, 1)
    sides = [np.flatnonzero(side[:, 0] == sign) for sign in (-1, 1)]
    few, many = sorted(sides, key=len)
    if not len(few):
        return []
    residual = _normalise(values - agreement * _average_others(values * side, size) * side)
    signs = _normalise(np.where(members, 1.0, -1.0))
    fit = (residual * signs).sum(1) / np.sqrt(values.shape[1])  # standard errors, by target
    for targets in (few, many):
        if fit[targets].sum() / np.sqrt(len(targets)) < -SURE_OF_SIDE:
            raise InputError(
                f"{path}: scores of target {targets[0]} ({len(targets)} such targets) run against "
                "those of the others, and are lower where a model had the record; expected higher "
                "to mean more like a member in all. Are some losses?"
            )
    clear = max(AGAINST, SURE_AGAINST / np.sqrt(values.shape[1]))
    against = few[agreement[few, 0] > clear]
    if not len(against) or np.median(agreement[many]) < clear:
        return []
    return [
        f"scores of target {against[0]} ({len(against)} such target models) run against those of "
        "the others: is the sign turned?"
    ]


def _normalise(values: np.ndarray) -> np.ndarray:
    """Return rows of mean 0 and mean square 1; of zeros where all are the same. float64 (M, P)"""
    values = values.astype(np.float64)
    values -= values.mean(1, keepdims=True)
    size = np.sqrt((values**2).mean(1, keepdims=True))
    return np.divide(values, size, out=np.zeros_like(values), where=size > 0)


def _find_sides(values: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return each target's side, -1 or 1, and its correlation with the others, turned. (M, 1) each

    The halves of a pair are not compared: what one had, the other had not. size: targets of a unit,
    2 of pairs, else 1.
    """
    likeness = values @ values.T / values.shape[1]
    targets = np.arange(len(values))
    likeness[targets // size == targets[:, None] // size] = 0.0
    first = np.linalg.eigh(likeness)[1][:, -1]
    side = np.where(first < 0, -1, 1)[:, None]
    return side, (values * side * _average_others(values * side, size)).mean(1, keepdims=True)


def _average_others(values: np.ndarray, size: int) -> np.ndarray:
    """Return the mean row of all targets outside each one's unit, of mean square 1. (M, P)"""
    units = values.reshape(-1, size, values.shape[1]).sum(1)
    return _normalise(np.repeat(units.sum(0) - units, size, axis=0))
