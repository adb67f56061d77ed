"""The optimiser's step against a plain loop over numbers, and the schedules' check values."""

import dataclasses
import math
import subprocess
import sys

import numpy as np
import pytest
import torch

from rollcall import recipes
from rollcall.training.layout import Layout
from rollcall.training.optimiser import Fused, Optimiser, Plain, learning_rate
from rollcall.util import files
from tests.training.common import TABLE_RECIPE, train_targets

PAPER = recipes.Recipe(
    model="mlp",
    epochs=1,
    batch=4,
    learning_rate=0.3,
    optimiser="sgd",
    momentum=0.9,
    weight_decay=1e-2,
    warmup=0.2,
    schedule="paper",
    ema=0.9,
)


def test_the_papers_schedule():
    rates = [learning_rate(PAPER, step, 1000) / PAPER.learning_rate for step in range(1000)]
    assert rates[-1] == pytest.approx(0.19509, abs=5e-6)  # cos(7 pi / 16)
    assert rates[99] == pytest.approx(0.5 * math.cos(7 * math.pi * 0.1 / 16))
    assert max(rates) == pytest.approx(0.962, abs=1e-3)  # at a warm-up of 0.2
    for warmup, peak in ((0.05, 0.998), (0.1, 0.991)):
        recipe = dataclasses.replace(PAPER, warmup=warmup)
        assert max(
            learning_rate(recipe, step, 1000) for step in range(1000)
        ) / 0.3 == pytest.approx(peak, abs=1e-3)
    assert learning_rate(dataclasses.replace(PAPER, warmup=0.0), 0, 10) > 0


def test_the_learning_rate_rises_then_falls_to_zero():
    rates = [learning_rate(TABLE_RECIPE, step, 100) for step in range(100)]
    assert rates[0] < rates[3] < rates[4]
    assert max(rates) <= TABLE_RECIPE.learning_rate
    assert rates[-1] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("accumulate", [1, 3])
def test_sgd_is_heavy_ball_with_the_rate_inside_decoupled_decay_and_an_average(accumulate):
    """Naive: every number by itself.

    The average moves after each batch, as in the reference, also when the weights do not.
    """
    recipe = dataclasses.replace(PAPER, accumulate=accumulate)
    rng = np.random.default_rng(0)
    w, steps = rng.normal(size=5), 7
    parameter = torch.tensor(w, dtype=torch.float64, requires_grad=True)
    optimiser = Optimiser({"w": parameter}, recipe, steps)
    v, average = np.zeros(5), None
    for step in range(steps):
        g = np.zeros(5)
        for batch in range(accumulate):
            one = rng.normal(size=5)
            (parameter @ torch.tensor(one) / accumulate).backward()
            g += one / accumulate
            if batch < accumulate - 1 and average is not None:
                average = [
                    recipe.ema * a + (1 - recipe.ema) * x for a, x in zip(average, w, strict=True)
                ]
        rate = learning_rate(recipe, step, steps)
        v = np.array([recipe.momentum * v[k] - rate * g[k] for k in range(5)])
        w = np.array([w[k] - rate * recipe.weight_decay * w[k] + v[k] for k in range(5)])
        average = (
            list(w)
            if average is None
            else [recipe.ema * a + (1 - recipe.ema) * x for a, x in zip(average, w, strict=True)]
        )
        optimiser.step()
    assert np.allclose(parameter.detach().numpy(), w, atol=1e-12)
    if accumulate == 1:
        assert np.allclose(optimiser.weights()["w"].numpy(), average, atol=1e-12)


def test_the_average_of_an_accumulated_step_moves_once_for_each_batch():
    recipe = dataclasses.replace(PAPER, accumulate=4, weight_decay=0.0)
    parameter = torch.tensor([1.0], dtype=torch.float64, requires_grad=True)
    optimiser = Optimiser({"w": parameter}, recipe, 3)
    seen = []
    for _ in range(2):
        (2 * parameter).sum().backward()
        optimiser.step()
        seen.append(float(parameter.detach()))
    average = seen[0]
    for _ in range(4):
        average = recipe.ema * average + (1 - recipe.ema) * seen[1]
    assert float(optimiser.weights()["w"]) == pytest.approx(average, abs=1e-12)


def test_adamw_is_torchs_own():
    recipe = dataclasses.replace(PAPER, optimiser="adamw", schedule="cosine", ema=0.0)
    ours, theirs = (torch.tensor([1.0, -2.0], requires_grad=True) for _ in range(2))
    optimiser, other = (
        Optimiser({"w": ours}, recipe, 5),
        torch.optim.AdamW([theirs], lr=1, weight_decay=recipe.weight_decay),
    )
    for step in range(5):
        (ours**2).sum().backward()
        optimiser.step()
        other.param_groups[0]["lr"] = learning_rate(recipe, step, 5)
        other.zero_grad()
        (theirs**2).sum().backward()
        other.step()
    assert torch.allclose(ours, theirs, atol=1e-6)
    assert torch.equal(optimiser.weights()["w"], ours.detach())


PRIVATE = ("_fused_adamw_", "_fused_sgd_", "_foreach_add_", "_foreach_mul_", "_foreach_sub")


def train_with(recipe, remove=None, replace=None, steps=40):
    """Weights and average after `steps` steps of a small problem, torch lacking a function."""
    torch.manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        if remove:
            patch.delattr(torch, remove)
        if replace:
            patch.setattr(torch, replace, lambda values, gradients: None)
        shapes = {"w": (3, 4), "b": (4,)}
        parameters = {
            name: torch.randn(shape, dtype=torch.float64, requires_grad=True)
            for name, shape in shapes.items()
        }
        inputs = torch.randn(16, 3, dtype=torch.float64)
        made = Optimiser(parameters, recipe, steps)
        for _ in range(steps):
            outputs = torch.tanh(inputs @ parameters["w"] + parameters["b"])
            (outputs - 0.5).square().mean().backward()
            made.step()
            assert parameters["w"].grad is None
    return made, {name: value.detach().numpy() for name, value in parameters.items()}


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("ema", [0.0, 0.9])
@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_a_torch_without_the_private_functions_trains_the_same(optimiser, ema, momentum):
    recipe = dataclasses.replace(
        PAPER, optimiser=optimiser, ema=ema, momentum=momentum, schedule="cosine"
    )
    fused, expected = train_with(recipe)
    assert isinstance(fused.operations, Fused)
    for missing in PRIVATE:
        plain, weights = train_with(recipe, remove=missing)
        assert isinstance(plain.operations, Plain)
        for name in expected:
            np.testing.assert_allclose(weights[name], expected[name], rtol=1e-6, atol=1e-9)
            np.testing.assert_allclose(
                plain.weights()[name], fused.weights()[name], rtol=1e-6, atol=1e-9
            )


def test_a_torch_whose_private_functions_changed_trains_by_public_ones():
    assert isinstance(train_with(PAPER, replace="_fused_sgd_", steps=3)[0].operations, Plain)


def test_a_lack_of_memory_is_not_a_lack_of_functions(monkeypatch):
    def lacks_memory(*_, **__):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(torch, "_fused_adamw_", lacks_memory)
    parameters = {"w": torch.ones(3, requires_grad=True)}
    with pytest.raises(torch.OutOfMemoryError):
        Optimiser(parameters, PAPER, 3)


def test_a_target_trains_without_the_private_functions(tiny, members, monkeypatch):
    options = {"layout": Layout(stack=4)}
    exact, _ = train_targets(tiny, TABLE_RECIPE, range(4), members, **options)
    monkeypatch.delattr(torch, "_fused_adamw_")
    plain, trainer = train_targets(tiny, TABLE_RECIPE, range(4), members, **options)
    assert isinstance(trainer.stacks[0].optimiser.operations, Plain)
    np.testing.assert_allclose(plain, exact, atol=2e-3)


LOADED = """
import sys, torch
from rollcall import recipes
from rollcall.training.optimiser import Optimiser
for name in ("adamw", "sgd"):
    w = torch.ones(3, requires_grad=True)
    recipe = recipes.Recipe("mlp", 1, 8, 0.1, optimiser=name, weight_decay=0.1, ema=0.5)
    made = Optimiser({"w": w}, recipe, 4)
    (w**2).sum().backward()
    made.step()
    assert (w != 1).all() and w.grad is None
print("torch._dynamo" in sys.modules)
"""


@pytest.mark.slow
def test_the_optimiser_loads_no_compiler():
    process = subprocess.run(
        [sys.executable, "-c", LOADED],
        cwd=files.home(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout.strip() == "False"
