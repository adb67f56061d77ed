import numpy as np
import pandas as pd
import pytest

from rollcall.data.arrays.people import make_attributes, name_patients
from rollcall.util.errors import InputError


@pytest.mark.parametrize(
    ("groups", "ids"),
    [
        ([3, 1, 3], ["3", "1", "3"]),
        ([3.0, 1.0, 3.0], ["3", "1", "3"]),
        ([3.5, 1.0, 3.5], ["3.5", "1.0", "3.5"]),
        ([" b", " a", " b"], ["b", "a", "b"]),
        (pd.Series(["007", "7", "007"], index=[5, 4, 3]), ["007", "7", "007"]),
        (pd.Categorical([1, 2, 1]), ["1", "2", "1"]),
        (pd.DataFrame({"id": [1, 2, 1]}), ["1", "2", "1"]),
    ],
)
def test_ids_are_text_by_position(groups, ids):
    assert name_patients(groups, 3)[0].tolist() == ids


def test_without_groups_each_record_is_a_patient_and_that_is_said():
    ids, notes = name_patients(None, 3)
    assert ids.tolist() == ["1", "2", "3"]
    assert "no groups were given" in notes[0]


@pytest.mark.parametrize(
    ("groups", "says"),
    [
        ([1, None, 3], "row 1: missing"),
        (["a", "", "b"], "row 1: missing"),
        (["a", "NA", "b"], "row 1: missing"),
        ([1, 2], "2 values and X 3 records"),
        (np.zeros((3, 2)), "a value a record"),
        (np.array([1, "1", 2], object), "read the same"),
        (pd.Series(["p", "p ", "q"]), "read the same"),
    ],
)
def test_what_names_no_patient_is_refused(groups, says):
    with pytest.raises(InputError, match=says):
        name_patients(groups, 3)


def test_words_numbers_truth_values_and_categories_make_groups():
    count = 400
    rng = np.random.default_rng(0)
    ages = np.where(np.arange(count) % 40 == 0, np.nan, rng.integers(20, 80, count))
    table = {
        "sex": rng.choice(["f", "m"], count),
        "age": ages,
        "smoker": rng.random(count) < 0.5,
        "stage": pd.Categorical(rng.choice(["I", "II"], count), ["II", "I", "IV"], ordered=True),
        "weight": rng.normal(70, 10, count),
    }
    columns, notes = make_attributes(table, count)
    assert list(columns) == list(table)
    assert columns["sex"].astype(str).tolist() == table["sex"].tolist()
    assert columns["smoker"].cat.categories.tolist() == ["False", "True"]
    assert columns["stage"].cat.categories.tolist() == ["II", "I"]
    assert columns["age"].isna().tolist() == np.isnan(ages).tolist()
    known = ~np.isnan(ages)
    young = (ages >= 18) & (ages < 40)
    assert (columns["age"] == "18-39")[known].tolist() == young[known].tolist()
    assert columns["weight"].nunique() == 4
    assert any(note.startswith("weight: numbers in bands") for note in notes)
    as_frame, _ = make_attributes(pd.DataFrame(table), count)
    pd.testing.assert_frame_equal(as_frame, columns)


def test_dates_ids_and_free_text_are_left_out_with_a_word():
    count = 100
    table = pd.DataFrame(
        {
            "sex": ["f", "m"] * 50,
            "day": pd.date_range("2020-01-01", periods=count),
            "note": [f"came on day {n}" for n in range(count)],
            "mrn": np.arange(count) + 10_000,
            "nothing": np.nan,
        }
    )
    columns, notes = make_attributes(table, count)
    assert list(columns) == ["sex"]
    assert {note.split(":")[0] for note in notes} == {"day", "note", "mrn", "nothing"}


@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        ({"sex": ["f"]}, "'sex': 1 values and X 3 records"),
        ({"patient_id": [1, 2, 3]}, "column 'patient_id'"),
        ({"label": [1, 2, 3]}, "column 'label'"),
        (pd.DataFrame([[1, 2]] * 3, columns=["a", "a"]), "'a'"),
        ({"a": np.zeros((3, 2))}, "a value a record"),
        (["f", "m", "f"], "expected a DataFrame, or a dict"),
        ({"a": [np.nan] * 3}, "no column makes groups"),
        ({}, "it has no columns"),
    ],
)
def test_what_makes_no_groups_is_refused(attributes, says):
    with pytest.raises(InputError, match=says):
        make_attributes(attributes, 3)
