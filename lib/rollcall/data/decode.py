"""Decoding a cohort's files into one array on disk: in parallel, resumable, in constant memory.

A dataset gives `FileInputs` in place of an array where every record is a file of its own. They are
decoded in chunks by a pool of processes that write into the array themselves; one chunk is decoded
in this process, which is faster than starting another. A chunk is marked done under a digest of its
files' names, sizes and times, and of what it holds on disk (`rollcall.data.disk.chunks`), so that a
preparation that was stopped goes on where it was, and what changed meanwhile is decoded again.

A damaged file leaves its record out, as long as that is rare: MOST_DAMAGED_SHARE.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from rollcall.data.disk.chunks import (
    FILES_PER_CHUNK,
    SOURCE_BYTES,
    Chunks,
    Dropped,
    digest_chunk,
    forget_cached,
    mark_chunk,
    open_chunks,
    read_dropped,
    read_marks,
    write_chunk,
)
from rollcall.data.release import forget_folders, resolve_inside
from rollcall.util.errors import InputError, first_line
from rollcall.util.faults import PATH_FAULTS, RESUME, MachineError, raise_machine_fault
from rollcall.util.forkserver import end_with_parent, start_tracker
from rollcall.util.parallel import cores

CHUNKS_AHEAD = 4  # given to each worker of the pool before it asks
MOST_DAMAGED_SHARE = 0.01  # of the files; with more, something is wrong with the release


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
               that processes can share it. What it raises (OSError, ValueError, ...) means that
               the file is damaged, unless it is the machine's fault; `SkipRecord` drops the record
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
    most_damaged: int | None = None,
) -> tuple[np.ndarray, list[Dropped]]:
    """Decode into folder/decoded.npy.

    Returns the array (N, *shape), memory-mapped, and the records dropped, because the decoder said
    so or the file is damaged, in their order; their rows in the array are zero. progress(records
    done). most_damaged: files; by default MOST_DAMAGED_SHARE of these. InputError naming the first
    damaged file if there are more; MachineError. What is decoded is kept.
    """
    try:
        chunks = open_chunks(folder, len(files), files.shape, files.dtype)
        _decode_missing(files, chunks, progress, workers, _limit(files, most_damaged))
        _verify(chunks)
    except futures.BrokenExecutor as error:
        raise MachineError(
            "a process that decodes files was killed or crashed, for lack of memory most likely; "
            f"close some programs, {RESUME}"
        ) from error
    except (OSError, MemoryError) as error:
        raise_machine_fault(error, folder)
        raise
    dropped = [each for chunk in range(chunks.count) for each in read_dropped(chunks, chunk)]
    return np.load(folder / "decoded.npy", mmap_mode="r"), dropped


def _limit(files: FileInputs, most_damaged: int | None) -> int:
    return int(len(files) * MOST_DAMAGED_SHARE) if most_damaged is None else most_damaged


def _decode_missing(files: FileInputs, chunks: Chunks, progress, workers, most_damaged: int):
    """Decode the chunks that are not done; stop when too many files are damaged."""
    todo, damaged = [], []
    for chunk, mark in enumerate(read_marks(chunks)):
        source = mark[:SOURCE_BYTES]
        same = any(mark) and source == _digest(files.take(chunks.slice(chunk)))
        if same and mark[SOURCE_BYTES:] == digest_chunk(chunks, chunk):
            damaged += [each for each in read_dropped(chunks, chunk) if each.damaged]
        else:
            todo.append(chunk)
    lengths = {chunk: len(range(len(files))[chunks.slice(chunk)]) for chunk in todo}
    finished = len(files) - sum(lengths.values())
    progress(finished)
    calls = ((files.take(chunks.slice(chunk)), chunk, chunks) for chunk in todo)
    with closing(_run(calls, len(todo), workers)) as results:
        for chunk, mark, dropped in results if len(damaged) <= most_damaged else ():
            mark_chunk(chunks, chunk, mark)
            damaged += [each for each in dropped if each.damaged]
            finished += lengths[chunk]
            progress(finished)
            if len(damaged) > most_damaged:
                break
    if len(damaged) > most_damaged:
        for each in damaged:  # another reader of the same files may do better
            mark_chunk(chunks, each.record // FILES_PER_CHUNK)
        first, count = min(damaged, key=lambda each: each.record), len(damaged)
        raise InputError(
            f"{files.root / files.paths[first.record]} ({files.where.name}: row "
            f"{files.rows[first.record]}): {first.reason}; fetch this file again"
            + (f" ({count:,} such files)" if count > 1 else "")
        )


def _verify(chunks: Chunks) -> None:
    """Read everything back from the disk; MachineError if it is not what was written."""
    forget_cached(chunks.folder / "decoded.npy")
    marks = read_marks(chunks)
    wrong = [
        chunk
        for chunk in range(chunks.count)
        if marks[chunk][SOURCE_BYTES:] != digest_chunk(chunks, chunk)
    ]
    for chunk in wrong:
        mark_chunk(chunks, chunk)
    if wrong:
        raise MachineError(
            f"{chunks.folder / 'decoded.npy'}: {len(wrong):,} of {chunks.count:,} parts are not on "
            "disk as they were written; have the disk and the memory checked; the same command "
            "decodes these parts again"
        )


def signature(root: Path, path: str) -> str:
    """Return what says that a file is still the same: its path, size and time of last change.

    MachineError if the machine refuses to say.
    """
    try:
        status = os.stat(root / path)
        return f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n"
    except OSError as error:
        raise_machine_fault(error, root / path, PATH_FAULTS)
        return f"{path}\0gone\n"


def _digest(files: FileInputs) -> bytes:
    digest = hashlib.blake2b(digest_size=SOURCE_BYTES)
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
    start_tracker()
    context = multiprocessing.get_context("spawn")
    with futures.ProcessPoolExecutor(workers, context, initializer=end_with_parent) as pool:
        try:
            while True:
                more = islice(calls, CHUNKS_AHEAD * workers - len(waiting))
                waiting |= {pool.submit(_decode_chunk, *call) for call in more}
                if not waiting:
                    return
                ready, waiting = futures.wait(waiting, return_when=futures.FIRST_COMPLETED)
                for future in ready:
                    yield future.result()
        finally:  # also where the caller has seen enough
            pool.shutdown(cancel_futures=True)


def _decode_chunk(
    files: FileInputs, chunk: int, chunks: Chunks
) -> tuple[int, bytes, list[Dropped]]:
    """Decode one chunk's files into their rows of the array.

    Returns the chunk, its mark and the records without a value. MachineError if the machine is at
    fault: that is no damage of a file.
    """
    source, dropped = _digest(files), []
    block = np.zeros((len(files), *files.shape), files.dtype)
    first = chunks.slice(chunk).start
    for position, name in enumerate(files.paths):
        try:
            arguments = [column[position] for column in files.arguments]
            array = np.asarray(files.decode(resolve_inside(files.root, name), *arguments))
            if array.shape != tuple(files.shape):
                raise ValueError(f"decodes to {array.shape}, expected {tuple(files.shape)}")
            block[position] = array
        except Exception as error:  # what a decoder raises is a fact about the file, unless:
            raise_machine_fault(error, files.root / name, PATH_FAULTS)
            damaged = not isinstance(error, SkipRecord)
            dropped.append(Dropped(first + position, first_line(error), damaged))
    return chunk, source + write_chunk(chunks, chunk, block, dropped), dropped
