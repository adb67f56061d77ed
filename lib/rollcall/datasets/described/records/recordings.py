"""Recordings that a table names, as inputs: channels in one order, unit, rate and length."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from rollcall.data.decode import FileInputs
from rollcall.datasets.described.records import edf_files, npy_files, wfdb_files
from rollcall.datasets.described.records.layouts import Layout

VOLTS = {"V": 1e6, "mV": 1e3, "uV": 1.0, "nV": 1e-3}  # in microvolts
LIMITS = np.iinfo(np.int16)
FINEST = 1000  # a rate is changed by a ratio of whole numbers, of which the lower is no larger
WHOLE = ("int16", "uint8", "int8")  # dtypes of a .npy that are kept as int16


@dataclass(frozen=True)
class Wanted:
    """What every recording is made into.

    format   "wfdb", "npy" or "edf"
    leads    names of the channels, in order; (): as the file has them
    units    the unit of each channel; where all are mV, whole microvolts are kept as int16
    rate     Hz; 0: the file's own, which it does not say
    samples  number of samples: what is longer is cut, what is shorter is followed by zeros
    dtype    "int16", "float16" or "float32"
    beside   ending of the file that holds the signals of a WFDB header; else ""
    """

    format: str
    leads: tuple[str, ...]
    units: tuple[str, ...]
    rate: float
    samples: int
    dtype: str
    beside: str = ""

    @property
    def in_microvolts(self) -> bool:
        """Whether whole microvolts are kept."""
        return set(self.units) == {"mV"}


def describe_recording(path: Path, form: str) -> tuple[Layout, str]:
    """Return a recording's layout, and the ending of the file beside it; ValueError, OSError."""
    if form == "wfdb":
        layout, name = wfdb_files.describe(path)
        return layout, Path(name).suffix
    return (edf_files if form == "edf" else npy_files).describe(path), ""


def make_inputs(wanted: Wanted, root: Path, paths, where: Path, rows) -> FileInputs:
    """Take one recording a record as inputs: `wanted.dtype` (samples, channels) each, still files.

    paths: relative to root, of headers where the format is WFDB. where, rows: the table and its
    lines that name them, for messages.
    """
    return FileInputs(
        root,
        np.asarray(paths, object),
        functools.partial(decode_recording, root=root, wanted=wanted),
        (wanted.samples, len(wanted.units)),
        wanted.dtype,
        where,
        np.asarray(rows),
        beside=wanted.beside,
    )


def decode_recording(path: Path, root: Path, wanted: Wanted) -> np.ndarray:
    """Decode a recording to `wanted.dtype` (samples, channels).

    ValueError or OSError for a file that is damaged, or has no such channels, unit or rate.
    """
    if wanted.format == "npy":
        return _check_array(npy_files.read(path, wanted.samples), wanted)
    layout, beside = describe_recording(path, wanted.format)
    if beside != wanted.beside:
        raise ValueError(f"its signals are in a {beside} file; expected {wanted.beside}")
    leads = wanted.leads or layout.leads
    chosen = layout.find(leads)
    if len(chosen) != len(wanted.units):
        raise ValueError(f"has {len(chosen)} channels; expected {len(wanted.units)}")
    seconds = wanted.samples / wanted.rate
    read = edf_files.read if wanted.format == "edf" else functools.partial(_read_wfdb, root=root)
    columns = []
    for lead, k, unit, values in zip(
        leads, chosen, wanted.units, read(path, leads=leads, seconds=seconds), strict=True
    ):
        if not np.isfinite(values).all():
            raise ValueError(f"channel {lead!r:.42} has samples marked as invalid")
        factor = convert_unit(layout.units[k], unit)
        columns.append(_fit(values * factor, layout.rates[k], wanted))
    signal = np.stack(columns, axis=1)
    return _to_microvolts(signal) if wanted.in_microvolts else signal.astype(np.float32)


def _read_wfdb(path: Path, root: Path, leads: tuple[str, ...], seconds: float) -> list[np.ndarray]:
    return wfdb_files.read(path, root, leads, seconds)


def convert_unit(unit: str, wanted: str) -> float:
    """Return the factor from one unit to another; ValueError where there is none."""
    if unit == wanted:
        return 1.0
    if unit in VOLTS and wanted in VOLTS:
        return VOLTS[unit] / VOLTS[wanted]
    raise ValueError(f"a channel in {unit or 'no unit'}; expected {wanted or 'no unit'}")


def _fit(values: np.ndarray, rate: float, wanted: Wanted) -> np.ndarray:
    """Bring one channel to the rate and length that are wanted."""
    values = values[: int(np.ceil(wanted.samples / wanted.rate * rate))]
    if rate != wanted.rate:
        values = resample(values, rate, wanted.rate)
    values = values[: wanted.samples]
    return np.pad(values, (0, wanted.samples - len(values)))


def resample(values: np.ndarray, rate: float, wanted: float) -> np.ndarray:
    """Bring samples to another rate, low-pass filtered where that is lower (scipy's polyphase)."""
    from scipy.signal import resample_poly

    ratio = Fraction(wanted / rate).limit_denominator(FINEST)
    if not ratio or ratio > FINEST:
        raise ValueError(f"sampled at {rate:g} Hz, which cannot be brought to {wanted:g}")
    return resample_poly(values, ratio.numerator, ratio.denominator, padtype="line")


def _to_microvolts(signal: np.ndarray) -> np.ndarray:
    """Return millivolts as whole microvolts, int16."""
    microvolts = np.rint(signal * 1000)
    highest = np.abs(microvolts).max()
    if highest > LIMITS.max:
        raise ValueError(f"reaches {highest / 1000:.0f} mV; expected at most 32")
    return microvolts.astype(np.int16)


def _check_array(array: np.ndarray, wanted: Wanted) -> np.ndarray:
    """Return an array of the channels, length and dtype that are wanted."""
    if array.shape[1] != len(wanted.units):
        raise ValueError(f"has {array.shape[1]} channels; expected {len(wanted.units)}")
    if choose_dtype({array.dtype.name, wanted.dtype}) != wanted.dtype:
        raise ValueError(f"holds {array.dtype}; expected {wanted.dtype} as in the others")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError("holds NaN or infinite samples")
    if wanted.dtype != "int16" and np.abs(array).max() > np.finfo(wanted.dtype).max:
        raise ValueError(f"holds samples beyond what {wanted.dtype} holds")
    padded = np.pad(array, ((0, wanted.samples - len(array)), (0, 0)))
    return padded.astype(wanted.dtype)


def choose_dtype(dtypes: set[str]) -> str:
    """Return what recordings of these dtypes are kept as: int16, float16 or float32."""
    if dtypes <= set(WHOLE):
        return "int16"
    return "float16" if dtypes == {"float16"} else "float32"
