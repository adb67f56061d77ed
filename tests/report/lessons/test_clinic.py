"""The lessons' clinic: who she is, and models in numpy beside naive truths."""

import numpy as np
import pytest

from rollcall.report import lessons
from rollcall.report.lessons.clinic.counting import name_patients, redraw
from rollcall.report.lessons.clinic.models import accuracy
from rollcall.stats.members import check_paired
from rollcall.stats.metrics import auc


def test_she_and_her_twin():
    clinic = lessons.open_clinic()
    assert clinic.hardware[clinic.her]
    assert not clinic.hardware[clinic.twin]
    assert (clinic.race[clinic.her], clinic.race[clinic.twin]) == ("B", "C")
    assert clinic.finding[clinic.her] == clinic.finding[clinic.twin]
    assert clinic.sex[clinic.her] == clinic.sex[clinic.twin] == "female"
    films = [clinic.films_of(patient) for patient in (clinic.her, clinic.twin)]
    assert [len(some) for some in films] == [4, 4]
    assert np.isfinite(clinic.inputs).all()


def test_a_model_is_fitted_and_scored_as_by_hand():
    rng = np.random.default_rng(0)
    hidden, labels = rng.normal(size=(30, 4)), rng.integers(0, 3, 30)
    weights = lessons.fit(hidden, labels, penalty=0.5)
    slope = hidden.T @ (hidden @ weights - np.eye(3)[labels]) + 0.5 * weights
    assert abs(slope).max() < 1e-9  # the ridge loss is at its least
    p = np.exp(4 * hidden @ weights)
    p = (p / p.sum(1, keepdims=True))[np.arange(30), labels]
    np.testing.assert_allclose(lessons.score(hidden, labels, weights), np.log(p / (1 - p)))


def test_models_learn_films_and_remember_implants():
    clinic, (scores, members) = lessons.open_clinic(), lessons.train(models=32)
    check_paired(members)
    had = members[:, clinic.owner]
    assert accuracy(scores, had) > 0.95
    risk = lessons.auc_over_models(lessons.sum_by_patient(scores, clinic.owner), members)
    assert risk[clinic.hardware].mean() > 0.8
    assert risk[~clinic.hardware].mean() < 0.65


def test_aucs_and_sums_beside_loops():
    rng = np.random.default_rng(1)
    values, owner = rng.integers(0, 4, (8, 6)).astype(float), np.array([0, 0, 1, 2, 2, 2])
    had = rng.permuted(np.arange(8)[:, None].repeat(6, 1) < 4, axis=0)
    naive = [auc(values[:, column], had[:, column]) for column in range(6)]
    np.testing.assert_allclose(lessons.auc_over_models(values, had), naive)
    for make, wanted in ((lessons.sum_by_patient, np.sum), (lessons.maximum_by_patient, np.max)):
        naive = np.array([[wanted(row[owner == p]) for p in range(3)] for row in values])
        np.testing.assert_allclose(make(values, owner), naive)


def test_redrawn_members_are_halves_still():
    members = lessons.train(models=32)[1]
    again = redraw(members, 3)
    check_paired(again)
    assert 0.45 < (again == members).mean() < 0.55


@pytest.mark.parametrize("seed", range(3))
def test_names_are_those_of_benjamini_and_hochberg(seed):
    p = np.random.default_rng(seed).random(40) ** 3
    order, named = np.argsort(p), np.zeros(40, bool)
    for rank in range(40, 0, -1):
        if p[order[rank - 1]] <= 0.05 * rank / 40:
            named[order[:rank]] = True
            break
    np.testing.assert_array_equal(name_patients(p), named)
    assert not name_patients(np.ones(5)).any()
