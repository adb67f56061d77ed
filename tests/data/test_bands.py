"""Columns that somebody collected: words stay, numbers are banded, text and ids are left out."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcall.data.bands import AGES, group_column
from rollcall.data.cleaning import MISSING_WORDS


def group(values, name="x"):
    groups, note = group_column(name, pd.Series(values, dtype="str"))
    assert groups is not None, note
    return groups, note


def test_words_are_groups_and_words_for_missing_are_missing():
    for missing in MISSING_WORDS:
        groups, note = group(["a", " b ", missing, "a\u00a0", "b", missing + " "])
        assert list(groups.categories) == ["a", "b"]
        assert list(groups.codes) == [0, 1, -1, 0, 1, -1]
        assert note == ("" if missing == "" else f"x: {missing!r} taken as missing")
    groups, note = group(["none", "unknown", "na", "NAs"])
    assert not note
    assert len(groups.categories) == 4


def test_words_that_differ_by_capitals_alone_are_said():
    groups, note = group(["Female", "female", "male", "male"])
    assert len(groups.categories) == 3
    assert note == "x: 'Female' and 'female' are two groups, though only capitals differ"


def test_whole_numbers_that_went_through_floats_are_the_same():
    groups, _ = group(["1.0", "2", "", "1", "2.", "2.0"])
    assert list(groups.categories) == ["1", "2"]
    groups, _ = group(["1.5", "2.0"])
    assert list(groups.categories) == ["1.5", "2.0"]


@pytest.mark.parametrize("name", ["age", "Age", "patient_age", "age (years)", "AGE_AT_STUDY"])
def test_ages_are_in_bands_of_years(name):
    values = [*map(str, range(15, 100)), "> 89", "90+", "57.31", "NA"]
    groups, note = group(values, name)
    assert set(groups.categories) == set(AGES)
    assert groups[0] == "0-17"
    assert groups[-2] == "40-59"
    assert list(groups[-4:-2]) == ["80+", "80+"]
    assert note == f"{name}: 'NA' taken as missing; {name}: in bands, {', '.join(AGES)} years"


@pytest.mark.parametrize("code", ["-99", "999", "-1"])
def test_codes_of_no_age_are_missing_where_all_else_is_an_age(code):
    groups, note = group([*2 * [*map(str, range(20, 80))], code, code], "age")
    assert groups[-1] is np.nan
    assert note.startswith(f"age: {code} taken as missing; age: in bands, 0-17")
    assert group([*2 * [*map(str, range(20, 80))], "-5", code], "age")[0][-1] is not np.nan
    assert group([*2 * [*map(str, range(20, 80))], code], "days")[0][-1] is not np.nan


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Age", ["Unknown", "inf"]),
        ("age", ["unknown", "-99", "999"]),
        ("age", ["not recorded", "1e400", "-inf"]),
        ("Age at visit", ["3 months", "2 weeks"]),
        ("weight", ["refused", "Infinity"]),
        ("creatinine", ["low", "hemolysed", "see note", "refused", "see note"]),
    ],
)
def test_a_few_words_among_numbers_are_missing(name, words):
    numbers = [*2 * [*map(str, range(15, 75))]]
    groups, note = group([*numbers, *words], name)
    plain, _ = group(numbers, name)
    assert list(groups.categories) == list(plain.categories)
    assert list(groups[:120]) == list(plain)
    assert groups[120:].isna().all()
    assert "taken as missing" in note
    assert words[0] in note or words[1] in note or "see note" in note
    assert "in bands" in note


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("age", [*2 * [*map(str, range(60))], *20 * ["Unknown"]]),  # more than a tenth
        ("diagnosis", [*20 * [*map(str, range(250, 310))], "V27", "E11"]),  # codes
        ("stage", [*10 * ["1", "2", "3"], "unknown"]),  # a few numbers are groups, as words are
    ],
)
def test_words_among_numbers_stay_where_they_may_be_groups(name, values):
    groups, note = group_column(name, pd.Series(values, dtype="str"))
    assert "among numbers" not in note
    assert groups is None or values[-1] in groups.categories


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 3)), min_size=60, max_size=200))
def test_numbers_are_put_into_bands_that_say_where_they_end(values):
    groups, note = group([f"{value!r}" for value in values], "weight")
    if len(set(values)) <= 12:
        return
    assert "weight: numbers in bands" in note
    assert groups.ordered
    assert len(groups.categories) <= 4
    order = np.argsort(values, kind="stable")
    assert (np.diff(groups.codes[order]) >= 0).all()
    last = groups.categories[-1]
    for value, label in zip(values, groups, strict=True):
        if label == last and last.endswith("and over"):
            assert value >= float(last.removesuffix(" and over"))


def test_decimal_commas_are_numbers():
    groups, note = group([f"{n},5" for n in range(80)], "weight")
    assert "in bands" in note
    assert groups.categories[0].startswith("under ")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([f"note {n}" for n in range(100)], "free text or ids"),
        ([f"{n:032x}" for n in range(100)], "free text or ids"),
        ([str(10**7 + 37 * n) for n in range(100)], "as of ids"),
        ([f"2020-01-{n % 28 + 1:02d} 10:00:00" for n in range(100)], "dates"),
        ([f"{n % 28 + 1}.3.1957" for n in range(100)], "dates"),
        ([f"{n % 12 + 1}/{n % 28 + 1}/57" for n in range(100)], "dates"),
        (["", "NA", "?"], "every value is missing"),
        ([f"word {n % 1200}" for n in range(15_000)], "words, more than 1,000"),
    ],
)
def test_what_makes_no_groups_is_left_out_with_a_word(values, words):
    groups, note = group_column("x", pd.Series(values, dtype="str"))
    assert groups is None
    assert note.startswith("x: left out, ")
    assert words in note


def test_many_groups_of_many_are_kept():
    groups, note = group([f"ward {n % 60}" for n in range(1200)])
    assert len(groups.categories) == 60
    assert not note
