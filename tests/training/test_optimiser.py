"""The optimiser's step against a plain loop over numbers, and the schedules' check values."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from rollcall import models, recipes
from rollcall.training.optimiser import Optimiser, learning_rate
from rollcall.util.errors import InputError

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
    assert max(rates) == pytest.approx(0.962, abs=1e-3)  # at a warm-up of 0.2 (facts, section 1)
    for warmup, peak in ((0.05, 0.998), (0.1, 0.991)):
        recipe = dataclasses.replace(PAPER, warmup=warmup)
        assert max(
            learning_rate(recipe, step, 1000) for step in range(1000)
        ) / 0.3 == pytest.approx(peak, abs=1e-3)
    assert learning_rate(dataclasses.replace(PAPER, warmup=0.0), 0, 10) > 0


@pytest.mark.parametrize("accumulate", [1, 3])
def test_sgd_is_heavy_ball_with_the_rate_inside_decoupled_decay_and_an_average(accumulate):
    """Naive: every number by itself; the average moves after each batch, as in the reference, also when the weights do not."""
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
                average = [recipe.ema * a + (1 - recipe.ema) * x for a, x in zip(average, w)]
        rate = learning_rate(recipe, step, steps)
        v = np.array([recipe.momentum * v[k] - rate * g[k] for k in range(5)])
        w = np.array([w[k] - rate * recipe.weight_decay * w[k] + v[k] for k in range(5)])
        average = (
            list(w)
            if average is None
            else [recipe.ema * a + (1 - recipe.ema) * x for a, x in zip(average, w)]
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


# --- recipes ------------------------------------------------------------------------------------------------------------------------

TABLE = {  # facts, table 1.1: model, learning rate, momentum, weight decay, warm-up, EMA, batch, accumulation, epochs, augmentation, views
    "chexpert": ("wrn_28_2", 1.0, 0.9, 1e-4, 0.05, 0.9995, 512, 2, 60, "medium", 16),
    "mimic_cxr": ("wrn_28_2", 0.25, 0.99, 1e-3, 0.2, 0.95, 512, 2, 60, "medium", 16),
    "embed": ("wrn_28_2", 0.1, 0.9, 1e-8, 0.1, 0.995, 512, 2, 30, "contrast", 16),
    "fairvision": ("wrn_28_2", 1e-4, 0.9, 1e-6, 0.1, 0.99, 256, 1, 100, "weak", 16),
    "fitzpatrick17k": ("wrn_28_2", 5e-3, 0.9, 1e-4, 0.05, 0.99, 256, 1, 100, "medium", 16),
    "ptb_xl": ("resnet1d_128", 0.25, 0.9, 5e-3, 0.05, 0.995, 512, 2, 100, "none", 1),
    "mimic_iv_ed": ("tabresnet_300_6", 0.1, 0.9, 1e-7, 0.05, 0.995, 512, 2, 100, "none", 1),
}


@pytest.mark.parametrize("cohort", TABLE)
def test_the_papers_recipes(cohort):
    r = recipes.load(cohort, "paper")
    assert (
        r.model,
        r.learning_rate,
        r.momentum,
        r.weight_decay,
        r.warmup,
        r.ema,
        r.batch,
        r.accumulate,
        r.epochs,
        r.augment,
        r.views,
    ) == TABLE[cohort]
    assert (r.optimiser, r.schedule, r.cohort) == ("sgd", "paper", {"rules": "paper"})
    assert recipes.load(cohort).model in models.MODELS
    assert recipes.load(cohort) == recipes.load(cohort, "quick")


def test_which_recipe_is_taken():
    assert recipes.load("chexpert", model="wrn_28_2") == recipes.load("chexpert", "paper")
    wide = recipes.load("chexpert", model="wrn_40_4")
    assert (wide.model, wide.learning_rate) == ("wrn_40_4", 1.0)
    assert recipes.load("chexpert", "quick", "wrn_28_2").epochs == recipes.load("chexpert").epochs
    assert recipes.load("simulated").model == "mlp"
    assert recipes.load("simulated", model="small_cnn").model == "small_cnn"
    assert set(recipes.MODELS) == set(models.MODELS)
    for call, message in (
        (lambda: recipes.load("chexpert", "papre"), "did you mean 'paper'"),
        (lambda: recipes.load("chexpert", model="wrn_28_3"), "did you mean 'wrn_28_"),
        (lambda: recipes.load("simulated", model="vit"), "unknown model for cohort 'simulated'"),
    ):
        with pytest.raises(InputError, match=message):
            call()
