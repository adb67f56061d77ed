"""What goes into a target's training: its seed, its batches of records, and their number."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from rollcall.recipes import Recipe


def target_seed(seed: int, target: int, attempt: int = 0) -> int:
    """Return the seed of everything random in one target: initial weights and order of records.

    seed: the run's. attempt: how often the target has diverged; each attempt has another seed.
    """
    entropy = [seed, target, 1, *([attempt] if attempt else [])]
    return int(np.random.SeedSequence(entropy).generate_state(1)[0])


def draw_batches(seed: int, records: np.ndarray, batch: int, steps: int) -> Iterator[np.ndarray]:
    """Yield `steps` full batches (batch,) of a target's `records` (indices).

    The records are shuffled again each time they run out: none comes twice before all have come.
    """
    rng = np.random.default_rng(seed)
    waiting = np.empty(0, records.dtype)
    for _ in range(steps):
        while len(waiting) < batch:
            waiting = np.concatenate([waiting, rng.permutation(records)])
        yield waiting[:batch]
        waiting = waiting[batch:]


def count_steps(recipe: Recipe, records: int) -> int:
    """Count the optimiser's steps of every target: `epochs` passes over half the records.

    The same for all targets, however many records a half of the patients has.
    """
    return max(1, round(recipe.epochs * records / 2 / (recipe.batch * recipe.accumulate)))


def as_input(batch: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
    """Turn stored inputs into what networks take, in float32.

    uint8 images to [-1, 1]; anything else times the cohort's scale.
    """
    if batch.dtype == torch.uint8:
        return batch.float().div_(127.5).sub_(1)
    return batch.float() if scale == 1 else batch.float().mul_(scale)
