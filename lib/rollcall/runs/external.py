"""An audit of models that were trained elsewhere: from their scores and their training sets."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import tables
from rollcall.data.cohort import MIN_PATIENTS, Cohort
from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.runs.environment import describe
from rollcall.runs.plausibility import check_scores
from rollcall.runs.run import Run, check_smallest_cell, open_run
from rollcall.stats.members import check_paired, check_targets
from rollcall.util.errors import InputError
from rollcall.util.files import write_array, write_json, write_table

COHORT_NAME = "own"  # of a run whose scores came from elsewhere


def create(
    scores: Path,
    members: Path,
    patients: Path,
    attributes: Path | None,
    out: Path,
    smallest_cell: int = MIN_GROUP_SIZE,
) -> tuple[Run, Cohort]:
    """Check the files and write them as a run to `out`.

    The attack and disparity notebooks read it. Nothing is written if a file is wrong.

    scores      .npy (targets, records) float, or (targets, records, labels): log odds of each
                record's own label, higher = more like a member
    members     .npy bool (targets, patients), patients in the order in which `patients` first
                names them, or (targets, records)
    patients    csv with a row per record; its column patient_id, or its only column, names the
                patient
    attributes  csv with a column patient_id and a row per patient, or with a row per record and
                no such column; every other column is an attribute

    smallest_cell: of patients, that a report may show. InputError names the file, and the target
    and record or the row and column; and says so where scores are plainly probabilities or losses,
    or members in another order (rollcall.runs.plausibility).
    """
    check_smallest_cell(smallest_cell)
    values, membership = _read_array(scores, "f", "float"), _read_array(members, "b", "bool")
    ids = _read_ids(patients)
    if values.ndim not in (2, 3) or values.shape[1] != len(ids):
        raise InputError(
            f"{scores}: {values.shape}, expected (targets, {len(ids)}): "
            f"a column for each row of {patients}"
        )
    codes, names = pd.factorize(ids)
    check_targets(len(values))
    if len(names) < MIN_PATIENTS:
        raise InputError(
            f"{patients}: {len(names)} patient(s); an audit needs at least {MIN_PATIENTS}"
        )
    membership = check_paired(_by_patient(members, membership, len(values), codes, len(names)))
    _check_finite(scores, values)
    check_scores(scores, members, values, membership, codes, names)
    records = pd.DataFrame({"patient_id": ids})
    if attributes is not None:
        records = _add_attributes(attributes, records)
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()) and not (out / "scores.npy").is_file():
        raise InputError(f"{out}: exists and is not an audit of own scores; choose another --out")
    write_array(out / "scores.npy", values.astype(np.float32))
    write_array(out / "members.npy", membership)
    write_table(out / "own.parquet", records)
    write_json(
        out / "run.json",
        {
            "cohort": COHORT_NAME,
            "fingerprint": _compute_fingerprint(values, membership, records),
            "records": len(ids),
            "patients": len(names),
            "targets": len(values),
            "seed": 0,
            "scores": "given",
            "smallest_cell": smallest_cell,
            "files": [str(path) for path in (scores, members, patients, attributes) if path],
            **describe(),
        },
    )
    return read(out)


def read(out: Path) -> tuple[Run, Cohort]:
    """Return the run and the cohort that `create` wrote to `out`."""
    run = open_run(out)
    if run.config.get("cohort") != COHORT_NAME:
        raise InputError(
            f"{out}: a run of cohort {run.config.get('cohort')!r}; "
            "expected one that `rollcall attack` has written"
        )
    records = pd.read_parquet(out / "own.parquet")
    cohort = Cohort(
        name=COHORT_NAME,
        records=records,
        inputs=np.empty((len(records), 0), np.float32),
        labels=np.zeros(len(records), np.int64),
        task="multiclass",
        classes=("given",),
        attributes=tuple(column for column in records if column != "patient_id"),
        fingerprint=run.config["fingerprint"],
        source="Scores of models that were trained elsewhere.",
    )
    return run, cohort


def _read_array(path: Path, kind: str, expected: str) -> np.ndarray:
    """Map an array of a dtype's kind ("f", "b"); `expected` names that in messages."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(
            f"{path}: not a readable .npy ({str(error).splitlines()[0]}); "
            f"expected an array of {expected} as numpy.save writes it"
        ) from error
    if array.dtype.kind != kind:
        raise InputError(f"{path}: {array.dtype} {array.shape}; expected {expected}")
    return array


def _check_finite(path: Path, scores: np.ndarray) -> None:
    for target, row in enumerate(scores):
        bad = np.argwhere(~np.isfinite(row))
        if len(bad):
            raise InputError(
                f"{path}: target {target}, record {bad[0][0]} is NaN or infinite; "
                "expected finite scores"
            )


def _read_ids(path: Path) -> pd.Series:
    """Return the patient of each record."""
    header = tables.read_header(path)
    column = "patient_id" if "patient_id" in header else header[0]
    if column != "patient_id" and len(header) > 1:
        raise InputError(
            f"{path}: lacks the column 'patient_id'; it has {', '.join(map(repr, header))[:300]}"
        )
    table = tables.read_table(path, [column])
    empty = table[column] == ""
    tables.refuse_rows(path, table, column, empty, "expected the patient of this record")
    return table[column].rename("patient_id")


def _by_patient(
    path: Path, members: np.ndarray, targets: int, codes: np.ndarray, patients: int
) -> np.ndarray:
    """Return bool (targets, patients) from either form; `codes` is the patient of each record."""
    if members.shape == (targets, patients):
        return np.array(members)
    if members.shape != (targets, len(codes)):
        raise InputError(
            f"{path}: {members.shape}, expected ({targets}, {patients}) for patients "
            f"or ({targets}, {len(codes)}) for records"
        )
    first = np.unique(codes, return_index=True)[1]
    wrong = np.argwhere(members != members[:, first][:, codes])
    if len(wrong):
        target, record = wrong[0]
        raise InputError(
            f"{path}: target {target}, record {record}: another record of its patient is "
            f"{'out' if members[target, record] else 'in'}; "
            "a patient must be wholly in or out of a training set"
        )
    return np.array(members[:, first])


def _add_attributes(path: Path, records: pd.DataFrame) -> pd.DataFrame:
    """Add the attributes, a row per patient or per record, as categorical columns."""
    ids = records["patient_id"]
    header = tables.read_header(path)
    table = tables.read_table(path, header, key="patient_id" if "patient_id" in header else ())
    columns = [column for column in header if column != "patient_id"]
    if not columns:
        raise InputError(f"{path}: no column but patient_id; expected at least one attribute")
    if "patient_id" in header:
        rows = pd.Index(table["patient_id"]).get_indexer(ids)
        without = np.flatnonzero(rows < 0)
        if len(without):
            raise InputError(
                f"{path}: no row for patient {ids.iloc[without[0]]!r:.40} "
                f"({len(without):,} records without); expected one for each patient"
            )
        table = table.iloc[rows]
    elif len(table) != len(ids):
        raise InputError(
            f"{path}: {len(table)} rows and no column patient_id; "
            f"expected {len(ids)}, one for each record, or a column patient_id"
        )
    table = table.reset_index(drop=True)
    for column in columns:
        records[column] = table[column].where(table[column] != "").astype("category")
    return records


def _compute_fingerprint(scores: np.ndarray, members: np.ndarray, records: pd.DataFrame) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(members))
    for row in scores:
        digest.update(np.ascontiguousarray(row))
    digest.update(records.astype(object).to_csv(index=False).encode())
    return digest.hexdigest()
