"""Private folders of temporary files that go with their process, however it ends.

What a killed process leaves, the next one clears: a folder whose lock nobody holds.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rollcall.util.faults import MachineError, describe_machine_fault

PREFIX, NEW = "rollcall-", ".rollcall-"  # of a folder; of one whose lock is still to be taken
LOCK = "owner.lock"
LONGEST_SOCKET = 103  # bytes of a Unix socket's path, on the system that allows fewest
LONGEST_INSIDE = 62  # of them below the folder for temporary files: ours, and multiprocessing's
PROBE_BYTES = 2**24  # of room: a notebook with its pictures is kept there, too
OLD_SECONDS = 600  # after which nobody is still about to lock a folder


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """Make a folder for temporary files and sockets; remove it, and what dead processes left.

    In TMPDIR if its path is short enough for sockets, else where this system has such folders.
    MachineError if none of them can be written.
    """
    from filelock import FileLock

    refusals = []
    for parent in list_parents():
        clear_left(parent)
        try:
            folder = Path(tempfile.mkdtemp(prefix=NEW, dir=parent))
        except OSError as error:
            refusals.append(error)
            continue
        lock, locked = FileLock(folder / LOCK), folder
        try:
            (folder / "probe").write_bytes(bytes(PROBE_BYTES))
            (folder / "probe").unlink()
            lock.acquire(blocking=False)
            locked = folder.rename(parent / (PREFIX + folder.name.removeprefix(NEW)))
        except (OSError, NotImplementedError) as error:  # the latter: a system without locks
            refusals.append(error)
            lock.release()
            shutil.rmtree(folder, ignore_errors=True)
            continue
        except BaseException:  # stopped by a signal
            shutil.rmtree(locked, ignore_errors=True)
            shutil.rmtree(folder, ignore_errors=True)
            lock.release()
            raise
        try:
            yield locked
        finally:
            shutil.rmtree(locked, ignore_errors=True)
            lock.release()
        return
    line = next(filter(None, map(describe_machine_fault, refusals)), "there is none")
    raise MachineError(
        f"no folder for temporary files can be written ({line}); let TMPDIR name one, of a short "
        "path"
    )


def list_parents() -> list[Path]:
    """List the folders for temporary files whose paths are short enough for sockets."""
    named = (os.environ.get(name, "") for name in ("TMPDIR", "XDG_RUNTIME_DIR"))
    first, second = (os.path.abspath(name) if name else "" for name in named)
    folders = dict.fromkeys([first, "/tmp", "/var/tmp", second, "/dev/shm"])
    if os.name != "posix":
        folders = [tempfile.gettempdir()]
    return [
        Path(folder)
        for folder in folders
        if os.path.isdir(folder) and len(os.fsencode(folder)) <= LONGEST_SOCKET - LONGEST_INSIDE
    ]


def clear_left(parent: Path) -> None:
    """Remove this user's folders in `parent` whose processes have ended; others stay."""
    with contextlib.suppress(OSError):
        for folder in parent.iterdir():
            if folder.name.startswith((PREFIX, NEW)):
                with contextlib.suppress(OSError, NotImplementedError):
                    _clear(folder)


def _clear(folder: Path) -> None:
    from filelock import FileLock, Timeout

    status = folder.lstat()
    if not folder.is_dir() or folder.is_symlink():
        return
    if hasattr(os, "getuid") and status.st_uid != os.getuid():
        return
    if folder.name.startswith(NEW):
        if time.time() - status.st_mtime > OLD_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
    elif (folder / LOCK).is_file():  # not there: somebody else's folder of that name
        lock = FileLock(folder / LOCK)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()
