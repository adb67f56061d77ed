"""Vital signs of MIMIC-IV-ED as numbers: units mended, impossible values missing, all counted.

Natural units: degrees Celsius, beats and breaths a minute, percent, mmHg, 0 to 10. By default a
temperature of 25 to 45 is taken for Celsius, others for Fahrenheit, and what is beyond PLAUSIBLE is
missing: the limits of the public MIMIC code (`vitalsign.sql` of github.com/MIT-LCP/mimic-code, for
living patients; temperatures 25 to 45 degrees). The public benchmark (Xie et al. 2022), and so
`rules=paper`, takes every temperature for Fahrenheit, sets what is beyond the outlier limits of
PUBLISHED missing, and what is between those and the valid limits to the nearest valid value. Pain
is free text: what is not a number is missing ("unable", "10+", "3-4").
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import tables
from rollcall.data.cleaning import is_missing, strip_fields

PLAUSIBLE = {  # lowest and highest value that is believed
    "temperature": (25, 45),
    "heartrate": (1, 300),
    "resprate": (1, 70),
    "o2sat": (1, 100),
    "sbp": (1, 400),
    "dbp": (1, 300),
    "pain": (0, 10),
}
PUBLISHED = {  # lowest and highest value, else missing; lowest and highest valid value
    "temperature": (14.2, 47, 26, 45),
    "heartrate": (0, 390, 0, 350),
    "resprate": (0, 330, 0, 300),
    "o2sat": (0, 150, 0, 100),
    "sbp": (0, 375, 0, 375),
    "dbp": (0, 375, 0, 375),
    "pain": (0, 10, 0, 10),
}
SIGNS = tuple(PLAUSIBLE)
CELSIUS = PLAUSIBLE["temperature"]
# What was done to a value, by its code; 0 is nothing.
IN_CELSIUS, OUT_OF_RANGE, NO_NUMBER, CLIPPED = range(1, 5)


def read_sign(
    path: Path, table: pd.DataFrame, sign: str, paper: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Read a vital sign as float64 (rows,), and what was done to each value, int8 (rows,).

    InputError for words in any column but pain, those for a missing value aside.
    """
    text = strip_fields(table[sign])
    text = text.mask(is_missing(text), "")
    done = np.zeros(len(text), np.int8)
    if sign == "pain":
        values = np.asarray(pd.to_numeric(text, errors="coerce"), dtype=float)
        done[np.isnan(values) & (text != "").to_numpy()] = NO_NUMBER
    else:
        values = tables.read_numbers(path, table.assign(**{sign: text}), sign, missing=True)
    if sign == "temperature":
        celsius = (values >= CELSIUS[0]) & (values <= CELSIUS[1]) & (not paper)
        done[celsius] = IN_CELSIUS
        values = np.where(celsius, values, (values - 32) * 5 / 9)
    lowest, highest = PUBLISHED[sign][:2] if paper else PLAUSIBLE[sign]
    beyond = (values < lowest) | (values > highest)
    done[beyond] = OUT_OF_RANGE
    values = np.where(beyond, np.nan, values)
    if paper:
        valid = np.clip(values, *PUBLISHED[sign][2:])
        done[(valid != values) & ~np.isnan(values)] = CLIPPED
        values = valid
    return values, done


def describe_signs(done: dict[str, np.ndarray], paper: bool, count_text) -> list[str]:
    """Note what was done to the vital signs at triage; done: by sign, codes of `read_sign`."""
    notes = []
    for sign, codes in done.items():
        lowest, highest = PUBLISHED[sign][:2] if paper else PLAUSIBLE[sign]
        for code, text in (
            (IN_CELSIUS, "in Celsius among Fahrenheit, taken as such"),
            (OUT_OF_RANGE, f"with a value not from {lowest:g} to {highest:g}, taken as missing"),
            (NO_NUMBER, "with words in place of a number, taken as missing"),
            (CLIPPED, "set to the nearest valid value (the published rule)"),
        ):
            if count := int((codes == code).sum()):
                notes.append(f"{sign} at triage: {count_text(count)} visits {text}")
    return notes
