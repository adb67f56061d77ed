"""TODO."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace

import torch

from rollcall import models
from rollcall.recipes import Recipe

COMPILED_FROM = 300  # seconds that the work must take without a compiler


@dataclass(frozen=True)
class Way:
    """How targets share a device: `lanes` graphs on streams of their own, each a stack of `width` targets, through torch.compile or not.

    A batch goes through the network in `parts`, one after another, whose gradients are summed: a step is the same to rounding (dropout aside,
    whose draws are others) and takes less memory.
    """

    lanes: int = 1
    width: int = 1
    compiled: bool = False
    parts: int = 1

    @property
    def targets(self) -> int:
        return self.lanes * self.width

    def halved(self) -> Way:
        """Half as many targets at once; of a single one, its batch in twice as many parts."""
        if self.width > 1:
            return replace(self, width=self.width // 2)
        return (
            replace(self, lanes=self.lanes // 2)
            if self.lanes > 1
            else replace(self, parts=2 * self.parts)
        )


def stack_width(recipe: Recipe) -> int:
    """Targets in a stack on the CPU. The recipe's, whoever trains: the arithmetic of a target depends on it."""
    return recipe.stack if recipe.model in models.STACKED else 1


def ways(recipe: Recipe, targets: int, random: bool) -> list[Way]:
    """What is worth a measurement on a GPU for `targets` targets, the compiled ways last. `random` networks (dropout) go one after another, so that
    each has its own chance."""
    if recipe.model in models.STACKED:
        plain = [Way(width=width) for width in (1, 8, 32, 128) if width == 1 or width <= targets]
        return [*plain, replace(plain[-1], compiled=True)]
    fit = [
        way
        for way in (
            Way(),
            Way(lanes=4),
            Way(width=8),
            Way(compiled=True),
            Way(lanes=4, compiled=True),
        )
        if way.targets <= targets
    ]
    return [way for way in fit if way.targets == 1] if random else fit


def choose(
    candidates: Iterable[Way], measure: Callable[[Way], float], steps: float = math.inf
) -> tuple[Way, list[dict]]:
    """(the fastest way, what was measured). measure(way) gives seconds per step of one target; a way that lacks memory is halved until it fits.

    steps: to be trained, of all targets together. A compiler takes minutes, so its ways are left out where the best of those before needs few itself.
    A way that fails otherwise is passed over with its reason; if all fail, the plain way is taken and says why itself.
    """
    table, best, seen = [], (float("inf"), Way()), set()
    for way in candidates:
        while way not in seen and not (way.compiled and best[0] * steps < COMPILED_FROM):
            seen.add(way)
            try:
                seconds = measure(way)
            except torch.OutOfMemoryError:
                table.append(asdict(way) | {"failed": "out of memory"})
                way = way.halved()
                continue
            except Exception as error:  # a compiler that is not there, an operation that cannot be recorded or mapped
                table.append(
                    asdict(way) | {"failed": f"{type(error).__name__}: {str(error)[:200]}"}
                )
                break
            table.append(asdict(way) | {"seconds": seconds})
            best = min(best, (seconds, way), key=lambda pair: pair[0])
            break
    return best[1], table
