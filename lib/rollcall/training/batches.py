"""What goes into a target's training: its seed, its batches of records, their number, and inputs as networks take them."""

from __future__ import annotations

import numpy as np
import torch

from rollcall.recipes import Recipe


def target_seed(seed: int, target: int, attempt: int = 0) -> int:
    """The seed of everything random in one target: its initial weights and its order of records. Another one for each attempt after a divergence."""
    return int(
        np.random.SeedSequence([seed, target, 1, *([attempt] if attempt else [])]).generate_state(
            1
        )[0]
    )


def batches(seed: int, own: np.ndarray, batch: int, steps: int):
    """Yield `steps` full batches (batch,) of record indices: the records `own`, shuffled anew each time they run out."""
    rng = np.random.default_rng(seed)
    waiting = np.empty(0, own.dtype)
    for _ in range(steps):
        while len(waiting) < batch:
            waiting = np.concatenate([waiting, rng.permutation(own)])
        yield waiting[:batch]
        waiting = waiting[batch:]


def steps_of(recipe: Recipe, records: int) -> int:
    """Optimiser steps of every target: `epochs` passes over half the records. The same for all, however many records a half has."""
    return max(1, round(recipe.epochs * records / 2 / (recipe.batch * recipe.accumulate)))


def as_input(batch: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
    """uint8 images to float32 in [-1, 1]; anything else to float32, times the cohort's scale."""
    if batch.dtype == torch.uint8:
        return batch.float().div_(127.5).sub_(1)
    return batch.float() if scale == 1 else batch.float().mul_(scale)
