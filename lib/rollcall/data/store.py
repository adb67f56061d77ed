"""Prepared cohorts on disk: how one is written, found current, opened and verified.

<folder>/cohort.json, inputs.npy, labels.npy, records.parquet: the fields of `Cohort`, stored as
                  they say themselves (`dataclasses.fields`); sealed (`rollcall.data.disk.sealing`)
<folder>/test/    the held-out cohort, in the same form
<folder>/files.parquet   the files it was decoded from, if each record was a file of its own, and
                  why a record was left out
<folder>/verified.json   the facts of these files when their content was last verified: while they
                  are the same, opening need not read the inputs again
Beside it lie .<folder>.lock, and .building-<folder> while it is prepared.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path

from rollcall.data.cohort import Cohort, validate
from rollcall.data.decode import MOST_DAMAGED_SHARE, FileInputs
from rollcall.data.disk.chunks import forget_cached
from rollcall.data.disk.copies import settle_copies
from rollcall.data.disk.inputs import has_same_files, not_as_meant, write_inputs
from rollcall.data.disk.locks import hold_lock
from rollcall.data.disk.sealing import read_cohort, read_fields, write_cohort
from rollcall.util.errors import InputError, first_line
from rollcall.util.faults import raise_machine_fault
from rollcall.util.files import clear_unfinished, make_private, sync_folder

DECODING = ("decoded.npy", "dropped", "done.npy")  # what only serves decoding, in this order
BUILDING = ".building-"  # what the folder is called while it is prepared
OLD_SECONDS = 3600.0  # after which nobody is still writing a small file
FORGOTTEN_SECONDS = 30 * 86400.0  # after which nobody goes on with a preparation


def lock(folder: Path, waiting: str = "") -> AbstractContextManager[None]:
    """Let one process at a time prepare `folder`, whose parent is made; as hold_lock."""
    return hold_lock(folder.parent / f".{folder.name}.lock", waiting)


def save(
    cohort: Cohort,
    folder: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
    duplicates: str = "keep",
) -> None:
    """Validate a cohort, decode its files, and put it in place of `folder`, whole or not at all.

    It is built beside it, in .building-<folder>, and read back from the disk before it is put in
    place. If decoding is cut off, by damaged files, a full disk or a signal, that folder stays, and
    the next preparation of the same cohort goes on from it. Whoever may not be alone holds
    `lock(folder)`. MachineError if the machine refuses.

    progress    is called with (files done, files in all)
    duplicates  "keep" or "once": see `rollcall.data.disk.copies`
    """
    building = folder.parent / f"{BUILDING}{folder.name}"
    parts = [cohort] if cohort.test is None else [cohort, cohort.test]
    total = sum(len(each) for each in parts if isinstance(each.inputs, FileInputs))
    try:
        _build(parts, building, total, progress, duplicates)
        if folder.exists():
            os.rename(folder, tempfile.mkdtemp(prefix=".old-", dir=folder.parent))
        os.rename(building, folder)
        sync_folder(folder.parent)
    except (OSError, MemoryError) as error:
        raise_machine_fault(error, building)
        raise
    finally:
        if not total:
            shutil.rmtree(building, ignore_errors=True)
    clear_leftovers(folder)


def save_once(cohort: Cohort, folder: Path, duplicates: str = "keep") -> Cohort:
    """Save a cohort without files, unless `folder` holds it already; return it as it is on disk.

    Of several processes one saves it, and the others wait. duplicates, errors: as `save`.
    """
    if not is_current(folder, None):
        with lock(folder, f"{folder}: another process prepares it"):
            if not is_current(folder, None):  # else another process was first
                save(cohort, folder, duplicates=duplicates)
    return open_saved(folder)


def _build(parts: list[Cohort], building: Path, total: int, progress, duplicates: str) -> None:
    """Write the pool and its test set, if any, into `building`; verify what is there.

    total: files to decode.
    """
    allowed, before, written = int(total * MOST_DAMAGED_SHARE), 0, []
    if len(parts) < 2:
        shutil.rmtree(building / "test", ignore_errors=True)  # of another try
    folders = [building, building / "test"][: len(parts)]
    for each, target in zip(parts, folders, strict=True):
        clear_unfinished(make_private(target))
        count = _count_from(before, total, progress)
        part, damaged = write_inputs(each, target, count, allowed)
        written.append(part)
        before, allowed = before + len(each), allowed - damaged
    written = settle_copies(written, folders, duplicates)
    cohort = validate(replace(written[0], test=written[1] if written[1:] else None))
    write_cohort(cohort, building)
    _verify(cohort, building)


def _count_from(before: int, total: int, progress: Callable[[int, int], None]):
    return lambda done: progress(before + done, total)


def _verify(cohort: Cohort, folder: Path) -> None:
    """Read all but the inputs, which were compared, back from the disk; MachineError."""
    for path in folder.rglob("*.[jp]*"):  # json, parquet
        forget_cached(path)
    try:
        again = _read_again(folder)
        reason = "" if again.fingerprint == cohort.fingerprint else "its fingerprint is another"
    except (ValueError, TypeError, KeyError, EOFError) as error:
        reason = first_line(error)
    if reason:
        raise not_as_meant(folder, reason)


def _read_again(folder: Path) -> Cohort:
    return read_fields(folder, _read_again)


def clear_leftovers(folder: Path) -> None:
    """Remove what only served decoding, and what killed preparations left.

    Whoever may not be alone holds `lock(folder)`.
    """
    for each in (folder / "test", folder):
        clear_unfinished(each)
        for name in DECODING:
            _remove(each / name)
    for old in folder.parent.glob(".old-*"):
        _remove(old)
    clear_unfinished(folder.parent, OLD_SECONDS)
    for building in folder.parent.glob(f"{BUILDING}*"):
        with suppress(OSError):  # another process may just have finished it
            last = max(path.stat().st_mtime for path in (building, *building.glob("done.npy")))
            if time.time() - last > FORGOTTEN_SECONDS:
                _remove(building)


def _remove(path: Path) -> None:
    """Remove a file or a folder, if it is there and can be removed."""
    with suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def has_leftovers(folder: Path) -> bool:
    """Say whether a preparation was killed just before its end."""
    return (folder / DECODING[-1]).exists()


def is_current(folder: Path, root: Path | None) -> bool:
    """Say whether `folder` holds a prepared cohort whose files under `root` are still the same.

    InputError if what it says of them is damaged; MachineError if the machine refuses to read it.
    """
    try:
        return (folder / "cohort.json").exists() and all(
            has_same_files(each, root)
            for each in (folder, folder / "test")
            if (each / "cohort.json").exists()
        )
    except Exception as error:  # damage may make the libraries that read it raise anything
        raise_machine_fault(error, folder)
        raise _damaged(folder, error) from error


def open_saved(folder: Path) -> Cohort:
    """Open a cohort written by `save`, inputs memory-mapped.

    Its content is verified, once: afterwards a stamp says so, and the inputs are trusted until a
    file looks different (`rollcall.util.stamps`), by every process that opens it. InputError if the
    folder does not hold what it says; MachineError if the machine refuses to read it.
    """
    try:
        return read_cohort(folder)
    except Exception as error:  # damage may make the libraries that read it raise anything
        raise_machine_fault(error, folder)
        raise _damaged(folder, error) from error


def find_saved(parent: Path, fingerprint: str) -> Cohort | None:
    """Open the cohort of this fingerprint among those prepared in `parent`; None if none is.

    Of release 0.1.0 the fingerprint was what is called content now. Errors as of open_saved.
    """
    for path in sorted(parent.glob("*/cohort.json")):
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
            if fingerprint not in (fields.get("fingerprint"), fields.get("content")):
                continue
        except (OSError, ValueError, AttributeError):  # another's, half written
            continue
        return open_saved(path.parent)
    return None


def _damaged(folder: Path, error: Exception) -> InputError:
    return InputError(
        f"{folder}: the prepared cohort is damaged ({first_line(error)}); delete this folder and "
        "run again: it is prepared anew"
    )
