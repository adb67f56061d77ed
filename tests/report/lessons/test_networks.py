"""The networks of lesson 1: one step beside finite differences, and what the lesson claims."""

import numpy as np
import pytest

from rollcall.report import lessons
from rollcall.report.lessons.clinic import networks


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
    """Two trainings of one seed, with her and without, on half of the clinic."""
    clinic = lessons.open_clinic()
    half = np.arange(1000) % 2 == 0
    half[[clinic.her, clinic.twin]] = True
    had = np.array([half[clinic.owner]] * 2)
    had[1, clinic.films_of(clinic.her)] = False
    return had, lessons.train_networks(had, [0, 0])


def test_what_she_leaves_in_a_network(trained):
    had, scores = trained
    clinic = lessons.open_clinic()
    hers, twins = clinic.films_of(clinic.her), clinic.films_of(clinic.twin)
    change = abs(scores[-1, 0] - scores[-1, 1])
    others = np.delete(change, np.concatenate([hers, twins]))
    assert change[hers].min() > 10 * others.mean()
    assert change[twins].max() < 0.5
    right = scores[-1] > 0
    assert right[:, twins].all()
    assert right[0, had[0]].mean() > 0.99
    assert right[0, ~had[0]].mean() > 0.95


def test_what_is_plain_is_learnt_first(trained):
    had, scores = trained
    wires = lessons.open_clinic().hardware[lessons.open_clinic().owner]
    right = dict(zip(networks.EPOCHS, scores[:, 0] > 0, strict=True))
    assert right[1][had[0] & ~wires].mean() > 0.95
    assert right[1][had[0] & wires].mean() < 0.7
    assert right[12][had[0] & wires].mean() > 0.95
