"""A cohort: the records of many patients, their inputs, labels and attributes; its validation and its cache on disk."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from lib.errors import InputError

TASKS = ("multiclass", "binary")
MIN_PATIENTS = 16  # fewer cannot be split into halves, ranked and grouped in any way that means something


@dataclass(frozen=True)
class Cohort:
    """Records of patients, in an order that never changes.

    records     table of N rows: `patient_id`, the label column(s), the attribute columns (categorical, missing stays missing)
    inputs      (N, ...) uint8 images (N, H, W, C), int16/float16 signals, or float32 features (N, F); may be memory-mapped
    targets     (N,) int64: class index (multiclass), 0/1 (binary)
    task        "multiclass" or "binary"
    classes     names of the classes, in index order
    attributes  columns of `records` that the disparity analysis splits by, in order
    features    names of the input columns, for tables; else empty
    restricted  True if no input may be shown in a report that leaves the machine
    source      one sentence: what the data are, who published them, under which licence
    notes       what preparing them found that a reader should know (missing values, unexpected counts)
    test        a held-out cohort of other patients, or None
    fingerprint sha256 over inputs, targets, records and patients; names the cohort in a run
    folder      where it is prepared on disk, if it is
    """

    name: str
    records: pd.DataFrame
    inputs: np.ndarray
    targets: np.ndarray
    task: str
    classes: tuple[str, ...]
    attributes: tuple[str, ...]
    features: tuple[str, ...] = ()
    restricted: bool = True
    source: str = ""
    notes: tuple[str, ...] = ()
    test: Cohort | None = None
    fingerprint: str = ""
    folder: Path | None = None

    def __len__(self) -> int:
        return len(self.records)

    @cached_property
    def _coded(self) -> tuple[np.ndarray, np.ndarray]:
        codes, patients = pd.factorize(self.records["patient_id"])
        return codes.astype(np.int32), np.asarray(patients)

    @property
    def patients(self) -> np.ndarray:
        """(P,) patient ids in order of first appearance."""
        return self._coded[1]

    @property
    def patient_index(self) -> np.ndarray:
        """(N,) int32: the position in `patients` of each record's patient."""
        return self._coded[0]

    @property
    def outputs(self) -> int:
        """Number of logits a model of this cohort has: one for a binary task, else one per class."""
        return 1 if self.task == "binary" else len(self.classes)


def patient_attributes(cohort: Cohort) -> pd.DataFrame:
    """One row per patient (in `cohort.patients` order), one categorical column per attribute.

    A patient whose records differ gets the most frequent value; ties go to the one seen first; missing only if all are missing.
    """
    columns = {}
    for attribute in cohort.attributes:
        values = cohort.records[attribute].astype("category")
        codes, categories = values.cat.codes.to_numpy(), values.cat.categories
        known = np.flatnonzero(codes >= 0)
        key = cohort.patient_index[known].astype(np.int64) * max(len(categories), 1) + codes[known]
        unique, first, count = np.unique(key, return_index=True, return_counts=True)
        patient, code = unique // max(len(categories), 1), unique % max(len(categories), 1)
        order = np.lexsort((known[first], -count, patient))  # per patient: most frequent, then earliest
        chosen = order[np.unique(patient[order], return_index=True)[1]]
        per_patient = np.full(len(cohort.patients), -1)
        per_patient[patient[chosen]] = code[chosen]
        columns[attribute] = pd.Categorical.from_codes(per_patient, categories, ordered=values.cat.ordered)
    return pd.DataFrame(columns)


def validate(cohort: Cohort) -> Cohort:
    """Return the cohort with its fingerprint, or raise InputError naming the row (0-based record) and column that is wrong."""
    where, records = f"cohort {cohort.name!r}", cohort.records
    if cohort.task not in TASKS:
        raise InputError(f"{where}: task is {cohort.task!r}, expected one of {TASKS}")
    if not len(records) == len(cohort.inputs) == len(cohort.targets):
        raise InputError(f"{where}: {len(records)} records, {len(cohort.inputs)} inputs and {len(cohort.targets)} targets; expected as many of each")
    for column in ("patient_id", *cohort.attributes):
        if column not in records:
            raise InputError(f"{where}: records lack the column {column!r} (they have: {', '.join(map(str, records.columns))})")
    missing = np.flatnonzero(records["patient_id"].isna())
    if len(missing):
        raise InputError(f"{where}: row {missing[0]}, column 'patient_id': missing; every record needs its patient")
    if len(cohort.patients) < MIN_PATIENTS:
        raise InputError(f"{where}: {len(cohort.patients)} patient(s); an audit needs at least {MIN_PATIENTS} to draw members and non-members from")
    labels = cohort.targets
    bad = np.flatnonzero(~np.isin(labels, np.arange(len(cohort.classes))))
    if len(bad):
        raise InputError(f"{where}: row {bad[0]}: label {labels[bad[0]]} is not one of the {len(cohort.classes)} classes {cohort.classes}")
    present = np.unique(labels)
    if len(present) < 2:
        raise InputError(f"{where}: every record has the label {cohort.classes[int(present[0])]!r}; a model needs at least two classes")
    if cohort.inputs.dtype.kind == "f":
        for start in range(0, len(records), 65536):
            finite = np.isfinite(cohort.inputs[start : start + 65536])
            if not finite.all():
                place = np.argwhere(~finite)[0]
                column = cohort.features[place[1]] if cohort.features else f"position {tuple(place[1:])}"
                raise InputError(f"{where}: row {start + place[0]}, {column}: input is NaN or infinite; expected a finite number")
    if cohort.test is not None:
        shared = np.intersect1d(cohort.patients, cohort.test.patients)
        if len(shared):
            raise InputError(f"{where}: {len(shared)} patient(s) are in both the audit pool and the test set, the first in row "
                             f"{int(np.flatnonzero(np.isin(cohort.records['patient_id'], shared))[0])} of the pool; split by patient")
    return replace(cohort, fingerprint=_fingerprint(cohort))


def _fingerprint(cohort: Cohort) -> str:
    digest = hashlib.sha256()
    digest.update(json.dumps([cohort.name, cohort.task, cohort.classes, cohort.attributes, cohort.features,
                              str(cohort.inputs.dtype), cohort.inputs.shape]).encode())
    for start in range(0, len(cohort), 65536):
        digest.update(np.ascontiguousarray(cohort.inputs[start : start + 65536]))
    digest.update(np.ascontiguousarray(cohort.targets))
    digest.update(cohort.records.astype(object).to_csv(index=False).encode())
    return digest.hexdigest()


# --- cache: <folder>/inputs.npy, targets.npy, records.parquet, cohort.json; a cache exists when its folder exists -----------

def save(cohort: Cohort, folder: Path) -> None:
    """Write a validated cohort to `folder`, whole or not at all (built beside it, then renamed)."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=".building-", dir=folder.parent))
    try:
        _write(cohort, building)
        os.rename(building, folder)
    except OSError:
        if not (folder / "cohort.json").exists():  # else another process was first, with the same content
            raise
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _write(cohort: Cohort, folder: Path) -> None:
    np.save(folder / "inputs.npy", cohort.inputs)
    np.save(folder / "targets.npy", cohort.targets)
    cohort.records.to_parquet(folder / "records.parquet", index=False)
    if cohort.test is not None:
        (folder / "test").mkdir()
        _write(cohort.test, folder / "test")
    kept = ("name", "task", "classes", "attributes", "features", "restricted", "source", "notes", "fingerprint")
    (folder / "cohort.json").write_text(json.dumps({key: getattr(cohort, key) for key in kept}, indent=1))


def open_saved(folder: Path) -> Cohort:
    """Open a cohort written by `save`, inputs memory-mapped; InputError if the folder does not hold what it says."""
    try:
        meta = json.loads((folder / "cohort.json").read_text())
        meta |= {key: tuple(meta[key]) for key in ("classes", "attributes", "features", "notes")}
        cohort = Cohort(records=pd.read_parquet(folder / "records.parquet"), targets=np.load(folder / "targets.npy", allow_pickle=False),
                        inputs=np.load(folder / "inputs.npy", mmap_mode="c", allow_pickle=False),
                        test=open_saved(folder / "test") if (folder / "test").exists() else None, folder=folder, **meta)
        if cohort.fingerprint != _fingerprint(cohort):
            raise ValueError("its content does not match its fingerprint")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder}: the prepared cohort is damaged ({error}); delete this folder and run again") from error
    return cohort
