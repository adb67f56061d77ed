"""Checks of options, the held-out fifth, and notes on counts."""

import numpy as np
import pandas as pd
import pytest

from rollcall.datasets.parts.common import (
    check_choice,
    check_size,
    count_notes,
    count_text,
    held_out_fifth,
    missing_notes,
)
from rollcall.util.errors import InputError


@pytest.mark.parametrize("size", [8, 64, 1024])
def test_a_size_that_is_one(size):
    check_size("x", size)


@pytest.mark.parametrize("size", [7, 1025, 64.0, "64", True, None])
def test_a_size_that_is_none(size):
    with pytest.raises(InputError) as caught:
        check_size("x", size)
    assert str(caught.value) == (
        f"option size of cohort 'x' is {size!r}; expected a whole number of pixels from 8 to 1024"
    )


def test_sizes_with_other_limits():
    check_size("x", 16, smallest=16, multiple=4)
    with pytest.raises(InputError, match="is 15; expected a whole number of pixels from 16 to"):
        check_size("x", 15, smallest=16)
    for size in (12, 18):
        with pytest.raises(
            InputError, match="expected a height in pixels, a multiple of 4 from 16 to 1024"
        ):
            check_size("x", size, smallest=16, multiple=4)


def test_a_choice():
    check_choice("x", "rules", "paper", ("default", "paper"))
    with pytest.raises(InputError, match=r"option rules of cohort 'x' is 3; .*'default', 'paper'"):
        check_choice("x", "rules", 3, ("default", "paper"))


@pytest.mark.parametrize("patients", [1, 4, 5, 6, 101])
def test_a_fifth_of_the_patients_whatever_their_order(patients):
    rng = np.random.default_rng(patients)
    ids = np.array([f"p{number}" for number in range(patients)])
    records = np.repeat(ids, rng.integers(1, 4, patients))
    held_out = held_out_fifth(records)
    chosen = set(records[held_out])
    assert len(chosen) == -(-patients // 5)
    assert not chosen & set(records[~held_out])
    order = rng.permutation(len(records))
    assert (held_out_fifth(records[order]) == held_out[order]).all()


def test_counts_below_ten_are_suppressed():
    assert [count_text(number) for number in (0, 9, 10, 1234)] == [
        "fewer than 10",
        "fewer than 10",
        "10",
        "1,234",
    ]


def test_notes_on_counts():
    counts = {"rows": 1_200, "patients": 30}
    assert count_notes(counts, {"rows": 1_200}) == []
    assert count_notes(counts, {"patients": 3_100}) == [
        "patients: 30 found, 3,100 in the publisher's release"
    ]
    assert count_notes(counts, {"rows": 7}, "elsewhere") == ["rows: 1,200 found, 7 elsewhere"]


def test_notes_on_missing_values():
    table = pd.DataFrame({"a": [None] * 12, "b": [1.0] * 11 + [None], "c": range(12)})
    assert missing_notes(table, ("a", "b", "c")) == [
        "a: missing for 12 records",
        "b: missing for fewer than 10 records",
    ]
    assert missing_notes(table, ("b",), "stays", "{:,}".format) == ["b: missing for 1 stays"]
