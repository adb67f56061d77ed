"""The cells that tables could show: patients by group of each attribute and by flag.

Rows and attributes stand in an order that sizes decide, and names only where sizes are equal: what
is hidden then depends neither on the order of the patients nor on what the groups are called.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rollcall.data.groups import Group
from rollcall.util.errors import InputError

MISSING, REST = "(missing)", "(rest)"  # the group without a value; those outside of a bool column
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
    what an overlapping group holds beyond another one inside it, which no table lists;
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
    columns, stacked = _choose_columns(flags, patients, smallest)
    inside, atom = np.unique(stacked, axis=0, return_inverse=True)
    atom = atom.reshape(-1)
    if not patients:
        inside, atom = np.ones((1, len(columns)), bool), np.zeros(0, np.int64)
    placed, start = [], 0
    for partition in (*_partitions(attributes, intersections), *_find_nested(attributes, smallest)):
        placed.append(_sort_rows(partition, start, inside, atom))
        start += len(partition.names)
    placed.sort(key=lambda attribute: (*_shape(attribute), attribute.name, attribute.names))
    together = _find_parts(placed)
    bands = _bands(inside)
    return Design(tuple(placed), columns, inside, atom, bands, together, smallest, chosen)


def _choose_columns(
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


@dataclass(frozen=True)
class _Partition:
    """The groups of one attribute as they are given; code -1: the last of them."""

    name: str
    names: list[str]
    code: np.ndarray
    listed: list[bool]
    parts: tuple[str, ...] = ()
    intersection: bool = False
    label: str = ""


def _partitions(attributes: pd.DataFrame, intersections: Iterable[Group]) -> Iterator[_Partition]:
    """Yield the partition that each column makes, and each intersection of two of them."""
    for column in attributes:
        values = attributes[column]
        if values.dtype == bool:
            attribute, _, group = column.partition(": ")
            code, names = np.where(values, 0, 1), [group or "yes", REST]
            yield _Partition(column, names, code, [True, False], label=attribute)
        else:
            values = values.astype("category")
            names = [*(str(name) for name in values.cat.categories), MISSING]
            yield _Partition(column, names, values.cat.codes.to_numpy(int), [True] * len(names))
    crossed: dict[str, tuple[list[str], np.ndarray]] = {}
    for attribute, group, inside, _ in intersections:
        names, code = crossed.setdefault(attribute, ([], np.full(len(attributes), -1)))
        code[inside] = len(names)
        names.append(group)
    for attribute, (names, code) in crossed.items():
        one, _, other = attribute.partition(" x ")
        listed = [*([True] * len(names)), False]
        yield _Partition(attribute, [*names, MISSING], code, listed, (one, other), True)


def _find_nested(attributes: pd.DataFrame, smallest: int) -> Iterator[_Partition]:
    """Yield, of two overlapping groups of an attribute, what the outer holds beyond the inner one.

    Both leave and hold `smallest` patients at least: smaller ones are hidden altogether.
    """
    columns = [
        column
        for column in attributes
        if attributes[column].dtype == bool
        and smallest <= attributes[column].sum() <= len(attributes) - smallest
    ]
    by_attribute: dict[str, list[str]] = {}
    for column in columns:
        attribute, colon, _ = column.partition(": ")
        if colon:
            by_attribute.setdefault(attribute, []).append(column)
    for names in by_attribute.values():
        values = attributes[names].to_numpy(np.float32)
        shared, size = values.T @ values, values.sum(0)
        nested = (shared == size[:, None]) & (size[:, None] < size)
        for inner, outer in np.argwhere(nested):
            code = np.where(values[:, inner] > 0, 0, np.where(values[:, outer] > 0, 1, 2))
            parts = names[outer], names[inner]
            yield _Partition(" without ".join(parts), ["", " ", REST], code, [False] * 3, parts)


def _sort_rows(
    partition: _Partition, start: int, inside: np.ndarray, atom: np.ndarray
) -> Attribute:
    """Count the rows of a partition; drop those without patients; put the smallest first."""
    names, (rows, atoms) = partition.names, (len(partition.names), len(inside))
    code = np.where(partition.code < 0, rows - 1, partition.code)
    counts = np.bincount(code * atoms + atom, minlength=rows * atoms).reshape(rows, atoms) @ inside
    order = sorted(
        np.flatnonzero(counts[:, 0]).tolist(), key=lambda row: (*counts[row].tolist(), names[row])
    )
    position = np.zeros(rows, np.int64)
    position[order] = np.arange(len(order))
    return Attribute(
        partition.name,
        partition.label or partition.name,
        tuple(names[row] for row in order),
        position[code],
        counts[order],
        tuple(start + row if partition.listed[row] else -1 for row in order),
        partition.intersection,
        partition.parts,
    )


def _shape(attribute: Attribute) -> tuple:
    return attribute.intersection, len(attribute.names), attribute.counts.ravel().tolist()


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
