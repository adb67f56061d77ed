"""Columns of a table as the numbers that a model gets, fitted on the audit pool without labels."""

from __future__ import annotations

import numpy as np

from rollcall.datasets.described.features.columns import (
    DATES,
    LEFT_OUT,
    NUMBERS,
    WORDS,
    YES_NO,
    Column,
)
from rollcall.util.errors import InputError

MOST_BYTES = 2**35  # of the inputs
MOST_NAMED = 20  # columns in one note


def encode(
    columns: list[Column], pool: np.ndarray, where: str
) -> tuple[np.ndarray, tuple[str, ...], list[str]]:
    """Return the inputs of all rows, float32 (rows, features), the features' names, and notes.

    Numbers and dates: as z-scores, the median where missing, and a flag that says so. Words: one
    column of 0 and 1 each, missing as one more; of yes and no one column. Medians, means, standard
    deviations and words are those of the rows in `pool`, bool (rows,); what is constant there is
    dropped. InputError if nothing is left.

    where: what has no inputs then, for the message.
    """
    pieces, names, used = [], [], set()
    for column in columns:
        for name, piece in _encode(column, pool):
            if not (piece[pool] == piece[pool][0]).all():
                pieces.append(piece.astype(np.float32))
                names.append(name)
                used.add(column.name)
        if 4 * len(pool) * len(pieces) > MOST_BYTES:
            raise InputError(
                f"{where}: {len(pool):,} rows of {len(pieces):,} features are too many; drop some"
            )
    if not pieces:
        left_out = "; ".join(_note_left_out(columns)) or "every other column is named elsewhere"
        raise InputError(f"{where}: no column is left as an input ({left_out:.400})")
    inputs = np.stack(pieces, axis=1)
    unused = [column.name for column in columns if column.is_input and column.name not in used]
    notes = [_note_inputs(columns, used, len(names))]
    if unused:
        notes.append(f"left out, constant in the audit pool: {name_some(unused)}")
    notes += _note_left_out(columns)
    for column in columns:
        notes += [f"{column.name}: {note}" for note in column.notes if column.name in used]
    return inputs, tuple(names), notes


def _encode(column: Column, pool: np.ndarray):
    """Yield the name and the values, float (rows,), of each feature of a column."""
    if not column.is_input:
        return
    known = column.codes >= 0
    if column.numbers is not None:
        numbers = np.append(column.numbers, np.nan)[column.codes]
        yield f"{column.name}", _score(numbers, pool)
    for at in column.flags:
        equals = "" if column.kind == YES_NO else f"={column.words[at]}"
        yield f"{column.name}{equals}", (column.codes == at).astype(np.float32)
    if not known.all():
        equals = "=missing" if column.kind == WORDS else " missing"
        yield f"{column.name}{equals}", (~known).astype(np.float32)


def _score(numbers: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """Return z-scores of numbers, float (rows,), the pool's median in place of NaN."""
    known = numbers[pool & np.isfinite(numbers)]
    if not len(known):
        return np.zeros(len(numbers))
    largest = max(float(np.abs(known).max()), 1e-300)  # so that no square leaves the floats
    scaled = numbers / largest
    scaled = np.where(np.isfinite(scaled), scaled, np.median(known / largest))
    mean, spread = scaled[pool].mean(), scaled[pool].std()
    if spread <= 1e-12 * max(1.0, abs(mean)):
        return np.zeros(len(numbers))
    return np.clip((scaled - mean) / spread, -1e6, 1e6)  # of held-out rows alone: beyond any z


def _note_inputs(columns: list[Column], used: set[str], features: int) -> str:
    """Say how many columns of each kind became how many features."""
    texts = {
        NUMBERS: "numbers (z-scores; median and a flag where missing)",
        DATES: "dates (days, as numbers)",
        YES_NO: "yes or no",
        WORDS: "words (one column for each, missing as one more)",
    }
    parts = []
    for kind, text in texts.items():
        count = sum(column.kind == kind and column.name in used for column in columns)
        if count:
            parts.append(f"{count} of {text}")
    return f"inputs: {len(used)} columns as {features} features: {', '.join(parts)}"


def _note_left_out(columns: list[Column]) -> list[str]:
    notes = []
    for kind, text in LEFT_OUT.items():
        names = [column.name for column in columns if column.kind == kind]
        if names:
            notes.append(f"left out, {text}: {name_some(names)}")
    return notes


def name_some(names: list[str]) -> str:
    """Name columns, the first MOST_NAMED of them."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(f'{name:.42}' for name in names[:MOST_NAMED])}{more}"
