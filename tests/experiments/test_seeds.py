"""The patient or the draw: planted patients of both kinds, and models trained for it."""

import numpy as np
import pandas as pd
import pytest

from rollcall.data.cohort import Cohort
from rollcall.experiments.retraining import train_models
from rollcall.experiments.seeds import compare_seeds, draw_without, train_seeds
from rollcall.recipes import Recipe
from rollcall.stats.members import draw_members
from rollcall.util.errors import InputError

from .simulated_scores import draw_scores


def test_the_patient_and_the_draw_are_told_apart():
    """0 and 5 are remembered by every model that has them, 1 by none: one high score was a draw."""
    patients, seeds = 400, 16
    index = np.repeat(np.arange(patients), 2)
    shift = np.where(np.arange(patients) % 5 == 0, 5.0, 0.0)
    reference_members = draw_members(16, patients, 0)
    references = draw_scores(reference_members, index, shift)
    members = np.arange(patients) < 250
    chosen = [0, 1, 5, 2]
    sets = draw_without(members, chosen).repeat(seeds, axis=0)
    everything = np.concatenate([references, np.zeros((len(sets), len(index)))])
    kinds = np.concatenate([reference_members, sets])
    everything = draw_scores(kinds, index, shift, 1)
    scores = everything[16:].reshape(5, seeds, -1)
    scores[:, :, index == 2] += 8.0  # with the patient and without: the others' doing
    table = compare_seeds(scores, everything[:16], reference_members, index, members, chosen)
    assert list(table["patient"]) == chosen
    assert list(table["verdict"]) == ["patient", "draw", "patient", "others"]
    assert (table["without"][:3] < 0.3).all()
    assert table["auc"][0] > 0.95
    assert ((table["low"] <= table["given_away"]) & (table["given_away"] <= table["high"])).all()


def test_sets_lack_one_patient_each():
    members = np.array([True, False, True, True])
    sets = draw_without(members, [0, 3])
    assert sets.tolist() == [
        [True, False, True, True],
        [False, False, True, True],
        [True, False, True, False],
    ]
    for patient in (1, 4, -1):
        with pytest.raises(InputError, match="is no member"):
            draw_without(members, [patient])


def make_cohort() -> tuple[Cohort, Recipe]:
    rng = np.random.default_rng(0)
    index = np.repeat(np.arange(40), 2)
    inputs = rng.normal(size=(80, 5)).astype(np.float32)
    records = pd.DataFrame({"patient_id": [f"p{number}" for number in index]})
    cohort = Cohort("made", records, inputs, rng.integers(0, 2, 80), "binary", ("a", "b"), ())
    recipe = Recipe(
        model="mlp",
        epochs=30,
        batch=8,
        learning_rate=1e-2,
        weight_decay=0.0,
        settings={"width": 64, "depth": 2},
    )
    return cohort, recipe


def test_models_are_trained_on_their_sets_alone_and_are_the_same_again():
    cohort, recipe = make_cohort()
    members = np.random.default_rng(1).random((3, 40)) < 0.7
    scores = train_models(cohort, recipe, members, seed=2)
    assert scores.shape == (3, 80)
    for row, had in zip(scores, members[:, cohort.patient_index], strict=True):
        assert row[had].mean() > row[~had].mean() + 1  # labels are noise: members are learnt
    np.testing.assert_array_equal(train_models(cohort, recipe, members, seed=2), scores)
    with pytest.raises(InputError, match="expected bool"):
        train_models(cohort, recipe, members[:, :-1])


def test_seeds_are_trained_for_every_set():
    cohort, recipe = make_cohort()
    scores = train_seeds(cohort, recipe, np.arange(40) < 20, [3], seeds=2)
    assert scores.shape == (2, 2, 80)
    assert (scores[0, 0] != scores[0, 1]).any()
    mine = cohort.patient_index == 3
    assert scores[0][:, mine].mean() > scores[1][:, mine].mean()
