"""A cohort: the records of many patients, their inputs, labels and attributes; its validation and its cache on disk."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data.decode import FileInputs
from rollcall.util.errors import InputError

TASKS = ("multiclass", "binary", "multilabel")
MIN_PATIENTS = (
    16  # fewer cannot be split into halves, ranked and grouped in any way that means something
)


@dataclass(frozen=True)
class Cohort:
    """Records of patients, in an order that never changes.

    records     table of N rows: `patient_id`, the label column(s), the attribute columns. Categorical, missing stays missing; or bool
                for one of several overlapping groups, named "attribute: group" (a patient with two findings is in both)
    inputs      (N, ...) uint8 images (N, H, W, C), int16/float16 signals (N, T, leads), or float32 features (N, F); may be
                memory-mapped. Or prepare.FileInputs: still one file a record, until the cohort is prepared
    labels      (N,) int64: class index (multiclass), 0/1 (binary); (N, L) int64 0/1 (multilabel)
    task        "multiclass", "binary" or "multilabel"
    classes     names of the classes (multilabel: of the L labels), in index order
    attributes  columns of `records` that the disparity analysis splits by, in order
    scale       what a stored signal is multiplied with before a model sees it (images and features: 1)
    unit        what `patient_id` names: "patient", or "lesion" or "image" where the release says no more
    simulated   True if every value is invented: a rehearsal
    features    names of the input columns, for tables; else empty
    restricted  True if no input may be shown in a report that leaves the machine
    test_shares_patients   True if patients of the pool may be in the test set as well: the reference's own split, under `rules=paper` alone
    source      one sentence: what the data are, who published them, under which licence
    notes       what preparing them found that a reader should know (missing values, unexpected counts)
    test        a held-out cohort of other patients, or None
    fingerprint sha256 over inputs, labels, records and patients; names the cohort in a run
    folder      where it is prepared on disk, if it is
    """

    name: str
    records: pd.DataFrame
    inputs: np.ndarray
    labels: np.ndarray
    task: str
    classes: tuple[str, ...]
    attributes: tuple[str, ...]
    features: tuple[str, ...] = ()
    restricted: bool = True
    scale: float = 1.0
    unit: str = "patient"
    simulated: bool = False
    test_shares_patients: bool = False
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
        """Number of logits a model of this cohort has: one for a binary task, else one per class or label."""
        return 1 if self.task == "binary" else len(self.classes)


def validate(cohort: Cohort, held_out: bool = False) -> Cohort:
    """Return the cohort with its fingerprint, or raise InputError naming the row (0-based record) and column that is wrong.

    held_out: it is the test set of another, and may be small and of one class.
    """
    where, records = f"cohort {cohort.name!r}", cohort.records
    if cohort.task not in TASKS:
        raise InputError(f"{where}: task is {cohort.task!r}, expected one of {TASKS}")
    if not len(records) == len(cohort.inputs) == len(cohort.labels):
        raise InputError(
            f"{where}: {len(records)} records, {len(cohort.inputs)} inputs and {len(cohort.labels)} labels; expected as many of each"
        )
    for column in ("patient_id", *cohort.attributes):
        if column not in records:
            raise InputError(
                f"{where}: records lack the column {column!r} (they have: {', '.join(map(str, records.columns))})"
            )
    missing = np.flatnonzero(records["patient_id"].isna())
    if len(missing):
        raise InputError(
            f"{where}: row {missing[0]}, column 'patient_id': missing; every record needs its patient"
        )
    if len(cohort.patients) < MIN_PATIENTS and not held_out:
        raise InputError(
            f"{where}: {len(cohort.patients)} patient(s); an audit needs at least {MIN_PATIENTS} to draw members and non-members from"
        )
    _check_labels(where, cohort, held_out)
    files = isinstance(cohort.inputs, FileInputs)
    if not files and cohort.inputs.dtype.kind == "f":
        for start in range(0, len(records), 65536):
            finite = np.isfinite(cohort.inputs[start : start + 65536])
            if not finite.all():
                place = np.argwhere(~finite)[0]
                column = (
                    cohort.features[place[1]] if cohort.features else f"position {tuple(place[1:])}"
                )
                raise InputError(
                    f"{where}: row {start + place[0]}, {column}: input is NaN or infinite; expected a finite number"
                )
    if cohort.test is not None and not cohort.test_shares_patients:
        shared = np.intersect1d(cohort.patients, cohort.test.patients)
        if len(shared):
            raise InputError(
                f"{where}: {len(shared)} patient(s) are in both the audit pool and the test set, the first in row "
                f"{int(np.flatnonzero(np.isin(cohort.records['patient_id'], shared))[0])} of the pool; split by patient"
            )
    return cohort if files else replace(cohort, fingerprint=compute_fingerprint(cohort))


def _check_labels(where: str, cohort: Cohort, held_out: bool) -> None:
    labels, classes = np.asarray(cohort.labels), cohort.classes
    shape = (len(cohort), len(classes)) if cohort.task == "multilabel" else (len(cohort),)
    if labels.shape != shape:
        raise InputError(
            f"{where}: labels are {labels.shape}, expected {shape} for a {cohort.task} task of {len(classes)} classes"
        )
    allowed = 2 if cohort.task == "multilabel" else len(classes)
    bad = np.argwhere(~np.isin(labels, np.arange(allowed)))
    if len(bad):
        raise InputError(
            f"{where}: row {bad[0][0]}: label {labels[tuple(bad[0])]} is not one of 0 to {allowed - 1} (classes {', '.join(classes)})"
        )
    if (labels == labels[:1]).all() and not held_out:
        raise InputError(
            f"{where}: every record has the label {describe_label(cohort, 0)!r}; a model needs at least two classes"
        )


def describe_label(cohort: Cohort, record: int) -> str:
    """The label of a record in words."""
    if cohort.task != "multilabel":
        return cohort.classes[int(cohort.labels[record])]
    return (
        ", ".join(name for name, has in zip(cohort.classes, cohort.labels[record]) if has) or "none"
    )


def compute_fingerprint(cohort: Cohort) -> str:
    digest = hashlib.sha256()
    digest.update(
        json.dumps(
            [
                cohort.name,
                cohort.task,
                cohort.classes,
                cohort.attributes,
                cohort.features,
                cohort.scale,
                cohort.simulated,
                str(cohort.inputs.dtype),
                cohort.inputs.shape,
            ]
        ).encode()
    )
    for start in range(0, len(cohort), 65536):
        digest.update(np.ascontiguousarray(cohort.inputs[start : start + 65536]))
    digest.update(np.ascontiguousarray(cohort.labels))
    for start in range(
        0, len(cohort), 8192
    ):  # the same bytes as the whole table at once, which takes hundreds of MB as objects and text
        digest.update(
            cohort.records.iloc[start : start + 8192]
            .astype(object)
            .to_csv(index=False, header=start == 0)
            .encode()
        )
    return digest.hexdigest()


# --- cache: <folder>/inputs.npy, targets.npy, records.parquet, cohort.json, files.parquet (the files it was decoded from) and test/ ---
