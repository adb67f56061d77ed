"""Read EDF and EDF+ recordings that are not trusted (Kemp and others 1992 and 2003, edfplus.info).

wfdb's own reader is not taken: its values are one step off, it prints, and it keeps channels of
different rates at one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rollcall.datasets.described.records.layouts import MAX_SAMPLES, Layout

FIXED, OF_A_CHANNEL = 256, 256  # bytes of the header: for the file, and for each channel
WIDTHS = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)  # bytes of each field of a channel, in the header
MAX_CHANNELS, FASTEST = 512, 1e9  # FASTEST: Hz
ANNOTATIONS = "EDF Annotations"
VERSION = b"0       "


@dataclass(frozen=True)
class _Header:
    """What the head of a file says.

    layout      of its signals, annotations left out
    start       bytes before the first block
    blocks      number of blocks, each of `width` samples, which last `seconds`
    places      where each signal's samples stand in a block, (first, end)
    steps, zeros  of each signal: value = zero + step * what is stored
    """

    layout: Layout
    start: int
    blocks: int
    width: int
    seconds: float
    places: tuple[tuple[int, int], ...]
    steps: tuple[float, ...]
    zeros: tuple[float, ...]


def describe(path: Path) -> Layout:
    """Return the layout of a recording; ValueError for a header that is damaged."""
    return _read_header(path).layout


def read(path: Path, leads: tuple[str, ...], seconds: float) -> list[np.ndarray]:
    """Read channels of a recording, each float64 in its unit.

    leads: their names; (): all but annotations. seconds: that are wanted, 0 for all. ValueError if
    the file is cut short or its header damaged.
    """
    header = _read_header(path)
    chosen = header.layout.find(leads) if leads else list(range(len(header.layout.leads)))
    wanted = int(np.ceil(seconds / header.seconds)) if seconds else header.blocks
    blocks = min(header.blocks, max(1, wanted))
    if blocks * header.width > MAX_SAMPLES:
        raise ValueError(f"{blocks * header.width:,} samples; expected at most {MAX_SAMPLES:,}")
    stored = np.fromfile(path, "<i2", blocks * header.width, offset=header.start)
    stored = stored.reshape(blocks, header.width)
    return [
        stored[:, slice(*header.places[k])].ravel() * header.steps[k] + header.zeros[k]
        for k in chosen
    ]


def _read_header(path: Path) -> _Header:
    """Read the head of a file and check it, and the file's size by it."""
    with open(path, "rb") as file:
        fixed = file.read(FIXED)
        if fixed[:8] != VERSION or len(fixed) < FIXED:
            raise ValueError("not an EDF file, or cut short (no EDF header)")
        count = _whole(fixed[252:256], "number of channels", 1, MAX_CHANNELS)
        text = file.read(OF_A_CHANNEL * count)
    if len(text) < OF_A_CHANNEL * count:
        raise ValueError("cut short within its header")
    if fixed[192:197] == b"EDF+D":
        raise ValueError("EDF+D, with gaps between its blocks; expected a continuous recording")
    names, _, units, low, high, lowest, highest, _, samples, _ = _split(text, count)
    each = [_whole(field, "samples of a block", 1, 10**7) for field in samples]
    ends, width, start = np.cumsum(each).tolist(), sum(each), FIXED + OF_A_CHANNEL * count
    seconds = _number(fixed[244:252], "seconds of a block")
    blocks = _count_blocks(fixed, (path.stat().st_size - start) // (2 * width))
    kept = [k for k in range(count) if _text(names[k]) != ANNOTATIONS]
    if not kept or seconds <= 0:
        raise ValueError("holds annotations and no signals")
    if max(each) / seconds > FASTEST:
        raise ValueError(f"its header has {max(each):,} samples in {seconds:g} s")
    scales = [_scale(low[k], high[k], lowest[k], highest[k]) for k in kept]
    layout = Layout(
        tuple(_text(names[k]) for k in kept),
        tuple(_text(units[k]).replace("\u00b5", "u") for k in kept),
        tuple(each[k] / seconds for k in kept),
        tuple(each[k] * blocks for k in kept),
    )
    places = tuple((ends[k] - each[k], ends[k]) for k in kept)
    steps, zeros = (tuple(side) for side in zip(*scales, strict=True))
    return _Header(layout, start, blocks, width, seconds, places, steps, zeros)


def _split(text: bytes, count: int) -> list[list[bytes]]:
    """Return the fields of each kind, one for each channel."""
    fields, start = [], 0
    for width in WIDTHS:
        fields.append([text[start + k * width : start + (k + 1) * width] for k in range(count)])
        start += width * count
    return fields


def _count_blocks(fixed: bytes, held: int) -> int:
    """Return the number of blocks; -1 in a header means as many as there are."""
    blocks = _whole(fixed[236:244], "number of blocks", -1, 10**8)
    if held < blocks or not blocks or not held:
        raise ValueError(f"holds {held:,} blocks where its header says {blocks:,}")
    return held if blocks < 0 else blocks


def _scale(low: bytes, high: bytes, lowest: bytes, highest: bytes) -> tuple[float, float]:
    """Return (step, zero): the digital range maps to the physical one."""
    ends = [_number(field, "range") for field in (low, high, lowest, highest)]
    if ends[0] == ends[1] or ends[2] == ends[3]:
        raise ValueError("its header has a channel with a range of nothing")
    step = (ends[1] - ends[0]) / (ends[3] - ends[2])
    return step, ends[0] - ends[2] * step


def _text(field: bytes) -> str:
    return field.decode("latin-1").strip(" \0")


def _number(field: bytes, what: str) -> float:
    try:
        value = float(_text(field).replace(",", "."))
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise ValueError(f"its header has {what} {_text(field)!r}; expected a number")
    return value


def _whole(field: bytes, what: str, least: int, most: int) -> int:
    value = _number(field, what)
    if not value.is_integer() or not least <= value <= most:
        raise ValueError(f"its header has {what} {_text(field)!r}; expected {least} to {most:,}")
    return int(value)
