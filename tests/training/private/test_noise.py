"""Noise: its variance exactly, and nobody's but the target's and the step's own."""

import numpy as np
import torch
from scipy.stats import chi2

from rollcall.training.private.noise import Noise
from tests.training.private.common import RECIPE, make_stack, members_of

PARAMETERS = {"a": torch.zeros(3, 500, 40), "b": torch.zeros(3, 7)}
ERROR = 1e-6  # the chance that a test fails though all is right


def draw(noise, deviation=1.0):
    sums = {name: torch.zeros_like(value) for name, value in PARAMETERS.items()}
    noise.add_to(sums, deviation)
    return torch.cat([value.flatten(1) for value in sums.values()], 1).double().numpy()


def test_the_variance_is_exact():
    """Chi-squared bounds of 5 steps of 3 targets; the mean, and the tails of a normal number."""
    noise, deviation = Noise(PARAMETERS, [1, 2, 3]), 0.7
    values = np.concatenate([draw(noise, deviation).ravel() for _ in range(5)])
    count = len(values)
    assert count == 5 * 3 * 20007
    total = (values**2).sum() / deviation**2
    assert chi2.ppf(ERROR / 2, count) < total < chi2.isf(ERROR / 2, count)
    assert abs(values.mean()) < 4.9 * deviation / count**0.5
    tail = (np.abs(values) > 3 * deviation).mean()
    assert abs(tail - 0.0026998) < 4.9 * (0.0027 / count) ** 0.5


def test_it_is_of_one_target_and_one_step():
    """No two draws are alike or related; alone, a target draws what it draws beside others."""
    noise = Noise(PARAMETERS, [1, 2, 3])
    draws = np.concatenate([draw(noise) for _ in range(3)])
    related = np.corrcoef(draws) - np.eye(9)
    assert np.abs(related).max() < 6 / draws.shape[1] ** 0.5
    alone = Noise({name: value[:1] for name, value in PARAMETERS.items()}, [2])
    sums = {name: torch.zeros_like(value[:1]) for name, value in PARAMETERS.items()}
    alone.add_to(sums, 1.0)
    assert (torch.cat([value.flatten() for value in sums.values()]).numpy() == draws[1]).all()


def test_what_a_step_adds_has_the_variance_of_the_terms(tiny, members, monkeypatch):
    """The gradients that the optimiser sees, of nobody: noise times clip over the batch."""
    stack = make_stack(tiny, RECIPE, 4, noise=1.3)
    seen = []

    def note() -> None:
        gradients = [value.grad for value in stack.parameters.values()]
        seen.append(torch.cat([each.flatten(1) for each in gradients if each is not None], 1))

    monkeypatch.setattr(stack.optimiser, "step", note)
    nobody = [members_of(tiny, members, target)[:0] for target in range(4)]
    steps = list(stack.train(nobody, [0, 1, 2, 3]))
    values = torch.cat(seen).double() * stack.terms.batch / (1.3 * stack.terms.clip)
    assert len(steps) == stack.terms.steps == len(seen)
    total, count = float(values.square().sum()), values.numel()
    assert chi2.ppf(ERROR / 2, count) < total < chi2.isf(ERROR / 2, count)
