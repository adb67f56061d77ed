"""Scores of your own: an audit of models that were trained elsewhere, from their scores and who was in which training set."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import tables
from rollcall.data.cohort import MIN_PATIENTS, Cohort
from rollcall.runs.environment import describe
from rollcall.runs.run import Run, open_run
from rollcall.stats.members import check_paired, check_targets
from rollcall.util.errors import InputError
from rollcall.util.files import atomic_write, write_json, write_table

COHORT_NAME = "own"


def create(
    scores: Path, members: Path, patients: Path, attributes: Path | None, out: Path
) -> tuple[Run, Cohort]:
    """Check the files and write them as a run to `out`, which the attack and disparity notebooks read. Nothing is written if one is wrong.

    scores      .npy (targets, records) float, or (targets, records, labels): log odds of each record's own label, higher = more like a member
    members     .npy bool (targets, patients), patients in the order in which `patients` first names them, or (targets, records)
    patients    csv with a row per record; its column patient_id, or its only column, names the patient
    attributes  csv with a column patient_id and a row per patient, or with a row per record and none; every other column is an attribute
    """
    values, had = _array(scores, "f", "float"), _array(members, "b", "bool")
    ids = _ids(patients)
    if values.ndim not in (2, 3) or values.shape[1] != len(ids):
        raise InputError(
            f"{scores}: {values.shape}, expected (targets, {len(ids)}): a column for each row of {patients}"
        )
    codes, names = pd.factorize(ids)
    check_targets(len(values))
    if len(names) < MIN_PATIENTS:
        raise InputError(
            f"{patients}: {len(names)} patient(s); an audit needs at least {MIN_PATIENTS}"
        )
    had = check_paired(_by_patient(members, had, values, codes, names))
    for target, row in enumerate(values):
        bad = np.argwhere(~np.isfinite(row))
        if len(bad):
            raise InputError(
                f"{scores}: target {target}, record {bad[0][0]} is NaN or infinite; expected finite scores"
            )
    records = (
        pd.DataFrame({"patient_id": ids}) if attributes is None else _attributes(attributes, ids)
    )
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()) and not (out / "scores.npy").is_file():
        raise InputError(f"{out}: exists and is not an audit of own scores; choose another --out")
    with atomic_write(out / "scores.npy") as file:
        np.save(file, values.astype(np.float32))
    with atomic_write(out / "members.npy") as file:
        np.save(file, had)
    write_table(out / "own.parquet", records)
    write_json(
        out / "run.json",
        {
            "cohort": COHORT_NAME,
            "fingerprint": _fingerprint(values, had, records),
            "records": len(ids),
            "patients": len(names),
            "targets": len(values),
            "seed": 0,
            "scores": "given",
            "files": [str(path) for path in (scores, members, patients, attributes) if path],
            **describe(),
        },
    )
    return read(out)


def read(out: Path) -> tuple[Run, Cohort]:
    """The run and the cohort that `create` wrote to `out`."""
    run = open_run(out)
    if run.config.get("cohort") != COHORT_NAME:
        raise InputError(
            f"{out}: a run of cohort {run.config.get('cohort')!r}; expected one that `rollcall attack` has written"
        )
    records = pd.read_parquet(out / "own.parquet")
    cohort = Cohort(
        COHORT_NAME,
        records,
        np.empty((len(records), 0), np.float32),
        np.zeros(len(records), np.int64),
        "multiclass",
        ("given",),
        tuple(column for column in records if column != "patient_id"),
        fingerprint=run.config["fingerprint"],
        source="Scores of models that were trained elsewhere.",
    )
    return run, cohort


def _array(path: Path, kind: str, wanted: str) -> np.ndarray:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(
            f"{path}: not a readable .npy ({str(error).splitlines()[0]}); expected an array of {wanted} as numpy.save writes it"
        ) from error
    if array.dtype.kind != kind:
        raise InputError(f"{path}: {array.dtype} {array.shape}; expected {wanted}")
    return array


def _ids(path: Path) -> pd.Series:
    header = tables.read_header(path)
    column = "patient_id" if "patient_id" in header else header[0]
    if column != "patient_id" and len(header) > 1:
        raise InputError(
            f"{path}: lacks the column 'patient_id'; it has {', '.join(map(repr, header))[:300]}"
        )
    table = tables.read_table(path, [column])
    tables.refuse_rows(
        path, table, column, table[column] == "", "expected the patient of this record"
    )
    return table[column].rename("patient_id")


def _by_patient(
    path: Path, had: np.ndarray, values: np.ndarray, codes: np.ndarray, names
) -> np.ndarray:
    """bool (targets, patients) from either form."""
    if had.shape == (len(values), len(names)):
        return np.array(had)
    if had.shape != (len(values), len(codes)):
        raise InputError(
            f"{path}: {had.shape}, expected ({len(values)}, {len(names)}) for patients or ({len(values)}, {len(codes)}) for records"
        )
    first = np.unique(codes, return_index=True)[1]
    wrong = np.argwhere(had != had[:, first][:, codes])
    if len(wrong):
        raise InputError(
            f"{path}: target {wrong[0][0]}, record {wrong[0][1]}: another record of its patient is {'out' if had[tuple(wrong[0])] else 'in'}; "
            "a patient must be wholly in or out of a training set"
        )
    return np.array(had[:, first])


def _attributes(path: Path, ids: pd.Series) -> pd.DataFrame:
    header = tables.read_header(path)
    table = tables.read_table(path, header, key="patient_id" if "patient_id" in header else ())
    columns = [column for column in header if column != "patient_id"]
    if not columns:
        raise InputError(f"{path}: no column but patient_id; expected at least one attribute")
    if "patient_id" in header:
        place = pd.Index(table["patient_id"]).get_indexer(ids)
        unknown = np.flatnonzero(place < 0)
        if len(unknown):
            raise InputError(
                f"{path}: no row for patient {ids.iloc[unknown[0]]!r:.40} ({len(unknown):,} records without); expected one for each patient"
            )
        table = table.iloc[place]
    elif len(table) != len(ids):
        raise InputError(
            f"{path}: {len(table)} rows and no column patient_id; expected {len(ids)}, one for each record, or a column patient_id"
        )
    table = table[columns].reset_index(drop=True)
    return pd.DataFrame(
        {
            "patient_id": ids,
            **{
                column: table[column].where(table[column] != "").astype("category")
                for column in columns
            },
        }
    )


def _fingerprint(values, had, records: pd.DataFrame) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(had))
    for row in values:
        digest.update(np.ascontiguousarray(row))
    digest.update(records.astype(object).to_csv(index=False).encode())
    return digest.hexdigest()
