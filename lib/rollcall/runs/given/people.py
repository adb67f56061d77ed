"""Who the records are of, and who was in which training set: csv by patient id, or arrays."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import cleaning, tables
from rollcall.runs.given.arrays import open_array
from rollcall.runs.given.designs.tables import (
    KEY,
    MEMBER,
    MODEL,
    is_table,
    order_columns,
    read_frame,
    read_yes,
    widen_members,
)
from rollcall.util.errors import InputError


def read_patients(path: Path) -> pd.Series:
    """Return the patient of each record, str (records,): the column patient_id of a csv."""
    table = tables.read_whole_table(path, KEY)
    if KEY not in table:
        like = [name for name in table if name.lower().replace(" ", "_") == KEY]
        which = f"column {like[0]!r}" if like else "the column that names the patient"
        raise InputError(
            f"{path}: lacks the column {KEY!r}; it has {', '.join(map(repr, table))[:300]}; "
            f"name {which} of each record so, in the first row"
        )
    return cleaning.clean_ids(path, table, KEY).rename(KEY)


def read_members(
    path: Path,
    targets: int,
    codes: np.ndarray,
    names: pd.Index,
    models: tuple[str, ...] = (),
) -> np.ndarray:
    """Return who was in which training set, bool (targets, patients), of any design.

    path   .npy bool, or 0 and 1, (targets, patients) in the order of `names`, or (targets,
           records); or a csv or parquet with a column patient_id and a column of 0 and 1 for each
           target, in the order of the scores' rows, joined by name; or with the columns patient_id,
           model and member
    codes  (records,) int: the patient of each record; names (patients,)
    models (targets,), where a table of scores names them: columns are joined by these names

    InputError names the file.
    """
    if is_table(path):
        members = _from_table(path, targets, pd.Series(names, dtype="str"), models)
    else:
        array = open_array(path, "bool, who was in which training set")
        members = from_array(path, array, targets, codes, len(names))
    _check_different(path, members)
    return members


def from_array(
    path: Path, array: np.ndarray, targets: int, codes: np.ndarray, patients: int
) -> np.ndarray:
    """Return an array of members as bool (targets, patients), as read_members takes it."""
    shapes = (targets, patients), (targets, len(codes))
    if array.shape not in shapes:
        turned = array.shape[::-1] in shapes and array.ndim == 2
        raise InputError(
            f"{path}: {array.shape}, expected ({targets}, {patients}) for patients "
            f"or ({targets}, {len(codes)}) for records"
            + ("; the axes are the other way round, save array.T" if turned else "")
        )
    if array.dtype != bool:
        if not ((array == 0) | (array == 1)).all():
            raise InputError(
                f"{path}: {array.dtype} with values other than 0 and 1; expected bool: true where "
                "a model had the patient, save with .astype(bool)"
            )
        array = array != 0
    if array.shape == shapes[0]:
        return np.array(array)
    first = np.unique(codes, return_index=True)[1]
    members = np.array(array[:, first])
    for target, row in enumerate(members):
        wrong = np.flatnonzero(array[target] != row[codes])
        if len(wrong):
            raise InputError(
                f"{path}: target {target}, record {wrong[0]}: another record of its patient is "
                f"{'out' if array[target, wrong[0]] else 'in'}; "
                "a patient must be wholly in or out of a training set"
            )
    return members


def _from_table(path: Path, targets: int, names: pd.Series, models: tuple[str, ...]) -> np.ndarray:
    table = read_frame(path)
    if {KEY, MODEL, MEMBER} <= set(table):
        table = widen_members(path, table, cleaning.clean_ids(path, table, KEY))
    columns = [column for column in table if column != KEY]
    if KEY not in table or len(columns) != targets:
        raise InputError(
            f"{path}: {len(columns)} columns beside {KEY!r}"
            f"{'' if KEY in table else ', which it lacks'}; "
            f"expected {KEY!r} and {targets}, one of 0 and 1 for each target"
        )
    columns = order_columns(path, columns, models)
    numbers = [re.search(r"([0-9]+)$", column) for column in columns]
    order = [int(number[1]) for number in numbers if number]
    if not models and len(order) == targets and order != sorted(order):
        raise InputError(
            f"{path}: the columns are in the order {', '.join(columns[:3])}, ...; "
            "expected that of the scores' rows, by their numbers"
        )
    rows = join(path, cleaning.clean_ids(path, table, KEY), names)
    members = np.empty((targets, len(names)), bool)
    for target, column in enumerate(columns):
        members[target] = read_yes(path, table, column)[rows]
    return members


def join(path: Path, ids: pd.Series, patients: pd.Series) -> np.ndarray:
    """Return the row of a table that each patient has, int (patients,).

    ids: the table's column patient_id, cleaned. InputError for an id that stands in it twice, and
    for a patient without a row.
    """
    twice = np.flatnonzero(ids.duplicated())
    if len(twice):
        raise InputError(
            f"{path}: row {twice[0] + 2}, column {KEY!r}: {ids.iloc[twice[0]]!r:.42}; this {KEY} "
            "is in the table already; expected each once"
        )
    rows = cleaning.find_rows(ids, patients)
    without = np.flatnonzero(rows < 0)
    if len(without):
        raise InputError(
            f"{path}: no row for patient {patients.iloc[without[0]]!r:.42} "
            f"({len(without):,} of {len(patients):,} patients without); expected one for each; "
            f"its first is {ids.iloc[0]!r:.42}"
        )
    return rows


def _check_different(path: Path, members: np.ndarray) -> None:
    """InputError if two training sets are the same, which chance does not give.

    Of few patients it may.
    """
    if members.shape[1] < 40:
        return
    packed = np.packbits(members, axis=1)
    seen: dict[bytes, int] = {}
    for target, row in enumerate(packed):
        first = seen.setdefault(row.tobytes(), target)
        if first != target:
            raise InputError(
                f"{path}: targets {first} and {target} had the same patients; expected each pair "
                "to have other random halves"
            )
