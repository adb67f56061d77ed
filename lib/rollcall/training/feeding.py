"""What steps are fed with: records and augmentations of all targets of a stack, drawn in chunks."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

from rollcall.recipes import Recipe
from rollcall.training import augmentation
from rollcall.training.batches import draw_batches

# steps whose records and augmentations are drawn, and sent to the device, at once
STEPS_PER_CHUNK = 64
Item = TypeVar("Item")


@dataclass(frozen=True)
class Chunk:
    """What some steps are fed with.

    indices (steps, accumulate, targets, batch): records. draws: operation of the augmentation ->
    (steps, accumulate, targets, batch, ...).
    """

    indices: torch.Tensor
    draws: dict[str, torch.Tensor]

    def to(self, device: str) -> Chunk:
        """Send it to a GPU, without waiting for it."""

        def send(values: torch.Tensor) -> torch.Tensor:
            return values.pin_memory().to(device, non_blocking=True)

        return Chunk(send(self.indices), {name: send(draws) for name, draws in self.draws.items()})


def draw_chunks(
    recipe: Recipe,
    image_size: tuple[int, ...],
    records: list[np.ndarray],
    seeds: list[int],
    steps: int,
) -> Iterator[Chunk]:
    """Draw what `steps` steps are fed with, every target's from generators of its own seed.

    records: of each target, indices. image_size: height and width, for the augmentation.
    """
    batches = [
        draw_batches(seed, members, recipe.batch, steps * recipe.accumulate)
        for seed, members in zip(seeds, records, strict=True)
    ]
    rngs = [np.random.default_rng([seed, 1]) for seed in seeds]  # of the augmentations
    for first in range(0, steps, STEPS_PER_CHUNK):
        count = min(STEPS_PER_CHUNK, steps - first)
        indices = np.stack(
            [
                [[next(batch) for batch in batches] for _ in range(recipe.accumulate)]
                for _ in range(count)
            ]
        )
        draws = [draw_augmentations(recipe, image_size, rngs) for _ in range(count)]
        yield Chunk(
            torch.from_numpy(indices),
            {name: torch.from_numpy(np.stack([one[name] for one in draws])) for name in draws[0]},
        )


def draw_augmentations(
    recipe: Recipe, image_size: tuple[int, ...], rngs: list[np.random.Generator]
) -> dict[str, np.ndarray]:
    """Draw the augmentation of one step, every target's from its own generator.

    Operation -> (accumulate, targets, batch, ...).
    """
    if recipe.augment == "none":
        return {}
    draws = [
        [augmentation.draw(recipe.augment, rng, recipe.batch, *image_size) for rng in rngs]
        for _ in range(recipe.accumulate)
    ]
    return {
        name: np.stack([np.stack([one[name] for one in batch]) for batch in draws])
        for name in draws[0][0]
    }


def make_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Yield the items of an iterator; a thread makes the next one while this one is used."""
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(next, items, None)
        while (item := waiting.result()) is not None:
            waiting = thread.submit(next, items, None)
            yield item
