"""Labels that are given to an audit of an estimator: classes, or something to predict."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.util.errors import InputError

MOST_NUMBERS = 20  # different numbers of y; more are something to predict and no classes
NOTHING = ("", "nan", "NaN", "<NA>", "NaT")  # what a missing value becomes as text


def check_labels(values: pd.Series) -> np.ndarray:
    """Return labels, none missing, as numpy has them, (N,).

    InputError if they are mixed, numbers to predict, infinite, or two spellings of one class.
    """
    if values.dtype.kind in "mM":
        raise InputError(f"y: {values.dtype}; expected the class of each row")
    array = np.asarray(values.astype(object).infer_objects())
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        row = int(np.flatnonzero(~np.isfinite(array))[0])
        raise InputError(f"y: row {row} is {array[row]}; expected the class of each row")
    if array.dtype.kind == "f" and (array != np.round(array)).any():
        example = array[array != np.round(array)][0]
        raise InputError(
            f"y: numbers such as {example:g}, as of a regression; expected classes. Cut it: "
            "y >= 30, say"
        )
    if array.dtype.kind in "iuf" and (many := len(np.unique(array))) > MOST_NUMBERS:
        raise InputError(
            f"y: {many:,} different numbers, as of a regression; expected classes. Cut it (y >= "
            "30, say), or write classes as words"
        )
    if array.dtype == object:
        kinds = sorted({type(value).__name__ for value in array})
        if len(kinds) > 1:
            raise InputError(f"y: mixes {' and '.join(kinds)}; expected labels of one kind")
        if kinds != ["str"]:
            raise InputError(f"y: labels are {kinds[0]}; expected words, whole numbers or bools")
        _refuse_spellings(pd.Series(np.unique(array), dtype="str"))
    return array


def _refuse_spellings(words: pd.Series) -> None:
    """InputError for words that stand for a missing label, and for two of one class."""
    nothing = words[words.str.strip().isin(NOTHING)]
    if len(nothing):
        raise InputError(f"y: {nothing.iloc[0]!r} is no class; leave rows without a label out")
    plain = words.str.strip().str.casefold()
    twice = plain[plain.duplicated()]
    if len(twice):
        one, other = words[plain == twice.iloc[0]].iloc[:2]
        raise InputError(
            f"y: {one!r:.42} and {other!r:.42} differ by capitals or spaces alone; write each "
            "class in one way"
        )
