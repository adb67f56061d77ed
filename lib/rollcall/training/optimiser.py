"""One step of an optimiser as a recipe says, and the moving average of the weights."""

# pyright: reportPrivateImportUsage=false

from __future__ import annotations

import math

import torch

from rollcall.recipes import Recipe

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # of AdamW


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """Return the rate of optimiser step `step` of `steps`, counted from 0.

    With t = (step + 1) / steps. "cosine": linear warm-up, then half a cosine to zero. "paper":
    lr cos(7 pi t / 16) min(1, t / warmup), which ends at 0.195 lr (Knolle et al. 2026; Sohn et al.,
    FixMatch, 2020). Steps are the optimiser's, not micro-batches.
    """
    done, warmup = (step + 1) / steps, recipe.warmup
    if recipe.schedule == "paper":
        rise = min(1.0, done / warmup) if warmup else 1.0
        return recipe.learning_rate * math.cos(7 * math.pi * done / 16) * rise
    if done < warmup:
        return recipe.learning_rate * (done / warmup)
    fall = 0.5 * (1 + math.cos(math.pi * (done - warmup) / (1 - warmup)))
    return recipe.learning_rate * fall


class Optimiser:
    """Updates `parameters` in place: leaf tensors with gradients, by name.

    With a leading axis for the target, all targets at once.

    sgd: v <- momentum v - lr g, w <- w - lr weight_decay w + v. The reference has the rate inside
    the velocity, torch outside; they differ under a schedule. So torch is given lr g, and a rate
    of 1. adamw: torch's.

    ema: average <- d average + (1 - d) w after each batch, d = recipe.ema. The batches of one step
    leave w as it is, so d^accumulate once a step is the same. The average starts at the weights
    after the first step.

    Rates and the count of steps are tensors beside the parameters: a step is the same sequence of
    operations each time and waits for nothing, so that a GPU can record it once. `reset` makes it
    ready for other weights.
    """

    def __init__(self, parameters: dict[str, torch.Tensor], recipe: Recipe, steps: int):
        self.parameters, self.recipe, self.values = parameters, recipe, list(parameters.values())
        dtype, device = self.values[0].dtype, self.values[0].device
        rates = [learning_rate(recipe, step, steps) for step in range(steps)]
        self.rates = torch.tensor(rates, dtype=dtype, device=device)
        self.rate = self.rates[0].clone()
        # how much of the weights enters the average at each step
        self.blends = torch.full(
            (steps,), 1 - recipe.ema**recipe.accumulate, dtype=dtype, device=device
        )
        self.blends[0] = 1
        self.done = torch.zeros(1, dtype=torch.int64, device=device)
        self.average = self._zeros() if recipe.ema else None
        # two moments, or the velocity
        count = 2 if recipe.optimiser == "adamw" else int(recipe.momentum > 0)
        self.state = [self._zeros() for _ in range(count)]
        self.counts = [torch.zeros((), dtype=torch.float32, device=device) for _ in self.values]
        self.operations = Fused() if fused_operations_work(dtype, device) else Plain()

    def _zeros(self) -> list[torch.Tensor]:
        return [torch.zeros_like(value, requires_grad=False) for value in self.values]

    @torch.no_grad()
    def reset(self) -> None:
        """Start anew, for weights that were put into the parameters in place."""
        for values in (*self.state, self.counts, self.average or ()):
            for value in values:
                value.zero_()
        self.done.zero_()
        self._clear()

    @torch.no_grad()
    def step(self) -> None:
        """Take one step with the gradients that are there, and clear them."""
        recipe = self.recipe
        gradients = [
            torch.zeros_like(value) if value.grad is None else value.grad for value in self.values
        ]
        self.rate.copy_(self.rates[self.done][0])
        if recipe.optimiser == "adamw":
            self.operations.adamw(
                self.values, gradients, self.state, self.counts, self.rate, recipe.weight_decay
            )
        else:
            self.operations.sgd(
                self.values, gradients, self.state, self.rate, recipe.weight_decay, recipe.momentum
            )
        self._clear()
        if self.average:
            self.operations.blend(self.average, self.values, self.blends[self.done][0])
        self.done += 1

    def _clear(self) -> None:
        for value in self.values:
            value.grad = None

    def weights(self) -> dict[str, torch.Tensor]:
        """Return the weights to keep: the moving average if the recipe has one, else the last."""
        kept = self.average or [value.detach() for value in self.values]
        return dict(zip(self.parameters, kept, strict=True))


class Fused:
    """A step by the fused operations that torch.optim takes too; they are private to torch.

    torch.optim's classes are not used, since they load a compiler: 70 MB and seconds in every
    worker.
    """

    def adamw(self, values, gradients, moments, counts, rate, weight_decay: float) -> None:
        """Update `values`, their two lists of `moments` and their `counts` of steps in place."""
        torch._foreach_add_(counts, 1)
        torch._fused_adamw_(
            values,
            gradients,
            *moments,
            [],
            counts,
            lr=rate,
            beta1=BETA1,
            beta2=BETA2,
            eps=EPSILON,
            weight_decay=weight_decay,
            amsgrad=False,
            maximize=False,
        )

    def sgd(self, values, gradients, velocity, rate, weight_decay: float, momentum: float) -> None:
        """Update `values` and the list of `velocity`, if there is one, in place."""
        torch._foreach_mul_(gradients, rate)
        if weight_decay:
            torch._foreach_mul_(values, 1 - rate * weight_decay)
        torch._fused_sgd_(
            values,
            gradients,
            *(velocity or [[]]),
            lr=1.0,
            momentum=momentum,
            weight_decay=0.0,
            dampening=0.0,
            nesterov=False,
            maximize=False,
            is_first_step=False,
        )

    def blend(self, average, values, share) -> None:
        """Move `average` towards `values` by a share of the difference."""
        change = torch._foreach_sub(values, average)
        torch._foreach_mul_(change, share)
        torch._foreach_add_(average, change)


class Plain:
    """The same step by public operations, one tensor at a time: slower, and equal to rounding.

    For a version of torch that has other private functions than this library was written with.
    """

    def adamw(self, values, gradients, moments, counts, rate, weight_decay: float) -> None:
        """Update as Fused.adamw does.

        (Loshchilov and Hutter, Decoupled weight decay regularization, 2019.)
        """
        for value, gradient, mean, square, count in zip(
            values, gradients, *moments, counts, strict=True
        ):
            count.add_(1)
            value.mul_(1 - rate * weight_decay)
            mean.lerp_(gradient, 1 - BETA1)
            square.mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
            # of the moments' start at zero, with the digits that 1 - 0.999 leaves
            correction1, correction2 = (1 - torch.pow(b, count.double()) for b in (BETA1, BETA2))
            scale = (square.sqrt() / correction2.sqrt()).add_(EPSILON)
            value.sub_(mean / scale * (rate / correction1))

    def sgd(self, values, gradients, velocity, rate, weight_decay: float, momentum: float) -> None:
        """Update as Fused.sgd does."""
        for number, (value, gradient) in enumerate(zip(values, gradients, strict=True)):
            step = gradient * rate
            if velocity:
                step = velocity[0][number].mul_(momentum).add_(step)
            value.mul_(1 - rate * weight_decay).sub_(step)

    def blend(self, average, values, share) -> None:
        """Move `average` towards `values` by a share of the difference."""
        for mean, value in zip(average, values, strict=True):
            mean.add_((value - mean) * share)


def fused_operations_work(dtype: torch.dtype, device: torch.device) -> bool:
    """Return whether torch has the private functions of Fused in this form, tried on one number."""

    def one() -> list[torch.Tensor]:
        return [torch.ones(1, dtype=dtype, device=device)]

    fused, rate = Fused(), torch.ones((), dtype=dtype, device=device)
    counts = [torch.zeros((), dtype=torch.float32, device=device)]
    try:
        fused.adamw(one(), one(), [one(), one()], counts, rate, 0.0)
        fused.sgd(one(), one(), [one()], rate, 0.1, 0.9)
        fused.blend(one(), one(), rate)
    except torch.OutOfMemoryError:  # a RuntimeError too, and no word about the functions
        raise
    except (AttributeError, TypeError, RuntimeError):
        return False
    return True
