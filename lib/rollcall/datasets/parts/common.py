"""What several cohort modules share: options checked, age in bands, a held-out fifth, notes on counts, and where the pictures lie."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data.decode import FileInputs
from rollcall.data.release import resolve_inside
from rollcall.datasets.parts.images import picture
from rollcall.util.errors import InputError

RULES = ("default", "paper")
AGES = ("0-17", "18-39", "40-59", "60-79", "80+")
SMALL = 10  # a smaller group of people is not told in a report
DEEPEST = 4  # folders below the table in which pictures are looked for
_SPLIT = 3  # seed of every held-out fifth


def check_size(cohort: str, size: int) -> None:
    """InputError unless size is a whole number of pixels from 8 to 1024."""
    if isinstance(size, bool) or not isinstance(size, int) or not 8 <= size <= 1024:
        raise InputError(
            f"option size of cohort {cohort!r} is {size!r}; expected a whole number of pixels from 8 to 1024"
        )


def check_choice(cohort: str, option: str, value, allowed) -> None:
    """InputError unless the option's value is one of `allowed`."""
    if value not in allowed:
        raise InputError(
            f"option {option} of cohort {cohort!r} is {value!r}; expected one of {', '.join(map(repr, allowed))}"
        )


def bands(years: np.ndarray) -> pd.Categorical:
    """Age in years -> AGES, ordered; NaN stays missing."""
    return pd.cut(
        np.asarray(years, float), [0, 18, 40, 60, 80, np.inf], right=False, labels=list(AGES)
    )


def held_out_fifth(patients) -> np.ndarray:
    """bool (records,): whether the record's patient is in the held-out fifth, which follows from the sorted patient ids alone."""
    unique, index = np.unique(np.asarray(patients, dtype=str), return_inverse=True)
    chosen = np.zeros(len(unique), bool)
    chosen[np.random.default_rng(_SPLIT).permutation(len(unique))[: -(-len(unique) // 5)]] = True
    return chosen[index]


def counted(number: int) -> str:
    """A count of people's records as it may stand in a report: one under 10 is not told."""
    return f"{number:,}" if number >= SMALL else f"fewer than {SMALL}"


def count_notes(found: dict[str, int], expected: dict[str, int]) -> list[str]:
    """A note for each count that is not the publisher's."""
    return [
        f"{name}: {found[name]:,} found, {count:,} in the publisher's release"
        for name, count in expected.items()
        if found[name] != count
    ]


def missing_notes(records: pd.DataFrame, columns, what: str = "records") -> list[str]:
    """A note for each column that has missing values."""
    return [
        f"{column}: missing for {counted(records[column].isna().sum())} {what}"
        for column in columns
        if records[column].isna().any()
    ]


def pictures(root: Path, top: Path, suffix: str) -> dict[str, str]:
    """The files in the folder `top` under root, and up to DEEPEST folders down, whose names end in `suffix`: name -> path relative to root.

    A name in several folders counts once, in the first of them by name. InputError for a folder that is a link out of the root.
    """
    found: dict[str, str] = {}
    for folder, below, names in os.walk(top):
        place = Path(folder).relative_to(root)
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in below:
            if os.path.islink(os.path.join(folder, name)):
                resolve_inside(root, place / name / "any")
        if len(Path(folder).relative_to(top).parts) >= DEEPEST:
            below.clear()
        for name in names:
            if name.endswith(suffix):
                found.setdefault(name, str(place / name))
    return found


def decodable(root: Path, paths, where: Path, rows, size: int, mode: str) -> FileInputs:
    """One picture a record, to be decoded to uint8 (size, size, 1 or 3), aspect ratio not kept."""
    return FileInputs(
        root,
        np.asarray(paths, dtype=object),
        functools.partial(picture, height=size, width=size, mode=mode),
        (size, size, 1 if mode == "L" else 3),
        "uint8",
        where,
        np.asarray(rows),
    )
