"""Groups of patients that are compared, as a description asks for them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from rollcall.data.arrays.people import RESERVED
from rollcall.data.bands import group_column
from rollcall.datasets.described.description import Description
from rollcall.datasets.described.features.columns import code_words
from rollcall.datasets.described.features.values import parse_limits, parse_numbers
from rollcall.datasets.described.keys import Group
from rollcall.util.errors import InputError


def read_groups(
    described: Description, table: pd.DataFrame, outcome: pd.Categorical | None
) -> tuple[dict[str, pd.Categorical], list[str]]:
    """Return the attributes of each row by name, and what must be said of them.

    outcome: the label of each row, which is compared as it is. A group that is the same parts of
    the rows is left out, since nothing can be compared within a label. InputError for a column that
    makes no groups.
    """
    groups, notes = {}, []
    for group in described.groups:
        if group.column in described.label:
            notes.append(f"{group.column}: the label, which is compared as it is")
            continue
        values, note = _read_group(described, group, table[group.column])
        if note:
            notes.append(note)
        if outcome is not None and _is_same(values, outcome):
            notes.append(f"{group.column}: no groups, since it is the label under another name")
            continue
        if len(set(values.codes) - {-1}) < 2:
            notes.append(f"{group.column}: no groups, since there is one alone")
            continue
        name = group.column
        groups[name if name not in RESERVED else f"{name} (column)"] = values
    return groups, notes


def _read_group(
    described: Description, group: Group, values: pd.Series
) -> tuple[pd.Categorical, str]:
    if group.bands:
        return _cut(described, group, values), ""
    made, note = group_column(group.column, values.reset_index(drop=True))
    if made is None:
        raise InputError(
            f"{described.path}: groups of {note.replace('left out, ', '')}; expected a column of "
            "words, or bands = [...] of its numbers"
        )
    return made, note


def _cut(described: Description, group: Group, values: pd.Series) -> pd.Categorical:
    """Put numbers into bands; words that mean more than the last edge come last."""
    codes, words = code_words(values)
    numbers = parse_numbers(words)[0]
    numbers = np.where(words.isin(group.over), np.inf, numbers)
    numbers = np.where(np.isnan(numbers), parse_limits(words), numbers)
    if np.isnan(numbers).any():
        wrong = words[np.isnan(numbers)]
        raise InputError(
            f"{described.path}: bands of {group.column!r}, but {wrong.iloc[0]!r:.42} is no number "
            f"({len(wrong):,} such words); list it in missing, or in over"
        )
    text = [f"{edge:g}" for edge in group.bands]
    labels = [f"under {text[0]}", *(f"{a} to under {b}" for a, b in pairwise(text))]
    labels.append(f"{text[-1]} and over")
    placed = np.searchsorted(np.array(group.bands), numbers, side="right")
    placed = np.append(placed, -1)[codes]
    made = pd.Categorical.from_codes(placed, labels, ordered=True)
    return made.remove_unused_categories()


def _is_same(values: pd.Categorical, outcome: pd.Categorical) -> bool:
    """Say whether two columns part the rows alike."""
    one, other = np.asarray(values.codes), np.asarray(outcome.codes)
    pairs = len(np.unique(np.stack([one, other]), axis=1).T)
    return pairs == len(np.unique(one)) == len(np.unique(other)) > 1
