"""Read WFDB recordings (PhysioNet's .hea with .dat or .mat) that are not trusted.

A header is checked before wfdb reads the signals that it names: they must lie beside it in one
file, and be no more than a machine holds.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from rollcall.data.release import resolve_inside
from rollcall.datasets.described.records.layouts import MAX_SAMPLES, Layout
from rollcall.datasets.parts.signals import load_wfdb, read_header

WHOLE_SAMPLES = 4_000_000  # so many are read as a whole, so that checksums can be compared
COUNT = r"[0-9]{1,10}"
RATE = r"([0-9]+([.][0-9]*)?([eE][+-]?[0-9]+)?)(/.*)?"


def describe(path: Path) -> tuple[Layout, str]:
    """Return the layout of the recording whose header is at `path`, and its signal file's name.

    ValueError for a header that is damaged, of several segments, or names a file elsewhere.
    """
    first, lines = read_header(path)
    if len(first) < 4 or not re.fullmatch(COUNT, first[1]) or not re.fullmatch(COUNT, first[3]):
        raise ValueError(f"{path.name}: its first line names no record, channels, rate and length")
    if "/" in first[0]:
        raise ValueError(f"{path.name}: a record of several segments; expected one of a single one")
    rate = re.fullmatch(RATE, first[2])
    if not rate or not 0 < float(rate[1]) < 1e9:
        raise ValueError(f"{path.name}: sampling rate {first[2][:40]!r}; expected a number above 0")
    count, length = int(first[1]), int(first[3])
    if not count or len(lines) != count or any(len(line) < 2 for line in lines):
        raise ValueError(f"{path.name}: describes {len(lines)} channels; expected {count}")
    name = lines[0][0]
    beside = Path(name).name == name and Path(name).stem == path.stem
    if not beside or {line[0] for line in lines} != {name}:
        raise ValueError(
            f"{path.name}: names the signal file {name[:80]!r}; expected {path.stem}.dat or the "
            "like, one for all channels"
        )
    if not length:
        raise ValueError(f"{path.name}: says no length")
    leads = tuple(_name(line, number) for number, line in enumerate(lines, 1))
    units = tuple(map(_unit, lines))
    return Layout(leads, units, (float(rate[1]),) * count, (length,) * count), name


def _name(words: list[str], number: int) -> str:
    return " ".join(words[8:]) or f"channel {number}"


def _unit(words: list[str]) -> str:
    """Return the unit after the gain, 200(0)/mV; WFDB's own default is mV."""
    gain = words[2] if len(words) > 2 else ""
    return gain.partition("/")[2] or "mV"


def read(path: Path, root: Path, leads: tuple[str, ...], seconds: float) -> list[np.ndarray]:
    """Read channels of the recording whose header is at `path`, each float64 in its unit.

    leads: their names; (): all. seconds: that are wanted, 0 for all. Samples marked as invalid are
    NaN. ValueError if the file does not fit its header or its checksums.
    """
    layout, name = describe(path)
    resolve_inside(root, (path.parent / name).relative_to(root))
    chosen = layout.find(leads) if leads else list(range(len(layout.leads)))
    length = layout.samples[0]
    wanted = min(length, int(np.ceil(seconds * layout.rates[0])) + 1) if seconds else length
    whole = length * len(layout.leads) <= WHOLE_SAMPLES
    if wanted * len(chosen) > MAX_SAMPLES:
        raise ValueError(f"{wanted * len(chosen):,} samples; expected at most {MAX_SAMPLES:,}")
    if (path.parent / name).stat().st_size * 8 < length:  # no format has under a bit a sample
        raise ValueError(f"{name} is shorter than {path.name} says")
    # an absolute path: no other is surely local to wfdb
    record = load_wfdb().rdrecord(
        str(path.parent.resolve() / path.stem),
        physical=False,
        channels=None if whole else chosen,
        sampto=None if whole else wanted,
    )
    stored = record.d_signal
    if stored is None or stored.shape[1] != len(layout.leads if whole else chosen):
        raise ValueError(f"{name} does not hold what {path.name} says")
    if whole:
        _compare_checksums(path, stored, record.checksum or [])
    values = np.asarray(record.dac())
    return [values[:wanted, position] for position in (chosen if whole else range(len(chosen)))]


def _compare_checksums(path: Path, stored: np.ndarray, checksums: list) -> None:
    """Compare each channel's sum, modulo 2^16, with the header's, where it has one."""
    sums = stored.sum(axis=0, dtype=np.int64)
    for total, expected in zip(sums, checksums, strict=False):
        if expected is not None and int(total) % 65_536 != int(expected) % 65_536:
            raise ValueError(f"its samples do not add up to the checksums in {path.name}")
