"""Inputs in memory: images, signals or features, each as models see them, or refused in a line."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.util.errors import InputError

SIGNALS = ("int16", "float16", "float32")  # dtypes of a signal
MOST_LEADS = 300  # more columns than rows beyond this: the axes are the other way round
CHANNELS = (1, 3)  # of an image: grey, RGB
WIDE = 10.0  # a feature of a larger standard deviation or mean is not what a network is given
EXPECTED = (
    "expected features (N, columns), signals (N, samples, leads), or uint8 images (N, height, "
    "width) or (N, height, width, 1 or 3)"
)


def read_inputs(X) -> tuple[np.ndarray, tuple[str, ...], list[str]]:
    """Return inputs as a Cohort holds them, the features' names if any, and what to say of them.

    X: a table of numbers or an array; copied only where its dtype changes. InputError says what it
    is, and what it should be.
    """
    if isinstance(X, pd.DataFrame):
        return _read_frame(X)
    if hasattr(X, "toarray"):
        raise InputError("X is a sparse matrix; expected an array: X.toarray()")
    array = as_array("X", X)
    if array.dtype.kind not in "biuf":
        raise InputError(
            f"X holds {_name_kind(array)}; expected numbers: encode words as numbers first, or "
            "describe the table in a cohort.toml, which does"
        )
    if array.ndim not in (2, 3, 4):
        hint = "; one number a record is X.reshape(-1, 1)" if array.ndim == 1 else ""
        raise InputError(f"X is {array.shape}; {EXPECTED}{hint}")
    if 0 in array.shape:
        raise InputError(f"X is {array.shape}: empty; {EXPECTED}")
    if array.ndim == 2:
        names = tuple(f"feature {number}" for number in range(1, array.shape[1] + 1))
        return _read_features(array, names)
    if array.ndim == 4 or array.dtype == np.uint8:
        return _read_images(array), (), []
    return _read_signals(array), (), _describe_signals(array)


def as_array(name: str, values) -> np.ndarray:
    """Return values as an array without masked places; InputError where they make none."""
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise InputError(f"{name} is a masked array with masked values; fill them first")
    try:
        return np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:
        raise InputError(
            f"{name} is no array ({str(error).splitlines()[0][:100]}); expected one whose rows "
            "have the same length"
        ) from None


def _name_kind(array: np.ndarray) -> str:
    kinds = {"U": "words", "S": "bytes", "M": "dates", "m": "durations", "c": "complex numbers"}
    return kinds.get(array.dtype.kind, f"Python objects ({array.dtype})")


def _read_frame(table: pd.DataFrame) -> tuple[np.ndarray, tuple[str, ...], list[str]]:
    """Return a table of numbers, truth values and nothing else as features."""
    if not table.shape[1]:
        raise InputError("X has no columns; expected at least one feature")
    names = tuple(map(str, table.columns))
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"X has two columns {twice!r}; expected each name once")
    for name, kind in zip(names, table.dtypes, strict=True):
        if not pd.api.types.is_numeric_dtype(kind) or kind.kind == "c":
            raise InputError(
                f"X, column {name!r}: {kind}; expected numbers: encode it first, or describe the "
                "table in a cohort.toml, which encodes words, dates and missing values"
            )
    return _read_features(table.to_numpy(np.float64, na_value=np.nan), names)


def _read_features(array: np.ndarray, names: tuple[str, ...]):
    largest = np.finfo(np.float32).max
    if array.dtype.kind == "f" and array.dtype.itemsize > 4:
        wrong = np.argwhere(np.isfinite(array) & (np.abs(array) > largest))
        if len(wrong):
            row, column = wrong[0]
            raise InputError(
                f"X, row {row}, {names[column]}: {array[row, column]:g}; expected numbers of at "
                f"most {largest:.3g}, as float32 holds them"
            )
    for row, column in np.argwhere(~np.isfinite(array))[:1]:
        raise InputError(
            f"X, row {row}, {names[column]}: missing or infinite; expected a number: fill it "
            "first, or describe the table in a cohort.toml, which fills and flags"
        )
    inputs = np.ascontiguousarray(array, np.float32)
    return inputs, names, _describe_features(inputs, names)


def _describe_features(inputs: np.ndarray, names: tuple[str, ...]) -> list[str]:
    """Note features that tell nothing, and those of a scale that networks train badly on."""
    mean, spread = inputs.mean(0, dtype=np.float64), inputs.std(0, dtype=np.float64)
    constant = np.flatnonzero(inputs.min(0) == inputs.max(0))
    wide = np.flatnonzero((spread > WIDE) | (np.abs(mean) > WIDE))
    notes = []
    for columns, what in (
        (constant, "of one value throughout, which tells a model nothing"),
        (wide, "far from zero mean and unit spread, which networks train badly on: standardise"),
    ):
        if len(columns):
            first = f"{names[columns[0]]!r:.42}"
            others = f" and {len(columns) - 1:,} more" if len(columns) > 1 else ""
            notes.append(f"inputs: {first}{others} {what}")
    return notes


def _read_images(array: np.ndarray) -> np.ndarray:
    """Return images uint8 (N, height, width, channels)."""
    if array.ndim == 3:
        array = array[:, :, :, None]
    if array.shape[3] not in CHANNELS:
        turned = array.shape[1] in CHANNELS
        raise InputError(
            f"X is {array.shape}; expected images (N, height, width, 1 or 3)"
            + ("; channels come last: X.transpose(0, 2, 3, 1)" if turned else "")
        )
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind in "iu" and array.min() >= 0 and array.max() <= 255:
        return array.astype(np.uint8)
    share = array.dtype.kind == "f" and array.min() >= 0 and array.max() <= 1
    hint = "(255 * X).round().astype('uint8')" if share else "scale it to 0 to 255 first"
    raise InputError(f"X is {array.dtype} {array.shape}; expected images of uint8: {hint}")


def _read_signals(array: np.ndarray) -> np.ndarray:
    """Return signals int16, float16 or float32 (N, samples, leads), finite."""
    _, samples, leads = array.shape
    if leads > MOST_LEADS and leads > samples:
        raise InputError(
            f"X is {array.shape}: {samples} samples of {leads:,} leads; expected (N, samples, "
            "leads): X.transpose(0, 2, 1)"
        )
    if array.dtype.kind == "b":
        raise InputError(
            f"X is bool {array.shape}; expected signals of {', '.join(SIGNALS)}, or images of uint8"
        )
    if array.dtype.name not in SIGNALS:
        limits = np.iinfo(np.int16)
        if array.dtype.kind in "iu" and limits.min <= array.min() and array.max() <= limits.max:
            return array.astype(np.int16)
        if array.dtype.kind == "f" and np.abs(array).max() > np.finfo(np.float32).max:
            raise InputError(f"X is {array.dtype} beyond what float32 holds; scale it")
        array = array.astype(np.float32)
    return array


def _describe_signals(array: np.ndarray) -> list[str]:
    _, samples, leads = array.shape
    return [f"inputs: signals of {samples:,} samples of {leads} lead{'s' if leads > 1 else ''}"]
