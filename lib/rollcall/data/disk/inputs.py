"""A cohort's inputs on disk: as they are, or decoded, without the records that have none."""

from __future__ import annotations

import errno
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data.cohort import Cohort
from rollcall.data.decode import FileInputs, decode_files, signature
from rollcall.data.disk.chunks import Dropped, forget_cached
from rollcall.data.disk.sealing import ORIGIN, file_of, read_description, read_verified
from rollcall.util.errors import InputError
from rollcall.util.faults import MachineError
from rollcall.util.files import BLOCK_BYTES, parse_table, write_array, write_blocks, write_table

CANNOT_LINK = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)


def write_inputs(
    cohort: Cohort, folder: Path, progress: Callable[[int], None], most_damaged: int
) -> tuple[Cohort, int]:
    """Write inputs.npy, decoded if they are files; return the cohort of what is there.

    The notes count the records left out, by reason. Returns the number of damaged files as well;
    InputError if they are more than `most_damaged`.
    """
    inputs, files = file_of(folder, "inputs"), cohort.inputs
    if not isinstance(files, FileInputs):
        write_array(inputs, files)
        _compare(inputs, files, np.arange(len(files)))
        return cohort, 0
    origin = digest_release(files.root, files.every)  # before they are read: they might change
    array, dropped = decode_files(files, folder, progress, most_damaged=most_damaged)
    keep = np.setdiff1d(np.arange(len(cohort)), [each.record for each in dropped])
    if not len(keep):
        raise InputError(
            f"cohort {cohort.name!r}: every record was dropped, the first because: "
            f"{dropped[0].reason}"
        )
    _write_origin(files, dropped, origin, folder)
    noted = replace(cohort, inputs=array, notes=(*cohort.notes, *_describe_dropped(dropped, files)))
    damaged = sum(each.damaged for each in dropped)
    if dropped:
        return keep_records(noted, folder, keep), damaged
    inputs.unlink(missing_ok=True)  # of an earlier try, it may be decoded.npy itself
    _link_or_copy(folder / "decoded.npy", inputs)
    return replace(noted, inputs=np.load(inputs, mmap_mode="r")), damaged


def keep_records(cohort: Cohort, folder: Path, keep: np.ndarray) -> Cohort:
    """Return the cohort of the records at these positions alone, its inputs in inputs.npy."""
    inputs, array = file_of(folder, "inputs"), cohort.inputs
    inputs.unlink(missing_ok=True)  # it may be decoded.npy itself; `array`, if mapped, stays
    shape = (len(keep), *array.shape[1:])
    write_blocks(inputs, array.dtype, shape, _take_blocks(array, keep))
    _compare(inputs, array, keep)
    return replace(
        cohort,
        records=cohort.records.iloc[keep].reset_index(drop=True),
        labels=cohort.labels[keep],
        inputs=np.load(inputs, mmap_mode="r"),
    )


def _link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name; where the file system has no such thing, copy it."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in CANNOT_LINK:
            raise
        array = np.load(source, mmap_mode="r")
        write_array(target, array)
        _compare(target, array, np.arange(len(array)))


def _compare(path: Path, array: np.ndarray, rows: np.ndarray) -> None:
    """MachineError if a file, read from the disk, holds anything but these rows of an array."""
    forget_cached(path)
    again, start = np.load(path, mmap_mode="r"), 0
    for meant in _take_blocks(array, rows):
        if again[start : start + len(meant)].tobytes() != meant.tobytes():  # NaN as well
            raise not_as_meant(path, "its content differs")
        start += len(meant)


def _take_blocks(array: np.ndarray, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Yield these rows of an array in blocks that fit into memory."""
    count = max(1, BLOCK_BYTES // max(1, array[:1].nbytes))
    for start in range(0, len(rows), count):
        yield array[rows[start : start + count]]


def not_as_meant(path: Path, reason: str) -> MachineError:
    """Return the error for what was written and reads back as something else."""
    return MachineError(
        f"{path}: what was written is not on disk as it was meant ({reason}); have the disk and "
        "the memory checked, then run again"
    )


def _describe_dropped(dropped: list[Dropped], files: FileInputs) -> list[str]:
    """Return a note for each reason; of damaged files no name or message, which may hold ids."""
    reasons = Counter(each.reason for each in dropped if not each.damaged)
    notes = [f"{count:,} records dropped: {reason}" for reason, count in reasons.items()]
    damaged = [each.record for each in dropped if each.damaged]
    if damaged:
        notes.append(
            f"{len(damaged):,} of {len(files):,} records left out: their files are damaged, the "
            f"first in row {files.rows[damaged[0]]} of {files.where.name}"
        )
    return notes


def _write_origin(files: FileInputs, dropped: list[Dropped], origin: str, folder: Path) -> None:
    """Write the files that were decoded, their digest, and why a record was left out."""
    table = pd.DataFrame({"path": files.every, "left_out": ""})
    for each in dropped:
        table.loc[each.record, "left_out"] = each.reason
    table.attrs["digest"] = origin
    write_table(folder / ORIGIN, table)


def digest_release(root: Path, paths) -> str:
    """Hash the paths, sizes and times of change of files under `root`; MachineError."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(signature(root, path).encode())
    return digest.hexdigest()


def has_same_files(folder: Path, root: Path | None) -> bool:
    """Say whether the files under `root` are those that a cohort was decoded from.

    True if it was decoded from none. OSError, ValueError or KeyError if what it says of them is
    damaged.
    """
    _, seal = read_description(folder)
    if not (folder / ORIGIN).exists():
        return True
    content = read_verified(folder / ORIGIN, seal)
    try:
        table = parse_table(content)
        return root is not None and table.attrs["digest"] == digest_release(root, table["path"])
    except (OSError, ValueError, KeyError):
        if seal is not None:
            raise
        return False  # an earlier release sealed nothing: it is prepared anew
