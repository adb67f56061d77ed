"""When a patient's records were made, as far as it matters: which came before which.

A cohort keeps no date. `record_order` is a column of its table of records, is no attribute, is
never shown, and no model sees it.
"""

from __future__ import annotations

from numbers import Real

import numpy as np
import pandas as pd

from rollcall.data.arrays.inputs import as_array
from rollcall.util.errors import InputError, first_line

ORDER = "record_order"  # the place of a record in its patient's time
HELD_BACK = "held_back"  # bool: no target trains on the record


def rank_times(patients, times) -> np.ndarray:
    """Rank each record among its patient's by time, int32 (N,): 0 first, -1 where it is unknown.

    patients (N,) ids; times (N,) numbers or dates, NaN or NaT where unknown. Records of one time
    share a rank.
    """
    times = pd.Series(np.asarray(times))
    ranks = times.groupby(np.asarray(patients), sort=False).rank(method="dense")
    return ranks.fillna(0).to_numpy().astype(np.int32) - 1


def read_times(time, count: int) -> pd.Series:
    """Return the time of each record, numbers or dates (count,), as somebody has them in memory.

    InputError for anything else, or another number of them.
    """
    times = _as_column(as_array("time", time))
    if len(times) != count:
        raise InputError(
            f"time has {len(times):,} values and X {count:,} records; expected as many"
        )
    if times.dtype.kind in "iufM":
        return times
    try:
        return pd.to_datetime(times, format="ISO8601")
    except (ValueError, TypeError) as error:
        raise InputError(
            "time: neither numbers nor dates such as 2020-01-31 "
            f"({first_line(error).partition(' You might')[0]})"
        ) from None


def _as_column(values: np.ndarray) -> pd.Series:
    """Return times as a column; objects that are numbers, or nothing, as numbers."""
    if values.ndim > 1:
        raise InputError(f"time has the shape {values.shape}; expected one value for each record")
    times = pd.Series(values)
    known = times[times.notna()]
    are_numbers = known.map(lambda value: isinstance(value, Real) and not isinstance(value, bool))
    return pd.to_numeric(times) if times.dtype == object and are_numbers.all() else times


def check_columns(where: str, records: pd.DataFrame) -> None:
    """Refuse a column of the order or of what is held back that is none; raises InputError."""
    if ORDER in records:
        values = records[ORDER].to_numpy()
        if values.dtype.kind not in "iu" or (values < -1).any():
            raise InputError(f"{where}: {ORDER} is {values.dtype}; expected whole numbers from -1")
    if HELD_BACK in records:
        values = records[HELD_BACK].to_numpy()
        if values.dtype != bool or values.all():
            raise InputError(f"{where}: {HELD_BACK} is {values.dtype}; expected bool, not all true")
