"""Age in bands, and race as hospitals write it, in a few groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rollcall.data.bands import AGES, age_bands

__all__ = ["AGES", "EMORY", "HOSPITAL", "RACES", "RaceWords", "age_bands", "race_group"]

RACES = ("Asian", "Black", "Hispanic", "Other", "White")


@dataclass(frozen=True)
class RaceWords:
    """How a publisher writes race, as patterns on upper-case text ("CAUCASIAN" read as "WHITE").

    unknown     what it writes where race is unknown, refused or not recorded; empty text is too
    groups      (group, pattern) pairs; of several that match, the last counts
    hispanic    whether the same text says who is Hispanic
    """

    unknown: str
    groups: tuple[tuple[str, str], ...]
    hispanic: bool


# Race in CheXpert and MIMIC-IV, such as "White, Hispanic" or "WHITE - RUSSIAN".
HOSPITAL = RaceWords(
    "UNKNOWN|REFUSED|DECLINED|UNABLE",
    (("Asian", "ASIAN"), ("White", "WHITE"), ("Black", "BLACK")),
    hispanic=True,
)
# Race in EMBED, such as "African American  or Black"; ethnicity is a column of its own there.
EMORY = RaceWords(
    "UNKNOWN|UNAVAILABLE|NOT RECORDED|DECLINES",
    (("Asian", "^ASIAN"), ("Black", "BLACK"), ("White", "WHITE")),
    hispanic=False,
)


def race_group(values: pd.Series, paper: bool, words: RaceWords = HOSPITAL) -> pd.Series:
    """Put race as it is written into a group of RACES; NaN where it is unknown or not recorded.

    paper: Asian, Black and White alone; all else is NaN, since the reference's disparity test
    leaves "Other/Unknown" out.
    """
    text = values.fillna("").str.upper().str.strip()
    group = pd.Series(np.nan if paper else "Other", index=values.index, dtype=object)
    if not paper:
        group[(text == "") | text.str.contains(words.unknown)] = np.nan
        if words.hispanic:
            hispanic = text.str.contains("HISPANIC") & ~text.str.contains("NON-HISPANIC")
            group[hispanic] = "Hispanic"
    text = text.str.replace("CAUCASIAN", "WHITE")  # it ends in "ASIAN"
    for name, pattern in words.groups:
        group[text.str.contains(pattern)] = name
    return group
