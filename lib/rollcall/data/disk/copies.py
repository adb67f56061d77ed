"""What is done about records that stand under several patients: told in the notes, or kept once."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from rollcall.data.cohort import Cohort
from rollcall.data.disk.duplicates import Copies, find_copies, is_shared
from rollcall.data.disk.inputs import keep_records
from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.util.errors import InputError

CHOICES = ("keep", "once")  # of the option `duplicates`
EFFECT = (
    "a model that did not train on such a record may have seen its copy, so risk reads too low "
    "(option duplicates=once keeps each once)"
)


def settle_copies(parts: list[Cohort], folders: list[Path], duplicates: str) -> list[Cohort]:
    """Note the copies among the records of a cohort and its test set; keep each once, if asked to.

    parts: the audit pool, and its test set if there is one, their inputs in folders/inputs.npy.
    duplicates: one of CHOICES; "once" keeps the first record of each picture, the pool's before the
    test set's. InputError if that leaves no pool.
    """
    pool, size = parts[0], len(parts[0])
    patients = np.concatenate([np.asarray(part.records["patient_id"], object) for part in parts])
    copies = find_copies([part.inputs for part in parts], patients)
    notes = _describe_blank(pool, copies.blank[:size])
    if duplicates == "keep":
        notes += _describe_pool(pool, copies, patients[:size])
        notes += _describe_test(pool, copies)
        return [replace(pool, notes=(*pool.notes, *notes)), *parts[1:]]
    again = copies.alike != np.arange(len(patients))
    kept = []
    for part, folder in zip(parts, folders, strict=True):
        mine, again = again[: len(part)], again[len(part) :]
        if mine.any():
            notes.append(_describe_dropped(part, mine, "" if part is pool else " of the test set"))
        if not mine.all():
            kept.append(keep_records(part, folder, np.flatnonzero(~mine)))
        elif part is pool:
            raise InputError(f"cohort {pool.name!r}: holds no record")
        else:
            shutil.rmtree(folder)
            notes.append("no test set: every record of it is in the audit pool as well")
    kept[0] = replace(kept[0], notes=(*pool.notes, *notes))
    return kept


def _name(cohort: Cohort, many: bool = True) -> str:
    kinds = {4: ("picture", "pictures"), 3: ("signal", "signals")}
    return kinds.get(cohort.inputs.ndim, ("row", "rows"))[many]


def _count(chosen: np.ndarray, patients, unit: str) -> str:
    """Write "N records of M patients"; counts below 10 are suppressed."""
    numbers = (int(chosen.sum()), len(set(patients[chosen])))
    records, people = (
        f"{number:,}" if number >= MIN_GROUP_SIZE else f"fewer than {MIN_GROUP_SIZE}"
        for number in numbers
    )
    return f"{records} records of {people} {unit}s"


def _describe_blank(pool: Cohort, blank: np.ndarray) -> list[str]:
    """Note pictures and signals that show nothing: of several patients they are no copies."""
    if not blank.any() or pool.inputs.ndim < 3:
        return []
    counts = _count(blank, np.asarray(pool.records["patient_id"], object), pool.unit)
    return [f"{counts} are blank {_name(pool)}, of one value throughout"]


def _describe_pool(pool: Cohort, copies: Copies, patients: np.ndarray) -> list[str]:
    """Note the records that are another patient's as well: identical, and nearly so."""
    shown = ~copies.blank[: len(pool)]
    identical = is_shared(copies.identical[: len(pool)], patients) & shown
    near = is_shared(copies.alike[: len(pool)], patients) & shown & ~identical
    if pool.inputs.ndim < 3 and identical.sum() < MIN_GROUP_SIZE:
        return []  # a few rows of a table agree by chance
    notes = [
        f"duplicates: {_count(chosen, patients, pool.unit)} are {what} {_name(pool)}, each of "
        f"another {pool.unit} as well"
        for chosen, what in ((identical, "identical"), (near, "nearly identical"))
        if chosen.any()
    ]
    effect = EFFECT if pool.inputs.ndim > 2 else EFFECT.partition(" (")[0]
    return [*notes[:-1], *(f"{note}; {effect}" for note in notes[-1:])]


def _describe_test(pool: Cohort, copies: Copies) -> list[str]:
    """Note the records of the test set that are in the pool as well."""
    size = len(pool)
    count = int(((copies.alike[size:] < size) & ~copies.blank[size:]).sum())
    if not count or pool.inputs.ndim < 3:
        return []
    number = f"{count:,}" if count >= MIN_GROUP_SIZE else f"fewer than {MIN_GROUP_SIZE}"
    return [
        f"duplicates: {number} {_name(pool)} of the test set are in the audit pool as well, so "
        "models do better on it than they should"
    ]


def _describe_dropped(part: Cohort, again: np.ndarray, where: str) -> str:
    patients = np.asarray(part.records["patient_id"], object)
    gone = set(patients[again]) - set(patients[~again])
    text = (
        f"duplicates: {_count(again, patients, part.unit)}{where} left out, each the same "
        f"{_name(part, many=False)} as an earlier record, identical or nearly so (duplicates=once)"
    )
    if gone:
        few = f"fewer than {MIN_GROUP_SIZE}" if len(gone) < MIN_GROUP_SIZE else f"{len(gone):,}"
        text += f"; {few} {part.unit}s have no record left"
    return text
