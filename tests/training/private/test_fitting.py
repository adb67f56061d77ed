"""Private training finds its place: layouts, precision, memory, and models beside an audit's."""

import dataclasses

import numpy as np
import pytest

from rollcall.experiments.retraining import train_models
from rollcall.training.device import choose_precision
from rollcall.training.layout import Layout, list_layouts
from rollcall.training.memory import fit_workers, step_bytes
from rollcall.training.private import terms as terms_module
from rollcall.training.private.sampling import find_shape
from rollcall.training.stack import to_device
from rollcall.training.trainer import measure_step
from tests.training.private.common import RECIPE, of_records

CNN = dataclasses.replace(RECIPE, model="small_cnn", settings={"widths": [8]}, stack=1)


@pytest.mark.parametrize(("recipe", "stacks"), [(RECIPE, [1, 8, 32]), (CNN, [1])])
def test_no_step_is_recorded_or_compiled(recipe, stacks):
    layouts = list_layouts(recipe, 64, False)
    assert layouts == [Layout(stack=size) for size in stacks]


def test_it_is_in_float32_unless_the_recipe_says_otherwise():
    recipe = dataclasses.replace(RECIPE, model="tabular_resnet", settings={})
    assert choose_precision(recipe, "cuda:0") == "float32"
    assert choose_precision(dataclasses.replace(recipe, precision="bf16"), "cpu") == "bf16"


def test_gradients_of_rows_need_memory(tiny):
    """Where they are formed; parts make chunks shorter, down to the largest patient."""
    plain = dataclasses.replace(CNN, privacy={})
    assert step_bytes(tiny, CNN, "float32")[1] > step_bytes(tiny, plain, "float32")[1]
    layered = dataclasses.replace(RECIPE, privacy={})
    assert step_bytes(tiny, RECIPE, "float32") == step_bytes(tiny, layered, "float32")
    largest = int(np.bincount(tiny.patient_index).max())
    shapes = [find_shape(CNN, tiny, parts) for parts in (1, 2, 4, 1024)]
    assert shapes[0].rows >= shapes[1].rows >= shapes[2].rows >= shapes[3].rows == largest
    assert fit_workers(tiny, CNN, "float32", 1, 1, available=2**31) == (1, 1)
    assert find_shape(of_records(), tiny).blocks == 1


def test_a_step_is_measured_without_an_accountant(tiny, monkeypatch):
    monkeypatch.setattr(terms_module, "find_terms", None)
    assert measure_step(to_device(tiny), RECIPE, Layout(stack=2), "float32", steps=2) > 0


def test_models_of_other_shares_train_at_their_own_rate(tiny, monkeypatch):
    """Of all patients: half the rate, so that the expected batch is the recipe's."""
    asked = []

    def note(recipe, cohort, share):
        asked.append(terms_module.sketch_terms(recipe, cohort, share))
        return asked[-1]

    monkeypatch.setattr(terms_module, "find_terms", note)
    everybody = np.ones((1, len(tiny.patients)), bool)
    scores = train_models(tiny, RECIPE, everybody)
    assert scores.shape == (1, len(tiny))
    assert asked[0].rate == RECIPE.batch / len(tiny.patients)
    assert asked[0].steps == round(RECIPE.epochs * len(tiny.patients) / RECIPE.batch)
