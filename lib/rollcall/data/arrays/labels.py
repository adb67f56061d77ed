"""Labels in memory, as class numbers: binary, one of several, or several at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rollcall.data.arrays.inputs import as_array
from rollcall.util.errors import InputError

TASKS = ("multiclass", "binary", "multilabel")
MOST_NUMBERS = 20  # so many different numbers are classes; more are a quantity
MOST_CLASSES = 1000
SMALL_CLASS = 10  # records; of fewer a half may have none


def code_labels(
    y, classes: Sequence[str] | None = None, task: str | None = None
) -> tuple[np.ndarray, str, tuple[str, ...], list[str]]:
    """Return labels int64 as a Cohort holds them, the task, names of the classes, and notes.

    y        (N,) words, numbers or truth values; or (N, L) of 0 and 1 for each of L labels, whose
             names are a table's columns where `classes` says nothing
    classes  their names: the words of y in the order wanted, or a name for each number 0, 1, ...
    task     "binary", "multiclass" or "multilabel" where y could be either

    InputError says what y is, and what it should be.
    """
    if task is not None and task not in TASKS:
        raise InputError(f"task is {task!r}; expected one of {', '.join(map(repr, TASKS))}")
    names = None if classes is None else _check_names(classes)
    if isinstance(y, pd.DataFrame) and y.shape[1] > 1 and names is None:
        names = _check_names(y.columns)
    array = y if isinstance(y, pd.Series) else as_array("y", y)
    if array.ndim == 2 and array.shape[1] == 1 and task != "multilabel":
        array = array[:, 0]
    if array.ndim == 2:
        return _code_many(np.asarray(array), names, task)
    if array.ndim != 1:
        raise InputError(f"y is {array.shape}; expected (N,) labels, or (N, L) of 0 and 1")
    if task == "multilabel":
        raise InputError(f"y is {array.shape}; expected (N, L) of 0 and 1 for a multilabel task")
    return _code_one(pd.Series(array).reset_index(drop=True), names, task)


def _check_names(classes) -> tuple[str, ...]:
    if isinstance(classes, str):
        raise InputError(f"classes is the text {classes!r}; expected a list of names")
    names = tuple(map(str, classes))
    if len(set(names)) < len(names) or not all(name.strip() for name in names):
        raise InputError(f"classes are {', '.join(map(repr, names))}; expected each name once")
    return names


def _code_many(array: np.ndarray, names: tuple[str, ...] | None, task: str | None):
    if task not in (None, "multilabel"):
        raise InputError(f"y is {array.shape}; expected (N,) for a {task} task")
    if array.dtype.kind not in "biuf":
        array = _as_numbers(array)
    wrong = np.argwhere(~((array == 0) | (array == 1)))
    if len(wrong):
        row, column = wrong[0]
        hint = "; probabilities are no labels" if _are_shares(array) else ""
        raise InputError(
            f"y, row {row}, column {column}: {array[row, column]}; expected 0 or 1 for each of "
            f"{array.shape[1]} labels{hint}"
        )
    labels = array.astype(np.int64)
    if task is None and (labels.sum(axis=1) == 1).all():
        raise InputError(
            f"y is {array.shape} with one 1 in each row, as of one class in {array.shape[1]}: "
            "give y.argmax(axis=1), or task='multilabel' if that is chance"
        )
    names = names or tuple(f"label {number}" for number in range(1, array.shape[1] + 1))
    if len(names) != array.shape[1]:
        raise InputError(f"y has {array.shape[1]} labels and classes {len(names)} names")
    rare = np.minimum(labels.sum(0), len(labels) - labels.sum(0)) < SMALL_CLASS
    return labels, "multilabel", names, _note_rare(names, rare)


def _as_numbers(array: np.ndarray) -> np.ndarray:
    try:
        return array.astype(np.float64)
    except (ValueError, TypeError):
        raise InputError(
            f"y is {array.shape} of words; expected (N,) labels, or (N, L) of 0 and 1"
        ) from None


def _are_shares(array: np.ndarray) -> bool:
    return bool(array.dtype.kind == "f" and ((array >= 0) & (array <= 1)).all())


def _code_one(values: pd.Series, names: tuple[str, ...] | None, task: str | None):
    missing = np.flatnonzero(values.isna())
    if len(missing):
        raise InputError(
            f"y, row {missing[0]}: missing ({len(missing):,} such rows); every record needs its "
            "label: leave such records out of X, y and groups"
        )
    codes, words = _factorise(values)
    _refuse_quantity(values, words)
    if names is None:
        names = words
    elif set(words) <= set(names):
        codes = np.array([names.index(word) for word in words])[codes]
    else:
        codes = _by_number(words, names)[codes]
    counts = np.bincount(codes, minlength=len(names))
    if (counts > 0).sum() < 2:
        raise InputError(f"y: every record is {names[codes[0]]!r}; a model needs two classes")
    binary = len(names) == 2 and task in (None, "binary")
    if task == "binary" and not binary:
        raise InputError(
            f"y has {len(names)} classes ({', '.join(names)[:80]}); expected 2 for a binary task"
        )
    notes = _note_rare(names, counts < SMALL_CLASS)
    return codes.astype(np.int64), "binary" if binary else "multiclass", names, notes


def _factorise(values: pd.Series) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return codes and the words they stand for, in the order of the values, or of categories."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        different = values.cat.remove_unused_categories().cat.categories
        codes = different.get_indexer(values.astype(different.dtype))
    else:
        try:
            codes, different = pd.factorize(values, sort=True)
        except TypeError:
            raise InputError("y holds values of several kinds; expected words or numbers") from None
    words = tuple(_write(value) for value in different)
    if len(set(words)) < len(words):
        raise InputError("y holds values that read the same, such as 1 and '1'; expected one kind")
    return np.asarray(codes), words


def _write(value) -> str:
    """Write a label as text: 1.0 is 1."""
    whole = isinstance(value, float | np.floating) and float(value).is_integer()
    return str(int(value)) if whole else str(value)


def _refuse_quantity(values: pd.Series, words: tuple[str, ...]) -> None:
    """Refuse numbers that measure something, dates, and more classes than records can fill."""
    numbers = pd.api.types.is_numeric_dtype(values.dtype)
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        raise InputError("y holds dates; expected labels")
    if numbers and len(words) > MOST_NUMBERS:
        middle = float(f"{np.median(values.to_numpy(float)):.4g}")
        raise InputError(
            f"y holds {len(words):,} different numbers, a quantity; expected classes: cut it, "
            f"as in y > {middle:g}"
        )
    if len(words) > MOST_CLASSES or len(words) > max(2, len(values) / 2):
        raise InputError(
            f"y holds {len(words):,} different values in {len(values):,} records; expected at most "
            f"{MOST_CLASSES:,} classes, each of several records"
        )


def _by_number(words: tuple[str, ...], names: tuple[str, ...]) -> np.ndarray:
    """Return the class number of each word, where words are numbers 0, 1, ... of the names."""
    numbers = {str(number): number for number in range(len(names))} | {"False": 0, "True": 1}
    if set(words) & set(names):  # the names are those of words, but not of all
        numbers = dict.fromkeys(names, 0)
    strange = [word for word in words if numbers.get(word, len(names)) >= len(names)]
    if strange:
        raise InputError(
            f"y holds {strange[0]!r:.42}, which is none of the classes {', '.join(names)[:80]} nor "
            f"a number from 0 to {len(names) - 1}"
        )
    return np.array([numbers[word] for word in words])


def _note_rare(names: tuple[str, ...], rare: np.ndarray) -> list[str]:
    few = [name for name, is_rare in zip(names, rare, strict=True) if is_rare]
    if not few:
        return []
    return [
        f"labels: fewer than {SMALL_CLASS} records of {', '.join(few)[:120]}; half of the patients "
        "may have none"
    ]
