"""Faults of the machine, which are no fault of the input: no space, no permission, no memory.

Whoever reads a file calls `raise_machine_fault` before it calls the file damaged.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Collection

from rollcall.util.errors import InputError

RESUME = "then the same command resumes where it was"
CAUSES = {
    errno.ENOSPC: f"no space left on the disk; free some, {RESUME}",
    errno.EDQUOT: f"the disk quota is used up; free some, {RESUME}",
    errno.EFBIG: f"a file would be larger than allowed; raise the limit (ulimit -f), {RESUME}",
    errno.EMFILE: f"too many open files; raise the limit (ulimit -n), {RESUME}",
    errno.ENFILE: f"too many open files on this machine; close some programs, {RESUME}",
    errno.EACCES: "no permission; ask its owner, or choose another folder",
    errno.EPERM: "the system does not permit it; ask its owner, or choose another folder",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.EIO: "the disk or its connection failed to read or write; have it checked",
    errno.ENOMEM: f"too little memory; close some programs or train with fewer workers, {RESUME}",
    errno.EAGAIN: f"too many processes or too little memory; close some programs, {RESUME}",
    errno.ENOLCK: "locks do not work on this file system; choose a folder on another disk",
    errno.ESTALE: f"the network file system lost the file; mount it again, {RESUME}",
    errno.ENOTCONN: f"the network file system is gone; mount it again, {RESUME}",
    errno.ETIMEDOUT: f"the network file system does not answer; try later, {RESUME}",
    errno.ENAMETOOLONG: "the path is too long; choose a shorter folder",
    errno.ELOOP: "its links lead in a circle; choose another folder",
    errno.ENOTDIR: "a file stands where a folder is expected; choose another folder",
    errno.EISDIR: "a folder stands where a file is expected; choose another path",
    errno.ENODEV: "the disk or its connection is gone; have it checked",
    errno.ENXIO: "the disk or its connection is gone; have it checked",
}
MEMORY = CAUSES[errno.ENOMEM]
SHORT_WRITE = f"the disk, a quota or a limit (ulimit -f) is full; make room, {RESUME}"
PATH_FAULTS = (errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG)  # of the path's shape
# Libraries in C and C++ may put into their message what they do not put into `errno`.
NUMBERED = re.compile(r"\[?errno[ =]+(\d+)", re.IGNORECASE)
NAMED = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE),
    *(errno.EROFS, errno.EIO, errno.ENOMEM, errno.ESTALE),
)
NUMPY_SHORT_WRITE = re.compile(r"\d+ requested and \d+ written")


class _OneLineError(RuntimeError):
    """The command line prints it and exits with 1; a notebook shows it without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


class MachineError(_OneLineError):
    """Report in one line what the machine refused, and what to do about it."""


class StoppedError(_OneLineError):
    """Report in one line why work ended early, where more stands, and how it goes on."""


def describe_machine_fault(error: BaseException, besides: Collection[int] = ()) -> str | None:
    """Return one line on what the machine refused and where; None if the error is of another kind.

    What an error was raised from, or while handling, counts as well. besides: values of errno that
    are not the machine's here.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, MachineError):
            return str(error)
        cause = _describe(error)
        if cause and cause not in {CAUSES[code] for code in besides}:
            name = getattr(error, "filename", None)
            where = os.fsdecode(name) if isinstance(name, str | bytes) else ""
            return f"{where}: {cause}" if where else cause
        following = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        error = following  # type: ignore[assignment]
    return None


def _describe(error: BaseException) -> str | None:
    """Return what the machine refused, by an error's class, its errno or its message."""
    if isinstance(error, MemoryError):
        return MEMORY
    if isinstance(error, OSError) and error.errno is not None:
        return CAUSES.get(error.errno)
    if isinstance(error, InputError) or not isinstance(error, Exception):
        return None
    message = str(error)
    if number := NUMBERED.search(message):
        return CAUSES.get(int(number[1]))
    if isinstance(error, OSError):
        if NUMPY_SHORT_WRITE.search(message):
            return SHORT_WRITE
        if "out of memory" in message:  # Pillow's
            return MEMORY
    return next((CAUSES[code] for code in NAMED if os.strerror(code) in message), None)


def raise_machine_fault(
    error: BaseException, path: object = "", besides: Collection[int] = ()
) -> None:
    """Raise MachineError if an error is the machine's; otherwise return.

    path: named where the error itself names no file. besides: as `describe_machine_fault`.
    """
    line = describe_machine_fault(error, besides)
    if line is None:
        return
    if path and line in (*CAUSES.values(), SHORT_WRITE):
        line = f"{path}: {line}"
    raise MachineError(line) from error
