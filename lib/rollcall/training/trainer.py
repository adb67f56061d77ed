"""Training targets on one device, as many at once as its layout says."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from rollcall import models
from rollcall.models.given import explain_error, list_code
from rollcall.models.seeds import seeded
from rollcall.recipes import Recipe
from rollcall.training.device import device_name, wait
from rollcall.training.feeding import STEPS_PER_CHUNK
from rollcall.training.gpu.failures import (
    DeviceLostError,
    describe_failure,
    device_answers,
    free_memory,
    is_out_of_memory,
)
from rollcall.training.layout import Layout, cpu_stack
from rollcall.training.private.stack import PrivateStack
from rollcall.training.private.terms import Terms, find_terms, sketch_terms
from rollcall.training.stack import DeviceCohort, Stack
from rollcall.util.errors import InputError

STEPS_PER_REPORT = 32  # of progress
WARM_UP_STEPS = 3  # before a measurement
SECONDS_TO_FEED = 20  # of a measurement that includes the feeding, at most

# (layout that failed, why, whether for good): called before another layout takes over
NoteFailure = Callable[[Layout, str, bool], None]
Logits = tuple[np.ndarray, np.ndarray | None]


class Trainer:
    """Trains targets of one recipe on one device, as many at once as `layout` says.

    Where the device's memory does not suffice: half as many, then half of each batch at a time.
    Where a layout fails otherwise on a GPU: the plain one, from there on. Targets that have no
    logits yet begin again, from their seeds. The stacks are made once and used for all targets.
    terms: of a recipe with privacy; None: they are found here.
    """

    def __init__(
        self,
        data: DeviceCohort,
        recipe: Recipe,
        layout: Layout | None = None,
        precision: str = "float32",
        note_failure: NoteFailure = lambda layout, reason, for_good: None,
        terms: Terms | None = None,
    ):
        self.data, self.recipe, self.precision = data, recipe, precision
        self.name, self.note_failure = device_name(data.device), note_failure
        self.layout = layout or Layout(stack=cpu_stack(recipe))
        self.terms = terms or (find_terms(recipe, data.cohort) if recipe.private else None)
        self.stacks: list[Stack] = []
        self.spread: np.ndarray | None = None  # Stack.spread of the target whose logits came last

    def train(
        self,
        records: list[np.ndarray],
        seeds: list[int],
        progress: Callable[[float], None] = lambda fraction: None,
    ) -> Iterator[Logits]:
        """Train one target for each entry of `records` and `seeds`; yield its logits, in order.

        records: indices of each target's members. Yields (logits, test logits), as Stack.logits.
        DeviceLostError if the device fails for good; what the plain layout fails by is raised.
        """
        done = 0
        while done < len(records):
            group = slice(done, done + self.layout.targets)
            count = len(records[group])
            report = partial(_report, progress, done / len(records), count / len(records))
            results, last = self._train_group(records[group], seeds[group], report), done + count
            reason, lacks_memory = "", False
            while done < last and not reason:
                try:
                    logits = next(results)
                except Exception as error:
                    lacks_memory = is_out_of_memory(error)
                    if not lacks_memory and not self._has_another_layout(error):
                        if blame := self._blame(error):
                            raise blame from error
                        raise
                    reason = describe_failure(error)
                else:
                    done += 1
                    yield logits
            if reason:  # outside of `except`, where the traceback held the stacks
                del results
                self._take_another_layout(reason, lacks_memory)

    def _blame(self, error: Exception) -> InputError | None:
        """Return the InputError for what fails in the code of a user's network, on a CPU."""
        if self.data.device != "cpu" or not models.is_given(self.recipe.model):
            return None
        code = list_code(models.find_given(self.recipe), self.recipe.files)
        return explain_error(error, f"training {self.recipe.model!r} failed", code)

    def _train_group(
        self, records: list[np.ndarray], seeds: list[int], progress: Callable[[float], None]
    ) -> Iterator[Logits]:
        """Train targets side by side; then compute the logits of each."""
        self._train_at_once(records, seeds, progress)
        for number in range(len(records)):
            stack, place = self.stacks[number // self.layout.stack], number % self.layout.stack
            self.spread = stack.spread(place)
            yield stack.logits(place)

    def _train_at_once(
        self, records: list[np.ndarray], seeds: list[int], progress: Callable[[float], None]
    ) -> None:
        device, size = self.data.device, self.layout.stack
        # of dropout, in models that have it: their targets train one after another
        with seeded(seeds[0], device):
            needed = math.ceil(len(records) / size)
            while len(self.stacks) < needed:
                made = make_stack(self.data, self.recipe, self.layout, self.precision, self.terms)
                self.stacks.append(made)
            steps = [
                stack.train(
                    records[number * size : (number + 1) * size],
                    seeds[number * size : (number + 1) * size],
                )
                for number, stack in enumerate(self.stacks[:needed])
            ]
            due = 1
            for issued, *_ in zip(*steps, strict=True):
                if issued >= due:
                    progress(issued / self.stacks[0].steps)
                    due = issued + STEPS_PER_REPORT
        wait(device)

    def _has_another_layout(self, error: Exception) -> bool:
        """Say whether another layout may do what this one failed in; a CPU's has none beside it."""
        is_chosen = self.layout.recorded or self.layout.compiled or self.data.device != "cpu"
        is_plain = self.layout == self.layout.plain()
        return is_chosen and not is_plain and not isinstance(error, InputError)

    def _take_another_layout(self, reason: str, lacks_memory: bool) -> None:
        failed, is_lost = self.layout, not device_answers(self.data.device)
        self.layout, self.stacks = failed.halve() if lacks_memory else failed.plain(), []
        self.note_failure(failed, reason, is_lost or not lacks_memory)
        if is_lost:
            raise DeviceLostError(
                f"{self.data.device} ({self.name}) failed for good in {failed}: {reason}; the same "
                "command resumes with targets one after another (a Dask worker is started anew)"
            )
        free_memory(self.data.device)


def _report(progress: Callable[[float], None], done: float, share: float, fraction: float) -> None:
    """Report that a `fraction` of the targets now training, a `share` of all, is done as well."""
    progress(done + fraction * share)


def make_stack(
    data: DeviceCohort, recipe: Recipe, layout: Layout, precision: str, terms: Terms | None
) -> Stack:
    """Make a stack of a recipe's targets: a private one where there are terms."""
    if terms:
        return PrivateStack(data, recipe, layout, precision, terms)
    return Stack(data, recipe, layout, precision)


def measure_step(
    data: DeviceCohort, recipe: Recipe, layout: Layout, precision: str, steps: int = 20
) -> float:
    """Measure the seconds per step of one target, trained in a layout.

    Over `steps` steps after the warm-up, or as many as there are. On a GPU, where a step is short,
    over two chunks of what the host feeds it with.
    """
    terms = sketch_terms(recipe, data.cohort) if recipe.private else None
    stacks = [make_stack(data, recipe, layout, precision, terms) for _ in range(layout.streams)]
    seeds = list(range(layout.stack))
    count = max(recipe.batch, len(data.cohort) // 2)
    records = [np.random.default_rng(seed).permutation(len(data.cohort))[:count] for seed in seeds]
    issued = (step for step, *_ in zip(*(one.train(records, seeds) for one in stacks), strict=True))
    return seconds_per_step(issued, data.device, steps) / layout.targets


def seconds_per_step(issued: Iterator[int], device: str, steps: int) -> float:
    """Measure the seconds of a step, as measure_step; issued: the number of steps, again and again.

    Without the feeding where its part cannot count: where two chunks take over SECONDS_TO_FEED.
    """

    def go_on(least: int, before: tuple[int, float]) -> tuple[int, float]:
        """Go on until `least` steps are done; return the number of them, and the time."""
        done = before[0]
        while done < least and (step := next(issued, 0)):
            done = step
        if done == before[0]:
            return before
        wait(device)
        return done, time.perf_counter()

    def rate(first: tuple[int, float], last: tuple[int, float]) -> float:
        return (last[1] - first[1]) / (last[0] - first[0])

    started = (0, time.perf_counter())
    warm = go_on(min(WARM_UP_STEPS, steps + 1), started)
    last = go_on(steps + 1, warm)
    seconds = rate(warm if warm != last else started, last)
    if device != "cpu" and 2 * STEPS_PER_CHUNK * seconds < SECONDS_TO_FEED:
        first = go_on(STEPS_PER_CHUNK, last)
        last = go_on(first[0] + 2 * STEPS_PER_CHUNK, first)
        if last != first:
            seconds = rate(first, last)
    return seconds
