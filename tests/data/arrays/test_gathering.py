import numpy as np
import pandas as pd
import pytest

from rollcall.data import store
from rollcall.data.cohort import Cohort
from rollcall.util.errors import InputError

COUNT = 120
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(COUNT, 3)), np.arange(COUNT) % 2
GROUPS = np.arange(COUNT) // 3


def test_a_cohort_of_arrays_is_what_they_say():
    sex = np.where(GROUPS % 2, "f", "m")
    cohort = Cohort.of(X, Y, groups=GROUPS, attributes={"sex": sex}, name="mine", unit="lesion")
    assert (cohort.inputs == X.astype(np.float32)).all()
    assert (cohort.labels == Y).all()
    assert cohort.patients.tolist() == [str(number) for number in range(COUNT // 3)]
    assert (cohort.patient_index == GROUPS).all()
    assert cohort.records["sex"].astype(str).tolist() == sex.tolist()
    assert (cohort.name, cohort.unit, cohort.restricted) == ("mine", "lesion", True)
    assert cohort.fingerprint


def test_a_test_set_is_of_other_patients():
    held_out = GROUPS < 10
    cohort = Cohort.of(X, Y, groups=GROUPS, test=held_out)
    assert (len(cohort), len(cohort.test)) == (90, 30)
    assert (cohort.test.inputs == X[held_out].astype(np.float32)).all()
    assert cohort.test.classes == cohort.classes
    with pytest.raises(InputError, match="split by patient"):
        Cohort.of(X, Y, groups=GROUPS, test=np.arange(COUNT) < 10)


@pytest.mark.parametrize(
    ("X", "more"),
    [
        (X, {"attributes": {"age": np.arange(COUNT) // 2 + 20}}),
        (RNG.integers(0, 255, (COUNT, 8, 8), np.uint8), {}),
        (RNG.normal(size=(COUNT, 50, 2)).astype(np.float32), {"scale": 0.5}),
        (RNG.normal(size=(COUNT, 50, 2)).astype(np.float16), {}),
        (RNG.integers(-9, 9, (COUNT, 50, 2), np.int16), {"test": GROUPS < 5}),
    ],
)
def test_what_is_stored_is_opened_as_the_same(X, more, tmp_path):
    cohort = Cohort.of(X, Y, groups=GROUPS, **more)
    store.save(cohort, tmp_path / "stored")
    opened = store.open_saved(tmp_path / "stored")
    assert opened.inputs.dtype == cohort.inputs.dtype
    assert (opened.inputs == cohort.inputs).all()
    assert opened.scale == cohort.scale


def test_pandas_goes_by_position_and_a_shuffled_index_is_refused():
    index = [f"row {number}" for number in range(COUNT)]
    table, y = pd.DataFrame(X, index=index), pd.Series(Y, index=index)
    groups = pd.Series(GROUPS, index=index)
    named = Cohort.of(table, y.reset_index(drop=True), groups=groups)
    assert (named.labels == Y).all()
    shuffled = groups.sample(frac=1, random_state=0)
    with pytest.raises(InputError, match=r"groups\.loc\[X\.index\]"):
        Cohort.of(table, y, groups=shuffled)
    with pytest.raises(InputError, match=r"y\.loc\[X\.index\]"):
        Cohort.of(table, y.sample(frac=1, random_state=0), groups=groups)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"y": Y[:-1]}, "119 labels and X 120 records"),
        ({"groups": GROUPS[:-1]}, "119 values and X 120"),
        ({"groups": GROUPS // 10}, "at least 16"),
        ({"name": "a/b"}, "plain folder name"),
        ({"name": ""}, "plain folder name"),
        ({"name": ["a"]}, "name is"),
        ({"restricted": "maybe"}, "true or false"),
        ({"scale": 0.5}, "expected 1, but for signals"),
        ({"scale": -1}, "above 0"),
        ({"scale": "x"}, "expected a number"),
        ({"test": [0.2]}, "true where a record is held out"),
        ({"test": 0.2}, "true where a record is held out"),
        ({"test": np.ones(COUNT)}, "none is left"),
    ],
)
def test_bad_arguments_are_refused_in_a_line(more, says):
    with pytest.raises(InputError, match=says) as refused:
        Cohort.of(**({"X": X, "y": Y, "groups": GROUPS} | more))
    assert "\n" not in str(refused.value)
