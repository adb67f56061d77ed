"""One step of an optimiser as a recipe says: learning rate, decoupled weight decay, and the moving average of the weights."""

from __future__ import annotations

import math

import torch

from lib.recipes import Recipe


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """The rate of optimiser step `step` of `steps`, counted from 0.

    "cosine": linear warm-up, then half a cosine to zero. "paper": lr cos(7 pi t / 16) min(1, t / warmup), t = (step + 1) / steps, which
    ends at 0.195 lr (Knolle et al. 2026; Sohn et al., FixMatch, 2020). Steps are the optimiser's, not batches.
    """
    done, warm = (step + 1) / steps, recipe.warmup
    if recipe.schedule == "paper":
        return recipe.learning_rate * math.cos(7 * math.pi * done / 16) * (min(1.0, done / warm) if warm else 1.0)
    return recipe.learning_rate * (done / warm if done < warm else 0.5 * (1 + math.cos(math.pi * (done - warm) / (1 - warm))))


class Optimiser:
    """Updates `parameters` (a dict of leaf tensors with gradients) in place. With a leading axis for the target, all targets at once.

    sgd: v <- momentum v - lr g, w <- w - lr weight_decay w + v. A learning rate inside the velocity is what the paper's library does;
    torch keeps it outside, which differs while the rate changes: so torch is given lr g and a rate of 1.
    ema: average <- d average + (1 - d) w after each batch, d = recipe.ema; the batches of one step leave w as it is, so d^accumulate once
    a step is the same. The average starts at the weights after the first step.
    """

    def __init__(self, parameters: dict[str, torch.Tensor], recipe: Recipe, steps: int):
        self.parameters, self.recipe, self.steps, self.done = parameters, recipe, steps, 0
        self.values = list(parameters.values())
        self.average: list[torch.Tensor] | None = None
        if recipe.optimiser == "adamw":
            self.inner = torch.optim.AdamW(self.values, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)
        else:
            self.inner = torch.optim.SGD(self.values, lr=1.0, momentum=recipe.momentum, fused=True)

    @torch.no_grad()
    def step(self) -> None:
        """One step with the gradients that are there; they are cleared."""
        recipe, rate = self.recipe, learning_rate(self.recipe, self.done, self.steps)
        if recipe.optimiser == "adamw":
            self.inner.param_groups[0]["lr"] = rate
        else:
            torch._foreach_mul_([value.grad for value in self.values], rate)
            if recipe.weight_decay:
                torch._foreach_mul_(self.values, 1 - rate * recipe.weight_decay)
        self.inner.step()
        self.inner.zero_grad()
        self.done += 1
        if recipe.ema:
            if self.average is None:
                self.average = [value.detach().clone() for value in self.values]
            else:
                torch._foreach_lerp_(self.average, self.values, 1 - recipe.ema**recipe.accumulate)

    def weights(self) -> dict[str, torch.Tensor]:
        """The weights to keep: the moving average if the recipe has one, else the last."""
        return dict(zip(self.parameters, self.average or (value.detach() for value in self.values)))
