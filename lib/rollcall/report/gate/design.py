"""The cells that tables could show: patients by group of each attribute and by flag.

Rows and attributes stand in an order that sizes decide, and names only where sizes are equal: what
is hidden then depends neither on the order of the patients nor on what the groups are called.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rollcall.data.groups import Group
from rollcall.report.gate.partitions import (
    MOST_SHOWN,
    Partition,
    find_beyond,
    list_partitions,
    list_showable,
)
from rollcall.util.errors import InputError

TOTAL = "(all)"  # attribute and group of the row of totals
PATIENTS = "patients"  # the column of sizes


@dataclass(frozen=True)
class Attribute:
    """One partition of the patients.

    name: of its column; label: what tables call it; names (rows,); code int (patients,), the row of
    each patient; counts int (rows, columns); place: the position of each row in a table of the
    attributes as they are given, -1 if it is not listed; parts: names of the two attributes that
    it is made of, or none.
    """

    name: str
    label: str
    names: tuple[str, ...]
    code: np.ndarray
    counts: np.ndarray
    place: tuple[int, ...]
    intersection: bool
    parts: tuple[str, ...] = ()

    @property
    def is_listed(self) -> bool:
        """Tell whether any row is in a table."""
        return max(self.place, default=-1) >= 0


@dataclass(frozen=True)
class Design:
    """All attributes of a cohort and its columns.

    columns: PATIENTS and the flags that may be shown; inside bool (atoms, columns): which columns
    the patients of a combination of flags count in; atom int (patients,), each patient's
    combination; bands bool (bands, atoms): each column, and each column without one inside it;
    together: positions of attributes of which one is made of the two others: an intersection, or
    what a group holds beyond another attribute's inside it, which no table lists;
    chosen: so many columns, the first ones, have their cells chosen already.
    """

    attributes: tuple[Attribute, ...]
    columns: tuple[str, ...]
    inside: np.ndarray
    atom: np.ndarray
    bands: np.ndarray
    together: tuple[tuple[int, int, int], ...]
    smallest: int
    chosen: int = 0

    @property
    def totals(self) -> np.ndarray:
        """Count the patients of each column, int (columns,)."""
        return np.bincount(self.atom, minlength=len(self.inside)) @ self.inside


def is_small(counts: np.ndarray, smallest: int) -> np.ndarray:
    """Tell which counts are from 1 to smallest - 1."""
    return (counts > 0) & (counts < smallest)


def make_design(
    attributes: pd.DataFrame,
    flags: Mapping[str, np.ndarray],
    smallest: int,
    intersections: Iterable[Group] = (),
    chosen: int = 0,
) -> Design:
    """Lay out the cells of attributes (a row per patient) and flags (bool (patients,) each).

    A flag is left out of the columns if its number of patients in all, of those without it, or of
    those that set it apart from an earlier flag inside it or around it, is from 1 to smallest - 1.
    InputError if a flag is not bool or not as long as the attributes.
    """
    patients = len(attributes)
    flags = {name: np.asarray(flag) for name, flag in flags.items()}
    for name, flag in flags.items():
        if flag.shape != (patients,) or flag.dtype != bool:
            raise InputError(
                f"flag {name!r}: expected bool ({patients},), one value per patient, "
                f"got {flag.dtype} {flag.shape}"
            )
    if smallest < 1:
        raise InputError(f"smallest cell: expected a whole number of at least 1, got {smallest}")
    columns, stacked = choose_columns(flags, patients, smallest)
    inside, atom = np.unique(stacked, axis=0, return_inverse=True)
    atom = atom.reshape(-1)
    if not patients:
        inside, atom = np.ones((1, len(columns)), bool), np.zeros(0, np.intp)
    bands = _bands(inside)
    partitions = list(list_partitions(attributes, intersections))
    starts = np.cumsum([0, *(len(partition.names) for partition in partitions)]).tolist()
    placed = [
        _sort_rows(partition, start, inside, atom)
        for partition, start in zip(partitions, starts[:-1], strict=True)
    ]
    order = sorted(range(len(placed)), key=lambda number: _shape(placed[number]))
    beyond = find_beyond([partitions[number] for number in order], atom, bands, smallest)
    placed += [_sort_rows(partition, starts[-1], inside, atom) for partition in beyond]
    placed.sort(key=_shape)
    together = _find_parts(placed)
    return Design(tuple(placed), columns, inside, atom, bands, together, smallest, chosen)


def choose_columns(
    flags: Mapping[str, np.ndarray], patients: int, smallest: int
) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the columns that may be shown, and bool (patients, columns)."""
    names, chosen = [PATIENTS], [np.ones(patients, bool)]
    for name, flag in flags.items():
        apart = [np.count_nonzero(flag)]
        for other in chosen:
            shared = np.count_nonzero(flag & other)
            if shared in (apart[0], np.count_nonzero(other)):  # one is inside the other
                apart.append(apart[0] + np.count_nonzero(other) - 2 * shared)
        if not is_small(np.array(apart), smallest).any():
            names.append(name)
            chosen.append(flag)
    return tuple(names), np.column_stack(chosen)


def _sort_rows(partition: Partition, start: int, inside: np.ndarray, atom: np.ndarray) -> Attribute:
    """Count the rows of a partition; drop those without patients; put the smallest first."""
    names, (rows, atoms) = partition.names, (len(partition.names), len(inside))
    code = partition.code * atoms + atom
    counts = np.bincount(code, minlength=rows * atoms).reshape(rows, atoms) @ inside
    order = sorted(
        np.flatnonzero(counts[:, 0]).tolist(), key=lambda row: (*counts[row].tolist(), names[row])
    )
    position = np.zeros(rows, np.intp)
    position[order] = np.arange(len(order))
    return Attribute(
        partition.name,
        partition.label or partition.name,
        tuple(names[row] for row in order),
        position[partition.code],
        counts[order],
        tuple(start + row if partition.listed[row] else -1 for row in order),
        partition.intersection,
        partition.parts,
    )


def _shape(attribute: Attribute) -> tuple:
    """Return what attributes are sorted by, their names last."""
    counts = attribute.counts.ravel().tolist()
    return attribute.intersection, len(attribute.names), counts, attribute.name, attribute.names


def _bands(inside: np.ndarray) -> np.ndarray:
    """List each column and each column without one that lies inside it, bool (bands, atoms)."""
    bands = [inside[:, column] for column in range(inside.shape[1])]
    for outer in inside.T:
        bands += [outer & ~inner for inner in inside.T if not (inner & ~outer).any()]
    kept = np.unique(np.array(bands), axis=0)
    return kept[kept.any(1)]


def _find_parts(attributes: list[Attribute]) -> tuple[tuple[int, int, int], ...]:
    """Find the two attributes that each one with parts is made of."""
    position = {attribute.name: number for number, attribute in enumerate(attributes)}
    return tuple(
        (number, position[attribute.parts[0]], position[attribute.parts[1]])
        for number, attribute in enumerate(attributes)
        if attribute.parts and set(attribute.parts) <= set(position)
    )


def choose_clearest(
    disparity: pd.DataFrame,
    attributes: pd.DataFrame,
    flags: Mapping[str, np.ndarray],
    smallest: int,
) -> list[str]:
    """Choose MOST_SHOWN columns to show, those with the smallest p-values, of equal ones the first.

    Only of showable columns, which no flag has a say in. That one is chosen may tell something of
    its counts, so that where any of them, by flag, is from 1 to smallest - 1, or leaves so few,
    its p-value does not count, and it comes after all others.
    """
    least = disparity[~disparity["intersection"]].groupby("attribute")["p"].min()
    by_group = disparity.set_index(["attribute", "group"])["p"]
    ranks = []
    showable = attributes[list_showable(attributes, smallest)]
    for place, partition in enumerate(list_partitions(showable)):
        key = (partition.label, partition.names[0])
        p = by_group.get(key, np.nan) if partition.label else least.get(partition.name, np.nan)
        if np.isnan(p):
            continue  # it was not compared
        sizes = np.bincount(partition.code)
        inside = np.array(
            [np.bincount(partition.code, flag, len(sizes)) for flag in flags.values()]
        )
        is_few = is_small(np.stack([inside, sizes - inside]), smallest).any()
        ranks.append((np.inf if is_few else p, place, partition.name))
    chosen = {name for _, _, name in sorted(ranks)[:MOST_SHOWN]}
    return [name for name in showable if name in chosen]
