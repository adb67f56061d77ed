"""Files of a release check: what the model gave each record, and who was in its training set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import cleaning, tables
from rollcall.data.cohort import Cohort, describe_label
from rollcall.runs.given import kinds
from rollcall.runs.given.arrays import open_array
from rollcall.runs.given.people import KEY, NO, YES, join
from rollcall.util.errors import InputError
from rollcall.util.files import write_bytes

TEXT = (".csv", ".tsv", ".txt")


def read_outputs(path: Path, cohort: Cohort, kind: str) -> np.ndarray:
    """Return one model's log odds of each record's own label, float32 (N,) or (N, L).

    .npy (N,) or (N, columns), a row per record in the order of the cohort; or a csv with such rows,
    numbers alone but for a column patient_id, which must then be that of the records, row by row.
    kind: as rollcall.runs.given.kinds has them; labels are the cohort's. InputError if it is
    anything else.
    """
    values = _read_table(path, cohort) if is_text(path) else open_array(path, kinds.WORDS[kind])
    return convert_outputs(path, values, cohort, kind)


def convert_outputs(path: Path, values: np.ndarray, cohort: Cohort, kind: str) -> np.ndarray:
    """Return log odds of each record's own label from a model's outputs, (N,) or (N, columns)."""
    if len(values) != len(cohort) or values.ndim not in (1, 2):
        raise InputError(
            f"{path}: {values.shape}; expected a row for each of the {len(cohort):,} records of "
            f"cohort {cohort.name!r}, in their order"
        )
    values = values[:, 0] if values.shape[1:] == (1,) else values
    needs_labels = kind in (kinds.PROBA, kinds.LOGITS)
    wide = cohort.task == "multilabel" or (cohort.task == "multiclass" and needs_labels)
    columns = len(cohort.classes) if wide else 1
    several = values.shape[1] if values.ndim == 2 else 1
    if several != columns and not (cohort.task == "binary" and needs_labels and several == 2):
        raise InputError(
            f"{path}: {values.shape}; expected {columns} column(s) of {kinds.WORDS[kind]} for the "
            f"classes {', '.join(cohort.classes)}"
        )
    given = kinds.choose_kind(path, values[None], kind, cohort.labels if needs_labels else None)
    given, _ = kinds.find_floor(given)
    return kinds.convert_target(given, 0)


def is_text(path: Path) -> bool:
    """Say whether a file is a table of text, by its name."""
    return path.name.removesuffix(".gz").endswith(TEXT)


def _read_table(path: Path, cohort: Cohort) -> np.ndarray:
    table = tables.read_whole_table(path, KEY)
    if KEY in table:
        ids = cleaning.make_keys(cleaning.clean_ids(path, table, KEY)).to_numpy(str)
        wanted = cleaning.make_keys(pd.Series(cohort.records[KEY].to_numpy(), dtype="str"))
        if len(ids) != len(wanted) or (ids != wanted.to_numpy(str)).any():
            raise InputError(
                f"{path}: its {KEY} are not those of the cohort's records, row by row; expected a "
                f"row for each of {len(wanted):,} records, in their order"
            )
    columns = [column for column in table if column != KEY]
    if not columns:
        raise InputError(f"{path}: no column but {KEY}; expected what the model gives each record")
    values = [tables.read_numbers(path, table, column) for column in columns]
    return np.stack(values, axis=1)


def read_flags(path: Path, cohort: Cohort) -> np.ndarray:
    """Return who was in the training set, bool (P,), from a csv: patient_id, and a column of 0, 1.

    Joined by name. InputError for a patient of the cohort without a row, an id twice, or another
    value.
    """
    table = tables.read_whole_table(path, KEY)
    columns = [column for column in table if column != KEY]
    if KEY not in table or len(columns) != 1:
        raise InputError(
            f"{path}: columns {', '.join(map(repr, table))[:200]}; expected {KEY!r} and one of 0 "
            "and 1: whether the patient was in the training set"
        )
    words = cleaning.strip_fields(table[columns[0]]).str.lower()
    yes = words.isin(YES)
    tables.refuse_rows(path, table, columns[0], ~(yes | words.isin(NO)), "expected 0 or 1")
    patients = pd.Series(cohort.patients, dtype="str")
    return yes.to_numpy(bool)[join(path, cleaning.clean_ids(path, table, KEY), patients)]


def read_references(
    scores: Path, members: Path, cohort: Cohort, kind: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return given scores of reference models, (R, N) or (R, N, L), and whom each had, (R, P).

    scores: .npy (R, N) or (R, N, columns), of `kind`; members: .npy bool (R, P), in the order of
    the cohort's patients, or a csv with patient_id and a column of 0 and 1 for each model.
    """
    array = open_array(scores, kinds.WORDS[kind])
    if array.ndim < 2:
        raise InputError(f"{scores}: {array.shape}; expected (references, records)")
    rows = np.array([convert_outputs(scores, row, cohort, kind) for row in array])
    patients = pd.Series(cohort.patients, dtype="str")
    if not is_text(members):
        flags = open_array(members, "bool, whom each reference model had")
        if flags.shape != (len(rows), len(patients)) or not np.isin(flags, (0, 1)).all():
            raise InputError(
                f"{members}: {flags.dtype} {flags.shape}; expected bool ({len(rows)}, "
                f"{len(patients)}), a column for each patient"
            )
        return rows, np.array(flags) != 0
    table = tables.read_whole_table(members, KEY)
    columns = [column for column in table if column != KEY]
    if KEY not in table or len(columns) != len(rows):
        raise InputError(
            f"{members}: expected {KEY!r} and {len(rows)} columns of 0 and 1, one for each model; "
            f"it has {', '.join(map(repr, table))[:200]}"
        )
    at = join(members, cleaning.clean_ids(members, table, KEY), patients)
    kinds_of = [cleaning.strip_fields(table[column]).str.lower() for column in columns]
    for column, words in zip(columns, kinds_of, strict=True):
        tables.refuse_rows(members, table, column, ~words.isin((*YES, *NO)), "expected 0 or 1")
    return rows, np.array([words.isin(YES).to_numpy(bool)[at] for words in kinds_of])


def write_records(path: Path, cohort: Cohort) -> None:
    """Write a csv of a cohort's records in their order: record, patient_id, label, attributes."""
    table = pd.DataFrame(
        {
            "record": np.arange(len(cohort)),
            KEY: cohort.records[KEY].to_numpy(),
            "label": [describe_label(cohort, record) for record in range(len(cohort))],
        }
    )
    attributes = cohort.records[list(cohort.attributes)].reset_index(drop=True)
    write_bytes(path, pd.concat([table, attributes], axis=1).to_csv(index=False).encode())
