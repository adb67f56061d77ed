"""Put together what somebody has in memory: the fields of a cohort and of its test set."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from rollcall.data.arrays.inputs import as_array, read_inputs
from rollcall.data.arrays.labels import code_labels
from rollcall.data.arrays.people import make_attributes, name_patients
from rollcall.data.arrays.times import ORDER, rank_times, read_times
from rollcall.util.errors import InputError
from rollcall.util.settings import fit_value
from rollcall.util.text import FOLDER_NAME


def gather_fields(
    X,
    y,
    *,
    groups,
    time,
    attributes,
    classes,
    task,
    test,
    scale: float,
    name: str,
    unit: str,
    restricted: bool,
    source: str,
) -> list[dict]:
    """Return the fields of a Cohort from arrays or pandas, and then those of its test set, if any.

    As `rollcall.data.cohort.Cohort.of`.
    """
    texts = {
        "name": fit_value("name", name, "str"),
        "unit": fit_value("unit", unit, "str"),
        "restricted": fit_value("restricted", restricted, "bool"),
        "source": fit_value("source", source, "str"),
    }
    check_name(texts["name"])
    for other, values in (
        ("y", y),
        ("groups", groups),
        ("time", time),
        ("attributes", attributes),
        ("test", test),
    ):
        _refuse_other_order(X, other, values)
    inputs, features, notes = read_inputs(X)
    count = len(inputs)
    labels, task, classes, rare = code_labels(y, classes, task)
    if len(labels) != count:
        raise InputError(f"y has {len(labels):,} labels and X {count:,} records; expected as many")
    ids, alone = name_patients(groups, count)
    columns, bands = make_attributes(attributes, count)
    records = pd.DataFrame({"patient_id": ids.to_numpy(dtype=object)})
    if task != "multilabel":
        records["label"] = pd.Categorical.from_codes(labels, list(classes))
    records = pd.concat([records, columns], axis=1)
    if time is not None:
        records[ORDER] = rank_times(ids, read_times(time, count))
    common = {
        "task": task,
        "classes": classes,
        "attributes": tuple(columns),
        "features": features,
        "scale": _check_scale(scale, inputs),
        **texts,
    }

    def take(rows: np.ndarray) -> dict:
        whole = len(rows) == count  # then nothing is copied
        return common | {
            "records": records.iloc[rows].reset_index(drop=True),
            "inputs": inputs if whole else inputs[rows],
            "labels": labels[rows],
        }

    held_out = _read_test(test, count)
    pool = take(np.flatnonzero(~held_out)) | {"notes": tuple(notes + rare + alone + bands)}
    return [pool, take(np.flatnonzero(held_out))] if held_out.any() else [pool]


def check_name(name: str) -> None:
    """Refuse a cohort's name that cannot be a folder's; raises InputError."""
    if not re.fullmatch(FOLDER_NAME, name):
        raise InputError(
            f"name {name!r}: expected a plain folder name of letters, digits, '.', '_' and '-'"
        )


def _check_scale(scale: float, inputs: np.ndarray) -> float:
    if isinstance(scale, bool) or not isinstance(scale, int | float | np.number):
        raise InputError(f"scale is {scale!r}; expected a number")
    if not np.isfinite(scale) or scale <= 0:
        raise InputError(f"scale is {scale!r}; expected a number above 0")
    if scale != 1 and inputs.ndim != 3:
        raise InputError(f"scale is {scale!r}; expected 1, but for signals (N, samples, leads)")
    return float(scale)


def _read_test(test, count: int) -> np.ndarray:
    """Return which records are held out, bool (count,); InputError if `test` does not say."""
    if test is None:
        return np.zeros(count, bool)
    array = as_array("test", test)
    if array.shape != (count,) or not (array.dtype == bool or np.isin(array, (0, 1)).all()):
        raise InputError(
            f"test is {array.dtype} {array.shape}; expected bool ({count:,},), true where a record "
            "is held out"
        )
    if array.astype(bool).all():
        raise InputError("test: every record is held out; none is left to audit")
    return array.astype(bool)


def _refuse_other_order(X, name: str, values) -> None:
    """Refuse pandas objects whose rows have the names of X's rows, in another order.

    Rows go by position, as scikit-learn takes them.
    """
    ordered = pd.Series | pd.DataFrame
    if not isinstance(X, ordered) or not isinstance(values, ordered) or len(X) != len(values):
        return
    one, other = X.index, values.index
    if not one.equals(other) and one.is_unique and other.is_unique and one.isin(other).all():
        raise InputError(
            f"{name} has the rows of X in another order, by its index; expected the same order: "
            f"{name}.loc[X.index]"
        )
