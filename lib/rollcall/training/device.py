"""What a device does best: the precision of training, how many targets side by side, and what the arithmetic could reach."""

from __future__ import annotations

import ctypes
import sys
import time

import torch

from rollcall.recipes import Recipe

# families whose training in bf16 was measured faster on processors with bf16 products, and harmless (README, Speed); others stay in float32 there
BF16_ON_CPU = ("wide_resnet", "wrn_", "resnet1d", "vit", "tabular_resnet", "tabresnet")


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
