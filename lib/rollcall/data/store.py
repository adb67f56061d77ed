"""TODO."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data.cohort import Cohort, compute_fingerprint, validate
from rollcall.data.decode import FileInputs, decode_files, signature
from rollcall.util.errors import InputError


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
        sum(len(part) for part, _ in parts if isinstance(part.inputs, FileInputs)),
        0,
        [],
    )
    building.mkdir(parents=True, exist_ok=True)
    try:
        for part, place in parts:
            place.mkdir(exist_ok=True)
            if isinstance(part.inputs, FileInputs):
                files, seen = part.inputs, before
                made.append(_decode(part, place, lambda done: progress(seen + done, total)))
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


def _decode(cohort: Cohort, folder: Path, progress) -> Cohort:
    """The cohort with its files decoded into folder/inputs.npy; records whose decoder dropped them are left out and counted in the notes."""
    array, dropped = decode_files(cohort.inputs, folder, progress)
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
        labels=cohort.labels[keep],
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


def is_current(folder: Path, root: Path | None) -> bool:
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
    np.save(folder / "labels.npy", cohort.labels)
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
        "test_shares_patients",
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
            labels=np.load(folder / "labels.npy", allow_pickle=False),
            inputs=np.load(folder / "inputs.npy", mmap_mode="c", allow_pickle=False),
            test=open_saved(folder / "test") if (folder / "test").exists() else None,
            folder=folder,
            **meta,
        )
        if cohort.fingerprint != compute_fingerprint(cohort):
            raise ValueError("its content does not match its fingerprint")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder}: the prepared cohort is damaged ({error}); delete this folder and run again"
        ) from error
    return cohort
