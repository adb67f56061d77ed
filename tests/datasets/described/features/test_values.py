import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcall.datasets.described.features.values import (
    find_yes,
    parse_dates,
    parse_limits,
    parse_numbers,
)


def words(*texts):
    return pd.Series(texts, dtype="str")


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=8))
def test_numbers_are_read_back_as_python_writes_them(numbers):
    parsed, note = parse_numbers(words(*map(repr, numbers)))
    assert parsed.tolist() == numbers
    assert note == ""


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.decimals(-9999, 9999, places=2, allow_nan=False, allow_infinity=False), min_size=1)
)
def test_decimal_commas_are_decimal_points(numbers):
    plain = [f"{number:.2f}" for number in numbers]
    parsed, note = parse_numbers(words(*(text.replace(".", ",") for text in plain)))
    assert parsed.tolist() == [float(text) for text in plain]
    assert note == "decimal commas"


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["1,234", "999"], [1234, 999]),  # a plain 999 tells: these are thousands
        (["1,234,567", "1,000"], [1234567, 1000]),
        (["1,234.5", "7.25"], [1234.5, 7.25]),
        (["1,234", "5,678"], [1.234, 5.678]),  # either: the same z-scores
        (["0,123", "1,234"], [0.123, 1.234]),
        (["1,5", "1.5"], [np.nan, 1.5]),  # both signs: no number but the point's
        (["1e3", ".5", "-2", "+3"], [1000, 0.5, -2, 3]),
        (["inf", "nan", "1e999", "0x1F", "1_000"], [np.nan] * 5),
    ],
)
def test_what_is_a_number(texts, numbers):
    np.testing.assert_array_equal(parse_numbers(words(*texts))[0], numbers)


@pytest.mark.parametrize(
    ("texts", "numbers", "note"),
    [
        (["45%", "7.5%"], [45, 7.5], "'%' taken off"),
        (["120 mmHg", "-3 mmHg"], [120, -3], "'mmHg' taken off"),
        (["$1,200", "$900"], [1200, 900], "'$' taken off; commas of thousands taken off"),
        (["1,5 kg", "2,25 kg"], [1.5, 2.25], "'kg' taken off; decimal commas"),
        (["45%", "45"], [np.nan, 45], ""),
        (["1 kg", "1 g"], [np.nan, np.nan], ""),
        (["12A", "13A"], [np.nan, np.nan], ""),
        (["P1", "P2"], [np.nan, np.nan], ""),
    ],
)
def test_a_unit_that_all_have_is_taken_off(texts, numbers, note):
    parsed, noted = parse_numbers(words(*texts))
    np.testing.assert_array_equal(parsed, numbers)
    assert noted == note


def test_limits():
    texts = ["> 89", ">=90", "≥ 90", "<0.01", "90+", "over 89", "Less than 5", "89", "x", "> x"]
    expected = [89, 90, 90, 0.01, 90, 89, 5, np.nan, np.nan, np.nan]
    np.testing.assert_array_equal(parse_limits(words(*texts)), expected)


DAYS = st.dates(datetime.date(1801, 1, 1), datetime.date(2399, 1, 1))


@settings(max_examples=15, deadline=None)
@given(st.lists(DAYS, min_size=1, max_size=6), st.sampled_from(["%Y-%m-%d", "%Y/%m/%d", "%d%b%Y"]))
def test_dates_are_days(days, layout):
    parsed, note = parse_dates(words(*(day.strftime(layout) for day in days)))
    assert parsed is not None
    epoch = datetime.date(1970, 1, 1)
    np.testing.assert_allclose(parsed, [(day - epoch).days for day in days])
    assert note == ""


@pytest.mark.parametrize(
    ("texts", "day", "note"),
    [
        (["13/02/2020", "01/03/2020"], "2020-02-13", ""),
        (["02/13/2020", "03/01/2020"], "2020-02-13", ""),
        (["03.04.2020", "05.06.2020"], "2020-04-03", ""),
        (["03/04/2020", "05/06/2020"], "2020-03-04", "month taken first"),
        (["13/02/20", "01/03/20"], "2020-02-13", "taken as 20.."),
        (["20200213"], "2020-02-13", ""),
        (["2020-02-13T00:00:00Z"], "2020-02-13", ""),
    ],
)
def test_day_and_month_are_told_apart_by_the_column(texts, day, note):
    parsed, noted = parse_dates(words(*texts))
    assert parsed is not None
    assert parsed[0] == (pd.Timestamp(day) - pd.Timestamp(0)).days
    assert note in noted
    assert bool(note) == bool(noted)


def test_times_of_day_are_parts_of_a_day():
    parsed, _ = parse_dates(words("1970-01-02 12:00", "1970-01-02T06:00:00"))
    np.testing.assert_allclose(parsed, [1.5, 1.25])


@pytest.mark.parametrize(
    "texts", [["2020-13-01"], ["2020-01-01", "x"], ["31/31/2020"], ["12"], ["99999999"]]
)
def test_what_is_no_date(texts):
    assert parse_dates(words(*texts))[0] is None


def test_yes_and_no():
    assert find_yes(words("No", "YES")) == "YES"
    assert find_yes(words("0", "1")) == "1"
    assert find_yes(words("a", "b")) == ""
    assert find_yes(words("yes", "no", "maybe")) == ""


@pytest.mark.parametrize(
    ("words", "numbers", "note"),
    [
        (["1 234", "56"], [1234, 56], "gaps"),
        (["1'234.5", "56"], [1234.5, 56], "gaps"),
        (["1\u202f234", "12\u00a0345"], [1234, 12345], "gaps"),
        (["1.234,5", "56"], [1234.5, 56], "points between thousands taken off; decimal commas"),
        (["1.234.567", "1.000"], [1234567, 1000], "points"),
        (["€ 1.234,50", "€ 12,50"], [1234.5, 12.5], "'€' taken off; points"),
        (["1 234 kr", "2 kr"], [1234, 2], "'kr' taken off; gaps"),
        (["70kg", "71.5kg"], [70, 71.5], "'kg' taken off"),
        (["(5)", "6"], [-5, 6], "numbers in brackets"),
        (["\u22123", "4"], [-3, 4], ""),
        (["٣٤", "５６"], [34, 56], ""),
        (["1.234", "5.678"], [1.234, 5.678], ""),
        (["1.234.567", "12.5"], [np.nan, 12.5], ""),
        (["120/80", "5"], [np.nan, 5], ""),
        (["12 34", "5"], [np.nan, 5], ""),
        (["1e400", "-inf", "3"], [np.nan, np.nan, 3], ""),
    ],
)
def test_numbers_as_people_write_them(words, numbers, note):
    made, notes = parse_numbers(pd.Series(words, dtype="str"))
    np.testing.assert_array_equal(made, numbers)
    assert notes.startswith(note)
    assert bool(notes) == bool(note)
