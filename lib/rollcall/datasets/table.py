"""Data of one's own: a table, or pictures or recordings with a table, described in a cohort.toml.

Publisher, licence and access are the owner's; docs/own-data.md has the keys of the description.

Numbers, dates, words and missing values are made into inputs without looking at any label; what is
done with each column is said in the notes. The unit is the patient, or what the description says.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import tables
from rollcall.data.arrays.times import ORDER, rank_times
from rollcall.data.bands import DATE
from rollcall.data.cleaning import clean_ids
from rollcall.data.cohort import Cohort
from rollcall.data.decode import FileInputs
from rollcall.datasets.described import description, reading
from rollcall.datasets.described.description import Description
from rollcall.datasets.described.features.columns import read_column
from rollcall.datasets.described.features.encoding import encode, name_some
from rollcall.datasets.described.features.suspects import find_patient_column, note_outcomes
from rollcall.datasets.described.features.values import find_yes, parse_dates, parse_numbers
from rollcall.datasets.described.grouping import read_groups
from rollcall.datasets.described.outcomes import Outcome, note_small_classes, read_outcome
from rollcall.datasets.parts.about import Dataset
from rollcall.datasets.parts.common import count_text
from rollcall.util.errors import InputError

ABOUT = Dataset(
    name=description.DATASET,
    title="A table of your own",
    licence="your own",
    access="yours",
    records="rows; what its cohort.toml names",
    is_table=True,
)
VERSION = 2  # numbers with gaps, points between thousands, brackets, other figures


def locate(root: Path | None, folder: Path) -> dict[str, Path]:
    """Find the description that root is or holds, and the table that it names."""
    described = description.read(root or "")
    return {"description": described.path, "table": described.table_path}


def read(files: dict[str, Path], root: Path | None) -> Cohort:
    """Read a table as its description says.

    Inputs float32 (rows, features), or the files of pictures or recordings. Labels int64 (rows,),
    or (rows, labels) of 0 and 1.
    """
    described = description.read(files["description"])
    table = reading.read(described)
    outcome = read_outcome(described, table)
    notes = _note_repeated(table, described)
    ids = _read_patients(described, table)
    table, ids = table[outcome.known], ids[outcome.known]
    people = pd.factorize(ids)[0]
    notes += [*outcome.notes, *note_small_classes(outcome, people)]
    grouped = outcome.columns.get("label")
    groups, group_notes = read_groups(
        described, table, grouped if isinstance(grouped, pd.Categorical) else None
    )
    test = _read_test(described, table)
    inputs, made, input_notes = _make_inputs(described, table, people, ~test, outcome)
    records = pd.DataFrame({"patient_id": ids.to_numpy(object), **outcome.columns, **groups})
    if described.time:
        times, note = _read_times(described, table)
        records[ORDER] = rank_times(ids, times)
        notes += [note] * bool(note)

    def make_part(rows: np.ndarray, **fields) -> Cohort:
        return Cohort(
            described.name,
            records[rows].reset_index(drop=True),
            inputs.take(rows) if isinstance(inputs, FileInputs) else inputs[rows],
            outcome.labels[rows],
            outcome.task,
            outcome.classes,
            (*groups, *outcome.attributes),
            restricted=described.restricted,
            unit=described.unit,
            source=describe_source(described),
            **made,
            **fields,
        )

    return make_part(
        ~test,
        notes=(*input_notes, *group_notes, *notes),
        test=make_part(test) if test.any() else None,
    )


def describe_source(described: Description) -> str:
    """Write the sentence on where the data are from, as their owner says."""
    source = described.source or f"A table of the user's own, {described.table}"
    return f"{source.rstrip('.')}{f', {described.licence}' if described.licence else ''}."


def _read_patients(described: Description, table: pd.DataFrame) -> pd.Series:
    """Return the patient of each row; without a column of them, a row is a patient."""
    if described.patient:
        return clean_ids(described.table_path, table, described.patient)
    used = {*described.drop, *described.label, *described.columns()["groups"]}
    name = find_patient_column(table, used)
    if name:
        raise InputError(
            f"{described.path}: column {name!r} looks like ids of patients "
            f"({table[name].nunique():,} in {len(table):,} rows); say "
            f'patient = "{name}", or drop it if a row is a patient'
        )
    return pd.Series([f"{row}" for row in range(1, len(table) + 1)], table.index, "str")


def _note_repeated(table: pd.DataFrame, described: Description) -> list[str]:
    """Count the rows that are as another in every column."""
    repeated = int(table.duplicated().sum())
    if not repeated:
        return []
    whose = "" if described.patient else ", each as of another patient"
    return [f"{count_text(repeated)} rows are as an earlier one in every column; kept{whose}"]


def _read_test(described: Description, table: pd.DataFrame) -> np.ndarray:
    """Say which rows are held out, bool (rows,)."""
    if not described.test:
        return np.zeros(len(table), bool)
    values, path = table[described.test], described.table_path
    words = pd.Series(values[values != ""].unique(), dtype="str")
    yes = find_yes(words)
    if not yes:
        shown = ", ".join(f"{word!r:.42}" for word in words[:5])
        raise InputError(
            f"{path}: test column {described.test!r} has {len(words):,} values ({shown}); expected "
            "true and false, or 1 and 0"
        )
    tables.refuse_rows(
        path, table, described.test, values == "", "expected whether the row is held out"
    )
    return (values == yes).to_numpy(bool)


def _read_times(described: Description, table: pd.DataFrame) -> tuple[np.ndarray, str]:
    """Return when each row was made, float (rows,), NaN where it is missing; what to say of it."""
    codes, written = pd.factorize(table[described.time])
    words = pd.Series(written, dtype="str")
    known, times = (words != "").to_numpy(), np.full(len(words), np.nan)
    dates, note = parse_dates(words[known]) if known.any() else (None, "")
    times[known] = parse_numbers(words[known])[0] if dates is None else dates
    odd, alike = known & np.isnan(times), words.str.fullmatch(DATE).to_numpy(bool)
    if (odd & alike).any() and (odd & ~alike).any():  # what keeps the others from being dates
        odd &= ~alike
    wrong = pd.Series(odd[codes], table.index)
    expected = "expected dates of one layout, or numbers"
    tables.refuse_rows(described.table_path, table, described.time, wrong, expected)
    return times[codes], f"{described.time}: {note}" if note else ""


def _make_inputs(
    described: Description,
    table: pd.DataFrame,
    people: np.ndarray,
    pool: np.ndarray,
    outcome: Outcome,
) -> tuple[np.ndarray | FileInputs, dict, list[str]]:
    """Return the inputs of all rows, fields of the Cohort that go with them, and notes."""
    if described.kind != "features":
        from rollcall.datasets.described.records.opening import open_records  # takes imports

        files, scale, notes = open_records(described, table)
        return files, {"scale": scale}, notes
    return _encode_columns(described, table, people, pool, outcome)


def _encode_columns(
    described: Description,
    table: pd.DataFrame,
    people: np.ndarray,
    pool: np.ndarray,
    outcome: Outcome,
) -> tuple[np.ndarray, dict, list[str]]:
    """Encode every column that is named nowhere else, as `_make_inputs`."""
    named = described.columns()
    others = {name for key in ("patient", "label", "drop", "test", "time") for name in named[key]}
    columns = [
        read_column(table[name], people, as_words=name in described.words)
        for name in table.columns
        if name not in others
    ]
    inputs, features, notes = encode(columns, pool, f"{described.path}")
    notes += note_outcomes(columns, outcome)
    if described.drop:
        notes.append(f"dropped, as asked: {name_some(list(described.drop))}")
    return inputs, {"features": features}, notes
