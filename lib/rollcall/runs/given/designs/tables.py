"""Scores and members in tables, csv or parquet: wide, a column for each model, or long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import cleaning, tables
from rollcall.util.errors import InputError, first_line
from rollcall.util.faults import raise_machine_fault
from rollcall.util.files import parse_table

KEY = "patient_id"
YES, NO = ("1", "1.0", "true", "t", "yes"), ("0", "0.0", "false", "f", "no")
RECORD, MODEL, SCORE, MEMBER = "record_id", "model", "score", "member"
TEXTS = (".csv", ".tsv", ".txt")


@dataclass(frozen=True)
class ScoreTable:
    """Hold scores (M, N) float64, the patient of each record, str (N,), the models' names (M,).

    members bool (M, N), by record, where the table says who was a member; else None.
    """

    scores: np.ndarray
    ids: pd.Series
    models: tuple[str, ...]
    members: np.ndarray | None = None


def is_table(path: Path) -> bool:
    """Say whether a file is read as a table, by its name."""
    return path.name.removesuffix(".gz").endswith((*TEXTS, ".parquet"))


def read_frame(path: Path) -> pd.DataFrame:
    """Return a csv or parquet as strings, every column that has a name; as read_whole_table."""
    if path.suffix != ".parquet":
        return tables.read_whole_table(path, KEY)
    try:
        with path.open("rb") as file:
            table = parse_table(file)
    except (OSError, ValueError, MemoryError) as error:
        raise_machine_fault(error, path)
        raise InputError(f"{path}: not a readable parquet ({first_line(error)})") from error
    table = table.reset_index() if table.index.name else table
    if not len(table):
        raise InputError(f"{path}: holds no rows")
    return pd.DataFrame({str(name): _as_text(table[name]) for name in table})


def _as_text(values: pd.Series) -> pd.Series:
    """Return a column of parquet as a csv has it: whole numbers without a point, nothing as ""."""
    if values.dtype.kind == "f" and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")
    elif values.dtype.kind == "f":
        values = values.map(repr, na_action="ignore")
    return values.astype(object).map(str, na_action="ignore").fillna("").astype("str")


def read_scores(path: Path) -> ScoreTable:
    """Return the scores of a table, a row for each record, or for each record and model.

    wide   patient_id, maybe record_id, and a column of numbers for each model
    long   patient_id, model, score, maybe record_id (without it a patient has one record), and
           maybe member, 0 or 1

    InputError that names the file, and the row and column, where something is missing or twice.
    """
    table = read_frame(path)
    if KEY not in table:
        raise InputError(
            f"{path}: lacks the column {KEY!r}; it has {', '.join(map(repr, table))[:300]}"
        )
    ids = cleaning.clean_ids(path, table, KEY)
    if {MODEL, SCORE} <= set(table):
        return _read_long(path, table, ids)
    models = tuple(name for name in table if name not in (KEY, RECORD))
    if not models:
        raise InputError(
            f"{path}: no column but {KEY}; expected one of scores for each model, or the columns "
            f"{MODEL!r} and {SCORE!r}"
        )
    if RECORD in table:
        record = cleaning.strip_fields(table[RECORD])
        _refuse_twice(path, table, RECORD, pd.DataFrame({"id": ids, "record": record}).duplicated())
    scores = np.stack([tables.read_numbers(path, table, name) for name in models])
    return ScoreTable(scores.astype(np.float64), ids, models)


def _read_long(path: Path, table: pd.DataFrame, ids: pd.Series) -> ScoreTable:
    key = ids
    if RECORD in table:  # which may be counted anew for each patient
        key = ids.str.cat(cleaning.strip_fields(table[RECORD]), sep=", record ")
    model = _read_models(table)
    record, records = pd.factorize(key)
    row, models = pd.factorize(model)
    hint = "" if RECORD in table else f"; of several records of a patient give {RECORD!r} too"
    twice = pd.DataFrame({"record": record, "model": row}).duplicated()
    _refuse_twice(path, table, MODEL, twice, hint)
    values = tables.read_numbers(path, table, SCORE)
    scores = np.full((len(models), len(records)), np.nan)
    scores[row, record] = values
    missing = np.argwhere(np.isnan(scores))
    if len(missing) > np.isnan(values).sum():
        place, column = missing[0]
        raise InputError(
            f"{path}: no score of model {models[place]!r:.42} for {records[column]!r:.80} "
            f"({len(missing):,} such); expected one of each model for each record"
        )
    first = np.unique(record, return_index=True)[1]
    owner = ids.iloc[first].reset_index(drop=True)
    members = None
    if MEMBER in table:
        had = read_yes(path, table, MEMBER)
        members = np.empty(scores.shape, bool)
        members[row, record] = had
    return ScoreTable(scores, owner.rename(KEY), tuple(models), members)


def _read_models(table: pd.DataFrame) -> pd.Series:
    """Return the models' names; numbers without the ".0" of a column that was kept as floats."""
    names = cleaning.strip_fields(table[MODEL])
    if names.str.fullmatch(cleaning.WHOLE_AS_FLOAT).all():
        names = names.str.replace(r"[.]0*$", "", regex=True)
    return names


def _refuse_twice(path: Path, table: pd.DataFrame, column: str, twice, hint: str = "") -> None:
    tables.refuse_rows(path, table, column, np.asarray(twice), f"stands in the table already{hint}")


def read_yes(path: Path, table: pd.DataFrame, column: str) -> np.ndarray:
    """Return a column of 0 and 1, or words for them, as bool (rows,)."""
    words = cleaning.strip_fields(table[column]).str.lower()
    yes = words.isin(YES)
    tables.refuse_rows(path, table, column, ~(yes | words.isin(NO)), "expected 0 or 1")
    return yes.to_numpy()


def widen_members(path: Path, table: pd.DataFrame, ids: pd.Series) -> pd.DataFrame:
    """Return a long table of members, of patient_id, model and member, with a column a model."""
    had = read_yes(path, table, MEMBER)
    model = _read_models(table)
    patient, patients = pd.factorize(ids)
    number, models = pd.factorize(model)
    state = np.full((len(patients), len(models)), -1)
    state[patient, number] = had
    wrong = np.flatnonzero(state[patient, number] != had)
    if len(wrong):
        raise InputError(
            f"{path}: row {wrong[0] + 2}: patient {ids.iloc[wrong[0]]!r:.42} is in and out of "
            f"model {model.iloc[wrong[0]]!r:.42}; expected wholly in or out"
        )
    missing = np.argwhere(state < 0)
    if len(missing):
        place, column = missing[0]
        raise InputError(
            f"{path}: no row for patient {patients[place]!r:.42} and model "
            f"{models[column]!r:.42} ({len(missing):,} such); expected 0 or 1 for each"
        )
    wide = pd.DataFrame({KEY: np.asarray(patients, str)})
    return wide.assign(**{name: state[:, place].astype(str) for place, name in enumerate(models)})


def order_columns(path: Path, columns: Sequence[str], models: Sequence[str]) -> list[str]:
    """Return columns in the order of the models, where they have the models' names."""
    if not models:
        return list(columns)
    if set(columns) != set(models):
        missing = [name for name in models if name not in set(columns)]
        more = [name for name in columns if name not in set(models)]
        raise InputError(
            f"{path}: its models are not those of the scores (lacks "
            f"{', '.join(map(repr, missing[:3])) or 'none'}; beyond them "
            f"{', '.join(map(repr, more[:3])) or 'none'}); expected a column for each"
        )
    return list(models)
