"""Read recordings that are numpy arrays: .npy files (samples,) or (samples, channels)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rollcall.datasets.described.records.layouts import MAX_SAMPLES, Layout
from rollcall.util.errors import first_line
from rollcall.util.faults import raise_machine_fault
from rollcall.util.files import UNREADABLE

MARK = b"\x93NUMPY"
MAX_CHANNELS = 300  # more columns than rows beyond this: the axes are the other way round


def describe(path: Path) -> Layout:
    """Return the layout of an array, from its header; ValueError for what is no such array."""
    array = _open(path)
    count = array.shape[1]
    return Layout((), ("",) * count, (0.0,) * count, (len(array),) * count, array.dtype.name)


def read(path: Path, samples: int) -> np.ndarray:
    """Return the first samples of an array, (samples, channels) of its own dtype; 0: all."""
    array = _open(path)
    kept = array[: samples or len(array)]
    if kept.size > MAX_SAMPLES:
        raise ValueError(f"{kept.size:,} samples; expected at most {MAX_SAMPLES:,}")
    return np.array(kept)


def _open(path: Path) -> np.ndarray:
    """Map an array into memory, as (samples, channels)."""
    with open(path, "rb") as file:
        if file.read(len(MARK)) != MARK:
            raise ValueError("not a .npy file; expected what numpy.save writes")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except UNREADABLE as error:
        raise_machine_fault(error, path)
        raise ValueError(f"not a readable .npy file ({first_line(error, 100)})") from None
    if array.dtype.kind not in "iuf":
        raise ValueError("holds no array of numbers")
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(f"an array of {array.shape}; expected (samples,) or (samples, channels)")
    if array.shape[1] > MAX_CHANNELS and array.shape[1] > len(array):
        raise ValueError(
            f"an array of {array.shape}, {array.shape[1]:,} channels; expected (samples, "
            "channels): save array.T"
        )
    return array
