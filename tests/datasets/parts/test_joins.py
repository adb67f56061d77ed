"""Ids on both sides of a join: cleaned alike; joins that match nobody are refused."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.datasets.parts.joins import clean_numbers, require_matches
from rollcall.util.errors import InputError

PATH = Path("admissions.csv")


def clean(*texts, **options):
    table = pd.DataFrame({"subject_id": list(texts)}, dtype="str")
    return clean_numbers(PATH, table, "subject_id", **options).tolist()


def test_spaces_and_floats_go():
    texts = ("10000032", " 10000032", "10000032.0", "10000032.00 ", "\ufeff10000032\t", "10000032.")
    assert clean(*texts) == ["10000032"] * 6
    assert clean("007") == ["007"]


@pytest.mark.parametrize(
    "text", ["", "NA", "1.00E+07", "10000032.5", "-3", "p10000032", "10,000,032", "1 2", "0x10"]
)
def test_anything_else_is_refused_with_its_place(text):
    with pytest.raises(
        InputError, match=r"row 3, column 'subject_id': .*expected a whole number"
    ) as caught:
        clean("1", text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("word", ["", "  ", "NA", "nan", "NULL", "None", "?"])
def test_an_id_may_be_missing_where_that_is_allowed(word):
    assert clean("5.0", word, missing=True) == ["5", ""]


@given(st.lists(st.integers(0, 99), min_size=1), st.lists(st.integers(0, 99), min_size=1))
def test_matches_against_a_slow_truth(ids, wanted):
    shared = len(set(ids) & set(wanted))
    table, films = (pd.Series([str(number) for number in each]) for each in (ids, wanted))
    if not shared:
        with pytest.raises(InputError, match="no row of it names a patient of the films"):
            require_matches(PATH, "subject_id", table, films, "the films")
        return
    notes = require_matches(PATH, "subject_id", table, films, "the films")
    assert bool(notes) == (2 * shared < len(set(wanted)))


def test_leading_zeros_are_no_difference():
    assert not require_matches(PATH, "id", pd.Series(["7"]), pd.Series(["007"]), "the films")


def test_the_message_and_the_note():
    ids, wanted = pd.Series(["1", "2"]), pd.Series(["8", "9"])
    with pytest.raises(InputError) as caught:
        require_matches(PATH, "subject_id", ids, wanted, "the films")
    assert str(caught.value) == (
        "admissions.csv: no row of it names a patient of the films: column 'subject_id' holds such "
        "as '1', expected such as '8'; are they of one release, and of the same people?"
    )
    wanted = pd.Series([str(number) for number in range(1, 101)])
    ids = pd.Series([str(number) for number in range(70, 120)])
    assert require_matches(PATH, "subject_id", ids, wanted, "the films") == [
        "31 of 100 patients of the films are in admissions.csv"
    ]
    assert require_matches(PATH, "subject_id", ids[:5], wanted, "the films") == [
        "fewer than 10 of 100 patients of the films are in admissions.csv"
    ]


def test_an_empty_table_joins_nobody_and_is_no_fault():
    none, some = pd.Series([], dtype="str"), pd.Series(["1"])
    assert require_matches(PATH, "stay_id", some, none, "edstays") == []
    assert len(require_matches(PATH, "stay_id", none, some, "edstays")) == 1
