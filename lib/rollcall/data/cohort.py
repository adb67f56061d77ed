"""A cohort: the records of many patients, their inputs, labels and attributes, and what is checked.

`rollcall.data.store` keeps it on disk; `rollcall.data.decode` fills it where records are files.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data.arrays.digests import (
    RECORDS_PER_BLOCK,
    compute_content,
    compute_fingerprint,
)
from rollcall.data.arrays.gathering import gather_fields
from rollcall.data.arrays.labels import TASKS
from rollcall.data.arrays.times import HELD_BACK, ORDER, check_columns
from rollcall.data.decode import FileInputs
from rollcall.util.errors import InputError

MIN_PATIENTS = 16  # fewer cannot be split into halves, ranked and grouped in a meaningful way

# How `rollcall.data.store` keeps a field of Cohort:
JSON = {"stored": "json"}  # in cohort.json
ARRAY = {"stored": "array"}  # in <field>.npy
MAPPED = {"stored": "mapped"}  # in <field>.npy, and memory-mapped
TABLE = {"stored": "table"}  # in <field>.parquet
COHORT = {"stored": "cohort"}  # in a folder <field>
DERIVED = {"stored": "derived"}  # not at all: it follows from where the cohort is


@dataclass(frozen=True)
class Cohort:
    """Hold records of patients, in an order that never changes.

    records     table of N rows: `patient_id`, the label column(s), the attribute columns.
                Categorical, missing stays missing; or bool for one of several overlapping groups,
                named "attribute: group" (a patient with two findings is in both). Where it is
                known `record_order`, the place of each record in its patient's time
                (rollcall.data.arrays.times); and `held_back`, bool: no target trains on it
    inputs      (N, ...) uint8 images (N, H, W, C); int16, float16 or float32 signals (N, T, leads);
                or float32 features (N, F); may be memory-mapped. Or FileInputs: still one file a
                record, until the cohort is prepared
    labels      (N,) int64: class index (multiclass), 0/1 (binary); (N, L) int64 0/1 (multilabel)
    task        "multiclass", "binary" or "multilabel"
    classes     names of the classes (multilabel: of the L labels), in index order
    attributes  columns of `records` that the disparity analysis splits by, in order
    features    names of the input columns, for tables; else empty
    restricted  True if no input may be shown in a report that leaves the machine
    scale       factor of a stored signal before a model sees it (images and features: 1)
    unit        what `patient_id` names: "patient", or "lesion" or "image" where the release says
                no more
    simulated   True if every value is invented: a rehearsal
    test_shares_patients   True if patients of the pool may be in the test set as well: the
                reference's own split, under `rules=paper` alone
    source      one sentence: what the data are, who published them, under which licence
    notes       what a reader should know of the release (missing values, unexpected counts)
    test        a held-out cohort of other patients, or None
    content     sha256 over what a model sees and who it belongs to: inputs, labels, records. Runs
                of release 0.1.0 are named after it
    fingerprint sha256 over the content and every other field; names the cohort in a run
    folder      where it is prepared on disk, if it is
    """

    name: str = field(metadata=JSON)
    records: pd.DataFrame = field(metadata=TABLE)
    inputs: np.ndarray = field(metadata=MAPPED)
    labels: np.ndarray = field(metadata=ARRAY)
    task: str = field(metadata=JSON)
    classes: tuple[str, ...] = field(metadata=JSON)
    attributes: tuple[str, ...] = field(metadata=JSON)
    features: tuple[str, ...] = field(default=(), metadata=JSON)
    restricted: bool = field(default=True, metadata=JSON)
    scale: float = field(default=1.0, metadata=JSON)
    unit: str = field(default="patient", metadata=JSON)
    simulated: bool = field(default=False, metadata=JSON)
    test_shares_patients: bool = field(default=False, metadata=JSON)
    source: str = field(default="", metadata=JSON)
    notes: tuple[str, ...] = field(default=(), metadata=JSON)
    test: Cohort | None = field(default=None, metadata=COHORT)
    content: str = field(default="", metadata=JSON)
    fingerprint: str = field(default="", metadata=JSON)
    folder: Path | None = field(default=None, metadata=DERIVED)

    @classmethod
    def of(
        cls,
        X,
        y,
        *,
        groups=None,
        time=None,
        attributes=None,
        classes=None,
        task: str | None = None,
        test=None,
        scale: float = 1.0,
        name: str = "cohort",
        unit: str = "patient",
        restricted: bool = True,
        source: str = "",
    ) -> Cohort:
        """Make a checked cohort of what is in memory: arrays, or pandas, a row a record.

        X        (N, F) numbers, uint8 images (N, H, W[, 1 or 3]), signals (N, samples, leads)
        y        (N,) words or numbers; or (N, L) of 0 and 1, a multilabel task
        groups   (N,) the patient of each record, as for GroupKFold; None: a record is a patient
        time     (N,) numbers or dates: when each record was made; missing values are unknown
        attributes  DataFrame, or dict of columns: words are groups, numbers are put into bands
        classes  names of the classes, in order; test: bool (N,), the records held out
        scale, name, unit, restricted, source  as above

        InputError names the argument and the row. `rollcall.auditing.plan(cohort=...)` takes it.
        """
        given = {
            "groups": groups,
            "time": time,
            "attributes": attributes,
            "classes": classes,
            "task": task,
        }
        given |= {"test": test, "scale": scale, "name": name, "unit": unit}
        parts = gather_fields(X, y, **given, restricted=restricted, source=source)
        held_out = cls(**parts[1]) if parts[1:] else None
        return validate(cls(**parts[0], test=held_out))

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
    def order(self) -> np.ndarray | None:
        """(N,) int64: each record's place in its patient's time, 0 first, -1 unknown; or None."""
        known = ORDER in self.records and ORDER not in self.attributes
        return self.records[ORDER].to_numpy(np.int64) if known else None

    @property
    def trainable(self) -> np.ndarray:
        """(N,) bool: the records that targets with their patient train on: all but held back."""
        held = HELD_BACK in self.records and HELD_BACK not in self.attributes
        return ~self.records[HELD_BACK].to_numpy(bool) if held else np.ones(len(self), bool)

    @property
    def outputs(self) -> int:
        """Number of logits of a model of this cohort: 1 if binary, else one per class or label."""
        return 1 if self.task == "binary" else len(self.classes)

    def has_fingerprint(self, fingerprint: str) -> bool:
        """Say whether a run with this fingerprint is of this cohort."""
        return fingerprint in (self.fingerprint, self.content)


def validate(cohort: Cohort, held_out: bool = False) -> Cohort:
    """Check a cohort and its test set and return it, both with their fingerprints.

    held_out: it is the test set of another, and may be small and of one class. Inputs that are
    still files have no fingerprint yet. InputError names the row (0-based record) and column.
    """
    check_cohort(cohort, held_out)
    if isinstance(cohort.inputs, FileInputs):
        return cohort
    test = None if cohort.test is None else validate(cohort.test, held_out=True)
    cohort = replace(cohort, test=test, content=compute_content(cohort))
    return replace(cohort, fingerprint=compute_fingerprint(cohort))


def check_cohort(cohort: Cohort, held_out: bool = False) -> None:
    """Raise the InputError that `validate` raises, without computing the fingerprint."""
    where, records = f"cohort {cohort.name!r}", cohort.records
    if cohort.task not in TASKS:
        raise InputError(f"{where}: task is {cohort.task!r}, expected one of {TASKS}")
    if not len(records) == len(cohort.inputs) == len(cohort.labels):
        raise InputError(
            f"{where}: {len(records)} records, {len(cohort.inputs)} inputs and "
            f"{len(cohort.labels)} labels; expected as many of each"
        )
    _check_records(where, cohort, held_out)
    check_columns(where, cohort.records.drop(columns=[*cohort.attributes]))
    _check_labels(where, cohort, held_out)
    if not isinstance(cohort.inputs, FileInputs) and cohort.inputs.dtype.kind == "f":
        _check_finite(where, cohort)
    if cohort.test is not None and not cohort.test_shares_patients:
        shared = np.intersect1d(cohort.patients, cohort.test.patients)
        if len(shared):
            first = np.flatnonzero(np.isin(cohort.records["patient_id"], shared))[0]
            raise InputError(
                f"{where}: {len(shared)} patient(s) are in both the audit pool and the test set, "
                f"the first in row {first} of the pool; split by patient"
            )


def _check_records(where: str, cohort: Cohort, held_out: bool) -> None:
    records = cohort.records
    for column in ("patient_id", *cohort.attributes):
        if column not in records:
            raise InputError(
                f"{where}: records lack the column {column!r} "
                f"(they have: {', '.join(map(str, records.columns))})"
            )
    missing = np.flatnonzero(records["patient_id"].isna())
    if len(missing):
        raise InputError(
            f"{where}: row {missing[0]}, column 'patient_id': missing; "
            "every record needs its patient"
        )
    if len(cohort.patients) < MIN_PATIENTS and not held_out:
        raise InputError(
            f"{where}: {len(cohort.patients)} patient(s); an audit needs at least {MIN_PATIENTS} "
            "to draw members and non-members from"
        )


def _check_labels(where: str, cohort: Cohort, held_out: bool) -> None:
    labels, classes = np.asarray(cohort.labels), cohort.classes
    shape = (len(cohort), len(classes)) if cohort.task == "multilabel" else (len(cohort),)
    if labels.shape != shape:
        raise InputError(
            f"{where}: labels are {labels.shape}, expected {shape} for a {cohort.task} task "
            f"of {len(classes)} classes"
        )
    allowed = 2 if cohort.task == "multilabel" else len(classes)
    wrong = np.argwhere(~np.isin(labels, np.arange(allowed)))
    if len(wrong):
        raise InputError(
            f"{where}: row {wrong[0][0]}: label {labels[tuple(wrong[0])]} is not one of "
            f"0 to {allowed - 1} (classes {', '.join(classes)})"
        )
    if (labels == labels[:1]).all() and not held_out:
        raise InputError(
            f"{where}: every record has the label {describe_label(cohort, 0)!r}; "
            "a model needs at least two classes"
        )


def _check_finite(where: str, cohort: Cohort) -> None:
    for start in range(0, len(cohort), RECORDS_PER_BLOCK):
        finite = np.isfinite(cohort.inputs[start : start + RECORDS_PER_BLOCK])
        if finite.all():
            continue
        row, *position = np.argwhere(~finite)[0]
        column = (
            cohort.features[position[0]]
            if cohort.features
            else f"position {tuple(map(int, position))}"
        )
        raise InputError(
            f"{where}: row {start + row}, {column}: input is NaN or infinite; "
            "expected a finite number"
        )


def describe_label(cohort: Cohort, record: int) -> str:
    """Return the label of a record in words."""
    if cohort.task != "multilabel":
        return cohort.classes[int(cohort.labels[record])]
    labels = cohort.labels[record]
    return ", ".join(name for name, has in zip(cohort.classes, labels, strict=True) if has) or (
        "none"
    )
