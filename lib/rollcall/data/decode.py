"""Decoding a cohort's files into one array on disk: in parallel, resumable, in constant memory.

A dataset gives `FileInputs` in place of an array where every record is a file of its own. They are
decoded in chunks by a pool of processes that write into the array themselves; one chunk is decoded
in this process, which is faster than starting another. A chunk is marked done under a digest of its
files' names, sizes and times, so that a preparation that was stopped goes on where it was, and what
changed meanwhile is decoded again.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from rollcall.data.release import forget_folders, resolve_inside
from rollcall.util.errors import InputError, first_line
from rollcall.util.parallel import cores

FILES_PER_CHUNK = 64  # that a task decodes: enough to hide the pool, few enough to be lost
CHUNKS_AHEAD = 4  # given to each worker of the pool before it asks
MAX_FAILURES = 100  # damaged files after which preparing stops; they are mended and it goes on
DIGEST_BYTES = 16


class SkipRecord(Exception):
    """Say, raised by a decoder, that a record does not belong in the cohort (a blank image).

    Its message is the reason, counted in the notes.
    """


@dataclass(frozen=True)
class FileInputs:
    """Stand for an array (records, *shape) whose records are still files, until it is decoded.

    root       the release; every path is under it
    paths      (N,) paths relative to root
    decode     decode(path, *arguments) -> array of `shape` and `dtype`; a function of a module, so
               that processes can share it. What it raises (OSError, ValueError, ...) becomes an
               InputError that names the file and its row; `SkipRecord` drops the record
    shape, dtype  of one record
    where      the table that names the files, for messages, with `rows`, the line of each
    arguments  further arrays (N,), one value a record for each further argument of `decode`
    beside     the ending of a second file that each record has beside the first and `decode` reads
               as well (".hea", for a ".dat"); else ""
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
        second = [os.path.splitext(path)[0] + self.beside for path in self.paths if self.beside]
        return [*map(str, self.paths), *second]

    def take(self, records: np.ndarray | slice) -> FileInputs:
        """Return the files of the records at these positions (a mask, indices or a slice)."""
        return replace(
            self,
            paths=self.paths[records],
            rows=self.rows[records],
            arguments=tuple(column[records] for column in self.arguments),
        )


def find_missing(files: FileInputs) -> np.ndarray:
    """Return which files are not there, (N,) bool."""
    return np.array([not (files.root / path).is_file() for path in files.paths], bool)


def require_files(files: FileInputs) -> FileInputs:
    """Return the files themselves, or raise InputError naming the first that is not there."""
    gone = np.flatnonzero(find_missing(files))
    if len(gone):
        raise InputError(
            f"{files.where}: row {files.rows[gone[0]]}: "
            f"{files.root / files.paths[gone[0]]} does not exist"
            + (f" ({len(gone):,} such rows)" if len(gone) > 1 else "")
            + "; complete the release"
        )
    return files


def decode_files(
    files: FileInputs,
    folder: Path,
    progress: Callable[[int], None] = lambda done: None,
    workers: int | None = None,
) -> tuple[np.ndarray, dict[int, str]]:
    """Decode into folder/decoded.npy.

    Returns the array (N, *shape), memory-mapped, and the dropped records with their reasons; their
    rows in the array are zero. progress(records done). InputError naming the first damaged file;
    what is decoded is kept.
    """
    path, reasons_path = folder / "decoded.npy", folder / "dropped"
    done = _open_done(files, folder)
    offset = np.load(path, mmap_mode="r").offset
    chunks = range(len(done))
    todo = [chunk for chunk in chunks if bytes(done[chunk]) != _digest(_chunk(files, chunk))]
    finished = len(files) - sum(_length(files, chunk) for chunk in todo)
    progress(finished)
    failures: list[tuple[int, str]] = []
    calls = ((_chunk(files, chunk), chunk, path, offset, reasons_path) for chunk in todo)
    with closing(_run(calls, len(todo), workers)) as results:
        for chunk, digest, damaged in results:
            failures += damaged
            if not damaged:
                done[chunk] = np.frombuffer(digest, np.uint8)
            finished += _length(files, chunk)
            progress(finished)
            if len(failures) >= MAX_FAILURES:
                break
    if failures:
        record, reason = min(failures)
        raise InputError(
            f"{files.root / files.paths[record]} ({files.where.name}: row {files.rows[record]}): "
            f"{reason}; fetch this file again"
            + (f" ({len(failures):,} such files)" if len(failures) > 1 else "")
        )
    return np.load(path, mmap_mode="r+"), _read_dropped(reasons_path)


def _open_done(files: FileInputs, folder: Path) -> np.memmap:
    """Return the digests of finished chunks, (chunks, 16) uint8, mapped; start anew if none fit.

    A preparation that was killed may leave either file empty.
    """
    path, done_path = folder / "decoded.npy", folder / "done.npy"
    shape = (len(files), *files.shape)
    marks = (-(-len(files) // FILES_PER_CHUNK), DIGEST_BYTES)
    if _header(path) != (shape, np.dtype(files.dtype)) or _header(done_path) is None:
        shutil.rmtree(folder / "dropped", ignore_errors=True)
        np.lib.format.open_memmap(path, "w+", files.dtype, shape).flush()
        np.save(done_path, np.zeros(marks, np.uint8))
    (folder / "dropped").mkdir(exist_ok=True)
    done = np.lib.format.open_memmap(done_path, "r+")
    if done.shape != marks:
        raise InputError(
            f"{folder}: not what an earlier preparation left; delete this folder and run again"
        )
    return done


def _read_dropped(folder: Path) -> dict[int, str]:
    """Return the dropped records and their reasons, from a file for each chunk that has any."""
    dropped = {}
    for file in folder.iterdir():
        start = int(file.name) * FILES_PER_CHUNK
        for line in file.read_text().splitlines():
            position, reason = line.split(" ", 1)
            dropped[start + int(position)] = reason
    return dropped


def _header(path: Path) -> tuple[tuple[int, ...], np.dtype] | None:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        return array.shape, array.dtype
    except (OSError, ValueError, EOFError):  # EOFError: an empty file
        return None


def _length(files: FileInputs, chunk: int) -> int:
    return min((chunk + 1) * FILES_PER_CHUNK, len(files)) - chunk * FILES_PER_CHUNK


def signature(root: Path, path: str) -> str:
    """Return what says that a file is still the same: its path, size and time of last change."""
    try:
        status = os.stat(root / path)
        return f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n"
    except OSError:
        return f"{path}\0gone\n"


def _digest(files: FileInputs) -> bytes:
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for position, path in enumerate(files.paths):
        arguments = [column[position] for column in files.arguments]
        digest.update((signature(files.root, str(path)) + repr(arguments)).encode())
    for path in files.every[len(files) :]:
        digest.update(signature(files.root, path).encode())
    return digest.digest()


def _run(calls: Iterator[tuple], count: int, workers: int | None) -> Iterator[tuple]:
    """Yield the results of `count` calls of `_decode_chunk` as they come.

    No more than CHUNKS_AHEAD a worker are under way. A pool takes longer to start than a chunk to
    decode: a single call runs here.
    """
    if count < 2:
        forget_folders()  # as a new process would
        for call in calls:
            yield _decode_chunk(*call)
        return
    workers = max(1, min(workers or cores(), count))
    waiting = set()
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        try:
            while True:
                more = islice(calls, CHUNKS_AHEAD * workers - len(waiting))
                waiting |= {pool.submit(_decode_chunk, *call) for call in more}
                if not waiting:
                    return
                ready, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in ready:
                    yield future.result()
        finally:  # also where the caller has seen enough
            pool.shutdown(cancel_futures=True)


def _chunk(files: FileInputs, chunk: int) -> FileInputs:
    """Return the files of one chunk: all that a process needs to know."""
    return files.take(slice(chunk * FILES_PER_CHUNK, (chunk + 1) * FILES_PER_CHUNK))


def _decode_chunk(
    files: FileInputs, chunk: int, path: Path, offset: int, reasons: Path
) -> tuple[int, bytes, list[tuple[int, str]]]:
    """Decode one chunk's files into their rows of the array at `path`.

    Its data begin at byte `offset`. Returns the chunk, its digest, and (record, reason) of damaged
    files.
    """
    digest, damaged, dropped = _digest(files), [], []
    block = np.zeros((len(files), *files.shape), files.dtype)
    for position, name in enumerate(files.paths):
        try:
            arguments = [column[position] for column in files.arguments]
            array = np.asarray(files.decode(resolve_inside(files.root, name), *arguments))
            if array.shape != tuple(files.shape):
                raise ValueError(f"decodes to {array.shape}, expected {tuple(files.shape)}")
            block[position] = array
        except SkipRecord as reason:
            dropped.append(f"{position} {reason}\n")
        except Exception as error:  # any damage: what a decoder raises is a fact about the file
            damaged.append((chunk * FILES_PER_CHUNK + position, first_line(error)))
    with open(path, "r+b", buffering=0) as file:
        file.seek(offset + chunk * FILES_PER_CHUNK * (block.nbytes // len(block)))
        file.write(block.data)
    (reasons / str(chunk)).unlink(missing_ok=True)
    if dropped:
        (reasons / str(chunk)).write_text("".join(dropped))
    return chunk, digest, damaged
