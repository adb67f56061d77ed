"""A cohort: the records of many patients, their inputs, labels and attributes; its validation and its cache on disk."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data.decode import Files, decoded, signature
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
                memory-mapped. Or prepare.Files: still one file a record, until the cohort is prepared
    targets     (N,) int64: class index (multiclass), 0/1 (binary); (N, L) int64 0/1 (multilabel)
    task        "multiclass", "binary" or "multilabel"
    classes     names of the classes (multilabel: of the L labels), in index order
    attributes  columns of `records` that the disparity analysis splits by, in order
    scale       what a stored signal is multiplied with before a model sees it (images and features: 1)
    unit        what `patient_id` names: "patient", or "lesion" or "image" where the release says no more
    simulated   True if every value is invented: a rehearsal
    features    names of the input columns, for tables; else empty
    restricted  True if no input may be shown in a report that leaves the machine
    straddles   True if patients of the pool may be in the test set as well: the reference's own split, under `rules=paper` alone
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
    scale: float = 1.0
    unit: str = "patient"
    simulated: bool = False
    straddles: bool = False
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


def patient_attributes(cohort: Cohort) -> pd.DataFrame:
    """One row per patient (in `cohort.patients` order), one categorical column per attribute, bool for overlapping groups.

    A patient whose records differ gets the most frequent value; ties go to the one seen first; missing only if all are missing.
    Overlapping groups: a patient is in it if any record is.
    """
    columns = {}
    for attribute in cohort.attributes:
        if cohort.records[attribute].dtype == bool:
            columns[attribute] = (
                np.bincount(cohort.patient_index, cohort.records[attribute], len(cohort.patients))
                > 0
            )
            continue
        values = cohort.records[attribute].astype("category")
        codes, categories = values.cat.codes.to_numpy(), values.cat.categories
        known = np.flatnonzero(codes >= 0)
        key = cohort.patient_index[known].astype(np.int64) * max(len(categories), 1) + codes[known]
        unique, first, count = np.unique(key, return_index=True, return_counts=True)
        patient, code = unique // max(len(categories), 1), unique % max(len(categories), 1)
        order = np.lexsort(
            (known[first], -count, patient)
        )  # per patient: most frequent, then earliest
        chosen = order[np.unique(patient[order], return_index=True)[1]]
        per_patient = np.full(len(cohort.patients), -1)
        per_patient[patient[chosen]] = code[chosen]
        columns[attribute] = pd.Categorical.from_codes(
            per_patient, categories, ordered=values.cat.ordered
        )
    return pd.DataFrame(columns)


def validate(cohort: Cohort, held_out: bool = False) -> Cohort:
    """Return the cohort with its fingerprint, or raise InputError naming the row (0-based record) and column that is wrong.

    held_out: it is the test set of another, and may be small and of one class.
    """
    where, records = f"cohort {cohort.name!r}", cohort.records
    if cohort.task not in TASKS:
        raise InputError(f"{where}: task is {cohort.task!r}, expected one of {TASKS}")
    if not len(records) == len(cohort.inputs) == len(cohort.targets):
        raise InputError(
            f"{where}: {len(records)} records, {len(cohort.inputs)} inputs and {len(cohort.targets)} targets; expected as many of each"
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
    files = isinstance(cohort.inputs, Files)
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
    if cohort.test is not None and not cohort.straddles:
        shared = np.intersect1d(cohort.patients, cohort.test.patients)
        if len(shared):
            raise InputError(
                f"{where}: {len(shared)} patient(s) are in both the audit pool and the test set, the first in row "
                f"{int(np.flatnonzero(np.isin(cohort.records['patient_id'], shared))[0])} of the pool; split by patient"
            )
    return cohort if files else replace(cohort, fingerprint=_fingerprint(cohort))


def _check_labels(where: str, cohort: Cohort, held_out: bool) -> None:
    labels, classes = np.asarray(cohort.targets), cohort.classes
    shape = (len(cohort), len(classes)) if cohort.task == "multilabel" else (len(cohort),)
    if labels.shape != shape:
        raise InputError(
            f"{where}: targets are {labels.shape}, expected {shape} for a {cohort.task} task of {len(classes)} classes"
        )
    allowed = 2 if cohort.task == "multilabel" else len(classes)
    bad = np.argwhere(~np.isin(labels, np.arange(allowed)))
    if len(bad):
        raise InputError(
            f"{where}: row {bad[0][0]}: label {labels[tuple(bad[0])]} is not one of 0 to {allowed - 1} (classes {', '.join(classes)})"
        )
    if (labels == labels[:1]).all() and not held_out:
        raise InputError(
            f"{where}: every record has the label {label(cohort, 0)!r}; a model needs at least two classes"
        )


def label(cohort: Cohort, record: int) -> str:
    """The label of a record in words."""
    if cohort.task != "multilabel":
        return cohort.classes[int(cohort.targets[record])]
    return (
        ", ".join(name for name, has in zip(cohort.classes, cohort.targets[record]) if has)
        or "none"
    )


def _fingerprint(cohort: Cohort) -> str:
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
    digest.update(np.ascontiguousarray(cohort.targets))
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


def save(
    cohort: Cohort, folder: Path, progress: Callable[[int, int], None] = lambda done, total: None
) -> None:
    """Validate a cohort, decode its files, and put it in place of `folder`, whole or not at all.

    It is built beside it, in .building-<folder>. If decoding is cut off, by a damaged file or a signal, that folder stays, and the next
    preparation of the same cohort goes on from it. progress(files done, files in all).
    """
    building = folder.parent / f".building-{folder.name}"
    parts = [(cohort, building)] + (
        [(cohort.test, building / "test")] if cohort.test is not None else []
    )
    total, before, made = (
        sum(len(part) for part, _ in parts if isinstance(part.inputs, Files)),
        0,
        [],
    )
    building.mkdir(parents=True, exist_ok=True)
    try:
        for part, place in parts:
            place.mkdir(exist_ok=True)
            if isinstance(part.inputs, Files):
                files, seen = part.inputs, before
                made.append(_decoded(part, place, lambda done: progress(seen + done, total)))
                before += len(files)
            else:
                np.save(place / "inputs.npy", part.inputs)
                made.append(part)
        whole = validate(
            replace(made[0], test=validate(made[1], held_out=True) if len(made) > 1 else None)
        )
        _write(whole, building)
        if folder.exists():
            os.rename(folder, tempfile.mkdtemp(prefix=".old-", dir=folder.parent))
        os.rename(building, folder)
    finally:
        if not total:
            shutil.rmtree(building, ignore_errors=True)
        for old in folder.parent.glob(".old-*"):
            shutil.rmtree(old, ignore_errors=True)


def _decoded(cohort: Cohort, folder: Path, progress) -> Cohort:
    """The cohort with its files decoded into folder/inputs.npy; records whose decoder dropped them are left out and counted in the notes."""
    array, dropped = decoded(cohort.inputs, folder, progress)
    keep = np.setdiff1d(np.arange(len(cohort)), list(dropped))
    if not len(keep):
        raise InputError(
            f"cohort {cohort.name!r}: every record was dropped, the first because: {dropped[0]}"
        )
    if dropped:
        kept = np.lib.format.open_memmap(
            folder / "inputs.npy", "w+", array.dtype, (len(keep), *array.shape[1:])
        )
        for start in range(0, len(keep), 8192):
            kept[start : start + 8192] = array[keep[start : start + 8192]]
        array = kept
    else:
        (folder / "inputs.npy").unlink(missing_ok=True)
        os.link(folder / "decoded.npy", folder / "inputs.npy")
    paths = pd.DataFrame({"path": cohort.inputs.every})
    paths.attrs["digest"] = release_digest(cohort.inputs.root, paths["path"])
    paths.to_parquet(folder / "files.parquet", index=False)
    reasons = Counter(dropped.values())
    return replace(
        cohort,
        records=cohort.records.iloc[keep].reset_index(drop=True),
        targets=cohort.targets[keep],
        inputs=array,
        notes=(
            *cohort.notes,
            *(f"{count:,} records dropped: {reason}" for reason, count in reasons.items()),
        ),
    )


def release_digest(root: Path, paths) -> str:
    """Over the paths, sizes and times of change of files: another one means that the release has changed."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(signature(root, path).encode())
    return digest.hexdigest()


def current(folder: Path, root: Path | None) -> bool:
    """Whether a prepared cohort exists in `folder` and the files under `root` that it was decoded from are still the same."""
    try:
        tables = [
            pd.read_parquet(path)
            for path in (folder / "files.parquet", folder / "test" / "files.parquet")
            if path.exists()
        ]
        return (folder / "cohort.json").exists() and all(
            table.attrs["digest"] == release_digest(root, table["path"]) for table in tables
        )
    except (OSError, ValueError, KeyError):
        return False


def _write(cohort: Cohort, folder: Path) -> None:
    """Everything but the inputs, which are there; and nothing that only served decoding."""
    np.save(folder / "targets.npy", cohort.targets)
    cohort.records.to_parquet(folder / "records.parquet", index=False)
    if cohort.test is not None:
        _write(cohort.test, folder / "test")
    kept = (
        "name",
        "task",
        "classes",
        "attributes",
        "features",
        "restricted",
        "scale",
        "unit",
        "simulated",
        "straddles",
        "source",
        "notes",
        "fingerprint",
    )
    (folder / "cohort.json").write_text(
        json.dumps({key: getattr(cohort, key) for key in kept}, indent=1)
    )
    for name in ("decoded.npy", "done.npy"):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "dropped", ignore_errors=True)


def open_saved(folder: Path) -> Cohort:
    """Open a cohort written by `save`, inputs memory-mapped; InputError if the folder does not hold what it says."""
    try:
        meta = json.loads((folder / "cohort.json").read_text())
        meta |= {key: tuple(meta[key]) for key in ("classes", "attributes", "features", "notes")}
        cohort = Cohort(
            records=pd.read_parquet(folder / "records.parquet"),
            targets=np.load(folder / "targets.npy", allow_pickle=False),
            inputs=np.load(folder / "inputs.npy", mmap_mode="c", allow_pickle=False),
            test=open_saved(folder / "test") if (folder / "test").exists() else None,
            folder=folder,
            **meta,
        )
        if cohort.fingerprint != _fingerprint(cohort):
            raise ValueError("its content does not match its fingerprint")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder}: the prepared cohort is damaged ({error}); delete this folder and run again"
        ) from error
    return cohort
