"""Attributes that somebody collected: a row for each patient, or for each record."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import cleaning, tables
from rollcall.data.bands import group_column
from rollcall.runs.given.people import KEY, join
from rollcall.util.errors import InputError

MOST_COLUMNS = 10_000


def read_attributes(path: Path, ids: pd.Series) -> tuple[pd.DataFrame, list[str]]:
    """Return attributes of each record, categorical, and what must be said of the columns.

    ids: the patient of each record, cleaned. The csv has a column patient_id and a row for each
    patient, joined by name; or a row for each record, in their order: then its column patient_id,
    if it has one, must be `ids`. InputError where neither fits, and where ids stand in the table
    under another name.
    """
    table = tables.read_whole_table(path, KEY)
    columns = [column for column in table if column != KEY]
    if not columns:
        raise InputError(f"{path}: no column but {KEY}; expected at least one attribute")
    if len(columns) > MOST_COLUMNS:
        raise InputError(f"{path}: {len(columns):,} columns; expected at most {MOST_COLUMNS:,}")
    if KEY in table:
        rows, notes = _find_rows(path, table, ids)
    else:
        _refuse_other_key(path, table, ids)
        rows, notes = np.arange(len(ids)), []
    needed = np.unique(rows)
    groups = {}
    for column in columns:
        values = table[column]
        if len(needed) < len(table):
            values = values.iloc[needed]
        banded, note = group_column(column, values.reset_index(drop=True))
        if note:
            notes.append(note)
        if banded is not None:
            codes = np.asarray(banded.codes)[np.searchsorted(needed, rows)]
            groups[column] = pd.Categorical.from_codes(codes, dtype=banded.dtype)
    if not groups:
        raise InputError(f"{path}: no column makes groups to compare ({'; '.join(notes)[:400]})")
    return pd.DataFrame(groups, index=ids.index), notes


def _find_rows(path: Path, table: pd.DataFrame, ids: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Return the row of each record, int (records,), and a note if rows are of nobody."""
    named = cleaning.clean_ids(path, table, KEY)
    same = cleaning.make_keys(named).reset_index(drop=True)
    if len(named) == len(ids) and (same == cleaning.make_keys(ids).reset_index(drop=True)).all():
        return np.arange(len(ids)), []
    codes, names = pd.factorize(ids)
    rows = join(path, named, pd.Series(names, dtype="str"))
    others = len(table) - len(names)
    notes = (
        ["rows of the attributes that are of no audited patient were left out"] if others else []
    )
    return rows[codes], notes


def _refuse_other_key(path: Path, table: pd.DataFrame, ids: pd.Series) -> None:
    """InputError if a table without patient_id has ids, or cannot be joined by position."""
    column = cleaning.find_id_column(table, ids)
    if column is not None:
        raise InputError(
            f"{path}: no column {KEY!r}, but the column {column!r} holds ids of the patients; name "
            f"it {KEY!r}, so that rows are joined by it, or leave it out"
        )
    if len(table) != len(ids):
        raise InputError(
            f"{path}: {len(table)} rows and no column {KEY}; "
            f"expected {len(ids)}, one for each record, or a column {KEY}"
        )
