"""Locks between processes, freed by the operating system when their holder dies."""

from __future__ import annotations

import contextlib
import errno
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rollcall.util.faults import CAUSES, MachineError, raise_machine_fault
from rollcall.util.files import PRIVATE_FILE, make_private

if TYPE_CHECKING:
    from filelock import FileLock

log = logging.getLogger(__name__)


def try_lock(path: Path) -> FileLock | None:
    """Return a held lock, or None if another holds it; MachineError if locks do not work there."""
    from filelock import FileLock  # which a browser tab does not have

    lock = FileLock(path, mode=PRIVATE_FILE)
    return lock if _acquire(lock, path, wait=False) else None


@contextlib.contextmanager
def hold_free_lock(path: Path) -> Iterator[bool]:
    """Hold a lock while the block runs, if nobody else has it; give whether it is held."""
    lock = try_lock(path)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            lock.release()


@contextlib.contextmanager
def hold_lock(path: Path, waiting: str = "") -> Iterator[bool]:
    """Hold a lock while the block runs, waiting for whoever has it; give that it is held.

    A thread that holds it may take it again. waiting: what is logged if one must wait.
    MachineError if locks do not work there.
    """
    from filelock import FileLock

    make_private(path.parent)
    lock = FileLock(str(path.absolute()), mode=PRIVATE_FILE, is_singleton=True)
    if not _acquire(lock, path, wait=False):
        if waiting:
            log.warning("%s", waiting)
        _acquire(lock, path, wait=True)
    try:
        yield True
    finally:
        lock.release()


def _acquire(lock: FileLock, path: Path, wait: bool) -> bool:
    from filelock import Timeout

    try:
        lock.acquire(blocking=wait)
    except Timeout:
        return False
    except NotImplementedError as error:
        raise MachineError(f"{path}: {CAUSES[errno.ENOLCK]}") from error
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EOPNOTSUPP):
            raise MachineError(f"{path}: {CAUSES[errno.ENOLCK]}") from error
        raise_machine_fault(error, path)
        raise
    return True
