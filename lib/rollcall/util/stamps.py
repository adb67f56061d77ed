"""Stamps: what files looked like when their content was verified, so that they are not read again.

A file's facts are its size, its times of change (of content, and of anything) and its inode. No
program can set the second time, so a file with the same facts has the same content, unless it
changed twice within one tick of the clock that gives these times. Hence no facts are kept of files
that had just changed when they were read (git's index has the same rule). On Windows the second
time is that of creation: there, a change that also restores the first time goes unseen.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

from rollcall.util.faults import MachineError
from rollcall.util.files import UNFINISHED, sha256, write_json

TICK_NS = 50_000_000  # longer than a tick of any clock that gives times below a second
COARSE_TICK_NS = 2_000_000_000  # of file systems that keep whole seconds, or every second one
SECOND_NS = 1_000_000_000
SETTLING_SECONDS = 0.06  # the longest wait for files that have just been written

Facts = list[int]  # size, time of change, time of status change (ns), inode


def read_facts(paths: Sequence[Path]) -> list[Facts] | None:
    """Return the facts of each file, or None if one cannot be read."""
    facts = []
    for path in paths:
        try:
            with open(path, "rb") as file:  # opened: only then a network file system asks anew
                status = os.fstat(file.fileno())
        except OSError:
            return None
        facts.append([status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino])
    return facts


def read_stamp(path: Path) -> dict:
    """Return what `write_stamp` wrote; empty if there is none, or it is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def write_stamp(path: Path, content: dict) -> None:
    """Write a stamp, whole or not at all; nothing happens where its folder cannot be written."""
    with contextlib.suppress(OSError, MachineError):
        write_json(path, content)


def settle(paths: Sequence[Path], folder: Path) -> list[Facts] | None:
    """Flush files to disk and wait until any further change to them would show in their facts.

    Returns these facts; read the content afterwards, and compare them once it is read. None if a
    file cannot be read, if a change might still go unseen after SETTLING_SECONDS, or if nothing
    can be written to `folder` (or the nearest above it that exists), whose clock is asked.
    """
    folder = next(parent for parent in (folder, *folder.absolute().parents) if parent.is_dir())
    for path in paths:  # what a stamp says must also hold after a power failure
        with contextlib.suppress(OSError), open(path, "rb") as file:
            os.fsync(file.fileno())
    facts = read_facts(paths)
    if facts is None:
        return None
    for delay in (0, SETTLING_SECONDS):
        time.sleep(delay)
        try:
            now = min(time.time_ns(), _read_clock(folder))
        except OSError:
            return None
        if all(changed + _tick(changed) < now for file in facts for changed in file[1:3]):
            return facts
    return None


def _tick(changed: int) -> int:
    """Return how long the clock may stand that gave a file this time of change (both ns)."""
    return TICK_NS if changed % SECOND_NS else COARSE_TICK_NS


def _read_clock(folder: Path) -> int:
    """Return the time (ns) that a file gets which is written to `folder` now."""
    probe = folder / f".clock.{uuid4().hex}{UNFINISHED}"
    try:
        with open(probe, "xb") as file:
            return os.fstat(file.fileno()).st_mtime_ns
    finally:
        probe.unlink(missing_ok=True)


def hash_files(files: dict[str, Path], stamp: dict, folder: Path) -> tuple[dict[str, str], dict]:
    """Return the sha256 of each file, and the stamp that spares hashing them again.

    stamp: as an earlier call returned it, {path: [facts, sha256]}. folder: where it will be kept.
    OSError if a file cannot be read.
    """
    digests, kept = {}, {entry: value for entry, value in stamp.items() if os.path.exists(entry)}
    for name, path in files.items():
        entry = str(path.absolute())
        match kept.pop(entry, None):
            case [known, str(digest)] if [known] == read_facts([path]):
                digests[name], kept[entry] = digest, [known, digest]
                continue
        facts = settle([path], folder)
        digests[name] = sha256(path)
        if facts is not None and facts == read_facts([path]):
            kept[entry] = [*facts, digests[name]]
    return digests, kept
