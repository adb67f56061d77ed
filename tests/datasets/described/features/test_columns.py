import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcall.datasets.described.features.columns import (
    CONSTANT,
    DATES,
    EMPTY,
    IDS,
    NUMBERS,
    TEXT,
    WORDS,
    YES_NO,
    code_words,
    has_name,
    read_column,
)

ROWS = 200
RNG = np.random.default_rng(5)


def column(values, name="x", patients=None, **options):
    series = pd.Series([str(value) for value in values], dtype="str", name=name)
    return read_column(series, np.arange(len(series)) if patients is None else patients, **options)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["", "", ""], EMPTY),
        (["a"] * 20, CONSTANT),
        (["3"] * 20, CONSTANT),
        (["a", ""] * 20, WORDS),  # where it is missing tells something
        (["1", "0"] * 20, NUMBERS),
        (["Yes", "no"] * 20, YES_NO),
        (["Yes", "yes", "no"] * 20, WORDS),  # three words: no row's yes is taken for a no
        (["m", "f"] * 20, WORDS),
        (["t", "f"] * 20, YES_NO),
        (RNG.normal(size=ROWS), NUMBERS),
        (RNG.integers(0, 9, ROWS), NUMBERS),
        (RNG.integers(100, 10**6, ROWS), NUMBERS),  # costs: nearly each row has another
        ([f"2020-01-{1 + k % 28:02d}" for k in range(ROWS)], DATES),
        ([f"w{k % 50}" for k in range(ROWS)], WORDS),
        ([f"w{k % 51}" for k in range(ROWS)], TEXT),
        ([f"w{k % 30}" for k in range(40)], TEXT),  # hardly a row each
        ([f"P{k}" for k in range(42)], IDS),
        ([f"seen by {k} on call" for k in range(42)], TEXT),
        (range(1, ROWS + 1), IDS),  # counted up
        (RNG.permutation(ROWS) + 70_000, IDS),
        ([10_000_000 + 97 * k for k in range(ROWS)], IDS),  # as many figures each
        (["5.1"] * 90 + ["6"] * 40 + ["7"] * 65 + ["hemolyzed"] * 5, NUMBERS),
        (["5.1"] * 90 + ["6"] * 40 + ["7"] * 40 + ["hemolyzed"] * 30, WORDS),
        ([*map(str, range(20, 90)), "> 89"], NUMBERS),
        (["<0.01"] * 150 + [*map(str, RNG.normal(size=50))], NUMBERS),  # below detection
        (["12 mg", "13 mg"] * 50, NUMBERS),
        (["12 mg", "13 ml"] * 50, WORDS),
        ([f"{k % 45} %" for k in range(90)], NUMBERS),
        ([f"A{k % 9}" for k in range(90)], WORDS),
        (["inf", "1", "2", "3"] * 50, WORDS),
    ],
)
def test_kinds(values, kind):
    assert column(values).kind == kind


def test_a_quantity_called_id_with_many_values_is_one():
    costs = 1000 + RNG.choice(900_000, ROWS, replace=False)
    assert column(costs, "cost").kind == NUMBERS
    assert column(costs, "encounter_id").kind == IDS
    assert column(costs, "VisitID").kind == IDS


def test_ids_of_patients_with_several_rows_are_ids():
    patients = np.repeat(np.arange(42), 5)
    names = [f"P{patient}" for patient in patients]
    assert column(names, patients=patients).kind == IDS
    assert column(names).kind == WORDS  # as far as anybody can see
    numbers = 7 * patients + 1000
    assert column(numbers, "subject_nr", patients=patients).kind == IDS
    heights = np.round(RNG.normal(170, 9, 42), 3)[patients]
    assert column(heights, "height", patients=patients).kind == NUMBERS


def test_codes_are_words_where_their_owner_says_so():
    made = column(RNG.integers(1, 9, ROWS), as_words=True)
    assert (made.kind, made.numbers) == (WORDS, None)
    assert made.words.tolist() == list("12345678")


def test_words_among_numbers_have_flags():
    made = column(["5.1"] * 100 + ["4"] * 50 + ["> 9"] * 30 + ["3"] * 15 + ["clotted"] * 5)
    assert made.kind == NUMBERS
    assert [made.words[at] for at in made.flags] == ["> 9", "clotted"]
    numbers = dict(zip(made.words, made.numbers, strict=True))
    assert numbers["> 9"] == 9
    assert np.isnan(numbers["clotted"])
    assert made.notes == (
        "'> 9' taken as 9, with a flag",
        "'clotted' among numbers: a flag each",
    )


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(["", "a", "B", "b", "10", "9", "2.0", "x y"]), min_size=1))
def test_codes_of_words_lead_back_to_them(values):
    codes, words = code_words(pd.Series(values, dtype="str"))
    back = [None if code < 0 else words[code] for code in codes]
    assert len(set(words)) == len(words)
    for value, word in zip(values, back, strict=True):
        assert word == (value or None) or (value, word) == ("2.0", "2")
    numbers = [float(word) for word in words if word[0].isdigit()]
    assert numbers == sorted(numbers)


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(30)))
def test_the_kind_does_not_depend_on_the_order_of_the_rows(order):
    for values in (["a", "b", ""] * 10, [*map(str, range(25)), *["7"] * 5], ["1,5", "2"] * 15):
        shuffled = [values[k] for k in order]
        assert column(shuffled).kind == column(values).kind
        assert column(shuffled).words.tolist() == column(values).words.tolist()


def test_names():
    assert has_name("subjectId", r"(^|_)id$")
    assert has_name("Patient-ID", r"(^|_)id$")
    assert not has_name("acid", r"(^|_)id$")
