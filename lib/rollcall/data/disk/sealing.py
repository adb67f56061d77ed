"""The files of a cohort on disk: written, sealed with their digests, and read as what they say.

cohort.json holds, under "files", the sha256 of every other file but the inputs, which are in its
"content"; its own values are in its fingerprint. So no file can change without a word. Release
0.1.0 sealed nothing: what it prepared is compared with its content, and is not prepared again.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np

from rollcall.data.arrays.digests import compute_content, compute_fingerprint
from rollcall.data.cohort import Cohort
from rollcall.util import stamps
from rollcall.util.files import parse_table, sha256, write_bytes, write_json

STAMP = "verified.json"
STAMP_VERSION = 2  # raised when files are verified in another way
SEAL = "files"  # of cohort.json: the sha256 of every other file but the inputs
ORIGIN = "files.parquet"
SUFFIXES = {"array": ".npy", "mapped": ".npy", "table": ".parquet"}  # of a field's file
# What release 0.1.0 called some fields.
OLD_NAMES = {"labels": "targets", "test_shares_patients": "straddles"}


def names(*stored: str) -> list[str]:
    """Return the fields of Cohort that are stored in one of these ways, in their order."""
    return [field.name for field in fields(Cohort) if field.metadata["stored"] in stored]


def file_of(folder: Path, name: str) -> Path:
    """Return the file of a field; the one that 0.1.0 wrote, where there is no other."""
    kind = next(field.metadata["stored"] for field in fields(Cohort) if field.name == name)
    path = folder / (name + SUFFIXES[kind])
    old = folder / (OLD_NAMES.get(name, name) + SUFFIXES[kind])
    return old if old.exists() and not path.exists() else path


def write_cohort(cohort: Cohort, folder: Path) -> None:
    """Write everything but the inputs, which are there; cohort.json last."""
    described = {name: getattr(cohort, name) for name in names("json")}
    described[SEAL] = {ORIGIN: sha256(folder / ORIGIN)} if (folder / ORIGIN).exists() else {}
    for name in names("array", "table"):
        file, path = io.BytesIO(), file_of(folder, name)
        if path.suffix == ".npy":
            np.save(file, getattr(cohort, name), allow_pickle=False)
        else:
            getattr(cohort, name).to_parquet(file, index=False)
        write_bytes(path, file.getvalue())
        described[SEAL][path.name] = hashlib.sha256(file.getvalue()).hexdigest()
    for name in names("cohort"):
        if (other := getattr(cohort, name)) is not None:
            write_cohort(other, folder / name)
            described[name] = other.fingerprint
    write_json(folder / "cohort.json", described)


def _sealed_files(folder: Path) -> list[Path]:
    """Return every file of a cohort but cohort.json and the inputs, in a fixed order."""
    origin = folder / ORIGIN
    return [
        *(file_of(folder, name) for name in names("array", "table")),
        *([origin] if origin.exists() else []),
    ]


def read_cohort(folder: Path) -> Cohort:
    """Read a cohort and verify that nothing has changed since it was written.

    Inputs that were verified before and look the same are not read again. OSError, ValueError,
    TypeError or KeyError say what does not fit.
    """
    paths = [folder / "cohort.json", *(file_of(folder, name) for name in names(*SUFFIXES))]
    stamp = stamps.read_stamp(folder / STAMP)
    trusted = stamp == _describe(paths, stamps.read_facts(paths))
    settled = None if trusted else stamps.settle(paths, folder)
    cohort = read_fields(folder, read_cohort)
    if not (trusted and stamp == _describe(paths, stamps.read_facts(paths))):
        verify_content(cohort)
        if settled is not None and settled == stamps.read_facts(paths):
            stamps.write_stamp(folder / STAMP, _describe(paths, settled))
    return cohort


def verify_content(cohort: Cohort) -> None:
    """Raise ValueError if a cohort's inputs, labels or records are not what cohort.json says."""
    if compute_content(cohort) != cohort.content:
        raise ValueError("its content does not match its fingerprint")


def read_description(folder: Path) -> tuple[dict, dict | None]:
    """Return the fields that cohort.json holds, and the digests of the other files.

    None for the latter where an earlier release wrote none.
    """
    described = json.loads((folder / "cohort.json").read_bytes())
    if not isinstance(described, dict):
        raise ValueError("cohort.json holds no object")
    seal = described.pop(SEAL, None)
    if seal is None:
        described.setdefault("content", described.get("fingerprint"))
        described = {
            next((name for name, old in OLD_NAMES.items() if old == key), key): value
            for key, value in described.items()
        }
    elif set(seal) != {path.name for path in _sealed_files(folder)}:
        raise ValueError(f"cohort.json names {', '.join(sorted(seal))}, which is not what is there")
    return described, seal


def read_verified(path: Path, seal: dict | None) -> io.BytesIO:
    """Return the content of a file; ValueError if it is not the one that was sealed."""
    content = path.read_bytes()
    if seal is not None and seal[path.name] != hashlib.sha256(content).hexdigest():
        raise ValueError(f"{path.name} does not match the digest in cohort.json")
    return io.BytesIO(content)


def read_fields(folder: Path, read_other: Callable[[Path], Cohort]) -> Cohort:
    """Read a cohort's fields; all but the inputs are verified. read_other: reads its test set."""
    described, seal = read_description(folder)
    values = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in described.items()
    }
    for name in names("array"):
        values[name] = _read_array(read_verified(file_of(folder, name), seal))
    for name in names("mapped"):
        values[name] = np.load(file_of(folder, name), mmap_mode="c", allow_pickle=False)
    for name in names("table"):
        values[name] = parse_table(read_verified(file_of(folder, name), seal))
    for name in names("cohort"):
        expected = values.pop(name, None)  # 0.1.0 stored none
        other = read_other(folder / name) if (folder / name).exists() else None
        known = (other.fingerprint, other.content) if other else ("missing",)
        if expected is not None and expected not in known:
            raise ValueError(f"{name}/ is {known[0]}, expected {expected}")
        values[name] = other
    cohort = Cohort(**values, folder=folder)
    fingerprint = compute_fingerprint(cohort)
    if seal is not None and cohort.fingerprint != fingerprint:
        raise ValueError("cohort.json does not match its fingerprint")
    return replace(cohort, fingerprint=fingerprint)


def _read_array(file: io.BytesIO) -> np.ndarray:
    """Read a .npy file of whole numbers; ValueError if it is anything else, or not whole."""
    array = np.lib.format.read_array(file, allow_pickle=False)
    if array.dtype.kind not in "iub" or not array.dtype.isnative or file.read(1):
        raise ValueError(f"an array of {array.dtype} in a file of another size or kind")
    return array


def _describe(paths: list[Path], facts: list[stamps.Facts] | None) -> dict:
    """Return the stamp of a cohort (not of its test set) whose files have these facts."""
    kept = [path.name for path in paths]
    return {"version": STAMP_VERSION, "files": facts and dict(zip(kept, facts, strict=True))}
