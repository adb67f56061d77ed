"""An array on disk that is filled chunk by chunk, each marked done by what it holds.

<folder>/decoded.npy   the array; all its space is taken before anything is written
<folder>/done.npy      a mark for each chunk: digests of what it was made from and of what it holds
<folder>/dropped/7     json: the records of chunk 7 that have no value, and why

A mark is believed if the digests fit what is on disk now. So nothing need be written in one go: of
what was cut off, by a kill, a full disk or a power failure, the digests do not fit.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import math
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rollcall.util.faults import raise_machine_fault
from rollcall.util.files import (
    UNREADABLE,
    make_private,
    open_private,
    write_array,
    write_bytes,
    write_header,
)

FILES_PER_CHUNK = 64  # that a task decodes: enough to hide the pool, few enough to be lost
SOURCE_BYTES = 16  # of the digest of a chunk's files
MARK_BYTES = SOURCE_BYTES + hashlib.sha256().digest_size
# of a file system that cannot reserve space
CANNOT_RESERVE = (errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL, errno.ENODEV)


@dataclass(frozen=True)
class Dropped:
    """Say which record has no value and why; damaged: because its file cannot be read."""

    record: int
    reason: str
    damaged: bool


@dataclass(frozen=True)
class Chunks:
    """Hold where the array is, and its records' number, shape and dtype."""

    folder: Path
    records: int
    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int  # bytes of the header

    @property
    def count(self) -> int:
        """The number of chunks."""
        return -(-self.records // FILES_PER_CHUNK)

    def slice(self, chunk: int) -> slice:
        """Return the records of a chunk."""
        start = chunk * FILES_PER_CHUNK
        return slice(start, min(start + FILES_PER_CHUNK, self.records))

    @property
    def record_bytes(self) -> int:
        """The bytes of one record."""
        return math.prod(self.shape) * self.dtype.itemsize


def open_chunks(folder: Path, records: int, shape: tuple[int, ...], dtype: str) -> Chunks:
    """Open what an earlier preparation left in `folder`; begin anew if that does not fit.

    MachineError if there is no space for the whole array.
    """
    path, done = folder / "decoded.npy", folder / "done.npy"
    kind, whole = np.dtype(dtype), (records, *shape)
    marks = (-(-records // FILES_PER_CHUNK), MARK_BYTES)
    if _shape_on_disk(path) != (whole, kind) or _shape_on_disk(done) != (marks, np.dtype("u1")):
        done.unlink(missing_ok=True)
        shutil.rmtree(folder / "dropped", ignore_errors=True)
        path.unlink(missing_ok=True)
        try:
            with open_private(path) as file:
                write_header(file, kind, whole)
                file.flush()
                _reserve(file, file.tell() + math.prod(whole) * kind.itemsize)
                os.fsync(file.fileno())
        except OSError as error:
            path.unlink(missing_ok=True)
            raise_machine_fault(error, path)
            raise
        write_array(done, np.zeros(marks, np.uint8))
    make_private(folder / "dropped")
    return Chunks(folder, records, tuple(shape), kind, np.load(path, mmap_mode="r").offset)


def _shape_on_disk(path: Path) -> tuple[tuple[int, ...], np.dtype] | None:
    """Return shape and dtype of an array on disk; None if it is not there, or not whole."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        return array.shape, array.dtype
    except UNREADABLE as error:
        raise_machine_fault(error, path)
        return None


def _reserve(file, size: int) -> None:
    """Let a file have `size` bytes, and the space for them where the file system can promise it."""
    try:
        os.posix_fallocate(file.fileno(), 0, size)
    except AttributeError:  # not on a Mac
        file.truncate(size)
    except OSError as error:
        if error.errno not in CANNOT_RESERVE:
            raise
        file.truncate(size)


def write_chunk(chunks: Chunks, chunk: int, block: np.ndarray, dropped: list[Dropped]) -> bytes:
    """Write the values of a chunk's records, and which have none; return the digest of both.

    All is on disk afterwards.
    """
    reasons, content = chunks.folder / "dropped" / str(chunk), b""
    if dropped:
        content = json.dumps(
            [[each.record, each.reason, each.damaged] for each in dropped]
        ).encode()
        write_bytes(reasons, content)
    else:
        reasons.unlink(missing_ok=True)
    values = np.ascontiguousarray(block, chunks.dtype).reshape(-1).view(np.uint8)
    with open(chunks.folder / "decoded.npy", "r+b") as file:  # buffered: writes all or raises
        file.seek(chunks.offset + chunks.slice(chunk).start * chunks.record_bytes)
        file.write(values)
        file.flush()
        os.fsync(file.fileno())
    return _digest(values, content)


def digest_chunk(chunks: Chunks, chunk: int) -> bytes:
    """Return the digest of what is on disk of a chunk, as `write_chunk` does when all is well."""
    records, reasons = chunks.slice(chunk), b""
    with open(chunks.folder / "decoded.npy", "rb") as file:
        file.seek(chunks.offset + records.start * chunks.record_bytes)
        block = file.read((records.stop - records.start) * chunks.record_bytes)
    with contextlib.suppress(FileNotFoundError):
        reasons = (chunks.folder / "dropped" / str(chunk)).read_bytes()
    return _digest(block, reasons)


def _digest(block, reasons: bytes) -> bytes:
    digest = hashlib.sha256(block)
    digest.update(reasons)
    return digest.digest()


def read_marks(chunks: Chunks) -> list[bytes]:
    """Return the mark of each chunk: zeros where it is not done."""
    return [mark.tobytes() for mark in np.load(chunks.folder / "done.npy", allow_pickle=False)]


def mark_chunk(chunks: Chunks, chunk: int, mark: bytes = bytes(MARK_BYTES)) -> None:
    """Mark a chunk as done; by default, as not done."""
    with open(chunks.folder / "done.npy", "r+b") as file:
        file.seek(chunk * MARK_BYTES - chunks.count * MARK_BYTES, os.SEEK_END)
        file.write(mark)


def read_dropped(chunks: Chunks, chunk: int) -> list[Dropped]:
    """Return the records of a chunk that have no value, in their order."""
    try:
        lines = json.loads((chunks.folder / "dropped" / str(chunk)).read_bytes())
    except FileNotFoundError:
        return []
    return [Dropped(*line) for line in lines]


def forget_cached(path: Path) -> None:
    """Let the next reading of a file come from the disk, where the system can do that."""
    if hasattr(os, "posix_fadvise"):
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
