"""What a device does best: the precision of training, how many targets side by side, and what the arithmetic could reach."""

from __future__ import annotations

import ctypes
import math
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace

import torch

from rollcall import models
from rollcall.recipes import Recipe

COMPILED_FROM = 300  # seconds that the work must take without a compiler
# families whose training in bf16 was measured faster on processors with bf16 products, and harmless (README, Speed); others stay in float32 there
BF16_ON_CPU = ("wide_resnet", "wrn_", "resnet1d", "vit", "tabular_resnet", "tabresnet")


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


def bf16_processor() -> bool:
    """Whether this processor multiplies bf16 itself (AVX-512 BF16 or AMX)."""
    return any(
        getattr(torch.cpu, name, bool)()
        for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    )


def precision(recipe: Recipe, device: str) -> str:
    """ "float32" or "bf16": what the recipe says; "auto" is bf16 on GPUs that have it, and on processors that have it for families that gain."""
    if recipe.precision != "auto":
        return recipe.precision
    if device.startswith("cuda"):
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = recipe.model.startswith(BF16_ON_CPU) and bf16_processor()
    return "bf16" if fast else "float32"


def autocast(device: str, how: str) -> torch.autocast:
    """The context in which networks run: bf16 products and float32 heads (rollcall.models), or float32 throughout."""
    return torch.autocast(device.partition(":")[0], torch.bfloat16, enabled=how == "bf16")


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


def name(device: str) -> str:
    """The device in words: what a measurement holds for."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else "cpu"


def wait(device: str) -> None:
    """Until the device has done what it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def prepare(device: str) -> None:
    """Settings of a process that trains, before it does anything else: one thread, memory that is freed is kept, and on a GPU convolutions that are
    chosen by trying, and float32 that is float32 (not TF32, which cuDNN takes by itself and which keeps 10 bits of the stored logits).

    glibc gives large blocks back to the system at once, and a step on the CPU would fault thousands of pages in anew: a third of the time of
    small convolutions. Other C libraries stay as they are (mallopt(3); -1 M_TRIM_THRESHOLD, -3 M_MMAP_THRESHOLD, which older versions limit to 32 MB).
    """
    torch.set_num_threads(1)
    if device != "cpu":
        torch.cuda.set_device(device)
        torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32 = True, False
        torch.set_float32_matmul_precision("highest")
    if (
        sys.platform == "linux"
        and hasattr(library := ctypes.CDLL(None), "mallopt")
        and hasattr(library, "gnu_get_libc_version")
    ):
        if library.mallopt(-3, 2**30) or library.mallopt(-3, 2**25):
            library.mallopt(-1, 2**30)


def product_rate(device: str, how: str, size: int = 0, seconds: float = 0.5) -> float:
    """FLOP/s of products of two square matrices, the most that a network can hope for: median over `seconds` of repeats."""
    size = size or (8192 if device.startswith("cuda") else 1024)
    kind = torch.bfloat16 if how == "bf16" else torch.float32
    left, right = (torch.randn(size, size, device=device).to(kind) for _ in range(2))
    times, until = [], time.perf_counter() + seconds
    while time.perf_counter() < until or len(times) < 5:
        wait(device)
        started = time.perf_counter()
        left @ right
        wait(device)
        times.append(time.perf_counter() - started)
    return 2 * size**3 / sorted(times)[len(times) // 2]
