"""The partitions of the patients that counts follow: attributes, intersections, differences.

A difference is what a group holds beyond those of another attribute that lie inside it: of 304
patients with a heart disease and 300 with heart failure, 4. No table lists it, but it is had by
subtraction by whoever knows that the one is a kind of the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rollcall.data.groups import Group

MISSING, REST = "(missing)", "(rest)"  # the group without a value; those outside of a bool column
MOST_LISTED = 8  # rows of an attribute whose every union is looked at
MOST_SHOWN = 50  # attributes that may leave, beyond which the gate would take minutes
MOST_GROUPS, GROUPS_AT_ONCE = 10_000, 1_024  # of attributes that are looked through for these
PATIENTS_AT_ONCE = 4_096
MOST_JOINT = 4_000_000  # cells of two attributes and all flags, beyond which they are not compared


@dataclass(frozen=True)
class Partition:
    """Groups that every patient is in one of.

    names: of the groups; code int (patients,): the group of each patient; listed: whether tables
    may list each; parts: names of the two attributes that it is made of, or none; label: what
    tables call the attribute.
    """

    name: str
    names: list[str]
    code: np.ndarray
    listed: list[bool]
    parts: tuple[str, ...] = ()
    intersection: bool = False
    label: str = ""


def list_partitions(
    attributes: pd.DataFrame, intersections: Iterable[Group] = ()
) -> Iterator[Partition]:
    """Yield the partition that each column makes, and each intersection of two of them.

    Of an intersection, patients of whom one value is known and the other is not are groups too: how
    many there are follows from the groups of the one attribute and of both.
    """
    for column in attributes:
        values = attributes[column]
        if values.dtype == bool:
            attribute, _, group = column.partition(": ")
            code, names = np.where(values, 0, 1), [group or "yes", REST]
            yield Partition(column, names, code, [True, False], label=attribute)
        else:
            values = values.astype("category")
            names = [*(str(name) for name in values.cat.categories), MISSING]
            code = values.cat.codes.to_numpy(int)
            code = np.where(code < 0, len(names) - 1, code)
            yield Partition(column, names, code, [True] * len(names))
    crossed: dict[str, tuple[list[str], np.ndarray]] = {}
    for attribute, group, inside, _ in intersections:
        names, code = crossed.setdefault(attribute, ([], np.full(len(attributes), -1)))
        code[inside] = len(names)
        names.append(group)
    for attribute, (names, code) in crossed.items():
        parts = split_crossed(attribute, attributes.columns)
        pair = [attributes[part].astype("category").cat.codes.to_numpy(int) for part in parts]
        unknown = np.flatnonzero(code < 0)
        both = np.column_stack(pair)[unknown]
        kinds, kind = np.unique(both, axis=0, return_inverse=True)
        code[unknown] = len(names) + kind.reshape(-1)
        listed = [*([True] * len(names)), *([False] * len(kinds))]
        names = [*names, *(f"{MISSING} {number}" for number in range(len(kinds)))]
        yield Partition(attribute, names, code, listed, parts, True)


def split_crossed(name: str, columns: Iterable[str]) -> tuple[str, str]:
    """Return the two columns that an intersection "one x other" is of."""
    words, known = name.split(" x "), set(columns)
    for place in range(1, len(words)):
        one, other = " x ".join(words[:place]), " x ".join(words[place:])
        if {one, other} <= known:
            return one, other
    raise AssertionError(f"{name!r} is no intersection of two columns")


def find_beyond(
    partitions: Sequence[Partition], atom: np.ndarray, bands: np.ndarray, smallest: int
) -> Iterator[Partition]:
    """Yield what groups hold beyond those of another attribute inside them, where that is little.

    atom int (patients,): each one's combination of flags; bands bool (bands, atoms). Little: from 1
    to smallest - 1 patients of some band. Groups that the other attribute's make up exactly are
    left out if these are so few that every union of them is looked at.
    """
    seen = set()
    for outer in partitions:
        for inner in partitions:
            if outer is inner:
                continue
            for number, (row, inside) in enumerate(_differ(outer, inner, atom, bands, smallest)):
                code = np.where(np.isin(inner.code, inside), 1, 2)
                code[(outer.code == row) & (code == 2)] = 0
                if (key := np.packbits(code == 0).tobytes()) in seen:
                    continue
                seen.add(key)
                yield Partition(
                    f"{outer.name} beyond {inner.name} {number}",
                    ["", " ", REST],
                    code,
                    [False] * 3,
                    (outer.name, inner.name),
                )


def _differ(
    outer: Partition, inner: Partition, atom: np.ndarray, bands: np.ndarray, smallest: int
) -> Iterator[tuple[int, list[int]]]:
    """Yield (group, groups of the inner attribute inside it) that differ by little in some band."""
    shape = len(outer.names), len(inner.names), bands.shape[1]
    if np.prod(shape) > MOST_JOINT:
        return
    cell = (outer.code * shape[1] + inner.code) * shape[2] + atom
    joint = np.bincount(cell, minlength=int(np.prod(shape))).reshape(shape)
    sizes = joint.sum(2)
    contained = (sizes > 0) & (sizes == sizes.sum(0))
    for row in np.flatnonzero(contained.any(1)):
        inside = np.flatnonzero(contained[row])
        held = joint[row].sum(0)
        if sizes[row, inside].sum() == sizes[row].sum() and shape[1] <= MOST_LISTED:
            continue
        unions = [[group] for group in inside.tolist()]
        listed = [group for group in inside.tolist() if inner.listed[group]]
        for union in [*unions, *(some for some in (inside.tolist(), listed) if len(some) > 1)]:
            apart = bands @ (held - joint[row, union].sum(0))
            if sizes[row, union].sum() >= smallest and ((apart > 0) & (apart < smallest)).any():
                yield int(row), union


def list_showable(attributes: pd.DataFrame, smallest: int) -> list[str]:
    """List the columns whose sizes may be shown together, whichever of them are: in their order.

    Each group, the missing values too, has at least `smallest` patients, and none has a few more
    than those inside it of a column that is listed before, or a few less than one around it.
    """
    names, codes, listed = [], [], []
    for partition in list_partitions(attributes):
        sizes = np.bincount(partition.code, minlength=len(partition.names))
        exists = sizes > 0
        if sizes[exists].min(initial=smallest) < smallest or not exists.any():
            continue
        if sum(map(len, listed)) + exists.sum() > MOST_GROUPS:
            break
        names.append(partition.name)
        codes.append((np.cumsum(exists) - 1)[partition.code].astype(np.int32))
        listed.append(np.array(partition.listed)[exists])
    differs = _find_little(codes, listed, smallest)
    kept: list[int] = []
    for number in range(len(names)):
        if not differs[number, kept].any():
            kept.append(number)
    return [names[number] for number in kept]


def _find_little(codes: list[np.ndarray], listed: list[np.ndarray], smallest: int) -> np.ndarray:
    """Tell which attributes have groups that differ by 1 to smallest - 1 from groups inside them.

    codes: int (patients,) of each; listed: bool (groups,) of each; bool (attributes, attributes).
    """
    number = len(codes)
    differs = np.zeros((number, number), bool)
    if not number:
        return differs
    starts = np.cumsum([0, *map(len, listed)])
    owner, is_listed = np.repeat(np.arange(number), np.diff(starts)), np.concatenate(listed)
    sizes = np.concatenate([np.bincount(code, minlength=2) for code in codes])
    for first in range(0, len(owner), GROUPS_AT_ONCE):
        outer = slice(first, first + GROUPS_AT_ONCE)
        joint = np.zeros((len(owner[outer]), len(owner)), np.float32)
        for at in range(0, len(codes[0]), PATIENTS_AT_ONCE):
            some = np.stack([code[at : at + PATIENTS_AT_ONCE] for code in codes], axis=1)
            inside = np.zeros((len(some), len(owner)), np.float32)
            inside[np.arange(len(some))[:, None], some + starts[:-1]] = 1
            joint += inside[:, outer].T @ inside
        contained = (joint == sizes) & (owner[outer, None] != owner)
        for held in (contained * sizes, contained * sizes * is_listed):
            apart = sizes[outer, None] - np.add.reduceat(held, starts[:-1], axis=1)
            little = (apart > 0) & (apart < smallest)
            np.logical_or.at(differs, owner[outer], little)
        apart = sizes[outer, None] - sizes
        little = contained & (apart > 0) & (apart < smallest)
        np.logical_or.at(differs, owner[outer], np.logical_or.reduceat(little, starts[:-1], axis=1))
    return differs | differs.T
