"""Who is in which target model's training set: complementary random halves of the patients."""

from __future__ import annotations

import numpy as np

from rollcall.util.errors import InputError

MIN_TARGETS = (
    8  # with fewer, two in and two out reference models are left: no spread can be estimated
)


def check_targets(targets: int) -> int:
    """`targets` itself, or InputError if it is odd or below 8."""
    if targets < MIN_TARGETS or targets % 2:
        raise InputError(
            f"targets is {targets}; expected an even number of at least {MIN_TARGETS}: target models come in complementary pairs"
        )
    return targets


def draw_members(targets: int, patients: int, seed: int) -> np.ndarray:
    """Members, bool (targets, patients): row 2i is a random half of the patients, row 2i+1 the other half.

    Each patient is in exactly targets/2 rows. Each row has patients/2 members (with an odd number of patients, rows 2i have one
    fewer than rows 2i+1). Row pairs depend on (seed, i) alone: a run that grows keeps the rows it has.
    """
    check_targets(targets)
    members = np.empty((targets, patients), bool)
    for pair in range(targets // 2):
        order = np.random.default_rng(np.random.SeedSequence([seed, pair])).permutation(patients)
        members[2 * pair] = order < patients // 2
        members[2 * pair + 1] = ~members[2 * pair]
    return members


def check_paired(members: np.ndarray) -> np.ndarray:
    """`members`, bool (targets, ...), or InputError if rows 2i and 2i+1 are not complementary."""
    members = np.asarray(members)
    if members.dtype != bool or members.ndim != 2:
        raise InputError(
            f"members is {members.dtype} {members.shape}; expected a bool array (targets, patients or records)"
        )
    check_targets(len(members))
    wrong = np.argwhere(members[0::2] == members[1::2])
    if len(wrong):
        raise InputError(
            f"members: column {wrong[0][1]} is in both or neither of targets {2 * wrong[0][0]} and {2 * wrong[0][0] + 1}; "
            "expected complementary pairs"
        )
    return members
