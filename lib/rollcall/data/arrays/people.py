"""Who records in memory are of, and what groups these patients are in."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from rollcall.data import cleaning
from rollcall.data.arrays.inputs import as_array
from rollcall.data.arrays.times import HELD_BACK, ORDER
from rollcall.data.bands import group_column
from rollcall.util.errors import InputError

RESERVED = ("patient_id", "label", ORDER, HELD_BACK)


def name_patients(groups, count: int) -> tuple[pd.Series, list[str]]:
    """Return the id of each record's patient, str (count,), and what to say of them.

    groups: as scikit-learn's GroupKFold takes them, a value a record; None: a record is a patient.
    InputError for a missing one, and for two that read the same.
    """
    if groups is None:
        ids = pd.Series(np.arange(1, count + 1).astype(str), dtype="str")
        return ids, [
            "no groups were given: each record counts as a patient of its own; where patients "
            "have several, risk reads too low"
        ]
    values = _as_column("groups", groups, count)
    missing = np.flatnonzero(values.isna())
    ids = cleaning.strip_fields(_write_values(values))
    missing = np.union1d(missing, np.flatnonzero(cleaning.is_missing(ids)))
    if len(missing):
        raise InputError(
            f"groups, row {missing[0]}: missing ({len(missing):,} such rows); every record needs "
            "its patient"
        )
    if ids.nunique() < values.nunique():
        raise InputError("groups holds ids that read the same, such as 1 and '1'; use one kind")
    return ids, []


def make_attributes(attributes, count: int) -> tuple[pd.DataFrame, list[str]]:
    """Return groups of each record, categorical columns, and what must be said of them.

    attributes: a DataFrame, or a dict of columns, a row a record. Categories stay as they are;
    words are groups; numbers go into bands (`rollcall.data.bands`). InputError if no column makes
    groups.
    """
    if attributes is None:
        return pd.DataFrame(index=range(count)), []
    if isinstance(attributes, pd.Series) and attributes.name is not None:
        attributes = attributes.to_frame()
    if not isinstance(attributes, pd.DataFrame | Mapping):
        raise InputError(
            f"attributes is a {type(attributes).__name__}; expected a DataFrame, or a dict such "
            "as {'sex': [...]}"
        )
    columns, notes = {}, []
    for key in attributes:
        name = str(key)
        if name in RESERVED or not name.strip() or name in columns:
            raise InputError(
                f"attributes: a column {name!r}; expected other names than "
                f"{', '.join(map(repr, RESERVED))}, each once"
            )
        values = attributes[key]
        if isinstance(values, pd.DataFrame):
            raise InputError(f"attributes: two columns {name!r}; expected each name once")
        groups, note = _make_groups(name, _as_column(f"attributes, {name!r}", values, count))
        notes += [note] if note else []
        if groups is not None:
            columns[name] = groups
    if not columns:
        reasons = "; ".join(notes) or "it has no columns"
        raise InputError(f"attributes: no column makes groups to compare ({reasons[:400]})")
    return pd.DataFrame(columns, index=range(count)), notes


def _make_groups(name: str, values: pd.Series) -> tuple[pd.Categorical | None, str]:
    if isinstance(values.dtype, pd.CategoricalDtype):
        kept = values.cat.remove_unused_categories()
        words = pd.Series(kept.cat.categories.astype(str))
        if len(words) and len(words) <= max(2, len(values) / 2):
            coded = pd.Categorical.from_codes(kept.cat.codes, words, ordered=kept.cat.ordered)
            return coded, ""
        values = kept.astype(object)
    text = _write_values(values).where(~values.isna(), "")
    return group_column(name, text)


def _as_column(name: str, values, count: int) -> pd.Series:
    """Return a column of `count` values, by position; InputError if it is none."""
    if isinstance(values, pd.DataFrame) and values.shape[1] == 1:
        values = values.iloc[:, 0]
    if not isinstance(values, pd.Series | pd.Index | pd.api.extensions.ExtensionArray):
        values = as_array(name, values)
        if values.ndim == 2 and values.shape[1] == 1:
            values = values[:, 0]
        if values.ndim != 1:
            raise InputError(f"{name}: {values.shape}; expected ({count:,},), a value a record")
    column = pd.Series(values).reset_index(drop=True)
    if len(column) != count:
        raise InputError(
            f"{name}: {len(column):,} values and X {count:,} records; expected one a record"
        )
    return column


def _write_values(values: pd.Series) -> pd.Series:
    """Write values as text; whole numbers without a point."""
    if pd.api.types.is_float_dtype(values.dtype):
        numbers = values.to_numpy(np.float64, na_value=np.nan)
        known = numbers[np.isfinite(numbers)]
        if (known == np.round(known)).all() and (np.abs(known) < 2**53).all():
            values = pd.Series(numbers).astype("Int64")
    return pd.Series([str(value) for value in values], dtype="str")
