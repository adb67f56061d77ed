"""TODO."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
import torch

from rollcall.data.cohort import Cohort
from rollcall.recipes import Recipe
from rollcall.training import device as _device
from rollcall.training import layout
from rollcall.training.layout import Way
from rollcall.training.stack import Ground, Lane, place
from rollcall.util.errors import InputError


class Trainer:
    """Trains targets of one recipe on one device, as many at once as `way` says; where a GPU's memory does not suffice, half as many, or half a batch."""

    def __init__(
        self, ground: Ground, recipe: Recipe, way: Way | None = None, precision: str = "float32"
    ):
        self.ground, self.recipe, self.precision = ground, recipe, precision
        self.way, self.lanes = way or Way(width=layout.stack_width(recipe)), []

    def train(
        self,
        own: list[np.ndarray],
        seeds: list[int],
        progress: Callable[[float], None] = lambda fraction: None,
    ):
        """Yield (logits, test logits) of each target, in order: own (its records) and seeds have an entry for each."""
        done = 0
        while done < len(own):
            part = slice(done, done + self.way.targets)
            try:
                self._run(
                    own[part],
                    seeds[part],
                    lambda fraction: progress((done + fraction * len(own[part])) / len(own)),
                )
            except torch.OutOfMemoryError:
                self.way, self.lanes = self.way.halved(), []
                torch.cuda.empty_cache()
                continue
            for at in range(len(own[part])):
                yield self.lanes[at // self.way.width].logits(at % self.way.width)
            done += len(own[part])

    def _run(
        self, own: list[np.ndarray], seeds: list[int], progress: Callable[[float], None]
    ) -> None:
        device, width = self.ground.device, self.way.width
        with torch.random.fork_rng(devices=[device] if device != "cpu" else []):
            needed = math.ceil(len(own) / width)
            while len(self.lanes) < needed:
                self.lanes.append(Lane(self.ground, self.recipe, self.way, self.precision))
            torch.manual_seed(
                seeds[0]
            )  # of dropout, in models that have it; those train one after another
            for step, *_ in zip(
                *(
                    lane.train(
                        own[at * width : (at + 1) * width], seeds[at * width : (at + 1) * width]
                    )
                    for at, lane in enumerate(self.lanes[:needed])
                )
            ):
                if step % 32 == 0:
                    progress((step + 1) / self.lanes[0].steps)
        _device.wait(device)


def train_stack(
    cohort: Cohort,
    recipe: Recipe,
    own: list[np.ndarray],
    seeds: list[int],
    device: str = "cpu",
    progress: Callable[[float], None] = lambda fraction: None,
    precision: str = "float32",
):
    """Train one target per entry of `own` (its records) and `seeds`; yield (logits, test logits) of each, float32.

    logits (records, outputs), or (records, views, outputs) if the recipe has several views; test logits (test records, outputs), or None
    without a test set. Fewer targets than the recipe's stack are filled up with copies of the last, so that the arithmetic stays the same.
    """
    width = layout.stack_width(recipe)
    if not 1 <= len(own) <= width:
        raise InputError(f"{len(own)} targets for a stack of {width}")
    yield from Trainer(place(cohort, device), recipe, precision=precision).train(
        own, seeds, progress
    )


def measure(ground: Ground, recipe: Recipe, way: Way, precision: str, steps: int = 20) -> float:
    """Seconds per step of one target, trained in this way, over `steps` steps after the first three (or as many as there are); for device.choose."""
    lanes = [Lane(ground, recipe, way, precision) for _ in range(way.lanes)]
    seeds = list(range(way.width))
    own = [
        np.random.default_rng(seed).permutation(len(ground.cohort))[
            : max(recipe.batch, len(ground.cohort) // 2)
        ]
        for seed in seeds
    ]
    marks = [(-1, time.perf_counter())]
    for step, *_ in zip(*(lane.train(own, seeds) for lane in lanes)):
        if step in (2, steps) or step == lanes[0].steps - 1:
            _device.wait(ground.device)
            marks.append((step, time.perf_counter()))
        if step >= steps:
            break
    (first, started), (last, ended) = marks[1 if len(marks) > 2 else 0], marks[-1]
    return (ended - started) / (last - first) / way.targets
