"""Clinics of other sizes, and models with a promise, beside naive sums and another accountant."""

import numpy as np
import pytest
from dp_accounting.pld.privacy_loss_mechanism import GaussianPrivacyLoss
from scipy.special import ndtr

from rollcall.report import lessons
from rollcall.report.lessons.clinic import noise
from rollcall.stats.metrics import auc
from rollcall.util.errors import InputError


def add_up(hidden, labels, films):
    parts = [np.outer(hidden[f], np.append(hidden[f], np.eye(3)[labels[f]])) for f in films]
    return np.sum(parts, axis=0)


@pytest.mark.parametrize(("epsilon", "delta"), [(0.5, 1e-5), (3, 1e-5), (10, 1e-3), (60, 1e-9)])
def test_the_promise_is_that_of_googles_accountant(epsilon, delta):
    found = noise.find_noise(epsilon, delta)
    theirs = GaussianPrivacyLoss(standard_deviation=found, sensitivity=1.0)
    assert theirs.get_delta_for_epsilon(epsilon) == pytest.approx(delta, rel=1e-6)
    assert noise.find_epsilon(found, delta=delta) == pytest.approx(epsilon, rel=1e-9)
    four = GaussianPrivacyLoss(standard_deviation=found, sensitivity=4.0)
    wanted = four.get_delta_for_epsilon(4 * epsilon)
    assert noise.promise_delta(4 * epsilon, found, films=4) == pytest.approx(wanted, rel=1e-6)


def test_four_films_have_more_than_four_times_the_epsilon():
    found = lessons.find_noise(3)
    assert lessons.find_epsilon(found, films=4) > 4 * 3
    delta = sum(1e-5 * np.exp(3 * each) for each in range(4))
    assert noise.promise_delta(4 * 3, found, films=4) < delta  # what group privacy allows


def test_clipped_parts_are_as_long_as_they_may_be():
    clinic = lessons.resize(40)
    hidden, labels = lessons.scale_units(clinic), clinic.labels
    whole = lessons.measure_lengths(hidden, labels, clinic.owner)
    naive = [np.linalg.norm(add_up(hidden, labels, clinic.films_of(p))) for p in range(40)]
    np.testing.assert_allclose(whole, naive)
    each = lessons.measure_lengths(hidden, labels, np.arange(len(labels)))
    films = clinic.films_of(clinic.her)
    parts = [add_up(hidden, labels, [film]) for film in films]
    np.testing.assert_allclose(each[films], [np.linalg.norm(part) for part in parts])
    clipped = {
        "record": sum(part * min(1, noise.CLIP / np.linalg.norm(part)) for part in parts),
        "patient": sum(parts) * min(1, noise.CLIP / whole[clinic.her]),
    }
    for unit, part in clipped.items():
        sums, members = (some[:8] for some in lessons.release(unit, 0, patients=40))
        with_her, without = sums[members[:, clinic.her]], sums[~members[:, clinic.her]]
        others = keep_others(clinic, unit, members)
        np.testing.assert_allclose(with_her - others[members[:, clinic.her]] - part, 0, atol=1e-9)
        np.testing.assert_allclose(without, others[~members[:, clinic.her]], atol=1e-9)


def keep_others(clinic, unit, members):
    """The sums of each model over all clipped units but hers."""
    hidden, labels, sums = lessons.scale_units(clinic), clinic.labels, []
    for had in members:
        total = 0.0
        for patient in np.flatnonzero(had & (np.arange(len(had)) != clinic.her)):
            films = clinic.films_of(patient)
            for some in [films] if unit == "patient" else films[:, None]:
                part = add_up(hidden, labels, some)
                total = total + part * min(1, noise.CLIP / np.linalg.norm(part))
        sums.append(total)
    return np.array(sums)


def test_noise_is_fresh_and_of_the_size_that_was_asked_for():
    exact, _ = lessons.release("patient", 0, patients=40)
    added = lessons.release("patient", 2.0, patients=40)[0] - exact
    assert added.std() == pytest.approx(2 * noise.CLIP, rel=0.01)
    apart = np.corrcoef(added[:8].reshape(8, -1)) - np.eye(8)
    assert abs(apart).max() < 0.07
    again = lessons.release("patient", 2.0, patients=40)[0] - exact
    np.testing.assert_array_equal(added, again)
    other = lessons.release("patient", 2.0, patients=40, seed=7)[0] - exact
    assert abs(np.corrcoef(added[0].ravel(), other[0].ravel())[0, 1]) < 0.07


def test_whoever_reads_the_sums_gets_to_the_ceiling_and_not_above():
    clinic, found = lessons.resize(40), lessons.find_noise(3)
    hidden, her = lessons.scale_units(clinic), clinic.films_of(clinic.her)
    part = add_up(hidden, clinic.labels, her)
    part *= noise.CLIP / np.linalg.norm(part)
    exact, members = lessons.release("patient", 0, patients=40)
    had, values, truth = members[:, clinic.her], [], []
    for seed in range(5):
        left = lessons.release("patient", found, 40, seed)[0] - exact + had[:, None, None] * part
        values.append((left * part).sum(axis=(1, 2)))
        truth.append(had)
    measured = auc(np.concatenate(values), np.concatenate(truth))
    assert measured == pytest.approx(ndtr(1 / found / 2**0.5), abs=0.05)


def test_without_noise_a_model_of_the_sums_is_the_ridge_regression():
    clinic = lessons.resize(40)
    hidden, had = lessons.scale_units(clinic), np.ones(len(clinic.labels), bool)
    sums = hidden.T @ np.column_stack([hidden, np.eye(3)[clinic.labels]])
    scores = lessons.train_on_sums(sums[None], 0, clinic)[0]
    weights = lessons.fit(hidden[had], clinic.labels[had], 0.3 / 3.4**2)
    np.testing.assert_allclose(scores, lessons.score(hidden, clinic.labels, weights), rtol=1e-6)


@pytest.mark.parametrize("patients", [2, 40, 1000, 1010])
def test_she_and_her_twin_are_in_every_clinic(patients):
    whole, clinic = lessons.open_clinic(), lessons.resize(patients)
    assert len(clinic.race) == len(clinic.sex) == len(clinic.hardware) == patients
    assert set(clinic.owner) == set(range(patients))
    assert (np.diff(clinic.owner) >= 0).all()
    for name in ("her", "twin"):
        mine, theirs = getattr(clinic, name), getattr(whole, name)
        films = clinic.films[clinic.films_of(mine)]
        np.testing.assert_array_equal(films, whole.films[whole.films_of(theirs)])
        assert clinic.race[mine] == whole.race[theirs]


def test_patients_who_are_left_keep_their_films():
    whole = lessons.open_clinic()
    kept = np.arange(1000) % 3 > 0
    kept[[whole.her, whole.twin]] = [False, True]
    clinic = lessons.keep_patients(whole, kept)
    assert clinic.her == -1
    assert np.flatnonzero(kept)[clinic.twin] == whole.twin
    for number in (0, 100, len(clinic.race) - 1):
        before = whole.films_of(np.flatnonzero(kept)[number])
        np.testing.assert_array_equal(clinic.inputs[clinic.owner == number], whole.inputs[before])


def test_models_of_the_whole_clinic_are_those_of_the_other_lessons():
    scores, members = lessons.train(models=8, units=16)
    again, same = lessons.train_on(lessons.resize(1000), models=8, units=16)
    np.testing.assert_array_equal(members, same)
    np.testing.assert_array_equal(again, scores)


@pytest.mark.parametrize("patients", [1, 0, 2001, -3])
def test_other_sizes_are_refused(patients):
    with pytest.raises(InputError, match="expected 2 to 2000"):
        lessons.resize(patients)
