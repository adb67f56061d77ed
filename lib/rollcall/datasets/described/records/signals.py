"""What the recordings of a table have in common, and how they become inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from rollcall.data.decode import FileInputs, require_files
from rollcall.datasets.described.description import Description
from rollcall.datasets.described.records.finding import find_files, spread
from rollcall.datasets.described.records.layouts import Layout
from rollcall.datasets.described.records.recordings import (
    Wanted,
    choose_dtype,
    decode_recording,
    describe_recording,
    make_inputs,
)
from rollcall.util.errors import InputError, first_line
from rollcall.util.faults import PATH_FAULTS, raise_machine_fault

ENDINGS = {"wfdb": (".hea",), "npy": (".npy",), "edf": (".edf", ".rec")}
BESIDE = r"(?i)[.](hea|dat|mat)$"  # of a WFDB record, whose name has none
LOOKED_AT = 100  # recordings whose headers tell what all are like
MEASURED = 50  # recordings that tell how large signals are
MOST_NUMBERS = 20_000_000  # of one record


def open_signals(
    described: Description, table: pd.DataFrame
) -> tuple[FileInputs, float, list[str]]:
    """Return the recordings of a table's rows as inputs, their scale, and what to say of them.

    int16 microvolts of what is in mV, else float32 in its own unit, or as a .npy has it: (rows,
    samples, channels), still files. What the description leaves open (leads, rate, seconds) is what
    all recordings looked at have; InputError where they differ, and as find_files.
    """
    form, where = described.format, described.table_path
    if form == "wfdb":
        names = table[described.files].str.replace(BESIDE, "", regex=True)
        table = table.assign(**{described.files: names})
    if form == "npy" and described.leads:
        raise InputError(f"{described.path}: leads: a .npy has no names of channels; leave it out")
    paths, left_off = find_files(described, table, ENDINGS[form])
    rows = table.index.to_numpy() + 2
    looked, beside = _look(described, paths, rows)
    wanted = _settle(described, looked, beside)
    files = make_inputs(wanted, described.root, paths, where, rows)
    if beside:
        require_files(replace(files, paths=np.array(files.every[len(files) :], object)))
    scale, measured = described.scale, "as its description says"
    if not scale:
        scale, measured = _measure(files, wanted), f"the spread of {MEASURED} of them at most"
    notes = [
        *left_off,
        _describe(wanted, looked),
        f"inputs: models see signals times {scale:g}, {measured}",
    ]
    short = sum(_seconds(layout, wanted) < wanted.samples - 0.5 for layout in looked)
    if short:
        notes.append(
            f"inputs: {short} of {len(looked)} recordings looked at are shorter than wanted; zeros "
            "follow them"
        )
    return files, scale, notes


def _look(described: Description, paths: np.ndarray, rows) -> tuple[list[Layout], str]:
    """Read the headers of some recordings; those that are damaged are not counted.

    Returns the ending of the files beside the headers as well. InputError if all are damaged.
    """
    layouts, endings, faults = [], [], []
    for position in spread(len(paths), LOOKED_AT):
        path = described.root / paths[position]
        try:
            layout, beside = describe_recording(path, described.format)
            layout.find(described.leads)
            layouts.append(layout)
            endings.append(beside)
        except (OSError, ValueError) as error:
            raise_machine_fault(error, path, PATH_FAULTS)
            faults.append(f"row {rows[position]}: {path}: {first_line(error)}")
    if not layouts:
        raise InputError(
            f"{described.table_path}: {faults[0]}; none of {len(faults)} recordings looked at can "
            f"be read as {described.format}"
        )
    return layouts, max(set(endings), key=endings.count)


def _settle(described: Description, looked: list[Layout], beside: str) -> Wanted:
    """Decide channels, unit, rate and length."""
    leads = described.leads or _same(
        described, looked, "channels", lambda each: each.leads, 'leads = ["...", "..."]'
    )
    twice = next((name for name in leads if leads.count(name) > 1), None)
    if twice is not None:
        raise InputError(
            f"{described.path}: recordings have several channels {twice!r:.42}; say leads = [...] "
            "of others"
        )
    first = looked[0]
    chosen = first.find(leads) if leads else range(len(first.units))
    if described.format == "npy":
        _same(described, looked, "numbers of channels", lambda each: len(each.units), "others")
    rates = {rate for each in looked for rate in _rates(each, leads)}
    if not described.rate and len(rates) > 1:
        shown = ", ".join(f"{rate:g}" for rate in sorted(rates)[:5])
        raise InputError(
            f"{described.path}: recordings looked at have {shown} Hz; say rate = {max(rates):g} or "
            "another, which all are brought to"
        )
    rate = described.rate or rates.pop()
    if described.seconds and not rate:
        raise InputError(f"{described.path}: a .npy does not say its rate; seconds needs rate")
    wanted = Wanted(
        described.format,
        tuple(leads),
        tuple(first.units[k] for k in chosen),
        rate,
        round(described.seconds * rate),
        choose_dtype({each.dtype for each in looked}),
        beside,
    )
    if wanted.in_microvolts:
        wanted = replace(wanted, dtype="int16")
    if not wanted.samples:
        wanted = replace(wanted, samples=_settle_length(described, looked, wanted))
    size = wanted.samples * len(wanted.units)
    if not 1 <= size <= MOST_NUMBERS:
        raise InputError(
            f"{described.path}: {wanted.samples:,} samples of {len(wanted.units)} channels a "
            f"record; expected at most {MOST_NUMBERS:,} numbers: say seconds, or a lower rate"
        )
    return wanted


def _same(described: Description, looked: list[Layout], what: str, of: Callable, key: str):
    """Return what all recordings looked at have; InputError if they differ."""
    values = [of(each) for each in looked]
    if len(set(values)) > 1:
        usual = max(set(values), key=values.count)
        other = next(value for value in values if value != usual)
        raise InputError(
            f"{described.path}: recordings looked at have different {what} ({str(usual)[:120]}; "
            f"{str(other)[:120]}); say {key}"
        )
    return values[0]


def _rates(layout: Layout, leads: tuple[str, ...]) -> list[float]:
    return [layout.rates[k] for k in layout.find(leads)] if leads else list(layout.rates)


def _seconds(layout: Layout, wanted: Wanted) -> float:
    """Return the number of samples, at the wanted rate, that a recording has."""
    chosen = layout.find(wanted.leads) if wanted.leads else range(len(layout.rates))
    lengths = [
        layout.samples[k] * (wanted.rate / (layout.rates[k] or wanted.rate or 1)) for k in chosen
    ]
    return min(lengths) if wanted.rate else float(min(layout.samples[k] for k in chosen))


def _settle_length(described: Description, looked: list[Layout], wanted: Wanted) -> int:
    """Return the number of samples that all have; InputError where they differ."""
    lengths = [round(_seconds(layout, wanted)) for layout in looked]
    if min(lengths) == max(lengths):
        return lengths[0]
    unit = wanted.rate or 1.0
    shortest, longest = min(lengths) / unit, max(lengths) / unit
    key = "seconds" if wanted.rate else "rate and seconds"
    raise InputError(
        f"{described.path}: recordings looked at have {shortest:g} to {longest:g} "
        f"{'seconds' if wanted.rate else 'samples'}; say {key}: longer ones are cut, and zeros "
        "follow shorter ones"
    )


def _measure(files: FileInputs, wanted: Wanted) -> float:
    """Return one over the standard deviation of some recordings, to four digits."""
    sums = np.zeros(3)
    for position in spread(len(files), MEASURED):
        path = files.root / files.paths[position]
        try:
            signal = decode_recording(path, files.root, wanted).astype(np.float64)
        except Exception as error:  # a damaged one is found when all are decoded
            raise_machine_fault(error, path, PATH_FAULTS)
            continue
        sums += signal.size, signal.sum(), np.square(signal).sum()
    count, total, squares = sums
    variance = squares / count - (total / count) ** 2 if count else 0.0
    return float(f"{variance**-0.5:.4g}") if variance > 0 else 1.0


def _describe(wanted: Wanted, looked: list[Layout]) -> str:
    """Write what the inputs are."""
    names = ", ".join(wanted.leads[:12]) + (", ..." if len(wanted.leads) > 12 else "")
    rate = f" at {wanted.rate:g} Hz" if wanted.rate else ""
    before = sorted({rate for each in looked for rate in _rates(each, wanted.leads)} - {0.0})
    brought = (
        f", from {', '.join(f'{each:g}' for each in before[:5])}" if before != [wanted.rate] else ""
    )
    units = sorted(set(wanted.units) - {""})
    unit = " in uV" if wanted.in_microvolts else f" in {', '.join(units)}" if units else ""
    return (
        f"inputs: signals of {len(wanted.units)} channels{f' ({names})' if names else ''}, "
        f"{wanted.samples:,} samples{rate}{brought if before and wanted.rate else ''}{unit}"
    )
