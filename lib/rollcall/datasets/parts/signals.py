"""Decode 12-lead ECGs from WFDB files that are not trusted.

For `FileInputs`: `functools.partial(decode_ecg, root=root, rate=100)`, beside=".hea". A header is
checked against its signal file before wfdb, which is imported where it is used, reads either.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np

from rollcall.data import release

LEADS = ("I", "II", "III", "AVR", "AVL", "AVF", "V1", "V2", "V3", "V4", "V5", "V6")
SECONDS = 10
MAX_HEADER_BYTES = 65_536
FORMAT = "16"  # WFDB's name for two bytes a sample, the low one first
GAIN = re.compile(r"(?=[0-9.]*[1-9])[0-9]{1,7}(\.[0-9]{0,7})?(\(-?[0-9]{1,6}\))?/")
UNITS_PER_MV = 1_000  # microvolts
LIMITS = np.iinfo(np.int16)  # the lowest value marks an invalid sample


def decode_ecg(path: Path, root: Path, rate: int) -> np.ndarray:
    """Decode one ECG to int16 microvolts (10 * rate, 12).

    path: the signal file (.dat), its header (.hea) beside it. rate: in Hz. ValueError if the header
    is not what PTB-XL has (leads and their order, unit, length, checksums), or does not fit the
    signal file. A header whose gain is not 1000 per mV, or whose baseline is not 0, is converted.
    """
    header = release.resolve_inside(root, path.with_suffix(".hea").relative_to(root))
    check_header(header, path, rate)
    # an absolute path: no other is surely local to wfdb
    record = load_wfdb().rdrecord(
        str(path.parent.resolve() / path.stem), physical=False, return_res=16
    )
    leads, units = (
        tuple(str(name).upper() for name in record.sig_name or ()),
        set(record.units or ()),
    )
    for what, value, expected in (("leads", leads, LEADS), ("units", units, {"mV"})):
        if value != expected:
            raise ValueError(
                f"{header.name} has {what} {', '.join(map(str, value))}; "
                f"expected {', '.join(expected)}"
            )
    stored = record.d_signal
    if (stored == LIMITS.min).any():
        raise ValueError("has samples marked as invalid")
    if not _checksums_agree(stored, record.checksum):
        raise ValueError(f"its samples do not add up to the checksums in {header.name}")
    gain, baseline = np.array(record.adc_gain), np.array(record.baseline, float)
    if (gain == UNITS_PER_MV).all() and not baseline.any():
        return stored
    microvolts = np.rint((stored - baseline) / gain * UNITS_PER_MV)
    highest = np.abs(microvolts).max()
    if highest > LIMITS.max:
        raise ValueError(f"reaches {highest / 1000:.0f} mV; expected at most 32")
    return microvolts.astype(np.int16)


def _checksums_agree(stored: np.ndarray, checksums: list) -> bool:
    """Compare each lead's sum, modulo 2^16, with the header's."""
    if None in checksums:
        return False
    sums = stored.sum(axis=0, dtype=np.int64)
    return [int(total) % 65_536 for total in sums] == [total % 65_536 for total in checksums]


def load_wfdb():
    """Import wfdb, which is slow and wanted by one dataset alone.

    wfdb 4.3.1 is not up to pandas 3.1, which warns.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import wfdb
    return wfdb


def check_header(header: Path, path: Path, rate: int) -> None:
    """Refuse a header that does not describe 12 leads of 10 s in the signal file at `path` alone.

    The signal file must be as long as the header says. Raises ValueError. Works on the header's
    text, before wfdb opens whatever file a header names and reads however many samples it says.
    """
    first, lines = read_header(header)
    if first[:2] != [header.stem, str(len(LEADS))] or len(lines) != len(LEADS):
        raise ValueError(
            f"{header.name} describes {len(lines)} signals, or another record; "
            f"expected {header.stem} with {len(LEADS)}"
        )
    samples = SECONDS * rate
    for what, position, expected in (("sampling rate", 2, rate), ("length", 3, samples)):
        value = "".join(first[position : position + 1])
        if value != str(expected):
            raise ValueError(
                f"{header.name} has {what} {value[:40] or 'missing'}; expected {expected}"
            )
    for line in lines:
        name, signal_format, gain = [*line, "", "", ""][:3]
        if name != path.name:
            raise ValueError(
                f"{header.name} names the signal file {name[:80]!r}; expected {path.name}"
            )
        if signal_format != FORMAT:
            raise ValueError(f"{header.name} has format {signal_format[:40]}; expected {FORMAT}")
        if not GAIN.match(gain):  # wfdb takes a gain of 0, or none, for 200
            raise ValueError(
                f"{header.name} has a gain of {gain[:80]!r}; "
                "expected a number above 0, such as 1000.0(0)/mV"
            )
    size, expected = path.stat().st_size, 2 * len(LEADS) * samples
    if size != expected:
        raise ValueError(
            f"holds {size:,} bytes where its header says {samples:,} samples of "
            f"{len(LEADS)} leads, {expected:,} bytes"
        )


def read_header(header: Path) -> tuple[list[str], list[list[str]]]:
    """Read the words of a header's first line, and those of each further line, comments aside."""
    with open(header, "rb") as file:
        text = file.read(MAX_HEADER_BYTES + 1)
    if len(text) > MAX_HEADER_BYTES or not text.isascii():
        raise ValueError(
            f"{header.name} is not a header: expected at most {MAX_HEADER_BYTES:,} bytes of ASCII"
        )
    lines = [line.split() for line in text.decode().splitlines()]
    lines = [words for words in lines if words and not words[0].startswith("#")]
    return (lines[0], lines[1:]) if lines else ([], [])
