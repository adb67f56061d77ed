"""Who is in which target's training set: complementary random halves of the patients."""

from __future__ import annotations

import numpy as np

from rollcall.stats.checks import check_members
from rollcall.util.errors import InputError

# With fewer, two in and two out reference models are left: no spread can be estimated.
MIN_TARGETS = 8


def check_targets(targets: int, name: str = "targets") -> int:
    """Return `targets`; InputError, of what goes by `name`, if it is odd or below MIN_TARGETS."""
    if targets < MIN_TARGETS or targets % 2:
        raise InputError(
            f"{name} is {targets}; expected an even number of at least {MIN_TARGETS}: "
            "target models come in complementary pairs"
        )
    return targets


def draw_members(targets: int, patients: int, seed: int) -> np.ndarray:
    """Draw members, bool (targets, patients): rows 2i and 2i+1 are random halves of the patients.

    Each patient is in exactly targets/2 rows. Each row has patients/2 members (of an odd number of
    patients, rows 2i have one fewer than rows 2i+1). A pair of rows depends on (seed, i) alone: a
    run that grows keeps the rows it has. InputError if targets are odd or fewer than MIN_TARGETS.
    """
    check_targets(targets)
    members = np.empty((targets, patients), bool)
    for pair in range(targets // 2):
        order = np.random.default_rng(np.random.SeedSequence([seed, pair])).permutation(patients)
        members[2 * pair] = order < patients // 2
        members[2 * pair + 1] = ~members[2 * pair]
    return members


def check_paired(members: np.ndarray) -> np.ndarray:
    """Return `members`; InputError unless bool (targets, ...) with complementary rows 2i, 2i+1."""
    members = check_members(members, "patients or records")
    check_targets(len(members))
    wrong = np.argwhere(members[0::2] == members[1::2])
    if len(wrong):
        pair, column = wrong[0]
        raise InputError(
            f"members: column {column} is in both or neither of targets {2 * pair} and "
            f"{2 * pair + 1}; expected complementary pairs"
        )
    return members
