"""Preparing a cohort: its files decoded in parallel into one array on disk, resumable, in memory that does not grow with their number.

A cohort module gives `FileInputs` in place of an array where every record is a file of its own. They are decoded in chunks by a pool of
processes that write into the array themselves. A chunk is marked done under a digest of its files' names, sizes and times, so that a
preparation that was stopped goes on where it was, and what changed meanwhile is decoded again.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from rollcall.data.release import resolve_inside
from rollcall.util.errors import InputError
from rollcall.util.parallel import cores

FILES_PER_CHUNK = 64  # files a task decodes: large enough to hide the pool, small enough to be lost
MAX_FAILURES = 100  # damaged files after which preparing stops; they are mended and it goes on


class SkipRecord(Exception):
    """Raised by a decoder: the record does not belong in the cohort (a blank image). Its message is the reason, counted in the notes."""


@dataclass(frozen=True)
class FileInputs:
    """Inputs that are still files, one a record; stands for an array (records, *shape) until it is decoded.

    root       the release; every path is under it
    paths      (N,) paths relative to root
    decode     decode(path, *arguments) -> array of `shape` and `dtype`; a function of a module, so that processes can share it. What
               it raises (OSError, ValueError, ...) becomes an InputError that names the file and its row; `SkipRecord` drops the record
    shape, dtype  of one record
    where      the table that names the files, for messages, with `rows`, the line of each
    arguments  further arrays (N,), one value a record for each further argument of `decode`
    beside     the ending of a second file that each record has beside the first and `decode` reads as well (".hea", for a ".dat"); else ""
    """

    root: Path
    paths: np.ndarray
    decode: Callable
    shape: tuple[int, ...]
    dtype: str
    where: Path
    rows: np.ndarray
    arguments: tuple = ()
    beside: str = ""

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def every(self) -> list[str]:
        """The paths of all files, second ones after the first."""
        return [
            *map(str, self.paths),
            *(os.path.splitext(path)[0] + self.beside for path in self.paths if self.beside),
        ]


def find_missing(files: FileInputs) -> np.ndarray:
    """(N,) bool: which files are not there."""
    return np.array([not (files.root / path).is_file() for path in files.paths], bool)


def require_files(files: FileInputs) -> FileInputs:
    """The files themselves, or InputError naming the first that is not there."""
    gone = np.flatnonzero(find_missing(files))
    if len(gone):
        raise InputError(
            f"{files.where}: row {files.rows[gone[0]]}: {files.root / files.paths[gone[0]]} does not exist"
            + (f" ({len(gone):,} such rows)" if len(gone) > 1 else "")
            + "; complete the release"
        )
    return files


def decode_files(
    files: FileInputs,
    folder: Path,
    progress: Callable[[int], None] = lambda done: None,
    workers: int | None = None,
) -> tuple[np.memmap, dict[int, str]]:
    """Decode into folder/decoded.npy. Returns the array (N, *shape), memory-mapped, and the dropped records with their reasons.

    Their rows in the array are zero. progress(records done). Raises InputError naming the first damaged file, and keeps what is decoded.
    """
    path, chunks = folder / "decoded.npy", -(-len(files) // FILES_PER_CHUNK)
    done_path, reasons_path = folder / "done.npy", folder / "dropped"
    shape = (len(files), *files.shape)
    if _header(path) != (shape, np.dtype(files.dtype)) or not done_path.exists():
        np.lib.format.open_memmap(path, "w+", files.dtype, shape).flush()
        np.save(done_path, np.zeros((chunks, 16), np.uint8))
        reasons_path.mkdir(exist_ok=True)
    done = np.lib.format.open_memmap(done_path, "r+")
    if done.shape != (chunks, 16):
        raise InputError(
            f"{folder}: not what an earlier preparation left; delete this folder and run again"
        )
    offset = np.load(path, mmap_mode="r").offset
    parts = (_part(files, chunk) for chunk in range(chunks))
    todo = [chunk for chunk, part in enumerate(parts) if bytes(done[chunk]) != _digest(part)]
    finished = len(files) - sum(_length(files, chunk) for chunk in todo)
    progress(finished)
    failures: list[tuple[int, str]] = []
    workers = max(1, min(workers or cores(), len(todo)))
    if todo:
        with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
            calls = ((_part(files, chunk), chunk, path, offset, reasons_path) for chunk in todo)
            for chunk, digest, bad in _bounded(pool, calls, 4 * workers):
                failures += bad
                if not bad:
                    done[chunk] = np.frombuffer(digest, np.uint8)
                finished += _length(files, chunk)
                progress(finished)
                if len(failures) >= MAX_FAILURES:
                    pool.shutdown(cancel_futures=True)
                    break
    if failures:
        record, why = min(failures)
        raise InputError(
            f"{files.root / files.paths[record]} ({files.where.name}: row {files.rows[record]}): {why}; fetch this file again"
            + (f" ({len(failures):,} such files)" if len(failures) > 1 else "")
        )
    dropped = {}
    for file in reasons_path.iterdir():
        start = int(file.name) * FILES_PER_CHUNK
        for line in file.read_text().splitlines():
            place, reason = line.split(" ", 1)
            dropped[start + int(place)] = reason
    return np.load(path, mmap_mode="r+"), dropped


def _header(path: Path):
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        return array.shape, array.dtype
    except (OSError, ValueError):
        return None


def _length(files: FileInputs, chunk: int) -> int:
    return min((chunk + 1) * FILES_PER_CHUNK, len(files)) - chunk * FILES_PER_CHUNK


def signature(root: Path, path: str) -> str:
    """What says that a file is still the same: its path, size and time of last change."""
    try:
        found = os.stat(root / path)
        return f"{path}\0{found.st_size}\0{found.st_mtime_ns}\n"
    except OSError:
        return f"{path}\0gone\n"


def _digest(files: FileInputs) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for place, path in enumerate(files.paths):
        digest.update(
            (
                signature(files.root, str(path))
                + repr([column[place] for column in files.arguments])
            ).encode()
        )
    for path in files.every[len(files) :]:
        digest.update(signature(files.root, path).encode())
    return digest.digest()


def _bounded(pool, calls, ahead: int):
    """Results of all calls of `_decode_chunk` as they come, never more than `ahead` of them under way."""
    calls, waiting = iter(calls), set()
    while True:
        waiting |= {
            pool.submit(_decode_chunk, *call) for call in islice(calls, ahead - len(waiting))
        }
        if not waiting:
            return
        ready, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        for future in ready:
            yield future.result()


def _part(files: FileInputs, chunk: int) -> FileInputs:
    """The files of one chunk: all that a process needs to know."""
    span = slice(chunk * FILES_PER_CHUNK, (chunk + 1) * FILES_PER_CHUNK)
    return replace(
        files,
        paths=files.paths[span],
        rows=files.rows[span],
        arguments=tuple(column[span] for column in files.arguments),
    )


def _decode_chunk(
    files: FileInputs, chunk: int, path: Path, offset: int, reasons: Path
) -> tuple[int, bytes, list[tuple[int, str]]]:
    """Decode one chunk's files into their place in the array at `path`. Returns the chunk, its digest, and (record, why) of damaged files."""
    digest, bad, dropped = _digest(files), [], []
    block = np.zeros((len(files), *files.shape), files.dtype)
    for place, name in enumerate(files.paths):
        try:
            array = np.asarray(
                files.decode(
                    resolve_inside(files.root, name), *(column[place] for column in files.arguments)
                )
            )
            if array.shape != tuple(files.shape):
                raise ValueError(f"decodes to {array.shape}, expected {tuple(files.shape)}")
            block[place] = array
        except SkipRecord as reason:
            dropped.append(f"{place} {reason}\n")
        except (
            Exception
        ) as error:  # decoders meet any kind of damage; what they raise is a fact about the file
            bad.append(
                (
                    chunk * FILES_PER_CHUNK + place,
                    (str(error).strip().splitlines() or [type(error).__name__])[0][:200],
                )
            )
    with open(path, "r+b", buffering=0) as file:
        file.seek(offset + chunk * FILES_PER_CHUNK * (block.nbytes // len(block)))
        file.write(block.data)
    (reasons / str(chunk)).unlink(missing_ok=True)
    if dropped:
        (reasons / str(chunk)).write_text("".join(dropped))
    return chunk, digest, bad
