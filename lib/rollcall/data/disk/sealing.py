"""The files of a cohort on disk: written, sealed with their digests, and read as what they say.

cohort.json holds, under "files", the sha256 of every other file; its own values are in the
fingerprint that it holds as well. So no file can change without a word. Release 0.1.0 sealed
nothing: what it prepared is compared with its content, and is not prepared again.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data.cohort import Cohort, compute_content, compute_fingerprint
from rollcall.util import stamps
from rollcall.util.files import sha256, write_array, write_json, write_table

STAMP = "verified.json"
STAMP_VERSION = 2  # raised when files are verified in another way
SEAL = "files"  # of cohort.json: the sha256 of every other file
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
    for name in names("array"):
        write_array(file_of(folder, name), getattr(cohort, name))
    for name in names("table"):
        write_table(file_of(folder, name), getattr(cohort, name))
    described = {name: getattr(cohort, name) for name in names("json")}
    for name in names("cohort"):
        if (other := getattr(cohort, name)) is not None:
            write_cohort(other, folder / name)
            described[name] = other.fingerprint
    described[SEAL] = {path.name: sha256(path) for path in _content_files(folder)}
    write_json(folder / "cohort.json", described)


def _content_files(folder: Path) -> list[Path]:
    """Return every file of a cohort but cohort.json, in a fixed order."""
    origin = folder / ORIGIN
    return [
        *(file_of(folder, name) for name in names(*SUFFIXES)),
        *([origin] if origin.exists() else []),
    ]


def read_cohort(folder: Path, stamped: bool = True) -> Cohort:
    """Read a cohort and verify that nothing has changed since it was written.

    stamped: inputs that were verified before and look the same are not read again. OSError,
    ValueError, TypeError or KeyError say what does not fit.
    """
    described, seal = read_description(folder)
    paths = [folder / "cohort.json", *_content_files(folder)]
    stamp = stamps.read_stamp(folder / STAMP) if stamped else {}
    trusted = stamp == _describe(paths, stamps.read_facts(paths))
    settled = stamps.settle(paths, folder) if stamped and not trusted else None
    cohort = _read_fields(folder, described, seal, stamped)
    trusted = trusted and stamp == _describe(paths, stamps.read_facts(paths))
    if not trusted:
        verify_inputs(cohort, folder, seal)
    if settled is not None and settled == stamps.read_facts(paths):
        stamps.write_stamp(folder / STAMP, _describe(paths, settled))
    return cohort


def verify_inputs(cohort: Cohort, folder: Path, seal: dict | None) -> None:
    """Raise ValueError if the inputs, and where nothing is sealed anything else, have changed."""
    if seal is None:
        if compute_content(cohort) != cohort.content:
            raise ValueError("its content does not match its fingerprint")
        return
    for name in names("mapped"):
        _check_digest(file_of(folder, name), seal, sha256(file_of(folder, name)))


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
    elif set(seal) != {path.name for path in _content_files(folder)}:
        raise ValueError(f"cohort.json names {', '.join(sorted(seal))}, which is not what is there")
    return described, seal


def read_verified(path: Path, seal: dict | None) -> io.BytesIO:
    """Return the content of a file; ValueError if it is not the one that was sealed."""
    content = path.read_bytes()
    if seal is not None:
        _check_digest(path, seal, hashlib.sha256(content).hexdigest())
    return io.BytesIO(content)


def _check_digest(path: Path, seal: dict, digest: str) -> None:
    if seal[path.name] != digest:
        raise ValueError(f"{path.name} does not match the digest in cohort.json")


def _read_fields(folder: Path, described: dict, seal: dict | None, stamped: bool) -> Cohort:
    """Read a cohort's fields; the inputs alone are not verified."""
    values = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in described.items()
    }
    for name in names("array"):
        values[name] = _read_array(read_verified(file_of(folder, name), seal))
    for name in names("mapped"):
        values[name] = np.load(file_of(folder, name), mmap_mode="c", allow_pickle=False)
    for name in names("table"):
        values[name] = pd.read_parquet(read_verified(file_of(folder, name), seal))
    for name in names("cohort"):
        expected = values.pop(name, None)  # 0.1.0 stored none
        other = read_cohort(folder / name, stamped) if (folder / name).exists() else None
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
