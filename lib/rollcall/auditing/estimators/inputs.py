"""What is given to an audit of an estimator: checked, and turned into a cohort."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from rollcall.auditing.estimators.digests import digest_values
from rollcall.auditing.estimators.labels import NOTHING, check_labels
from rollcall.data.bands import group_column
from rollcall.data.cohort import MIN_PATIENTS, Cohort
from rollcall.runs.sealed import compute_digest
from rollcall.util.errors import InputError

NAME = "estimator"  # of the cohort


@dataclass(frozen=True)
class Inputs:
    """Hold what was given, checked.

    X: anything with N rows. y (N,), as an estimator takes it. classes (C,), sorted. cohort: who the
    records are of, their labels and attributes, without inputs. digests: of X, y and groups.
    """

    X: Any
    y: np.ndarray
    classes: np.ndarray
    cohort: Cohort
    digests: dict[str, str]


def check_inputs(X, y, groups=None, attributes=None) -> Inputs:
    """Check X, y, the patient of each row and the attributes; InputError in one line."""
    X = _as_rows(X)
    rows = count_rows(X)
    values = _as_column("y", y, rows, X)
    _refuse_missing("y", values, "leave such rows out")
    y = check_labels(values)
    classes = np.unique(y)
    if len(classes) < 2:
        raise InputError(f"y: every row has the label {classes[0]}; expected at least two classes")
    ids, notes = _check_groups(groups, rows, X)
    table, more = _check_attributes(attributes, rows, X)
    records = pd.concat([pd.DataFrame({"patient_id": ids}), table], axis=1)
    if (patients := records["patient_id"].nunique()) < MIN_PATIENTS:
        raise InputError(
            f"{'X' if groups is None else 'groups'}: {patients} patient(s) in {rows:,} rows; an "
            f"audit needs at least {MIN_PATIENTS} to draw members and non-members from"
        )
    labels = np.searchsorted(classes, y)
    digests = {
        "X": digest_values(X),
        "y": digest_values(y),
        "groups": digest_values(ids.to_numpy(object)),
    }
    cohort = Cohort(
        name=NAME,
        records=records,
        inputs=np.empty((rows, 0), np.float32),
        labels=labels.astype(np.int64),
        task="binary" if len(classes) == 2 else "multiclass",
        classes=tuple(map(str, classes)),
        attributes=tuple(table),
        source="Given in memory to rollcall.audit.",
        notes=(*notes, *more),
        fingerprint=compute_digest(digests),
    )
    return Inputs(X, y, classes, cohort, digests)


def count_rows(values) -> int:
    """Return the number of rows of a table, an array or a sparse matrix."""
    shape = getattr(values, "shape", None)
    return int(shape[0]) if shape else len(values)


def take_rows(values, rows: np.ndarray):
    """Return the rows of a table, an array or a sparse matrix that are True in `rows`."""
    chosen = np.flatnonzero(rows)
    return values.iloc[chosen] if hasattr(values, "iloc") else values[chosen]


def check_classes(inputs: Inputs, members: np.ndarray) -> None:
    """Raise InputError unless every model's half of the patients has every class.

    members: bool (models, patients).
    """
    index, labels = inputs.cohort.patient_index, inputs.cohort.labels
    present = np.zeros((members.shape[1], len(inputs.classes)), np.int64)
    np.add.at(present, (index, labels), 1)
    counts = members.astype(np.int64) @ present
    if counts.all():
        return
    model, which = np.argwhere(counts == 0)[0]
    having = int((present[:, which] > 0).sum())
    remedy = "merge rare classes, or leave them out"
    if inputs.y.dtype.kind in "iuf":
        remedy += "; if y is a number to predict, cut it into classes"
    raise InputError(
        f"half {model} has no member of class {inputs.cohort.classes[which]!r}, of which there "
        f"are {having} patient(s) in all: {remedy}"
    )


def _as_rows(X):
    """Return X as something that can be indexed by row, an array read-only; InputError if not."""
    if sparse.issparse(X):
        return X.tocsr()
    if isinstance(X, list | tuple):
        try:
            X = np.asarray(X, dtype=object if X and isinstance(X[0], str) else None)
        except ValueError as error:
            raise InputError(f"X: rows of different lengths ({error}); expected a table") from None
    if not hasattr(X, "__getitem__") or isinstance(X, dict | str) or not hasattr(X, "shape"):
        raise InputError(
            f"X: a {type(X).__name__}; expected a pandas table, a numpy array or a sparse matrix"
        )
    if not X.shape or not count_rows(X):
        raise InputError(f"X: {X.shape}; expected a row for each record")
    if isinstance(X, np.ndarray):  # what works in place makes a copy then
        X = X.view()
        X.flags.writeable = False
    return X


def _as_column(name: str, values, rows: int, X) -> pd.Series:
    """Return one value for each row of X; InputError if there are more or fewer."""
    check_order(name, values, X)
    if isinstance(values, pd.DataFrame):
        values = values.iloc[:, 0] if values.shape[1] == 1 else values.to_numpy()
    if not isinstance(values, pd.Series):
        if isinstance(values, str | bytes) or not hasattr(values, "__len__"):
            raise InputError(f"{name}: {values!r:.60}; expected {rows:,} values, one for each row")
        array = values if hasattr(values, "dtype") else np.asarray(values, dtype=object)
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if array.ndim != 1:
            raise InputError(
                f"{name}: {tuple(array.shape)}; expected ({rows:,},), one value for each row of X"
                + (" (of several labels audit one at a time)" if name == "y" else "")
            )
        values = pd.Series(array)
    if len(values) != rows:
        raise InputError(
            f"{name}: {len(values):,} values, X has {rows:,} rows; expected one for each row"
        )
    return values.reset_index(drop=True)


def check_order(name: str, values, X) -> None:
    """InputError where pandas' index says that rows are the same as X's, in another order."""
    index, other = getattr(X, "index", None), getattr(values, "index", None)
    if not (isinstance(index, pd.Index) and isinstance(other, pd.Index)):
        return
    if len(index) != len(other) or index.equals(other) or index.has_duplicates:
        return
    if index.isin(other).all():
        raise InputError(
            f"{name}: its index is X's in another order; give {name}.loc[X.index], or "
            f"{name}.to_numpy() if its rows are X's as they stand"
        )


def _refuse_missing(name: str, values: pd.Series, advice: str) -> None:
    missing = np.flatnonzero(values.isna())
    if len(missing):
        raise InputError(
            f"{name}: row {missing[0]} is missing ({len(missing):,} such rows); {advice}"
        )


def _check_groups(groups, rows: int, X) -> tuple[pd.Series, list[str]]:
    """Return the patient of each row, as text, and what must be said of it.

    Without groups a patient is called as the row in pandas' index, or by its number from 0.
    """
    if groups is None:
        note = "no groups were given: each row was taken for a patient of its own"
        index = getattr(X, "index", None)
        if not isinstance(index, pd.Index) or isinstance(index, pd.MultiIndex):
            index = pd.RangeIndex(rows)
        text = pd.Series(index.astype(str))
        return text if text.is_unique else pd.Series(np.arange(rows).astype(str)), [note]
    values = _as_column("groups", groups, rows, X)
    _refuse_missing("groups", values, "every row needs its patient")
    text = values.astype(object).map(str)
    nothing = np.flatnonzero(text.str.strip().isin(NOTHING))
    if len(nothing):
        raise InputError(
            f"groups: row {nothing[0]} is {text[nothing[0]]!r} ({len(nothing):,} such rows); every "
            "row needs its patient"
        )
    if values.nunique() != text.nunique():
        raise InputError(
            "groups: holds ids that are the same once written, such as 1 and '1'; expected ids of "
            "one kind"
        )
    return text, []


def _check_attributes(attributes, rows: int, X) -> tuple[pd.DataFrame, list[str]]:
    """Return attributes as categories, and what was done to which column.

    attributes: a table, a dict of columns, one column, or names of columns of X.
    """
    if attributes is None:
        return pd.DataFrame(index=range(rows)), []
    groups, notes = {}, []
    for name, column in _list_columns(attributes, rows, X).items():
        values = _as_column(f"attributes, {name}", column, rows, X)
        if name in groups or name == "patient_id":
            raise InputError(f"attributes: the name {name!r} cannot be had twice; rename a column")
        if isinstance(values.dtype, pd.CategoricalDtype):
            kept = values.cat.remove_unused_categories()
            groups[name] = kept.cat.rename_categories(list(map(str, kept.cat.categories)))
            continue
        text = values.astype(object).where(values.notna(), "").map(str)
        banded, note = group_column(name, text)
        notes += [note] if note else []
        if banded is not None:
            groups[name] = pd.Series(banded)
    if not groups:
        raise InputError(f"attributes: none makes groups to compare ({'; '.join(notes)[:400]})")
    return pd.DataFrame(groups), notes


def _list_columns(attributes, rows: int, X) -> dict[str, Any]:
    """Return the columns of what was given as attributes, by name."""
    if isinstance(attributes, str):
        attributes = [attributes]
    is_list = isinstance(attributes, Sequence) and len(attributes) > 0
    if is_list and isinstance(X, pd.DataFrame) and len(attributes) != rows:
        unknown = [name for name in attributes if name not in X.columns]
        if unknown:
            raise InputError(
                f"attributes: X has no column {unknown[0]!r:.60}; expected names of its columns, "
                "or a table with a row for each row of X"
            )
        twice = [name for name in attributes if (X.columns == name).sum() > 1]
        if twice:
            raise InputError(f"attributes: X has several columns {twice[0]!r:.60}; rename them")
        return {str(name): X[name] for name in attributes}
    if isinstance(attributes, dict):
        return {str(name): column for name, column in attributes.items()}
    if isinstance(attributes, pd.DataFrame):
        check_order("attributes", attributes, X)
        names = list(map(str, attributes.columns))
        if len(set(names)) < len(names):
            raise InputError("attributes: two columns have one name; rename one")
        return {name: attributes.iloc[:, place] for place, name in enumerate(names)}
    if isinstance(attributes, pd.Series):
        return {str(attributes.name or "attribute"): attributes}
    array = np.asarray(attributes, dtype=object)
    if array.ndim == 2:
        return {f"attribute {place}": array[:, place] for place in range(array.shape[1])}
    return {"attribute": array}
