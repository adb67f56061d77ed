import tracemalloc

import numpy as np
import pandas as pd
import pytest

from rollcall.data.cohort import Cohort
from rollcall.data.groups import (
    MIN_GROUP_SIZE,
    iterate_groups,
    iterate_intersections,
    patient_attributes,
)
from rollcall.util.errors import InputError


def make_cohort(**columns) -> Cohort:
    records = pd.DataFrame({"patient_id": ["a", "a", "a", "b", "b", "c", "c"]} | columns)
    attributes = tuple(columns)
    return Cohort(
        "t", records, np.zeros((7, 1)), np.zeros(7, int), "binary", ("a", "b"), attributes
    )


def test_patient_attributes_take_the_most_frequent_then_the_first():
    made = patient_attributes(
        make_cohort(
            payer=pd.Categorical(["x", "y", "y", "y", "x", None, "x"], ["x", "y", "z"]),
            race=pd.Categorical([None, None, None, "w", None, None, None]),
        )
    )
    assert made["payer"].tolist() == ["y", "y", "x"]
    assert made["race"].isna().tolist() == [True, False, True]


def test_a_patient_is_in_an_overlapping_group_if_any_record_is():
    made = patient_attributes(
        make_cohort(**{"finding: edema": [False, True, False, False, False, True, True]})
    )
    assert made["finding: edema"].tolist() == [True, False, True]


def test_groups_of_categories_and_of_flags():
    table = pd.DataFrame(
        {"sex": pd.Categorical(["f", None, "m"]), "finding: edema": [True, False, True]}
    )
    groups = {
        (name, group): (a.tolist(), b.tolist()) for name, group, a, b in iterate_groups(table)
    }
    assert groups == {
        ("sex", "f"): ([True, False, False], [True, False, True]),
        ("sex", "m"): ([False, False, True], [True, False, True]),
        ("finding", "edema"): ([True, False, True], [True, True, True]),
    }


def crossed(*sizes: int) -> pd.DataFrame:
    """Patients of two attributes with these numbers in their four combinations."""
    pairs = [("f", "x"), ("f", "y"), ("m", "x"), ("m", "y")]
    rows = [pair for pair, size in zip(pairs, sizes, strict=True) for _ in range(size)]
    return pd.DataFrame(rows, columns=["sex", "race"]).astype("category")


def test_intersections_are_named_and_counted():
    groups = list(iterate_intersections(crossed(10, 11, 12, 0)))
    assert [(name, group, int(inside.sum())) for name, group, inside, _ in groups] == [
        ("sex x race", "f, x", 10),
        ("sex x race", "f, y", 11),
        ("sex x race", "m, x", 12),
        ("sex x race", "m, y", 0),
    ]


@pytest.mark.parametrize("small", [1, MIN_GROUP_SIZE - 1])
def test_a_pair_with_a_small_combination_is_left_out_whole(small):
    assert not list(iterate_intersections(crossed(30, 30, 30, small)))


def test_intersections_do_not_hold_the_patients_of_all_groups():
    """400 groups of 50,000 patients; some 40 bytes a patient are needed for one at a time."""
    rng, patients = np.random.default_rng(0), 50_000
    table = pd.DataFrame({name: rng.integers(0, 20, patients) for name in ("a", "b")})
    table = table.astype("category")
    tracemalloc.start()
    assert sum(inside.sum() for _, _, inside, _ in iterate_intersections(table)) == patients
    assert tracemalloc.get_traced_memory()[1] < 100 * patients
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (("sex", "sex"), "intersection sex x sex: expected two different attributes"),
        (("sex",), "intersection sex: expected two different attributes"),
        (("sex", "age"), "'age' is no categorical attribute; expected two of: sex, race"),
    ],
)
def test_a_pair_that_is_none(pair, message):
    with pytest.raises(InputError, match=message):
        iterate_intersections(crossed(10, 10, 10, 10), [("sex", "race"), pair])  # at once
