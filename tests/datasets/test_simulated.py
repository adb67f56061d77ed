import numpy as np
import pytest

from rollcall.datasets import simulated
from rollcall.util.errors import InputError


def read(**options):
    return simulated.read({}, **options)


def test_it_is_deterministic_and_depends_on_its_options():
    first = read(patients=100)
    again, other = read(patients=100), read(patients=100, seed=1)
    assert (first.inputs == again.inputs).all()
    assert first.records.equals(again.records)
    assert len(first) != len(other) or (first.inputs != other.inputs).any()


def test_the_planted_truth_is_there():
    cohort = read()
    one = cohort.records.drop_duplicates("patient_id")
    assert len(one) == 2000
    assert one.groupby("patient_id").size().max() == 1
    films = cohort.records.groupby("patient_id").size()
    assert films.min() == 1
    assert films.max() == 6
    size = one["race"].value_counts()
    assert size[simulated.PLANTED] == size[simulated.CONTROL] == 160
    rate = one.groupby("race", observed=True)["hardware"].mean()
    assert rate[simulated.PLANTED] > 0.15
    assert rate[simulated.CONTROL] < 0.06
    assert cohort.inputs.shape[1:] == (32, 32, 1)
    assert cohort.inputs.dtype == np.uint8


def test_a_patients_films_are_alike_and_share_their_label():
    cohort = read(patients=200)
    flat = cohort.inputs.reshape(len(cohort), -1).astype(float)
    same = cohort.patient_index[1:] == cohort.patient_index[:-1]
    distance = np.abs(flat[1:] - flat[:-1]).mean(1)
    assert distance[same].mean() < 0.8 * distance[~same].mean()
    assert (cohort.records.groupby("patient_id")["label"].nunique() == 1).all()


def test_without_leakage_nobody_has_hardware():
    assert not read(leak=False).records["hardware"].any()


@pytest.mark.parametrize("options", [{"patients": 0}, {"patients": -5}, {"seed": -1}])
def test_numbers_below_the_least_are_refused(options):
    with pytest.raises(InputError, match=r"expected [01] or more"):
        read(**options)
