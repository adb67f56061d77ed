"""Files of a release check: what the model gave each record, and who was in its training set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import cleaning, tables
from rollcall.data.cohort import Cohort, describe_label
from rollcall.runs.given import kinds
from rollcall.runs.given.arrays import open_array
from rollcall.runs.given.designs.tables import KEY, is_table, read_frame, read_yes
from rollcall.runs.given.people import join, read_members
from rollcall.util.errors import InputError
from rollcall.util.files import write_bytes


def read_outputs(path: Path, cohort: Cohort, kind: str) -> np.ndarray:
    """Return one model's log odds of each record's own label, float32 (N,) or (N, L).

    .npy (N,) or (N, columns), a row per record in the order of the cohort; or a table (csv,
    parquet) with such rows, numbers alone but for a column patient_id, which must then be that of
    the records, row by row. kind: as rollcall.runs.given.kinds has them; labels are the cohort's.
    InputError if it is anything else.
    """
    values = _read_table(path, cohort) if is_table(path) else open_array(path, kinds.WORDS[kind])
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


def _read_table(path: Path, cohort: Cohort) -> np.ndarray:
    table = read_frame(path)
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
    table = read_frame(path)
    columns = [column for column in table if column != KEY]
    if KEY not in table or len(columns) != 1:
        raise InputError(
            f"{path}: columns {', '.join(map(repr, table))[:200]}; expected {KEY!r} and one of 0 "
            "and 1: whether the patient was in the training set"
        )
    patients = pd.Series(cohort.patients, dtype="str")
    rows = join(path, cleaning.clean_ids(path, table, KEY), patients)
    return read_yes(path, table, columns[0])[rows]


def read_references(
    scores: Path, members: Path, cohort: Cohort, kind: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return given scores of reference models, (R, N) or (R, N, L), and whom each had, (R, P).

    scores: .npy (R, N) or (R, N, columns), of `kind`; members: of .npy or a
    csv, as rollcall.runs.given.people.read_members takes them.
    """
    array = open_array(scores, kinds.WORDS[kind])
    if array.ndim < 2:
        raise InputError(f"{scores}: {array.shape}; expected (references, records)")
    rows = np.array([convert_outputs(scores, row, cohort, kind) for row in array])
    names = pd.Index(cohort.patients.astype(str))
    return rows, read_members(members, len(rows), cohort.patient_index, names)


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
