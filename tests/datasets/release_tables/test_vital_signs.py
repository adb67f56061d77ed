"""Vital signs with mixed units and impossible values: mended or missing, counted, never silent."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.datasets.release_tables.vital_signs import SIGNS, describe_signs, read_sign
from rollcall.util.errors import InputError
from tests.oracles import emergency as naive

PATH = Path("triage.csv")


def read(sign, *texts, paper=False):
    return read_sign(PATH, pd.DataFrame({sign: list(texts)}, dtype="str"), sign, paper)


@pytest.mark.parametrize(
    ("sign", "text", "value"),
    [
        ("temperature", "98.6", 37),
        ("temperature", "36.6", 36.6),  # Celsius in a column of Fahrenheit
        ("temperature", " 30.0 ", 30),
        ("temperature", "45", 45),
        ("temperature", "77", 25),
        ("temperature", "113", 45),
        ("temperature", "114", np.nan),
        ("temperature", "60", np.nan),  # neither
        ("temperature", "0", np.nan),
        ("temperature", "986", np.nan),  # a lost point
        ("heartrate", "0", np.nan),
        ("heartrate", "-80", np.nan),
        ("heartrate", "1300", np.nan),
        ("heartrate", "300", 300),
        ("resprate", "180", np.nan),
        ("resprate", "18.0", 18),
        ("o2sat", "101", np.nan),
        ("o2sat", "100", 100),
        ("o2sat", "9500", np.nan),
        ("sbp", "11000", np.nan),
        ("sbp", "0.0", np.nan),
        ("dbp", "1e9", np.nan),
        ("dbp", "n/a", np.nan),
        ("dbp", "?", np.nan),
        ("dbp", "NULL", np.nan),
        ("pain", "10", 10),
        ("pain", "0", 0),
        ("pain", " 7 ", 7),
        ("pain", "13", np.nan),  # how some write "cannot be asked"
        ("pain", "unable", np.nan),
        ("pain", "10+", np.nan),
        ("pain", " 3-4", np.nan),
        ("pain", "8/10", np.nan),
        ("pain", "inf", np.nan),
    ],
)
def test_values_by_hand(sign, text, value):
    values, done = read(sign, text)
    np.testing.assert_allclose(values, [value], atol=1e-9)
    empty = text.strip().lower() in ("n/a", "?", "null")
    if np.isnan(value) and not empty:
        assert done[0] in (2, 3)  # out of range, or no number


@pytest.mark.parametrize("text", ["hot", "98.6F", "1,000", "inf", "120/80"])
def test_words_among_numbers_are_refused_with_their_place(text):
    with pytest.raises(InputError, match=r"triage.csv: row 3, column 'temperature'"):
        read("temperature", "98", text)


NUMBERS = st.one_of(
    st.sampled_from(["", "36.6", "98.6", "0", "10", "13", "100", "150", "375", "390", "unable"]),
    st.floats(-500, 1e6, allow_nan=False).map(lambda value: f"{value:.1f}"),
)


@given(st.lists(NUMBERS, min_size=1, max_size=30), st.booleans())
def test_both_rules_against_a_slow_truth(texts, paper):
    clean = naive.cleaned if paper else naive.cleaned_by_default
    for sign in SIGNS:
        given_texts = [text for text in texts if sign == "pain" or text != "unable"] or [""]
        values, done = read(sign, *given_texts, paper=paper)
        expected = [clean(sign, text) for text in given_texts]
        np.testing.assert_allclose(
            values, [np.nan if value is None else value for value in expected], atol=1e-9
        )
        gone = np.isnan(values) & (np.array(given_texts) != "")
        assert (done[gone] > 0).all()  # nothing that was there goes without being counted


def test_notes_say_what_was_done():
    def count(number):
        return str(number)

    done = {"temperature": np.array([1, 1, 2, 0]), "pain": np.array([3, 0, 0, np.nan])}
    assert describe_signs(done, False, count) == [
        "temperature at triage: 2 visits in Celsius among Fahrenheit, taken as such",
        "temperature at triage: 1 visits with a value not from 25 to 45, taken as missing",
        "pain at triage: 1 visits with words in place of a number, taken as missing",
    ]
    assert describe_signs({"o2sat": np.array([4, 2])}, True, count) == [
        "o2sat at triage: 1 visits with a value not from 0 to 150, taken as missing",
        "o2sat at triage: 1 visits set to the nearest valid value (the published rule)",
    ]
    assert describe_signs({"sbp": np.zeros(3)}, False, count) == []
