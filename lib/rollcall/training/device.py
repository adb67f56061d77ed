"""What a device can do: precision of training, settings of a process that trains, matmul rate."""

from __future__ import annotations

import ctypes
import sys
import time

import torch

from rollcall.models import is_given
from rollcall.models.registry import family_of
from rollcall.recipes import Recipe

# of glibc's mallopt(3), and the largest threshold that old and new versions take
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
OLD_LARGEST_BYTES, KEPT_BYTES = 2**25, 2**30


def has_bf16_cpu() -> bool:
    """Return whether this CPU has bf16 instructions (AVX-512 BF16 or AMX)."""
    return any(
        getattr(torch.cpu, name, bool)()
        for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    )


def choose_precision(recipe: Recipe, device: str) -> str:
    """Return the precision of training on a device: "float32" or "bf16".

    The recipe's. "auto": bf16 on devices that have it, for the families that it was measured
    harmless for (`bf16` in rollcall.models.registry); so small audits are float32 everywhere, and
    so are networks that a user brings, and all training with privacy.
    """
    if recipe.precision != "auto":
        return recipe.precision
    if recipe.private or is_given(recipe.model) or not family_of(recipe.model).bf16:
        return "float32"
    if device.startswith("cuda"):
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        has_bf16 = has_bf16_cpu()
    return "bf16" if has_bf16 else "float32"


def autocast(device: str, precision: str) -> torch.autocast:
    """Return the context in which networks run.

    "bf16": products in bf16, heads (rollcall.models.layers) in float32; "float32": float32
    throughout.
    """
    return torch.autocast(device.partition(":")[0], torch.bfloat16, enabled=precision == "bf16")


def device_name(device: str) -> str:
    """Return the device in words: what a measurement holds for."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else "cpu"


def wait(device: str) -> None:
    """Wait until the device has done what it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def prepare_process(device: str) -> None:
    """Set up a process that trains, before it does anything else.

    One thread; freed memory is kept; on a GPU, convolutions chosen by trying, and float32 that is
    float32: not TF32, which is the default of cuDNN and keeps 10 bits of the stored logits. Not
    cuDNN's attention either: it is the one of torch's that vmap need not know.
    """
    torch.set_num_threads(1)
    if device != "cpu":
        torch.cuda.set_device(device)
        torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32 = True, False
        torch.set_float32_matmul_precision("highest")
        torch.backends.cuda.enable_cudnn_sdp(False)
    _keep_freed_memory()


def _keep_freed_memory() -> None:
    """Let glibc keep what is freed; other C libraries stay as they are.

    It gives large blocks back to the system at once, and every step on the CPU would fault
    thousands of pages in again: a third of the time of small convolutions.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if not (hasattr(library, "mallopt") and hasattr(library, "gnu_get_libc_version")):
        return
    if any(library.mallopt(M_MMAP_THRESHOLD, most) for most in (KEPT_BYTES, OLD_LARGEST_BYTES)):
        library.mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


def measure_matmul(device: str, precision: str, size: int = 0, seconds: float = 0.5) -> float:
    """Measure the FLOP/s of products of two square matrices: the most that a network can reach.

    size: of the matrices; 0: 8192 on a GPU, 1024 on a CPU. The median over `seconds` of repeats, at
    least five.
    """
    size = size or (8192 if device.startswith("cuda") else 1024)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    times, until = [], time.perf_counter() + seconds
    while time.perf_counter() < until or len(times) < 5:
        wait(device)
        started = time.perf_counter()
        torch.matmul(left, right)
        wait(device)
        times.append(time.perf_counter() - started)
    return 2 * size**3 / sorted(times)[len(times) // 2]
