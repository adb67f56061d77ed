"""Faults of the machine, which are no fault of the input: no space, no permission, no memory.

Whoever reads a file calls `raise_machine_fault` before it calls the file damaged.
"""

from __future__ import annotations

import errno
import os

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
}
MEMORY = CAUSES[errno.ENOMEM]


class MachineError(RuntimeError):
    """Report in one line what the machine refused, and what to do about it.

    The command line prints it and exits with 1.
    """


def describe_machine_fault(error: BaseException) -> str | None:
    """Return one line on what the machine refused and where; None if the error is of another kind.

    What an error was raised from, or while handling, counts as well.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, MachineError):
            return str(error)
        if isinstance(error, MemoryError):
            return MEMORY
        if isinstance(error, OSError) and error.errno in CAUSES:
            where = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
            return f"{where}: {CAUSES[error.errno]}" if where else CAUSES[error.errno]
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return None


def raise_machine_fault(error: BaseException, path: object = "") -> None:
    """Raise MachineError if an error is the machine's; otherwise return.

    path: named where the error itself names no file.
    """
    line = describe_machine_fault(error)
    if line is None:
        return
    if path and line in (*CAUSES.values(), MEMORY):
        line = f"{path}: {line}"
    raise MachineError(line) from error
