"""What kind a column of a table is, and so what is made of it, without looking at any label."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rollcall.data.bands import MOST_WORDS
from rollcall.data.cleaning import WHOLE_AS_FLOAT
from rollcall.datasets.described.features.values import (
    find_yes,
    parse_dates,
    parse_limits,
    parse_numbers,
)

NUMBERS, WORDS, YES_NO, DATES = "numbers", "words", "yes or no", "dates"  # inputs
EMPTY, CONSTANT, IDS, TEXT = "empty", "constant", "ids", "text"  # left out
LEFT_OUT = {
    EMPTY: "no value in any row",
    CONSTANT: "the same value in every row",
    IDS: "ids, a value of its own for each patient or row",
    TEXT: f"free text, or more than {MOST_WORDS} words",
}
ROWS_OF_EACH = 2  # that a word has on average; with fewer it is a name, an id or free text
FEW = 10  # words that are too few to be names or ids, however few rows they have
MOSTLY = 0.9  # of the rows have ids of their own; or hold numbers, where words get flags,
MOST_FLAGS = 10  # if there are at most so many,
FEWEST_NUMBERS = 3  # and at least so many different numbers
ID_NAME = r"(^|_)(id|ids|nr|no|num|number|key|index|idx|mrn|uuid|guid|code|row|seq)($|_)"
ID_FIGURES = 6  # in each of the numbers of an id, at least
CODE_NAME = r"(^|_)(id|code|type|class|category|cat|group|zip|site|ward|unit|source)($|_)"


@dataclass(frozen=True)
class Column:
    """A column of a table, and what can be made of it.

    codes    (rows,) int: the position of each row's word in `words`, -1 where it is missing
    words    (words,) str: the different words, numbers in their order, others by the alphabet
    numbers  (words,) float: the number (of days, for dates) each word is, NaN for others; None
             where no word is one
    flags    positions of the words that get a column of 0 and 1 of their own
    notes    what must be said of how it was read
    """

    name: str
    kind: str
    codes: np.ndarray
    words: pd.Series
    numbers: np.ndarray | None = None
    flags: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_input(self) -> bool:
        """Whether a model gets it."""
        return self.kind not in LEFT_OUT

    @property
    def has_missing(self) -> bool:
        """Whether a row has no value."""
        return bool((self.codes < 0).any())

    @property
    def counts(self) -> np.ndarray:
        """(words,) int: the rows of each word."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.words))


def read_column(values: pd.Series, patients: np.ndarray, as_words: bool = False) -> Column:
    """Say of what kind a column is.

    values: (rows,) text, stripped, "" where missing. patients: (rows,) int, the patient of each
    row. as_words: its numbers are codes.
    """
    name = str(values.name)
    codes, words = code_words(values)
    if len(words) < 1:
        return Column(name, EMPTY, codes, words)
    if len(words) == 1 and (codes >= 0).all():
        return Column(name, CONSTANT, codes, words)
    if not as_words:
        days, note = parse_dates(words)
        if days is not None:
            return Column(name, DATES, codes, words, days, notes=(note,) if note else ())
        column = _read_numbers(name, codes, words)
        if column is not None:
            is_id = not column.flags and _are_number_ids(column, patients)
            return Column(name, IDS, codes, words) if is_id else column
    yes = find_yes(words)
    if yes:
        at = words.tolist().index(yes)
        return Column(name, YES_NO, codes, words, flags=(at,))
    if _are_word_ids(codes, words, patients):
        return Column(name, IDS, codes, words)
    known = int((codes >= 0).sum())
    if len(words) > MOST_WORDS or (len(words) > FEW and known < ROWS_OF_EACH * len(words)):
        return Column(name, TEXT, codes, words)
    return Column(name, WORDS, codes, words, flags=tuple(range(len(words))))


def code_words(values: pd.Series) -> tuple[np.ndarray, pd.Series]:
    """Return the position of each row's word, int (rows,), -1 where missing, and the words.

    Whole numbers that went through floats lose their ".0". Numbers come in their order, before
    other words, by the alphabet.
    """
    codes, written = pd.factorize(values.mask(values == ""))
    words = pd.Series(written, dtype="str")
    if words.str.fullmatch(WHOLE_AS_FLOAT).all():
        words = words.str.replace(r"[.]0*$", "", regex=True)
    again, different = pd.factorize(words)
    words = pd.Series(different, dtype="str")
    numbers = parse_numbers(words)[0]
    order = np.lexsort((words.to_numpy(str), np.where(np.isnan(numbers), np.inf, numbers)))
    place = np.append(np.argsort(order), -1)  # -1 stays -1
    codes = np.append(place[again], -1)[codes]
    return codes.astype(np.int32), words.iloc[order].reset_index(drop=True)


def _read_numbers(name: str, codes: np.ndarray, words: pd.Series) -> Column | None:
    """Return a column of numbers; None where it is none.

    Limits such as "> 89" count as the limit, and get a column of their own, as do a few words among
    many numbers.
    """
    numbers, note = parse_numbers(words)
    notes = [note] if note else []
    others = np.isnan(numbers)
    if others.all():
        return None
    limits = np.where(others, parse_limits(words), np.nan)
    of_limits = others & np.isfinite(limits)
    numbers = np.where(of_limits, limits, numbers)
    rows = np.bincount(codes[codes >= 0], minlength=len(words))
    if others.sum() > MOST_FLAGS and (others & ~of_limits).any():
        return None
    share = rows[~np.isnan(numbers)].sum() / rows.sum()
    if others.any() and (share < MOSTLY or (~others).sum() < FEWEST_NUMBERS):
        return None
    for at in np.flatnonzero(of_limits)[:MOST_FLAGS]:
        notes.append(f"{words[at]!r:.42} taken as {numbers[at]:g}, with a flag")
    if (others & ~of_limits).any():
        named = ", ".join(f"{word!r:.42}" for word in words[others & ~of_limits])
        notes.append(f"{named} among numbers: a flag each")
    flags = np.flatnonzero(others)[:MOST_FLAGS]
    return Column(
        name, NUMBERS, codes, words, numbers, tuple(int(at) for at in flags), tuple(notes)
    )


def _are_number_ids(column: Column, patients: np.ndarray) -> bool:
    """Say whether whole numbers are ids: of patients, or of rows.

    Each patient, or nearly each row, has another; and they are called so, are counted up, or have
    as many figures each as no quantity has.
    """
    numbers = column.numbers
    if numbers is None or len(numbers) <= FEW or (numbers != np.round(numbers)).any():
        return False
    known = column.codes >= 0
    rows, count = int(known.sum()), len(numbers)
    if not (
        _is_one_to_one(column.codes, patients) or (count > MOST_WORDS and count > MOSTLY * rows)
    ):
        return False
    figures = column.words.str.lstrip("+-").str.len()
    counted = numbers.max() - numbers.min() + 1 <= 1.2 * count and count >= 0.99 * rows
    return bool(
        has_name(column.name, ID_NAME)
        or counted
        or (figures.nunique() == 1 and figures.iloc[0] >= ID_FIGURES)
    )


def _are_word_ids(codes: np.ndarray, words: pd.Series, patients: np.ndarray) -> bool:
    """Say whether words are names or ids: of patients, or of nearly each row, without spaces."""
    if len(words) <= FEW:
        return False
    spaced = words.str.contains(" ", regex=False).mean() > 1 - MOSTLY
    each = len(words) > MOSTLY * len(codes) and not spaced
    return bool(each or _is_one_to_one(codes, patients))


def _is_one_to_one(codes: np.ndarray, patients: np.ndarray) -> bool:
    """Say whether each patient has one word that no other has, where some have several rows."""
    known = codes >= 0
    words, people = codes[known].astype(np.int64), patients[known].astype(np.int64)
    count, persons = len(pd.unique(words)), len(pd.unique(people))
    if count != persons or known.sum() <= 1.5 * persons:
        return False
    return len(pd.unique(words * (people.max() + 1) + people)) == count


def has_name(name: str, pattern: str) -> bool:
    """Say whether a column's name has a word of `pattern` in it: subject_id, subjectId, ID."""
    plain = re.sub(r"([a-z])([A-Z])", r"\1_\2", name)
    return re.search(pattern, re.sub(r"[^a-z0-9]+", "_", plain.lower())) is not None
