"""Arrays that somebody saved with numpy: opened without trust, and what else they may be."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rollcall.util.errors import InputError, first_line
from rollcall.util.faults import raise_machine_fault
from rollcall.util.files import UNREADABLE

NPY = b"\x93NUMPY"
# What a file is that begins otherwise, and what to do with it.
OTHERS = {
    b"PK\x03\x04": "an .npz or zip, of several arrays; save the one with numpy.save",
    b"PAR1": "a parquet table; save its numbers with numpy.save",
    b"\x89HDF": "an HDF5 file; save the array with numpy.save",
    b"\x1f\x8b": "packed with gzip; unpack it",
    b"\x80": "a pickle, or a model's file, which is not opened; save the array with numpy.save",
}


def open_array(path: Path, expected: str) -> np.ndarray:
    """Map a .npy of numbers or bools into memory, read-only.

    expected: what it should hold, for messages. InputError if it is anything else, or cut short;
    MachineError if the machine refuses to read it.
    """
    fault = f"{path}: not a readable .npy"
    try:
        with open(path, "rb") as file:
            start = file.read(len(NPY))
        if start != NPY:
            kind = next((what for magic, what in OTHERS.items() if start.startswith(magic)), None)
            kind = kind or ("empty" if not start else "something else; save it with numpy.save")
            raise InputError(f"{fault}: it is {kind}; expected an array of {expected}")
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except InputError:
        raise
    except UNREADABLE as error:
        raise_machine_fault(error, path)
        why = first_line(error)
        if isinstance(error, FileNotFoundError):
            why = "there is no such file"
        elif "pickle" in why or "object" in why.lower():
            why = "it holds Python objects; save numbers, with array.astype(float)"
        elif "mmap length" in why or "reshape" in why:
            why = "it is cut short; copy it again"
        raise InputError(f"{fault} ({why}); expected an array of {expected}") from None
    if array.dtype.kind not in "biuf":
        raise InputError(f"{path}: {array.dtype} {array.shape}; expected {expected}")
    return array


def check_shape(path: Path, array: np.ndarray, records: int, of: Path) -> np.ndarray:
    """Return scores as (targets, records) or (targets, records, columns); InputError if not so.

    A third axis of length 1 is taken away. of: the file that has a row for each of `records`.
    """
    wanted = f"expected (targets, {records:,}): a column for each row of {of}"
    if array.ndim not in (2, 3) or array.shape[1] != records:
        turned = array.ndim in (2, 3) and array.shape[0] == records
        hint = "; the axes are the other way round, save array.swapaxes(0, 1)" if turned else ""
        raise InputError(f"{path}: {array.shape}, {wanted}{hint}")
    if 0 in array.shape:
        raise InputError(f"{path}: {array.shape} holds no scores; {wanted}")
    return array[:, :, 0] if array.shape[2:] == (1,) else array
