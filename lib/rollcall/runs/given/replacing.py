"""A folder whose audit is replaced as a whole: killed at any instant, it is the old or the new one.

The new files are written into a folder inside, which gets another name once all are on disk: from
then on the new audit counts, and whoever opens it next finishes what a killed process began.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

from rollcall.data.disk.locks import hold_lock
from rollcall.runs.config import NAME, read_config
from rollcall.runs.derived.parts import REPORT
from rollcall.runs.folder import IGNORE, NOTE, furnish, is_unfinished
from rollcall.util.errors import InputError
from rollcall.util.faults import raise_machine_fault
from rollcall.util.files import make_private, sync_folder

WRITTEN, READY, MOVING = ".new", ".ready", ".moving"  # of the folder inside, in this order
STAYS = {"locks", WRITTEN, READY, MOVING, NOTE, IGNORE}
FOLDERS = {"figures", "figures_paper", "notebooks", "logs", "targets", "made"}
MADE = {NAME, *REPORT}
ENDINGS = (".parquet", ".npy", ".sha256", ".part")


def check_folder(out: Path, inputs: tuple[Path, ...], cohort: str) -> None:
    """Raise InputError unless `out` can hold an audit of these files.

    It is new, empty, or an audit of `cohort` that will be replaced, and none of the inputs lies in
    it. MachineError if the machine refuses to look.
    """
    try:
        top = out.resolve()
        for path in inputs:
            for place in (path.absolute().parent.resolve() / path.name, path.resolve()):
                if place.is_relative_to(top):
                    raise InputError(
                        f"{out}: holds the input {path}; choose another --out, so that nothing of "
                        "yours is written over"
                    )
        if not out.exists():
            return
        if not out.is_dir():
            raise InputError(f"{out}: a file; expected a folder as --out")
        names = {entry.name for entry in out.iterdir()}
    except (OSError, RuntimeError) as error:
        raise_machine_fault(error, out)
        raise InputError(f"{out}: not a folder that can be looked into ({error})") from error
    if names & {READY, MOVING} or all(name in STAYS or is_unfinished(name) for name in names):
        return
    fault = f"{out}: exists and is not an audit of own scores; choose another --out"
    if NAME not in names:
        raise InputError(fault)
    if read_config(out)["cohort"] != cohort:
        raise InputError(fault)


def hold_folder(out: Path):
    """Hold the lock of a run's audit, from the first file to the last; another waits."""
    furnish(out, empty=True)
    return hold_lock(
        out / "locks" / "audit.lock", f"{out}: another process audits into it; waiting for its end"
    )


def replace_folder(out: Path, write: Callable[[Path], None]) -> None:
    """Make `out` hold what `write` writes into the folder it is called with, and no older audit.

    Files in `out` that no audit makes stay. If `write` raises, `out` is as it was.
    """
    before = out.exists()
    try:
        with hold_folder(out):
            finish_replacing(out)
            shutil.rmtree(out / WRITTEN, ignore_errors=True)
            write(make_private(out / WRITTEN))
            sync_folder(out / WRITTEN)
            (out / WRITTEN).rename(out / READY)
            sync_folder(out)
            finish_replacing(out)
    except BaseException as error:
        if not (out / READY).exists() and not (out / MOVING).exists():
            shutil.rmtree(out / WRITTEN, ignore_errors=True)
            if not before:
                _remove_if_bare(out)
        if isinstance(error, OSError | MemoryError):
            raise_machine_fault(error, out)
        raise


def finish_replacing(out: Path) -> None:
    """Finish what `replace_folder` began, if anything; the caller holds the lock."""
    if (out / READY).is_dir():
        (out / NAME).unlink(missing_ok=True)  # from here on there is no older audit
        for entry in list(out.iterdir()):
            if _is_made(entry):
                shutil.rmtree(entry) if _is_folder(entry) else entry.unlink()
        sync_folder(out)
        (out / READY).rename(out / MOVING)
    if (out / MOVING).is_dir():
        for entry in sorted((out / MOVING).iterdir(), key=lambda entry: entry.name == NAME):
            entry.replace(out / entry.name)
            sync_folder(out)
        (out / MOVING).rmdir()


def is_unsettled(out: Path) -> bool:
    """Say whether a process was killed while it replaced the audit in a folder."""
    return (out / READY).is_dir() or (out / MOVING).is_dir()


def _is_folder(entry: Path) -> bool:
    return entry.is_dir() and not entry.is_symlink()


def _is_made(entry: Path) -> bool:
    """Say whether an audit makes such a file or folder."""
    if entry.name in STAYS:
        return False
    if _is_folder(entry):
        return entry.name in FOLDERS
    return entry.name in MADE or entry.name.endswith(ENDINGS) or is_unfinished(entry.name)


def _remove_if_bare(out: Path) -> None:
    """Remove a folder that was made for an audit which was not written."""
    with contextlib.suppress(OSError):
        if {entry.name for entry in out.iterdir()} <= STAYS:
            shutil.rmtree(out)
