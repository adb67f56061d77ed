"""Training targets on one device, as many at once as its layout says."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch

from rollcall.recipes import Recipe
from rollcall.training.device import wait
from rollcall.training.layout import Layout, cpu_stack
from rollcall.training.stack import DeviceCohort, Stack

STEPS_PER_REPORT = 32  # of progress
WARM_UP_STEPS = 3  # before a measurement


class Trainer:
    """Trains targets of one recipe on one device, as many at once as `layout` says.

    Where a GPU's memory does not suffice: half as many, then half of each batch at a time. The
    stacks are made once and used for all targets.
    """

    def __init__(
        self,
        data: DeviceCohort,
        recipe: Recipe,
        layout: Layout | None = None,
        precision: str = "float32",
    ):
        self.data, self.recipe, self.precision = data, recipe, precision
        self.layout = layout or Layout(stack=cpu_stack(recipe))
        self.stacks: list[Stack] = []

    def train(
        self,
        records: list[np.ndarray],
        seeds: list[int],
        progress: Callable[[float], None] = lambda fraction: None,
    ) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        """Train one target for each entry of `records` and `seeds`; yield its logits, in order.

        records: indices of each target's members. Yields (logits, test logits), as Stack.logits.
        """
        done = 0
        while done < len(records):
            chosen = slice(done, done + self.layout.targets)
            count = len(records[chosen])
            report = partial(_report, progress, done / len(records), count / len(records))
            try:
                self._train_at_once(records[chosen], seeds[chosen], report)
            except torch.OutOfMemoryError:
                self.layout, self.stacks = self.layout.halve(), []
                torch.cuda.empty_cache()
                continue
            for number in range(count):
                yield self.stacks[number // self.layout.stack].logits(number % self.layout.stack)
            done += count

    def _train_at_once(
        self, records: list[np.ndarray], seeds: list[int], progress: Callable[[float], None]
    ) -> None:
        device, size = self.data.device, self.layout.stack
        with torch.random.fork_rng(devices=[] if device == "cpu" else [device]):
            needed = math.ceil(len(records) / size)
            while len(self.stacks) < needed:
                self.stacks.append(Stack(self.data, self.recipe, self.layout, self.precision))
            # of dropout, in models that have it: their targets train one after another
            torch.manual_seed(seeds[0])
            steps = [
                stack.train(
                    records[number * size : (number + 1) * size],
                    seeds[number * size : (number + 1) * size],
                )
                for number, stack in enumerate(self.stacks[:needed])
            ]
            for step, *_ in zip(*steps, strict=True):
                if step % STEPS_PER_REPORT == 0:
                    progress((step + 1) / self.stacks[0].steps)
        wait(device)


def _report(progress: Callable[[float], None], done: float, share: float, fraction: float) -> None:
    """Report that a `fraction` of the targets now training, a `share` of all, is done as well."""
    progress(done + fraction * share)


def measure_step(
    data: DeviceCohort, recipe: Recipe, layout: Layout, precision: str, steps: int = 20
) -> float:
    """Measure the seconds per step of one target, trained in a layout.

    Over `steps` steps after the warm-up, or as many as there are.
    """
    stacks = [Stack(data, recipe, layout, precision) for _ in range(layout.streams)]
    seeds = list(range(layout.stack))
    count = max(recipe.batch, len(data.cohort) // 2)
    records = [np.random.default_rng(seed).permutation(len(data.cohort))[:count] for seed in seeds]
    marks = [(-1, time.perf_counter())]
    for step, *_ in zip(*(stack.train(records, seeds) for stack in stacks), strict=True):
        if step in (WARM_UP_STEPS - 1, steps) or step == stacks[0].steps - 1:
            wait(data.device)
            marks.append((step, time.perf_counter()))
        if step >= steps:
            break
    (first, started), (last, ended) = marks[1 if len(marks) > 2 else 0], marks[-1]
    return (ended - started) / (last - first) / layout.targets
