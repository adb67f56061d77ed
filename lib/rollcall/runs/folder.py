"""The folder of a run: its owner's alone, ignored by git, and with a note on what may leave it."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Collection
from pathlib import Path

from rollcall.data.disk.locks import hold_lock
from rollcall.util.faults import raise_machine_fault
from rollcall.util.files import PRIVATE_FOLDER, UNFINISHED, atomic_write, make_private

NOTE = "READ_ME_FIRST.txt"
IGNORE = ".gitignore"
FOLDERS = ("locks", "targets")
# What a run may leave that is killed while it is created, beside files that were being written.
LEFTOVERS = (*FOLDERS, "members.npy", "members.npy.part", "run.json.part", NOTE, IGNORE)
WITH_IDS = (
    "records.parquet",
    "patients.parquet",
    "paper_records.parquet",
    "paper_patients.parquet",
    "own.parquet",
)
TEXT = f"""\
An audit by Rollcall. Read this before a file of this folder goes anywhere.

These files name patients (ids as in the data) and say who of them is exposed:
    {", ".join(WITH_IDS)}

These were computed from patients' data, patient by patient in the data's order, without ids:
    targets/, members.npy, scores.npy, statistic.npy, statistic_rmia.npy

These count patients in groups of any size, small ones too:
    disparity.parquet, cutoffs.parquet, paper_panel.parquet

None of these may leave the place where the data may be.

These were made to leave; they hold no id, and no count below the smallest cell of run.json:
    report.html, report.json, verdict.json, model_card.md, figures/, notebooks/,
    shown_*.parquet
(*.failed.ipynb, if there is one, was not looked at: its traceback may hold anything.)

All other files hold sums over all patients, times, settings and checksums.

The folder is readable by its owner alone, and git ignores it ({IGNORE}).
"""


def furnish(folder: Path, *, empty: bool = False) -> None:
    """Make a run's folder, private, and put into it what tells people and git to take care.

    A folder without the note was made by an older version, and becomes private now. empty: without
    the folders of a run that trains. MachineError if the machine refuses.
    """
    make_private(folder)
    for name in () if empty else FOLDERS:
        make_private(folder / name)
    if (folder / NOTE).exists() and (folder / IGNORE).exists():
        return
    with hold_lock(folder / "locks" / "run.lock"):
        clear_parts(folder / NOTE, folder / IGNORE)
        with contextlib.suppress(PermissionError):  # another's folder, which is shared with us
            folder.chmod(PRIVATE_FOLDER)
        hide_from_git(folder)
        with atomic_write(folder / NOTE) as file:
            file.write(TEXT.encode())


def remove_untrained(folder: Path) -> None:
    """Remove a run that has no target and no result, and the folder above if that is empty then.

    Else nothing happens.
    """
    with hold_lock(folder / "locks" / "run.lock"):
        entries = {entry.name for entry in folder.iterdir()} - {"run.json", "logs"}
        if not is_leftover(folder, entries):
            return
        for name in (*entries, "run.json"):
            if not (folder / name).is_dir():
                (folder / name).unlink(missing_ok=True)
        for name in ("targets", "logs", "locks"):
            shutil.rmtree(folder / name, ignore_errors=True)
    with contextlib.suppress(OSError):
        folder.rmdir()
        folder.parent.rmdir()


def hide_from_git(folder: Path) -> Path:
    """Make a folder, private if it is new, whose files git ignores; return it."""
    make_private(folder)
    if not (folder / IGNORE).exists():
        with atomic_write(folder / IGNORE) as file:
            file.write(b"*\n")
    return folder


def is_leftover(folder: Path, names: Collection[str] | None = None) -> bool:
    """Say whether a folder holds nothing but what a run killed during its creation leaves.

    names: of what it holds, as far as that counts; None: all of it.
    """
    try:
        names = [entry.name for entry in folder.iterdir()] if names is None else names
        trained = any(not is_unfinished(path.name) for path in folder.glob("targets/*"))
    except OSError as error:
        raise_machine_fault(error, folder)
        raise
    return not trained and all(name in LEFTOVERS or is_unfinished(name) for name in names)


def is_unfinished(name: str) -> bool:
    """Say whether a file's name is that of one that was being written."""
    return name.startswith(".") and name.endswith(UNFINISHED)


def clear_parts(*paths: Path) -> None:
    """Remove what killed writers of these files left; the caller holds the lock to write them."""
    for path in paths:
        for left in path.parent.glob(f".{path.name}.*{UNFINISHED}"):
            with contextlib.suppress(OSError):
                left.unlink()


def list_files_with_ids(folder: Path) -> list[str]:
    """List the files of a run that name patients, as far as it has them."""
    return [name for name in WITH_IDS if os.path.exists(folder / name)]
