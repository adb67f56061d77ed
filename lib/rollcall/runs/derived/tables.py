"""The tables of a run: written with what they were made from, read back if they fit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from rollcall.runs.derived import manifests
from rollcall.runs.derived.parts import ARRAYS, name_file, step_of
from rollcall.runs.folder import clear_parts
from rollcall.runs.run import Run
from rollcall.util.errors import InputError, first_line
from rollcall.util.faults import raise_machine_fault
from rollcall.util.files import parse_table, write_array, write_table


def write_step(
    run: Run, step: str, made_from: dict, tables: Mapping[str, pd.DataFrame | np.ndarray]
) -> None:
    """Write the tables of a step, and its manifest last; the caller holds the lock of the steps.

    made_from: what manifests.describe_step gave before they were computed. Whatever was made from
    something else, in this step or a later one, is removed before anything is written.
    """
    manifests.discard_stale(run)
    manifests.forget(run, step)
    names = []
    for table, content in tables.items():
        path = run.file(name_file(table))
        clear_parts(path)
        if table in ARRAYS:
            write_array(path, content)
        else:
            stamped = content.copy(deep=False)
            stamped.attrs = {"made_from": made_from}
            write_table(path, stamped)
        names.append(path.name)
    manifests.note_made(run, step, made_from, names)
    manifests.discard_stale(run)


def has_table(run: Run, name: str) -> bool:
    """Say whether a table is there, whatever it was made from."""
    return run.file(name_file(name)).exists()


def read_table(run: Run, name: str, columns: Sequence[str] = ()) -> pd.DataFrame:
    """Return a table of the run by name, or some of its columns, which is faster.

    attacks, pooled, roc, records, patients, floor, survival, risk; disparity, cutoffs, shown_*;
    paper_*. InputError if it was not made yet, is damaged, or was made from something else than
    what the run has now: other scores, another number of targets, an earlier attack.
    """

    def read(file: BinaryIO) -> pd.DataFrame:
        table = parse_table(file, columns)
        table.attrs = {}
        return table

    return _read_settled(run, name, read)


def read_array(run: Run, name: str) -> np.ndarray:
    """Return an array of the run by name, statistic; InputError as read_table."""
    return _read_settled(run, name, lambda file: np.load(file, allow_pickle=False))


def _read_settled(run: Run, name: str, read: Callable[[BinaryIO], Any]) -> Any:
    """Read a file; if it does not fit, once more when whoever may be writing has finished."""
    try:
        return _read(run, name, read)
    except InputError:
        if not run.file("locks/steps.lock").exists():
            raise
    with run.hold("steps"):
        return _read(run, name, read)


def _read(run: Run, name: str, read: Callable[[BinaryIO], Any]) -> Any:
    step, path = step_of(name), run.file(name_file(name))
    manifest = manifests.check_step(run, step)
    try:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            manifests.check_file(run, step, manifest, path.name, digest)
            file.seek(0)
            return read(file)
    except InputError:
        raise
    except (OSError, ValueError, EOFError, MemoryError) as error:
        raise_machine_fault(error, path)
        raise InputError(
            f"{path}: not readable ({first_line(error)}); {manifests.say_again(run, step)}"
        ) from error
