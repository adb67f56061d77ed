"""Digests of data and estimators that are held in memory: whether they are those of the last time.

The same content gives the same digest in another process; two estimators differ where a setting
does that decides what is learnt.
"""

from __future__ import annotations

import hashlib
from types import FunctionType
from typing import Any

import joblib
import numpy as np
import pandas as pd
from scipy import sparse

from rollcall.runs.sealed import compute_digest

# Settings of an estimator that decide nothing, or that an audit sets itself.
IDLE = ("random_state", "n_jobs", "verbose")


def digest_values(values) -> str:
    """Return the sha256 of a table, an array, a sparse matrix or what else joblib can hash."""
    digest = hashlib.sha256()
    if isinstance(values, pd.DataFrame):
        for place, name in enumerate(values.columns):
            column = values.iloc[:, place]
            digest.update(f"{name!r} {column.dtype}".encode())
            digest.update(_digest_column(column).encode())
    elif sparse.issparse(values):
        rows = values.tocsr()
        digest.update(repr(rows.shape).encode())
        for part in (rows.data, rows.indices, rows.indptr):
            digest.update(digest_values(np.asarray(part)).encode())
    elif isinstance(values, np.ndarray) and values.dtype != object:
        digest.update(f"{values.dtype} {values.shape}".encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    elif isinstance(values, np.ndarray):
        digest.update(repr(values.shape).encode())
        digest.update(_digest_column(pd.Series(values.ravel())).encode())
    else:
        digest.update(str(joblib.hash(values)).encode())
    return digest.hexdigest()


def _digest_column(column: pd.Series) -> str:
    try:
        return digest_values(pd.util.hash_pandas_object(column, index=False).to_numpy())
    except TypeError:  # of values that have no hash, lists say
        return str(joblib.hash(column.tolist()))


def digest_estimator(estimator) -> str:
    """Return the sha256 of an estimator's class and settings, those of its parts too."""
    return compute_digest(describe_setting(estimator))


def describe_setting(value) -> Any:
    """Return an estimator, or a setting of one, as what json can hold."""
    if isinstance(value, bool | int | float | str | None):
        return repr(value)
    if isinstance(value, list | tuple):
        return [type(value).__name__, *map(describe_setting, value)]
    if isinstance(value, dict):
        return {repr(key): describe_setting(part) for key, part in value.items()}
    if isinstance(value, set | frozenset):
        return ["set", *sorted(map(repr, value))]
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, FunctionType):
        constants = [part for part in value.__code__.co_consts if not hasattr(part, "co_code")]
        code = value.__code__.co_code.hex() + repr(constants)
        return (
            f"{value.__module__}.{value.__qualname__} {hashlib.sha256(code.encode()).hexdigest()}"
        )
    if hasattr(value, "get_params"):
        settings = value.get_params(deep=False)
        chosen = {name: part for name, part in settings.items() if name not in IDLE}
        return [describe_setting(type(value)), describe_setting(chosen)]
    try:
        return [describe_setting(type(value)), digest_values(value)]
    except Exception:  # joblib cannot hash what cannot be pickled
        return describe_setting(type(value))


def name_estimator(estimator) -> str:
    """Return the class of an estimator in words, those of a pipeline's steps one after another."""
    steps = getattr(estimator, "steps", None)
    if steps:
        return " + ".join(name_estimator(step) for _, step in steps if step is not None)
    name = estimator if isinstance(estimator, str) else type(estimator).__name__
    settings = estimator.get_params(deep=False) if hasattr(estimator, "get_params") else {}
    inside = settings.get("estimator")
    return f"{name}({name_estimator(inside)})" if hasattr(inside, "get_params") else name
