"""One step of an optimiser as a recipe says: learning rate, decoupled weight decay, and the moving average of the weights."""

from __future__ import annotations

import math

import torch

from rollcall.recipes import Recipe


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """The rate of optimiser step `step` of `steps`, counted from 0.

    "cosine": linear warm-up, then half a cosine to zero. "paper": lr cos(7 pi t / 16) min(1, t / warmup), t = (step + 1) / steps, which
    ends at 0.195 lr (Knolle et al. 2026; Sohn et al., FixMatch, 2020). Steps are the optimiser's, not batches.
    """
    done, warm = (step + 1) / steps, recipe.warmup
    if recipe.schedule == "paper":
        return (
            recipe.learning_rate
            * math.cos(7 * math.pi * done / 16)
            * (min(1.0, done / warm) if warm else 1.0)
        )
    return recipe.learning_rate * (
        done / warm if done < warm else 0.5 * (1 + math.cos(math.pi * (done - warm) / (1 - warm)))
    )


class Optimiser:
    """Updates `parameters` (a dict of leaf tensors with gradients) in place. With a leading axis for the target, all targets at once.

    sgd: v <- momentum v - lr g, w <- w - lr weight_decay w + v. A learning rate inside the velocity is what the paper's library does;
    torch keeps it outside, which differs while the rate changes: so torch is given lr g and a rate of 1.
    ema: average <- d average + (1 - d) w after each batch, d = recipe.ema; the batches of one step leave w as it is, so d^accumulate once
    a step is the same. The average starts at the weights after the first step.

    The steps are the fused ones that torch.optim takes too; its classes are not used, since they load a compiler (70 MB and seconds, in every worker).

    Rates and the count of steps are tensors beside the parameters: a step is the same sequence of operations each time and waits for nothing,
    so that a GPU can record it once. `reset` makes it ready for other weights.
    """

    def __init__(self, parameters: dict[str, torch.Tensor], recipe: Recipe, steps: int):
        self.parameters, self.recipe, self.values = parameters, recipe, list(parameters.values())
        like = {"dtype": self.values[0].dtype, "device": self.values[0].device}
        self.rates = torch.tensor(
            [learning_rate(recipe, step, steps) for step in range(steps)], **like
        )
        self.rate = self.rates[0].clone()
        self.blends = torch.full(
            (steps,), 1 - recipe.ema**recipe.accumulate, **like
        )  # how much of the weights enters the average
        self.blends[0] = 1
        self.done = torch.zeros(1, dtype=torch.int64, device=self.values[0].device)
        self.average = (
            [torch.zeros_like(value, requires_grad=False) for value in self.values]
            if recipe.ema
            else None
        )
        kept = {"adamw": 2, "sgd": 1 if recipe.momentum else 0}[
            recipe.optimiser
        ]  # moments, or the velocity
        self.state = [
            [torch.zeros_like(value, requires_grad=False) for value in self.values]
            for _ in range(kept)
        ]
        self.counts = [
            torch.zeros((), dtype=torch.float32, device=self.values[0].device) for _ in self.values
        ]

    @torch.no_grad()
    def reset(self) -> None:
        """As new, for weights that were put into the parameters in place."""
        for value in (
            *(value for kept in self.state for value in kept),
            *self.counts,
            *(self.average or ()),
        ):
            value.zero_()
        self.done.zero_()
        self._clear()

    @torch.no_grad()
    def step(self) -> None:
        """One step with the gradients that are there; they are cleared."""
        recipe, grads = self.recipe, [value.grad for value in self.values]
        self.rate.copy_(self.rates[self.done][0])
        if recipe.optimiser == "adamw":
            torch._foreach_add_(self.counts, 1)
            torch._fused_adamw_(
                self.values,
                grads,
                *self.state,
                [],
                self.counts,
                lr=self.rate,
                beta1=0.9,
                beta2=0.999,
                eps=1e-8,
                weight_decay=recipe.weight_decay,
                amsgrad=False,
                maximize=False,
            )
        else:
            torch._foreach_mul_(grads, self.rate)
            if recipe.weight_decay:
                torch._foreach_mul_(self.values, 1 - self.rate * recipe.weight_decay)
            torch._fused_sgd_(
                self.values,
                grads,
                *(self.state or [[]]),
                lr=1.0,
                momentum=recipe.momentum,
                weight_decay=0.0,
                dampening=0.0,
                nesterov=False,
                maximize=False,
                is_first_step=False,
            )
        self._clear()
        if self.average:
            change = torch._foreach_sub(self.values, self.average)
            torch._foreach_mul_(change, self.blends[self.done][0])
            torch._foreach_add_(self.average, change)
        self.done += 1

    def _clear(self) -> None:
        for value in self.values:
            value.grad = None

    def weights(self) -> dict[str, torch.Tensor]:
        """The weights to keep: the moving average if the recipe has one, else the last."""
        return dict(zip(self.parameters, self.average or (value.detach() for value in self.values)))
