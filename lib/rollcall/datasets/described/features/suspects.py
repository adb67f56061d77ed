"""Columns that their owner should look at: outcomes in disguise, ids of patients, odd numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.data.bands import NO_AGES
from rollcall.datasets.described.features.columns import NUMBERS, TEXT, WORDS, Column, has_name
from rollcall.datasets.described.features.encoding import name_some
from rollcall.datasets.described.features.values import parse_numbers
from rollcall.datasets.described.outcomes import Outcome

TOO_WELL = 0.99  # AUROC of a column alone
FEWEST_CASES = 10  # rows of a class, for it to be told well by anything but chance
FEWEST_ROWS = 5  # of a word, for its share of the label to count
OUTCOME_NAME = (  # what is known, or decided, only when it is over
    r"(^|_)(death|dead|died|die|dod|deceased|expired?|mortality|surviv\w*|discharge\w*|disch\w*|"
    r"outcome|result\w*|vital_status|event|follow_?up|los|length_of_stay|outtime|deathtime|end|"
    r"stop|final|disposition|readm\w*|autopsy|hospice|cause|relapse|recur\w*|"
    r"prognosis|label|target)"
    r"(date|time|flag)?($|_)"
)
PATIENT_NAME = (  # subject_id, patientId, MRN
    r"(^|_)(patient|subject|person|pat|mrn|pid|participant|case|pt)"
    r"(_?(id|nr|no|num|nbr|key|number|code))?$"
)
FEWEST_FIGURES = 4  # words of a column that may be numbers or dates in several layouts,
MOSTLY_FIGURES = 0.8  # if at least so many of them begin with a figure
MOST_REPEATS = 0.9  # ids, by rows: with more, a row is a patient
FEWEST_REPEATS = 0.02


def measure_alone(column: Column, outcome: Outcome) -> float:
    """Return how well a column tells the label by itself: its AUROC, the best of the labels.

    By its numbers, its words or where it is missing, whichever tells most. At least 0.5.
    column: of all rows, or of those that have a label.
    """
    from rollcall.stats.metrics import auc  # scipy, which reading a table does not need

    codes = column.codes
    if len(codes) > len(outcome.labels):
        codes = codes[outcome.known]
    labels = outcome.labels
    if outcome.task == "multiclass":
        labels = labels[:, None] == np.arange(len(outcome.classes))
    labels = labels.reshape(len(codes), -1).astype(bool)
    best = 0.5
    for positive in labels.T:
        if min(positive.sum(), (~positive).sum()) < FEWEST_CASES:
            continue
        for scores in _score_alone(column, codes, positive):
            area = auc(scores, positive)
            best = max(best, area, 1 - area)
    return best


def note_outcomes(columns: list[Column], outcome: Outcome) -> list[str]:
    """Say which inputs tell the label by themselves."""
    inputs = [column for column in columns if column.is_input]
    names = [column.name for column in inputs if measure_alone(column, outcome) > TOO_WELL]
    if not names:
        return []
    return [
        f"outcomes in disguise? Each alone tells the label, AUROC above {TOO_WELL}: "
        f"{name_some(names)}"
    ]


def _score_alone(column: Column, codes: np.ndarray, positive: np.ndarray):
    """Yield scores (rows,) that a column alone gives: where it is missing, its words, numbers."""
    missing = codes < 0
    if missing.any():
        yield missing.astype(float)
    rows = np.bincount(codes[~missing], minlength=len(column.words))
    cases = np.bincount(codes[~missing], positive[~missing], len(column.words))
    mean = positive.mean()
    shares = np.where(rows >= FEWEST_ROWS, cases / np.maximum(rows, 1), mean)
    yield np.append(shares, mean)[codes]
    if column.numbers is not None:
        numbers = np.append(column.numbers, np.nan)[codes]
        known = np.isfinite(numbers)
        if known.any():
            yield np.where(known, numbers, np.median(numbers[known]))


def has_outcome_name(name: str) -> bool:
    """Say whether a column is called like something that is known only afterwards."""
    return has_name(name, OUTCOME_NAME)


def find_patient_column(table: pd.DataFrame, others: set[str]) -> str:
    """Return the column that is called like ids of patients, and has them repeated; "" if none.

    others: columns that are something else.
    """
    for name in table.columns:
        if name in others or not has_name(name, PATIENT_NAME):
            continue
        values = table[name]
        count = values.nunique()
        if FEWEST_REPEATS * len(table) < count < len(table) and (values != "").all():
            return name
    return ""


def find_repeated_ids(table: pd.DataFrame, columns: list[Column]) -> list[str]:
    """Return columns that look like ids of patients with several rows each, the likeliest first.

    Within the rows of one value, at least a third of the other columns never change.
    """
    strength = {}
    for column in columns:
        count, rows = len(column.words), len(column.codes)
        fits = FEWEST_REPEATS * rows < count < MOST_REPEATS * rows and not column.has_missing
        fractions = column.numbers is not None and (column.numbers % 1 != 0).any()
        if not fits or fractions:
            continue
        others = [each for each in columns if each is not column and len(each.words) > 1]
        constant = sum(_never_changes(each.codes, column.codes) for each in others)
        if others and constant >= len(others) / 3:
            strength[column.name] = (constant, count)
    return sorted(strength, key=lambda name: strength[name], reverse=True)


def _never_changes(values: np.ndarray, within: np.ndarray) -> bool:
    """Say whether all rows of each code in `within` have the same value."""
    first = np.zeros(within.max() + 1, values.dtype)
    first[within] = values
    return bool((first[within] == values).all())


def find_unread(column: Column) -> str:
    """Return a word of a column that begins with a figure as most do, and is no number; else "".

    Of a column of words or free text: a few of them in another layout keep all from being read.
    """
    if column.kind not in (WORDS, TEXT) or len(column.words) < FEWEST_FIGURES:
        return ""
    figures = column.words.str.contains(r"^[^\w\s]{0,2}\s*[0-9]", regex=True)
    if figures.mean() < MOSTLY_FIGURES:
        return ""
    unread = column.words[np.isnan(parse_numbers(column.words)[0])]
    return str(unread.iloc[0]) if len(unread) else ""


def find_alike(column: Column) -> tuple[str, str] | None:
    """Return two words of a column that differ by capitals or spaces inside alone; None if none."""
    if column.kind not in (WORDS, TEXT):
        return None
    plain = column.words.str.casefold().str.replace(r"\s+", " ", regex=True)
    twice = plain[plain.duplicated()]
    if not len(twice):
        return None
    one, other = column.words[plain == twice.iloc[0]].iloc[:2]
    return str(one), str(other)


def find_no_values(column: Column) -> list[str]:
    """Return numbers that rather stand for none: -9 or 999 far outside of all others."""
    if column.kind != NUMBERS or column.numbers is None:
        return []
    odd = np.isin(column.numbers, [float(code) for code in NO_AGES])
    others = column.numbers[~odd & np.isfinite(column.numbers)]
    if not odd.any() or len(others) < 2:
        return []
    low, high = others.min(), others.max()
    width = max(high - low, 1.0)
    outside = (column.numbers < min(low, 0) - 1e-9) | (column.numbers > high + width)
    return [f"{number:g}" for number in column.numbers[odd & outside & (column.counts >= 2)]]
