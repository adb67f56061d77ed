"""The groups that are compared: who is in them, of whom it is known, and which are the outcome."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE, iterate_groups, iterate_intersections
from rollcall.util.errors import InputError

NEARLY = 0.9  # of the patients who are in a group or have a label, those who are both


class NothingToCompareError(InputError):
    """Report that no group is large enough to be compared."""


@dataclass(frozen=True)
class Groups:
    """J groups of P patients.

    table   a row each: attribute, group, intersection, is_outcome, patients, share
    packed  uint8 (2, J, P / 8): bits, who is in the group and whose attribute is known
    size    P
    """

    table: pd.DataFrame
    packed: np.ndarray
    size: int

    def inside(self, which: slice = slice(None)) -> np.ndarray:
        """Return who is in these groups, bool (P, J)."""
        return self._unpack(0, which)

    def known(self, which: slice = slice(None)) -> np.ndarray:
        """Return of whom the groups' attribute is known, bool (P, J)."""
        return self._unpack(1, which)

    def _unpack(self, kind: int, which: slice) -> np.ndarray:
        return np.unpackbits(self.packed[kind, which], axis=1, count=self.size).T.astype(bool)


def list_groups(
    attributes: pd.DataFrame,
    label: np.ndarray,
    pairs: list[tuple[str, str]] | None = None,
) -> Groups:
    """List the groups of every attribute that are large enough to be compared.

    attributes: a row per patient, as patient_attributes returns it; label int (P,): code of each
    patient's training label; pairs of attributes to cross as in iterate_intersections, [] for none.
    Groups of fewer than MIN_GROUP_SIZE patients are left out, and groups that leave so few others.
    NothingToCompareError if no group is left.

    attribute, group, intersection (bool)
    is_outcome       the group is nearly the patients of one training label, or nearly all others
    patients, share  of the group; of all patients whose value is known
    """
    listed = chain(
        ((False, *group) for group in iterate_groups(attributes)),
        ((True, *group) for group in iterate_intersections(attributes, pairs)),
    )
    sizes = np.unique(label, return_counts=True)
    rows, packed = [], []
    for is_intersection, attribute, name, group, known in listed:
        size, known_size = np.count_nonzero(group), np.count_nonzero(known)
        if min(size, known_size - size) < MIN_GROUP_SIZE:
            continue  # a small rest could be had by subtraction
        rows.append(
            {
                "attribute": attribute,
                "group": name,
                "intersection": is_intersection,
                "is_outcome": _is_outcome(group, known, label, *sizes),
                "patients": size,
                "share": size / known_size,
            }
        )
        packed.append((np.packbits(group), np.packbits(known)))
    if not rows:
        raise NothingToCompareError(
            f"no attribute has two groups of at least {MIN_GROUP_SIZE} patients; "
            f"expected at least one, in: {', '.join(attributes)}"
        )
    return Groups(pd.DataFrame(rows), np.array(packed).swapaxes(0, 1), len(attributes))


def _is_outcome(
    group: np.ndarray, known: np.ndarray, label: np.ndarray, codes: np.ndarray, counts: np.ndarray
) -> bool:
    """Tell whether a group, or its rest, is nearly the patients of one label."""
    if len(codes) < 2:
        return False
    everybody = np.bincount(np.searchsorted(codes, label[known]), minlength=len(codes))
    inside = np.bincount(np.searchsorted(codes, label[group]), minlength=len(codes))
    for part in (inside, everybody - inside):
        either = part.sum() + everybody - part
        if (part >= NEARLY * np.maximum(either, 1)).any():
            return True
    return False
