import numpy as np
import pytest

import rollcall
from rollcall import auditing
from rollcall.data.cohort import Cohort
from rollcall.util.errors import InputError

RNG = np.random.default_rng(0)
GROUPS = np.arange(120) // 2
X, Y = RNG.normal(size=(120, 4)), np.arange(120) % 2


def make(**more) -> Cohort:
    sex = np.where(GROUPS % 2, "f", "m")
    given = {"X": X, "y": Y, "groups": GROUPS, "attributes": {"sex": sex}, "name": "mine"}
    return Cohort.of(**(given | more))


@pytest.fixture
def folders(tmp_path):
    return {"out": str(tmp_path / "results"), "data": str(tmp_path / "data")}


def test_the_package_itself_has_the_cohort():
    assert rollcall.Cohort is Cohort


@pytest.mark.slow
def test_an_audit_of_arrays_from_planning_to_groups(folders, tmp_path):
    study = auditing.plan(cohort=make(), targets=8, recipe=["epochs=2"], **folders)
    assert study.run.path == tmp_path / "results" / "mine" / "mlp"
    assert len(study.train(workers=1)) == 8
    assert study.attack().scores.shape == (8, 120)
    study.disparity()
    assert study.summary()
    again = auditing.plan(
        cohort=str(study.cohort.folder), targets=8, recipe=["epochs=2"], train=False, **folders
    )
    assert again.cohort.fingerprint == study.cohort.fingerprint
    assert not again.run.missing()


def test_it_is_prepared_once_and_what_changed_since_is_another(folders, tmp_path):
    inputs = X.astype(np.float32)
    cohort = make(X=inputs)
    first = auditing.plan(cohort=cohort, targets=8, **folders).cohort
    assert auditing.plan(cohort=make(), targets=8, **folders).cohort.folder == first.folder
    inputs[0, 0] += 1  # cohort holds the array itself
    with pytest.raises(InputError, match="fingerprint"):
        auditing.plan(cohort=cohort, targets=8, **folders)
    assert len(list((tmp_path / "data" / "mine" / "prepared").iterdir())) >= 2
    assert (
        auditing.plan(cohort=make(), targets=8, **folders).cohort.inputs[0] == first.inputs[0]
    ).all()


def test_a_prepared_cohort_is_taken_as_it_is(folders):
    made = auditing.plan(cohort=make(), targets=8, **folders).cohort
    assert auditing.plan(cohort=made, targets=8, **folders).cohort is made
    for each in (made, str(made.folder)):
        with pytest.raises(InputError, match="prepared already"):
            auditing.plan(cohort=each, targets=8, options=["duplicates=once"], **folders)


@pytest.mark.parametrize("cohort", ["x" * 5000, "a\0b", "no/such/folder", ""])
def test_what_is_no_cohort_is_unknown(cohort, folders):
    with pytest.raises(InputError, match="unknown cohort"):
        auditing.plan(cohort=cohort, targets=8, **folders)


@pytest.mark.parametrize(
    ("shape", "dtype", "model"),
    [((8, 8), np.uint8, "small_cnn"), ((64, 2), np.float32, "resnet1d_32"), ((3,), float, "mlp")],
)
def test_the_recipe_is_that_of_the_kind_of_input(shape, dtype, model, folders):
    inputs = (100 * RNG.random((120, *shape))).astype(dtype)
    study = auditing.plan(cohort=make(X=inputs), targets=8, **folders)
    assert study.run.recipe.model == model


@pytest.mark.parametrize(
    ("cohort", "more", "says"),
    [
        ({}, {"root": "here"}, "root 'here'"),
        ({}, {"targets": 3}, "target"),
        ({}, {"model": "no_such"}, "no_such"),
        ({}, {"model": "small_cnn"}, "small_cnn"),
        ({}, {"run": "a/b"}, "plain folder name"),
        ({}, {"seed": -1}, "seed"),
        ({}, {"options": ["size=3"]}, "size"),
        ({}, {"options": ["duplicates=twice"]}, "duplicates"),
        ({}, {"train": False}, "unknown run"),
        ({"name": "diabetes130"}, {}, "given already"),
        ({"name": "own"}, {}, "given already"),
    ],
)
def test_bad_parameters_are_refused_before_anything_is_written(
    cohort, more, says, folders, tmp_path
):
    with pytest.raises(InputError, match=says):
        auditing.plan(**({"cohort": make(**cohort), "targets": 8} | folders | more))
    assert not list(tmp_path.rglob("*.npy"))
    assert not list(tmp_path.rglob("*.json"))
