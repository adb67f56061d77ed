"""How targets share a device: how many at once, in stacks and streams, and in micro-batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace

from rollcall.models import is_given
from rollcall.models.registry import family_of
from rollcall.recipes import Recipe
from rollcall.training.gpu.failures import describe_failure, is_out_of_memory

# a compiler is tried only where the best layout without it needs more seconds than this in all
MIN_SECONDS_TO_COMPILE = 300
# more are not tried: what lacks memory then lacks it for other things, as for the cohort
MOST_MICRO_BATCHES = 1024
MICRO_BATCHES_KEY = "parts"  # of a run on CPUs, in run.json
NETWORK_KEY = "network"  # in run.json: what rollcall.models.given.traits says of it


@dataclass(frozen=True)
class Layout:
    """How targets share a device; by default the plain way, which always exists.

    streams        stacks that train side by side, each on a stream of its own
    stack          targets in a stack, trained as batched products
    compiled       through torch.compile or not
    micro_batches  that a batch goes through the network in, one after another; their gradients are
                   summed. A step is the same to rounding (but for dropout, whose draws are others)
                   and takes less memory
    recorded       steps as CUDA graphs, or one operation after another; never on a CPU
    """

    streams: int = 1
    stack: int = 1
    compiled: bool = False
    micro_batches: int = 1
    recorded: bool = False

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

    def plain(self) -> Layout:
        """Return the layout that can do without all the others: one target after another."""
        return Layout(micro_batches=self.micro_batches)

    def to_config(self) -> dict:
        """Return the layout under the keys of run.json: those of version 0.1.0, and `recorded`."""
        return {
            "lanes": self.streams,
            "width": self.stack,
            "compiled": self.compiled,
            "parts": self.micro_batches,
            "recorded": self.recorded,
        }

    @classmethod
    def from_config(cls, config: dict) -> Layout:
        """Read a layout back from run.json.

        The oldest runs have no `parts`, and had one; they have no `recorded`, and all were.
        """
        return cls(
            config["lanes"],
            config["width"],
            config["compiled"],
            config.get("parts", 1),
            config.get("recorded", True),
        )


def config_key(device_name: str) -> str:
    """Return the key of run.json under which the layout on a kind of GPU stands."""
    return f"way on {device_name}"


def failed_key(device_name: str) -> str:
    """Return the key of run.json that says why this layout failed in training, if it has."""
    return f"{config_key(device_name)} failed"


def cpu_stack(recipe: Recipe, network: dict | None = None) -> int:
    """Return the number of targets in a stack on the CPU: the recipe's, or 1.

    It is part of the recipe, whoever trains: the arithmetic of a target depends on it. network: of
    run.json, NETWORK_KEY, which says whether a network that a user brings can be stacked.
    """
    if is_given(recipe.model):
        is_stacked = network is not None and network["is_stacked"]
    else:
        is_stacked = family_of(recipe.model).stacked
    return recipe.stack if is_stacked else 1


def list_layouts(
    recipe: Recipe, targets: int, has_dropout: bool, network: dict | None = None
) -> list[Layout]:
    """List the layouts that are worth a measurement on a GPU: first the plain, last the compiled.

    targets, network: of the run. Networks with dropout are never stacked or trained in streams, so
    that each target draws its own masks. Those that a user brings are neither recorded nor
    compiled: what they do in a step may not be the same each time. Private training is neither.
    """
    if recipe.private:  # how many chunks a step has is drawn: nothing to record or compile
        sizes = (1, 8, 32) if cpu_stack(recipe, network) > 1 else (1,)
        return [Layout(stack=size) for size in sizes if size == 1 or size <= targets]
    if is_given(recipe.model):
        sizes = (1, 8, 32) if network is not None and network["is_stacked"] else (1,)
        return [Layout(stack=size) for size in sizes if size == 1 or size <= targets]
    if family_of(recipe.model).stacked:
        sizes = [size for size in (1, 8, 32, 128) if size == 1 or size <= targets]
        largest = Layout(stack=sizes[-1], recorded=True)
        layouts = [
            Layout(),
            *(Layout(stack=size, recorded=True) for size in sizes),
            replace(largest, recorded=False),
            replace(largest, compiled=True),
        ]
    else:
        layouts = [
            Layout(),
            Layout(recorded=True),
            Layout(streams=4, recorded=True),
            Layout(stack=8, recorded=True),
            Layout(recorded=True, compiled=True),
            Layout(streams=4, recorded=True, compiled=True),
        ]
    most = 1 if has_dropout else max(1, targets)
    return list(dict.fromkeys(layout for layout in layouts if layout.targets <= most))


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
        while (
            layout not in tried
            and layout.micro_batches <= MOST_MICRO_BATCHES
            and not (layout.compiled and best * steps < MIN_SECONDS_TO_COMPILE)
        ):
            tried.add(layout)
            try:
                seconds = measure(layout)
            except Exception as error:
                # no compiler, an operation that cannot be recorded or stacked, a process that died
                lacks_memory = is_out_of_memory(error)
                reason = "out of memory" if lacks_memory else describe_failure(error)
                table.append(asdict(layout) | {"failed": reason})
                if not lacks_memory:
                    break
                layout = layout.halve()
                continue
            table.append(asdict(layout) | {"seconds": seconds})
            if seconds < best:
                fastest, best = layout, seconds
            break
    return fastest, table
