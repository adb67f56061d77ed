"""What a step takes in memory: by hand for a small network, by measurement for a large one."""

import dataclasses
import multiprocessing
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from rollcall import recipes, training
from rollcall.data import store
from rollcall.runs import run
from rollcall.training import memory
from rollcall.training.backends.worker import join_run
from rollcall.training.device import prepare_process
from rollcall.training.layout import Layout
from rollcall.training.memory import fit_workers, free_bytes, step_bytes
from rollcall.training.stack import to_device
from rollcall.training.trainer import measure_step
from rollcall.util.errors import InputError

DENSE = recipes.Recipe(
    model="mlp",
    epochs=2,
    batch=16,
    learning_rate=1e-3,
    settings={"width": 32, "depth": 2},
    stack=4,
    precision="float32",
)


DEEP = recipes.Recipe(
    model="wide_resnet",
    epochs=1,
    batch=64,
    learning_rate=1e-2,
    settings={"depth": 16, "widen": 2},
    optimiser="sgd",
    ema=0.9,
)


GIB = 2**30


def test_a_small_networks_bytes_are_those_counted_by_hand(tiny):
    """Adam: weights, gradients and two moments; logits twice.

    A record: its input and the two hidden layers, which the backward pass needs.
    """
    inputs = np.prod(tiny.inputs.shape[1:])
    weights = (inputs * 32 + 32) + (32 * 32 + 32) + (32 * tiny.outputs + tiny.outputs)
    assert step_bytes(tiny, DENSE, "float32") == (
        4 * 4 * weights + 2 * 4 * len(tiny) * tiny.outputs,
        4 * (inputs + 2 * 32),
    )
    one, many = (
        step_bytes(tiny, dataclasses.replace(DEEP, views=views, augment="medium"), "float32")[0]
        for views in (1, 3)
    )
    assert many - one == 2 * 2 * 4 * len(tiny) * tiny.outputs


def peak_bytes() -> int:
    return 1024 * int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])


def steps_peak(folder, precision):
    """Bytes by which two steps raise this process's peak."""
    prepare_process("cpu")
    data = to_device(store.open_saved(folder))
    before = peak_bytes()
    measure_step(data, DEEP, Layout(), precision, steps=1)
    return peak_bytes() - before


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a process's peak is read from /proc")
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_large_networks_steps_take_no_more_than_estimated_and_not_much_less(tiny, precision):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        peak = pool.apply(steps_peak, (tiny.folder, precision))
    fixed, record = step_bytes(tiny, DEEP, precision)
    estimate = memory.BACKWARD_FACTOR * DEEP.batch * record + fixed
    assert 0.4 * estimate < peak < estimate + memory.PROCESS_BYTES / 2


def test_batches_are_split_until_all_workers_fit(tiny):
    fixed, record = step_bytes(tiny, DEEP, "float32")
    for parts in (1, 2, 8, 64):
        needs = (
            4
            * (memory.PROCESS_BYTES + fixed + memory.BACKWARD_FACTOR * record * 64 / parts)
            / memory.USABLE_SHARE
        )
        assert fit_workers(tiny, DEEP, "float32", 4, 1, available=int(needs) + 1) == (4, parts)
        assert fit_workers(tiny, DEEP, "float32", 4, 1, parts, available=int(needs) - 1) == (
            3,
            parts,
        )  # settled: fewer workers
        if parts < 64:
            assert fit_workers(tiny, DEEP, "float32", 4, 1, available=int(needs) - 1) == (
                4,
                2 * parts,
            )
    assert fit_workers(tiny, DEEP, "float32", 4, 1, available=int(needs) - 1) == (
        3,
        64,
    )  # one record at a time, then fewer workers
    with pytest.raises(
        InputError, match=r"takes 0\.5 GiB with batches in parts of 1, and 0\.2 GiB are free"
    ):
        fit_workers(tiny, DEEP, "float32", 4, 1, available=GIB // 4)
    assert (
        fit_workers(tiny, dataclasses.replace(DEEP, batch=50), "float32", 4, 1, available=GIB)[1]
        == 50
    )  # not a power of two


def test_a_run_keeps_its_parts_and_is_complete(tiny, tmp_path, monkeypatch):
    """Short of memory when it begins, with plenty later: all targets have one arithmetic."""
    fixed, record = step_bytes(tiny, DENSE, "float32")
    monkeypatch.setattr(
        memory,
        "free_bytes",
        lambda: (
            int(
                (memory.PROCESS_BYTES + 4 * (fixed + memory.BACKWARD_FACTOR * record * 4))
                / memory.USABLE_SHARE
            )
            + 1
        ),
    )
    made = run.create(tmp_path / "short", tiny, DENSE, 8)
    training.train(made, tiny, workers=1)
    assert run.open_run(made.path).config["parts"] == 4
    monkeypatch.undo()
    training.train(run.create(made.path, tiny, DENSE, 12), tiny, workers=1)
    assert not run.open_run(made.path).missing()
    assert run.open_run(made.path).config["parts"] == 4
    assert join_run(str(made.path), 12, str(tiny.folder), "cpu").trainer.layout == Layout(
        stack=4, micro_batches=4
    )
    plenty = run.create(tmp_path / "plenty", tiny, DENSE, 12)
    training.train(plenty, tiny, workers=1)
    assert run.open_run(plenty.path).config["parts"] == 1
    for target in (0, 11):
        np.testing.assert_allclose(
            np.load(made.path / f"targets/{target:04d}.npy"),
            np.load(plenty.path / f"targets/{target:04d}.npy"),
            atol=2e-3,
        )


def test_too_little_memory_is_one_line_and_trains_nothing(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "free_bytes", lambda: GIB // 8)
    made = run.create(tmp_path / "none", tiny, DENSE, 8)
    with pytest.raises(InputError, match="GiB are free"):
        training.train(made, tiny)
    assert len(made.missing()) == 8


def test_the_limit_of_a_job_counts_and_files_in_memory_do_not(tmp_path, monkeypatch):
    assert 0 < free_bytes() <= psutil.virtual_memory().total
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=5_000_000))
    assert free_bytes(tmp_path) == 5_000_000  # no cgroups
    job = tmp_path / "sys/fs/cgroup/jobs/one"
    job.mkdir(parents=True)
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/jobs/one\n")
    (job / "memory.max").write_text("max\n")
    (job.parent / "memory.max").write_text("4000000\n")
    (job.parent / "memory.current").write_text("3000000\n")
    (job.parent / "memory.stat").write_text("anon 1000000\nfile 2000000\n")
    assert free_bytes(tmp_path) == 3_000_000
    (job.parent / "memory.stat").write_text("what is this")
    assert free_bytes(tmp_path) == 5_000_000
