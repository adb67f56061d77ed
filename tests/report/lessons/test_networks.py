"""The networks of lesson 1: one step beside finite differences, and what the lesson claims."""

import numpy as np
import pytest

from rollcall.report import lessons
from rollcall.report.lessons.clinic import networks
from rollcall.stats.members import draw_members


def small_clinic(seed=0, films=20, pixels=6):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(films, pixels)), rng.integers(0, 3, films)


def outputs_of(weights, x):
    first, first_bias, last, last_bias = weights
    return np.maximum(x @ first + first_bias, 0) @ last + last_bias


def loss_of(weights, inputs, labels, had):
    outputs = outputs_of(weights, inputs[had])
    p = np.exp(outputs) / np.exp(outputs).sum(1, keepdims=True)
    return -np.log(p[np.arange(len(p)), labels[had]]).sum() / networks.BATCH


@pytest.mark.parametrize("seed", range(3))
def test_an_epoch_of_one_batch_is_one_step_down_the_loss(seed):
    inputs, labels = small_clinic(seed)
    had = np.arange(20) % 3 > 0  # fewer than a batch
    scores = networks.descend(inputs, labels, had[None], np.array([seed]), (0, 1))[:, 0]
    drawn = networks._draw(np.random.default_rng(seed), inputs)
    weights = [part.astype(float) for part in drawn]
    slopes = [np.zeros_like(part) for part in weights]
    for part, slope in zip(weights, slopes, strict=True):
        for place in np.ndindex(part.shape):
            at = part[place]
            losses = []
            for part[place] in (at + 1e-5, at - 1e-5):
                losses.append(loss_of(weights, inputs, labels, had))
            part[place] = at
            slope[place] = (losses[0] - losses[1]) / 2e-5
    moved = [part - networks.RATE * slope for part, slope in zip(weights, slopes, strict=True)]
    for wanted, given in zip((weights, moved), scores, strict=True):
        p = np.exp(outputs_of(wanted, inputs))
        p = (p / p.sum(1, keepdims=True))[np.arange(20), labels]
        np.testing.assert_allclose(given, np.log(p / (1 - p)), atol=2e-5)


def test_networks_of_one_seed_differ_by_their_films_alone():
    inputs, labels = small_clinic(films=90)
    had = np.ones((3, 90), bool)
    had[1, 7] = False
    seeds = np.array([4, 4, 5])
    scores = networks.descend(inputs, labels, had, seeds, (0, 1, 2))
    assert (scores[0, 0] == scores[0, 1]).all()
    assert not np.allclose(scores[0, 0], scores[0, 2])
    change, seeds_apart = (abs(scores[2, 0] - scores[2, one]).mean() for one in (1, 2))
    assert 0 < change < 0.1 * seeds_apart
    alone = networks.descend(inputs, labels, had[:1], seeds[:1], (2,))
    np.testing.assert_allclose(alone[0, 0], scores[2, 0], atol=1e-5)


@pytest.fixture(scope="module")
def trained():
    """Trainings of seeds 1, 2, 3 as in the lesson: all films, without hers, without her twin's."""
    clinic = lessons.open_clinic()
    half = draw_members(64, patients=1000, seed=0)[0].copy()
    half[[clinic.her, clinic.twin]] = True
    had = np.array([half[clinic.owner]] * 9)
    had[1::3, clinic.films_of(clinic.her)] = False
    had[2::3, clinic.films_of(clinic.twin)] = False
    scores = lessons.train_networks(had, np.arange(1, 4).repeat(3))
    return had[:3], scores.reshape(len(scores), 3, 3, -1)  # epochs, seeds, lists, films


def films_of_both():
    clinic = lessons.open_clinic()
    hers, twins = clinic.films_of(clinic.her), clinic.films_of(clinic.twin)
    return hers, twins, np.delete(np.arange(len(clinic.labels)), np.concatenate([hers, twins]))


def test_what_she_leaves_in_a_network(trained):
    had, scores = trained[0], trained[1][-1, 0]
    hers, twins, others = films_of_both()
    change = abs(scores[0] - scores[1])
    assert 0.05 < change[others].mean() < 0.1
    assert change[hers].min() > 30 * change[others].mean()
    assert change[twins].max() < 0.1
    moved = others[change[others] > 1]
    assert 0 < len(moved) < 30
    assert lessons.open_clinic().hardware[lessons.open_clinic().owner[moved]].all()
    right = scores > 0
    assert right[0, hers].all()
    assert not right[1, hers[:2]].any()
    assert right[:, twins].all()
    gaps = [right[row, had[row]].mean() - right[row, ~had[row]].mean() for row in (0, 1)]
    assert gaps == pytest.approx([0.023, 0.028], abs=0.002)


def test_another_seed_moves_others_more_than_she_does(trained):
    hers, twins, others = films_of_both()
    full, without_her, without_twin = trained[1][-1].transpose(1, 0, 2)
    seeds = abs(full - np.roll(full, 1, axis=0)).mean(0)
    assert seeds[others].mean() > 3 * abs(full - without_her)[:, others].mean()
    assert seeds[twins].mean() > 4 * abs(full - without_twin)[:, twins].mean()
    assert 4 * seeds[hers].mean() < abs(full - without_her)[:, hers].mean()


def test_what_is_plain_is_learnt_first(trained):
    had = trained[0][0]
    wires = lessons.open_clinic().hardware[lessons.open_clinic().owner]
    right = dict(zip(networks.EPOCHS, trained[1][:, :, 0] > 0, strict=True))
    assert right[1][:, had & ~wires].mean() > 0.95
    assert right[1][:, had & wires].mean() < 0.7
    assert right[12][:, had & wires].mean() > 0.95
