"""How targets share a device: how many at once, in stacks and streams, and in micro-batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace

import torch

from rollcall.models.registry import family_of
from rollcall.recipes import Recipe

# a compiler is tried only where the best layout without it needs more seconds than this in all
MIN_SECONDS_TO_COMPILE = 300
MICRO_BATCHES_KEY = "parts"  # of a run on CPUs, in run.json


@dataclass(frozen=True)
class Layout:
    """How targets share a device.

    streams        stacks that train side by side, each a CUDA graph on a stream of its own
    stack          targets in a stack, trained as batched products
    compiled       through torch.compile or not
    micro_batches  that a batch goes through the network in, one after another; their gradients are
                   summed. A step is the same to rounding (but for dropout, whose draws are others)
                   and takes less memory
    """

    streams: int = 1
    stack: int = 1
    compiled: bool = False
    micro_batches: int = 1

    @property
    def targets(self) -> int:
        """Targets that train at once."""
        return self.streams * self.stack

    def halve(self) -> Layout:
        """Return half as many targets at once; for a single one, twice as many micro-batches."""
        if self.stack > 1:
            return replace(self, stack=self.stack // 2)
        if self.streams > 1:
            return replace(self, streams=self.streams // 2)
        return replace(self, micro_batches=2 * self.micro_batches)

    def to_config(self) -> dict:
        """Return the layout under the keys of run.json, which are those of version 0.1.0."""
        return {
            "lanes": self.streams,
            "width": self.stack,
            "compiled": self.compiled,
            "parts": self.micro_batches,
        }

    @classmethod
    def from_config(cls, config: dict) -> Layout:
        """Read a layout back from run.json; the oldest runs have no `parts`, and had one."""
        return cls(config["lanes"], config["width"], config["compiled"], config.get("parts", 1))


def config_key(device_name: str) -> str:
    """Return the key of run.json under which the layout on a kind of GPU stands."""
    return f"way on {device_name}"


def cpu_stack(recipe: Recipe) -> int:
    """Return the number of targets in a stack on the CPU: the recipe's, or 1.

    It is part of the recipe, whoever trains: the arithmetic of a target depends on it.
    """
    return recipe.stack if family_of(recipe.model).stacked else 1


def list_layouts(recipe: Recipe, targets: int, has_dropout: bool) -> list[Layout]:
    """List the layouts that are worth a measurement on a GPU, the compiled ones last.

    targets: of the run. Networks with dropout are never stacked or trained in streams, so that each
    target draws its own masks.
    """
    if family_of(recipe.model).stacked:
        plain = [Layout(stack=stack) for stack in (1, 8, 32, 128) if stack == 1 or stack <= targets]
        return [*plain, replace(plain[-1], compiled=True)]
    layouts = (
        Layout(),
        Layout(streams=4),
        Layout(stack=8),
        Layout(compiled=True),
        Layout(streams=4, compiled=True),
    )
    most = 1 if has_dropout else targets
    return [layout for layout in layouts if layout.targets <= most]


def choose_layout(
    layouts: Iterable[Layout], measure: Callable[[Layout], float], steps: float = math.inf
) -> tuple[Layout, list[dict]]:
    """Return the fastest of `layouts`, and what was measured of each.

    measure(layout): seconds per step of one target; a layout that lacks memory is halved until it
    fits. steps: to be trained, of all targets together; a compiler takes minutes, so its layouts
    are left out where the best of those before needs few. A layout that fails otherwise is passed
    over with its reason; if all fail, the plain one is taken, and gives its reason when it trains.
    """
    table: list[dict] = []
    tried: set[Layout] = set()
    fastest, best = Layout(), math.inf
    for candidate in layouts:
        layout = candidate
        while layout not in tried and not (
            layout.compiled and best * steps < MIN_SECONDS_TO_COMPILE
        ):
            tried.add(layout)
            try:
                seconds = measure(layout)
            except torch.OutOfMemoryError:
                table.append(asdict(layout) | {"failed": "out of memory"})
                layout = layout.halve()
                continue
            except Exception as error:
                # a compiler that is not there, an operation that cannot be recorded or stacked
                reason = f"{type(error).__name__}: {str(error)[:200]}"
                table.append(asdict(layout) | {"failed": reason})
                break
            table.append(asdict(layout) | {"seconds": seconds})
            if seconds < best:
                fastest, best = layout, seconds
            break
    return fastest, table
