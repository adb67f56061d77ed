"""Age bands and race groups; the groups against rules written out by hand."""

import numpy as np
import pandas as pd
import pytest

from rollcall.datasets.parts.demographics import EMORY, HOSPITAL, age_bands, race_group


def hospital(written, paper):
    """CheXpert's and MIMIC's race by a chain of ifs."""
    text = written.strip().upper()
    plain = text.replace("CAUCASIAN", "WHITE")
    for name in ("Black", "White", "Asian"):  # the last that was set in the library wins
        if name.upper() in plain:
            return name
    if paper:
        return None
    if "HISPANIC" in text and "NON-HISPANIC" not in text:
        return "Hispanic"
    if not text or any(word in text for word in ("UNKNOWN", "REFUSED", "DECLINED", "UNABLE")):
        return None
    return "Other"


def emory(written, paper):
    """EMBED's race by a chain of ifs."""
    text = written.strip().lower()
    if "caucasian" in text or "white" in text:
        return "White"
    if "black" in text:
        return "Black"
    if text.startswith("asian"):
        return "Asian"
    unknown = ("unknown", "unavailable", "not recorded", "declines")
    if paper or not text or any(word in text for word in unknown):
        return None
    return "Other"


WORDS = (
    "white", "caucasian", "black", "asian", "hispanic", "non-hispanic", "latino", "russian",
    "unknown", "refused", "declined", "declines", "unable", "unavailable", "not recorded", "other",
    "native hawaiian", "african american", "or", "-", "/", ",", "",
)  # fmt: skip


@pytest.mark.parametrize(("words", "twin"), [(HOSPITAL, hospital), (EMORY, emory)])
@pytest.mark.parametrize("paper", [False, True])
def test_race_is_as_a_chain_of_ifs_says(words, twin, paper):
    rng = np.random.default_rng(0)
    texts = ["", " ", *WORDS]
    for _ in range(3000):
        text = " ".join(rng.choice(WORDS, rng.integers(1, 5)))
        texts.append(str(rng.choice([text, text.upper(), text.title(), f" {text} "])))
    groups = race_group(pd.Series(texts), paper, words)
    assert [None if pd.isna(group) else group for group in groups] == [
        twin(text, paper) for text in texts
    ]


def test_missing_race_stays_missing_and_the_index_is_kept():
    groups = race_group(pd.Series([np.nan, "ASIAN", None], index=[5, 3, 1], dtype=object), False)
    assert groups.index.tolist() == [5, 3, 1]
    assert groups.isna().tolist() == [True, False, True]
    assert groups[3] == "Asian"


def test_age_bands_have_closed_lower_ends():
    bands = age_bands([0, 17.99, 18, 39, 40, 59.5, 60, 79, 80, 300, np.nan, -1])
    assert [None if pd.isna(band) else band for band in bands] == [
        "0-17", "0-17", "18-39", "18-39", "40-59", "40-59", "60-79", "60-79", "80+", "80+",
        None, None,
    ]  # fmt: skip
    assert bands.ordered
