"""What a device can do: precision, settings of a process that trains, the rate of products."""

import dataclasses
import platform
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from rollcall import models
from rollcall.training import device
from rollcall.training.device import choose_precision
from rollcall.training.layout import Layout
from rollcall.util import files
from tests.training.common import IMAGE_RECIPE, TABLE_RECIPE, train_targets


@pytest.mark.parametrize(
    "recipe",
    [TABLE_RECIPE, IMAGE_RECIPE, dataclasses.replace(TABLE_RECIPE, model="small_cnn", settings={})],
)
def test_bf16_leaves_heads_in_float32(tiny, recipe):
    network, dtypes = models.build_for(recipe, tiny), []
    first = next(
        layer for layer in network.modules() if isinstance(layer, torch.nn.Linear | torch.nn.Conv2d)
    )
    first.register_forward_hook(lambda _, inputs, output: dtypes.append(output.dtype))
    with device.autocast("cpu", "bf16"):
        assert network(torch.zeros(2, *tiny.inputs.shape[1:])).dtype == torch.float32
    assert dtypes == [torch.bfloat16]


def test_bf16_leaves_stored_logits_in_float32(tiny, members):
    torch.set_num_threads(1)
    options = {"layout": Layout()}
    exact = train_targets(tiny, IMAGE_RECIPE, [0], members, **options)[0][0]
    rounded = train_targets(tiny, IMAGE_RECIPE, [0], members, precision="bf16", **options)[0][0]
    assert rounded.dtype == np.float32
    assert (rounded != exact).any()
    np.testing.assert_allclose(rounded, exact, atol=0.1)


@pytest.mark.parametrize("has_bf16", [True, False])
def test_precision_is_the_recipes_or_the_devices(monkeypatch, has_bf16):
    monkeypatch.setattr(device, "has_bf16_cpu", lambda: has_bf16)
    for precision in ("float32", "bf16"):
        recipe = dataclasses.replace(IMAGE_RECIPE, precision=precision)
        assert choose_precision(recipe, "cpu") == precision
    assert choose_precision(TABLE_RECIPE, "cpu") == "float32"  # a family that gains nothing
    assert choose_precision(IMAGE_RECIPE, "cpu") == ("bf16" if has_bf16 else "float32")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has_bf16)
    for model in ("mlp", "small_cnn"):  # small audits come out alike on a CPU and a GPU
        recipe = dataclasses.replace(TABLE_RECIPE, model=model)
        assert choose_precision(recipe, "cuda:0") == "float32"
    assert choose_precision(IMAGE_RECIPE, "cuda:0") == ("bf16" if has_bf16 else "float32")


def test_the_rate_of_products_is_the_median(monkeypatch):
    """By a clock of which each product takes a millisecond, but for one that takes a second."""
    times = [0.0]
    for number in range(5):
        times += [99.0, number, number + (1.0 if number == 2 else 0.001)]
    clock = iter([*times, 99.0])
    monkeypatch.setattr(device, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    rate = device.measure_matmul("cpu", "float32", 128, 0.02)
    assert rate == pytest.approx(2 * 128**3 / 0.001, rel=1e-6)


def test_products_are_timed_by_the_real_clock():
    assert 0 < device.measure_matmul("cpu", "bf16", 64, 0.01) < 1e15


MEMORY = """
import resource, sys, torch
from rollcall.training import device
if "keep" in sys.argv:
    device.prepare_process("cpu")

def is_mapped(address):
    with open("/proc/self/maps") as file:
        spans = [line.split()[0].split("-") for line in file]
    return any(int(start, 16) <= address < int(end, 16) for start, end in spans)

def allocate(count, size=2**22):  # of 16 MB, over the thresholds that glibc starts with
    return {tensor.data_ptr() for tensor in [torch.ones(size) for _ in range(count)]}

# Each is larger than any before; something else may have been mapped where one of them was.
alone = [is_mapped(*allocate(1, 2**22 + number * 2**18)) for number in range(5)]
print(all(alone))
first = set().union(*(allocate(4) for _ in range(4)))
print(all(is_mapped(address) for address in first))
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    allocate(4)
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(faults < 4 * 2**24 / resource.getpagesize())  # fewer than one of the 20 times would take
print(torch.get_num_threads())
"""


def run_memory(*arguments):
    process = subprocess.run(
        [sys.executable, "-c", MEMORY, *arguments],
        cwd=files.home(),
        capture_output=True,
        text=True,
        check=True,
    )
    return process.stdout.split()


@pytest.mark.slow
@pytest.mark.skipif(
    sys.platform != "linux" or platform.libc_ver()[0] != "glibc", reason="about glibc's allocator"
)
def test_a_worker_faults_no_memory_in_twice():
    """What it frees stays mapped, and is used again: no page of it can be faulted in anew.

    A process that is not prepared gives the first tensor back to the system.
    """
    assert run_memory("keep") == ["True", "True", "True", "1"]
    assert run_memory()[0] == "False"
