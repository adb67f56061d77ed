"""What only a GPU can show. Skipped, with the reason, where there is none."""

import dataclasses

import numpy as np
import pytest
import torch

from rollcall import recipes, training
from rollcall.runs import run
from rollcall.training.device import device_name, prepare_process
from rollcall.training.layout import Layout, config_key
from rollcall.training.stack import Stack, to_device
from rollcall.training.trainer import Trainer

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")
TABLE = recipes.Recipe(
    model="mlp",
    epochs=4,
    batch=16,
    learning_rate=1e-3,
    settings={"width": 32, "depth": 2},
    precision="float32",
)
IMAGES = recipes.Recipe(
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
    prepare_process("cuda:0")


def train_targets(cohort, recipe, device, layout, precision="float32", targets=3):
    members = np.random.default_rng(0).permuted(
        np.tile(np.arange(len(cohort)) % 2 == 0, (targets, 1)), axis=1
    )
    trainer = Trainer(to_device(cohort, device), recipe, layout, precision)
    records = [np.flatnonzero(rows) for rows in members]
    return np.array([logits for logits, _ in trainer.train(records, list(range(targets)))])


@pytest.mark.parametrize("recipe", [TABLE, IMAGES, TOKENS])
@pytest.mark.parametrize(
    "layout",
    [
        Layout(),
        Layout(stack=4),
        Layout(streams=2),
        Layout(micro_batches=4),
        Layout(compiled=True),
        Layout(stack=4, compiled=True),
    ],
)
def test_recorded_steps_train_the_targets_that_a_cpu_trains(tiny, recipe, layout):
    np.testing.assert_allclose(
        train_targets(tiny, recipe, "cuda:0", layout),
        train_targets(tiny, recipe, "cpu", Layout()),
        atol=5e-2,
    )


def test_a_stack_used_again_forgets_the_targets_before(tiny):
    both, again = (
        train_targets(tiny, IMAGES, "cuda:0", Layout(), targets=count) for count in (3, 1)
    )
    np.testing.assert_allclose(both[0], again[0], atol=1e-3)


@pytest.mark.parametrize("recipe", [TABLE, IMAGES, TOKENS])
def test_stored_logits_are_float32_and_not_less(tiny, recipe):
    """Of the same weights, after no training: TF32, with 10 bits, would differ by 1e-3."""
    on_gpu, on_cpu = (
        Stack(to_device(tiny, device), recipe, Layout()) for device in ("cuda:0", "cpu")
    )
    for stack in (on_gpu, on_cpu):
        stack.load([7])
        for average, value in zip(
            stack.optimiser.average or (), stack.optimiser.values if recipe.ema else (), strict=True
        ):
            average.copy_(value.detach())
    np.testing.assert_allclose(on_gpu.logits(0)[0], on_cpu.logits(0)[0], atol=2e-5)


def test_bf16_is_close_to_float32(tiny):
    np.testing.assert_allclose(
        train_targets(tiny, IMAGES, "cuda:0", Layout(), "bf16"),
        train_targets(tiny, IMAGES, "cuda:0", Layout()),
        atol=0.2,
    )


@pytest.mark.parametrize("recipe", [TABLE, IMAGES])
def test_a_run_on_gpus_is_complete_and_keeps_its_layout(tiny, tmp_path, recipe):
    made = run.create(tmp_path / "r", tiny, dataclasses.replace(recipe, precision="auto"), 8)
    training.train(made, tiny)
    config = run.open_run(made.path).config
    assert not made.missing()
    assert Layout.from_config(config[config_key(device_name("cuda:0"))]).targets >= 1
