"""How training sets were drawn: in complementary pairs, or each by itself.

Pairs are found in the members: target 2i+1 had whom 2i had not. Else every target is a unit of its
own. Given how many targets had a patient, which of them had it is then a draw with the odds of the
targets' sizes: w / (1 - w) for a target that had the share w of the patients. A rate that is the
patient's own, the same in all targets, cancels.
"""

from __future__ import annotations

import numpy as np

from rollcall.stats.checks import check_members
from rollcall.stats.members import check_paired
from rollcall.util.errors import InputError

MIN_OF_A_KIND = 3  # targets in and targets out of a record: one is attacked, two have a spread


def is_paired(members: np.ndarray, index: np.ndarray | None = None) -> bool:
    """Say whether rows 2i and 2i+1 of members, bool (targets, n), are complementary.

    index: only the columns that it names count, as the patients that have records.
    """
    if len(members) % 2:
        return False
    differ = (members[0::2] != members[1::2]).all(0)
    return bool(differ.all() if index is None else differ[index].all())


def count_units(members: np.ndarray) -> int:
    """Return the number of units that were drawn independently: pairs, or targets."""
    return len(members) // 2 if is_paired(members) else len(members)


def find_units(members: np.ndarray) -> np.ndarray:
    """Return the unit of each target, int (targets,): of pairs 0, 0, 1, 1, ..., else 0, 1, ..."""
    return np.arange(len(members)) // (2 if is_paired(members) else 1)


def find_few(members: np.ndarray) -> np.ndarray:
    """Return bool (n,): whom fewer than 3 targets had, or fewer than 3 had not."""
    count = members.sum(0)
    return (count < MIN_OF_A_KIND) | (count > len(members) - MIN_OF_A_KIND)


def check_design(members: np.ndarray) -> np.ndarray:
    """Return members; InputError unless bool (targets, n), paired or with 3 in and 3 out of each.

    Of pairs as check_paired.
    """
    members = check_members(members, "patients or records")
    if is_paired(members):
        return check_paired(members)
    few = np.flatnonzero(find_few(members))
    if len(few):
        raise InputError(
            f"members: {members[:, few[0]].sum()} of {len(members)} targets had column {few[0]}, "
            f"and targets 2i and 2i+1 are no complementary pairs; expected at least "
            f"{MIN_OF_A_KIND} that had it and {MIN_OF_A_KIND} that had not, or pairs"
        )
    return members


def estimate_rates(members: np.ndarray) -> np.ndarray:
    """Return the share of the patients that each target had, (targets,), between 0 and 1.

    members bool (targets, P). A share of 0 or 1 is moved by half a patient.
    """
    return (members.sum(1) + 0.5) / (members.shape[1] + 1)
