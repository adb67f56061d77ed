"""What only a GPU can show. Skipped, with the reason, where there is none."""

import dataclasses

import numpy as np
import pytest
import torch

from rollcall import recipes, training
from rollcall.runs import run
from rollcall.training import device, stack, trainer
from rollcall.training.layout import Way

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")
TABLE = recipes.Recipe(
    model="mlp",
    epochs=4,
    batch=16,
    learning_rate=1e-3,
    settings={"width": 32, "depth": 2},
    precision="float32",
)
FILMS = recipes.Recipe(
    model="wide_resnet",
    epochs=2,
    batch=16,
    learning_rate=1e-2,
    settings={"depth": 10, "widen": 1},
    optimiser="sgd",
    momentum=0.9,
    ema=0.9,
    augment="medium",
    accumulate=2,
    precision="float32",
)
TOKENS = recipes.Recipe(
    model="vit",
    epochs=1,
    batch=16,
    learning_rate=1e-3,
    settings={"patch": 8, "width": 32, "depth": 1, "heads": 2, "mlp": 32, "dropout": 0.0},
)


@pytest.fixture(autouse=True)
def prepared():
    device.prepare("cuda:0")


def trained(cohort, recipe, where, way, precision="float32", targets=3):
    members = np.random.default_rng(0).permuted(
        np.tile(np.arange(len(cohort)) % 2 == 0, (targets, 1)), axis=1
    )
    one = trainer.Trainer(stack.place(cohort, where), recipe, way, precision)
    return [
        logits
        for logits, _ in one.train([np.flatnonzero(rows) for rows in members], list(range(targets)))
    ]


@pytest.mark.parametrize("recipe", [TABLE, FILMS, TOKENS])
@pytest.mark.parametrize(
    "way",
    [
        Way(),
        Way(width=4),
        Way(lanes=2),
        Way(parts=4),
        Way(compiled=True),
        Way(width=4, compiled=True),
    ],
)
def test_recorded_steps_train_the_targets_that_a_processor_trains(tiny, recipe, way):
    for ours, theirs in zip(
        trained(tiny, recipe, "cuda:0", way), trained(tiny, recipe, "cpu", Way())
    ):
        np.testing.assert_allclose(ours, theirs, atol=5e-2)


def test_a_lane_used_again_forgets_the_targets_before(tiny):
    both, again = (trained(tiny, FILMS, "cuda:0", Way(), targets=count) for count in (3, 1))
    np.testing.assert_allclose(both[0], again[0], atol=1e-3)


@pytest.mark.parametrize("recipe", [TABLE, FILMS, TOKENS])
def test_stored_logits_are_float32_and_not_less(tiny, recipe):
    """Of the same weights, after no training: TF32, with 10 bits, would differ by 1e-3."""
    ours, theirs = (
        stack.Lane(stack.place(tiny, where), recipe, Way()) for where in ("cuda:0", "cpu")
    )
    for lane in (ours, theirs):
        lane.load([7])
        if recipe.ema:
            for average, value in zip(lane.optimiser.average, lane.optimiser.values):
                average.copy_(value.detach())
    np.testing.assert_allclose(ours.logits(0)[0], theirs.logits(0)[0], atol=2e-5)


def test_bf16_is_close_to_float32(tiny):
    for ours, theirs in zip(
        trained(tiny, FILMS, "cuda:0", Way(), "bf16"), trained(tiny, FILMS, "cuda:0", Way())
    ):
        np.testing.assert_allclose(ours, theirs, atol=0.2)


@pytest.mark.parametrize("recipe", [TABLE, FILMS])
def test_a_run_on_gpus_is_complete_and_keeps_its_way(tiny, tmp_path, recipe):
    made = run.create(tmp_path / "r", tiny, dataclasses.replace(recipe, precision="auto"), 8)
    training.train(made, tiny)
    config = run.open_run(made.path).config
    assert not made.missing()
    assert Way(**config[f"way on {device.name('cuda:0')}"]).targets >= 1
