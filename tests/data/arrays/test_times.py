"""Which of a patient's records came first: ranks, what is refused, and no change of a digest."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rollcall.data.arrays.times import HELD_BACK, ORDER, rank_times, read_times
from rollcall.data.cohort import Cohort, compute_content, validate
from rollcall.util.errors import InputError


def make_cohort(**more) -> Cohort:
    rng = np.random.default_rng(0)
    return Cohort.of(rng.normal(size=(48, 3)), np.arange(48) % 2, groups=np.arange(48) // 2, **more)


def test_ranks_are_within_a_patient_and_ties_share_one():
    patients = np.array(["a", "b", "a", "a", "b", "a", "c"])
    times = np.array([5.0, 2, 1, 5, 1, np.nan, np.nan])
    assert rank_times(patients, times).tolist() == [1, 1, 0, 1, 0, -1, -1]
    dates = pd.to_datetime(["2021-03-01", None, "2020-01-01"])
    assert rank_times(["x", "x", "x"], dates).tolist() == [1, -1, 0]


def test_a_cohort_in_memory_takes_times():
    cohort = make_cohort(time=np.tile([7, 3], 24))
    assert cohort.order is not None
    assert cohort.order.tolist() == [1, 0] * 24
    dates = make_cohort(time=["2020-05-01", "2020-05-03"] * 24)
    assert dates.order is not None
    assert dates.order.tolist() == [0, 1] * 24
    assert make_cohort().order is None
    with pytest.raises(InputError, match="time has 3 values"):
        make_cohort(time=[1, 2, 3])
    with pytest.raises(InputError, match="neither numbers nor dates"):
        make_cohort(time=["early", "late"] * 24)


def test_the_order_is_in_no_digest_and_what_is_held_back_is():
    plain, ordered = make_cohort(), make_cohort(time=np.arange(48))
    assert ordered.content == plain.content
    assert ordered.fingerprint == plain.fingerprint
    held = np.arange(48) % 2 == 1
    other = validate(replace(plain, records=plain.records.assign(**{HELD_BACK: held})))
    assert other.content != plain.content
    assert (other.trainable == ~held).all()
    assert plain.trainable.all()


def test_an_attribute_of_that_name_is_an_attribute():
    cohort = make_cohort()
    records = cohort.records.assign(**{ORDER: pd.Categorical(["first", "second"] * 24)})
    other = replace(cohort, records=records, attributes=(ORDER,))
    assert other.order is None
    assert compute_content(other) != compute_content(replace(other, records=cohort.records))


@pytest.mark.parametrize(
    ("column", "values"),
    [(ORDER, np.full(48, 0.5)), (ORDER, np.full(48, -2)), (HELD_BACK, np.ones(48, bool))],
)
def test_a_column_that_is_none_is_refused(column, values):
    cohort = make_cohort()
    with pytest.raises(InputError, match=column):
        validate(replace(cohort, records=cohort.records.assign(**{column: values})))


@pytest.mark.filterwarnings("error")
def test_objects_that_are_numbers_are_numbers():
    """And no dates: 1, 2 and 10 are not days after 1970, nor years."""
    times = [10, None, 2, 1.5, np.float32(3), pd.NA]
    assert rank_times(["a"] * 6, read_times(times, 6)).tolist() == [3, -1, 1, 0, 2, -1]


@pytest.mark.parametrize(
    ("times", "line"),
    [
        (np.zeros((3, 2)), r"shape \(3, 2\); expected one value for each record"),
        (["31.01.2020"] * 3, r"\(Time data 31.01.2020 is not ISO8601 format.\)$"),
        ([True, False, True], "neither numbers nor dates"),
        (5, "1 values and X 3 records"),
    ],
)
def test_times_that_are_none_are_said_in_a_line(times, line):
    with pytest.raises(InputError, match=line) as raised:
        read_times(times, 3)
    assert "\n" not in str(raised.value)
