"""Prepared cohorts on disk: how one is written, found current, opened and verified.

<folder>/cohort.json, inputs.npy, labels.npy, records.parquet: the fields of `Cohort`, stored as
                  they say themselves (`dataclasses.fields`)
<folder>/test/    the held-out cohort, in the same form
<folder>/files.parquet   the files it was decoded from, if each record was a file of its own
<folder>/verified.json   the facts of these files when their content last matched the fingerprint:
                  while they are the same, opening need not read all that content again
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data.cohort import Cohort, compute_fingerprint, validate
from rollcall.data.decode import FileInputs, decode_files, signature
from rollcall.util import stamps
from rollcall.util.errors import InputError

STAMP = "verified.json"
STAMP_VERSION = 1  # raised when the fingerprint is computed in another way
RECORDS_PER_BLOCK = 8192  # copied at once where some were dropped
SUFFIXES = {"array": ".npy", "mapped": ".npy", "table": ".parquet"}  # of a field's file
# What release 0.1.0 called some fields: what it prepared is read as it is, and not decoded again.
OLD_NAMES = {"labels": "targets", "test_shares_patients": "straddles"}


def save(
    cohort: Cohort, folder: Path, progress: Callable[[int, int], None] = lambda done, total: None
) -> None:
    """Validate a cohort, decode its files, and put it in place of `folder`, whole or not at all.

    It is built beside it, in .building-<folder>. If decoding is cut off, by a damaged file or a
    signal, that folder stays, and the next preparation of the same cohort goes on from it.
    progress(files done, files in all).
    """
    building = folder.parent / f".building-{folder.name}"
    cohorts = [(cohort, building)]
    if cohort.test is not None:
        cohorts.append((cohort.test, building / "test"))
    total = sum(len(each) for each, _ in cohorts if isinstance(each.inputs, FileInputs))
    before, decoded = 0, []
    building.mkdir(parents=True, exist_ok=True)
    try:
        for each, target in cohorts:
            target.mkdir(exist_ok=True)
            if isinstance(each.inputs, FileInputs):
                decoded.append(_decode(each, target, _count_from(before, total, progress)))
                before += len(each)
            else:
                np.save(_file(target, "inputs"), each.inputs)
                decoded.append(each)
        test = validate(decoded[1], held_out=True) if len(decoded) > 1 else None
        _write(validate(replace(decoded[0], test=test)), building)
        if folder.exists():
            os.rename(folder, tempfile.mkdtemp(prefix=".old-", dir=folder.parent))
        os.rename(building, folder)
    finally:
        if not total:
            shutil.rmtree(building, ignore_errors=True)
        for old in folder.parent.glob(".old-*"):
            shutil.rmtree(old, ignore_errors=True)


def _count_from(before: int, total: int, progress: Callable[[int, int], None]):
    return lambda done: progress(before + done, total)


def _decode(cohort: Cohort, folder: Path, progress: Callable[[int], None]) -> Cohort:
    """Decode the files into folder/inputs.npy; leave out records that the decoder dropped.

    The notes count them, by reason.
    """
    files = cohort.inputs
    array, dropped = decode_files(files, folder, progress)
    keep = np.setdiff1d(np.arange(len(cohort)), list(dropped))
    if not len(keep):
        raise InputError(
            f"cohort {cohort.name!r}: every record was dropped, the first because: {dropped[0]}"
        )
    inputs = _file(folder, "inputs")
    inputs.unlink(missing_ok=True)  # of an earlier try, it may be decoded.npy itself
    if dropped:
        kept = np.lib.format.open_memmap(inputs, "w+", array.dtype, (len(keep), *array.shape[1:]))
        for start in range(0, len(keep), RECORDS_PER_BLOCK):
            block = slice(start, start + RECORDS_PER_BLOCK)
            kept[block] = array[keep[block]]
        array = kept
    else:
        os.link(folder / "decoded.npy", inputs)
    paths = pd.DataFrame({"path": files.every})
    paths.attrs["digest"] = release_digest(files.root, paths["path"])
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
    """Hash the paths, sizes and times of change of files under `root`."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(signature(root, path).encode())
    return digest.hexdigest()


def is_current(folder: Path, root: Path | None) -> bool:
    """Say whether `folder` holds a prepared cohort whose files under `root` are still the same."""
    try:
        tables = [
            pd.read_parquet(path)
            for path in (folder / "files.parquet", folder / "test" / "files.parquet")
            if path.exists()
        ]
        return (folder / "cohort.json").exists() and all(
            root is not None and table.attrs["digest"] == release_digest(root, table["path"])
            for table in tables
        )
    except (OSError, ValueError, KeyError):
        return False


def _names(*stored: str) -> list[str]:
    """Return the fields of Cohort that are stored in one of these ways, in their order."""
    return [field.name for field in fields(Cohort) if field.metadata["stored"] in stored]


def _file(folder: Path, name: str) -> Path:
    """Return the file of a field; the one that 0.1.0 wrote, where there is no other."""
    kind = next(field.metadata["stored"] for field in fields(Cohort) if field.name == name)
    path = folder / (name + SUFFIXES[kind])
    old = folder / (OLD_NAMES.get(name, name) + SUFFIXES[kind])
    return old if old.exists() and not path.exists() else path


def _write(cohort: Cohort, folder: Path) -> None:
    """Write everything but the inputs, which are there; remove what only served decoding."""
    for name in _names("array"):
        np.save(folder / f"{name}.npy", getattr(cohort, name))
    for name in _names("table"):
        getattr(cohort, name).to_parquet(folder / f"{name}.parquet", index=False)
    described = {name: getattr(cohort, name) for name in _names("json")}
    for name in _names("cohort"):
        if (other := getattr(cohort, name)) is not None:
            _write(other, folder / name)
            described[name] = other.fingerprint  # the cohort's own says nothing of it
    (folder / "cohort.json").write_text(json.dumps(described, indent=1))
    for name in ("decoded.npy", "done.npy"):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "dropped", ignore_errors=True)


def open_saved(folder: Path) -> Cohort:
    """Open a cohort written by `save`, inputs memory-mapped.

    Its content is compared with its fingerprint, once: afterwards a stamp says so, and the content
    is trusted until a file looks different (`rollcall.util.stamps`), for every process that opens
    it. InputError if the folder does not hold what it says.
    """
    paths = [folder / "cohort.json", *(_file(folder, name) for name in _names(*SUFFIXES))]
    stamp = stamps.read_stamp(folder / STAMP)
    trusted = stamp == _describe(paths, stamps.read_facts(paths))
    settled = None if trusted else stamps.settle(paths, folder)
    try:
        cohort = _read(folder)
        if not (trusted and stamp == _describe(paths, stamps.read_facts(paths))):
            if cohort.fingerprint != compute_fingerprint(cohort):
                raise ValueError("its content does not match its fingerprint")
            if settled is not None and settled == stamps.read_facts(paths):
                stamps.write_stamp(folder / STAMP, _describe(paths, settled))
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise InputError(
            f"{folder}: the prepared cohort is damaged ({error}); delete this folder and run again"
        ) from error
    return cohort


def _describe(paths: list[Path], facts: list[stamps.Facts] | None) -> dict:
    """Return the stamp of a cohort (not of its test set) whose files have these facts."""
    names = [path.name for path in paths]
    return {"version": STAMP_VERSION, "files": facts and dict(zip(names, facts, strict=True))}


def _read(folder: Path) -> Cohort:
    """Read the files of a cohort as they are."""
    described = json.loads((folder / "cohort.json").read_text())
    if not isinstance(described, dict):
        raise ValueError("cohort.json holds no object")
    for name, old in OLD_NAMES.items():
        if old in described:
            described[name] = described.pop(old)
    described = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in described.items()
    }
    arrays = {name: np.load(_file(folder, name), allow_pickle=False) for name in _names("array")}
    mapped = {
        name: np.load(_file(folder, name), mmap_mode="c", allow_pickle=False)
        for name in _names("mapped")
    }
    tables = {name: pd.read_parquet(_file(folder, name)) for name in _names("table")}
    cohorts = {
        name: open_saved(folder / name) for name in _names("cohort") if (folder / name).exists()
    }
    for name in _names("cohort"):
        expected = described.pop(name, None)  # 0.1.0 stored none
        stored = cohorts[name].fingerprint if name in cohorts else "missing"
        if expected is not None and stored != expected:
            raise ValueError(f"{name}/ is {stored}, expected {expected}")
    return Cohort(**described, **arrays, **mapped, **tables, **cohorts, folder=folder)
