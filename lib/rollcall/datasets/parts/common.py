"""What dataset modules share: the checks of options, a held-out fifth, and notes on counts."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.util.errors import InputError

RULES = ("default", "paper")
SPLIT_SEED = 3  # of every held-out fifth


def check_size(cohort: str, size: int, smallest: int = 8, multiple: int = 1) -> None:
    """Refuse a size that is not a whole number of pixels from `smallest` to 1024.

    multiple: the size must be a multiple of it, and is then a height (the width follows from it).
    Raises InputError.
    """
    whole = isinstance(size, int) and not isinstance(size, bool)
    if whole and smallest <= size <= 1024 and size % multiple == 0:
        return
    expected = "a whole number of pixels"
    if multiple > 1:
        expected = f"a height in pixels, a multiple of {multiple}"
    raise InputError(
        f"option size of cohort {cohort!r} is {size!r}; expected {expected} from {smallest} to 1024"
    )


def check_choice(cohort: str, option: str, value, allowed) -> None:
    """Refuse a value of an option that is not one of `allowed`; raises InputError."""
    if value not in allowed:
        raise InputError(
            f"option {option} of cohort {cohort!r} is {value!r}; "
            f"expected one of {', '.join(map(repr, allowed))}"
        )


def held_out_fifth(patients) -> np.ndarray:
    """Say which records belong to patients of the held-out fifth.

    patients: (records,) ids. Returns bool (records,). The fifth follows from the sorted ids alone,
    so the order of the records does not matter.
    """
    unique, index = np.unique(np.asarray(patients, dtype=str), return_inverse=True)
    chosen = np.zeros(len(unique), bool)
    fifth = -(-len(unique) // 5)
    chosen[np.random.default_rng(SPLIT_SEED).permutation(len(unique))[:fifth]] = True
    return chosen[index]


def count_text(number: int) -> str:
    """Write a count of people's records for a report; counts below 10 are suppressed."""
    return f"{number:,}" if number >= MIN_GROUP_SIZE else f"fewer than {MIN_GROUP_SIZE}"


def count_notes(
    counts: dict[str, int], expected: dict[str, int], origin: str = "in the publisher's release"
) -> list[str]:
    """Note each count that is not the expected one; `origin` says where that one comes from."""
    return [
        f"{name}: {counts[name]:,} found, {count:,} {origin}"
        for name, count in expected.items()
        if counts[name] != count
    ]


def missing_notes(
    records: pd.DataFrame, columns, what: str = "records", text=count_text
) -> list[str]:
    """Note each column that has missing values, in so many of `what`; `text` writes the count."""
    missing = {column: int(records[column].isna().sum()) for column in columns}
    return [f"{name}: missing for {text(count)} {what}" for name, count in missing.items() if count]
