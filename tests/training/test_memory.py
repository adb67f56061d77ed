"""What a step takes in memory: by hand for a small network, by measurement for a large one; and what follows where memory is short."""

import dataclasses
import multiprocessing
import re
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from rollcall import recipes, training
from rollcall.data import store
from rollcall.runs import run
from rollcall.training import device, memory, stack, trainer
from rollcall.training import worker as workers
from rollcall.training.layout import Way
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
    """Adam: weights, gradients and two moments; logits twice. A record: its input and the two hidden layers, which the backward pass needs."""
    inputs = np.prod(tiny.inputs.shape[1:])
    weights = (inputs * 32 + 32) + (32 * 32 + 32) + (32 * tiny.outputs + tiny.outputs)
    assert memory.step(tiny, DENSE, "float32") == (
        4 * 4 * weights + 2 * 4 * len(tiny) * tiny.outputs,
        4 * (inputs + 2 * 32),
    )
    one, many = (
        memory.step(tiny, dataclasses.replace(DEEP, views=views, augment="medium"), "float32")[0]
        for views in (1, 3)
    )
    assert many - one == 2 * 2 * 4 * len(tiny) * tiny.outputs


def _most() -> int:
    return 1024 * int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])


def _peak(folder, precision):
    """Bytes by which two steps raise this process's peak."""
    device.prepare("cpu")
    ground = stack.place(store.open_saved(folder))
    before = _most()
    trainer.measure(ground, DEEP, Way(), precision, steps=1)
    return _most() - before


@pytest.mark.skipif(sys.platform != "linux", reason="a process's peak is read from /proc")
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_large_networks_steps_take_no_more_than_foreseen_and_not_much_less(tiny, precision):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        peak = pool.apply(_peak, (tiny.folder, precision))
    fixed, record = memory.step(tiny, DEEP, precision)
    foreseen = memory.BACKWARD * DEEP.batch * record + fixed
    assert 0.4 * foreseen < peak < foreseen + memory.PROCESS / 2


def test_batches_are_split_until_all_workers_fit(tiny):
    fixed, record = memory.step(tiny, DEEP, "float32")
    for parts in (1, 2, 8, 64):
        needs = 4 * (memory.PROCESS + fixed + memory.BACKWARD * record * 64 / parts) / memory.SHARE
        assert memory.fitted(tiny, DEEP, "float32", 4, 1, available=int(needs) + 1) == (4, parts)
        assert memory.fitted(tiny, DEEP, "float32", 4, 1, parts, available=int(needs) - 1) == (
            3,
            parts,
        )  # settled: fewer workers
        if parts < 64:
            assert memory.fitted(tiny, DEEP, "float32", 4, 1, available=int(needs) - 1) == (
                4,
                2 * parts,
            )
    assert memory.fitted(tiny, DEEP, "float32", 4, 1, available=int(needs) - 1) == (
        3,
        64,
    )  # one record at a time, then fewer workers
    with pytest.raises(
        InputError, match="takes 0.5 GiB with batches in parts of 1, and 0.2 GiB are free"
    ):
        memory.fitted(tiny, DEEP, "float32", 4, 1, available=GIB // 4)
    assert (
        memory.fitted(tiny, dataclasses.replace(DEEP, batch=50), "float32", 4, 1, available=GIB)[1]
        == 50
    )  # not a power of two


def test_a_run_keeps_its_parts_and_is_complete(tiny, tmp_path, monkeypatch):
    """Short of memory when it begins, with plenty later: the batches stay in parts, so that all targets have one arithmetic."""
    fixed, record = memory.step(tiny, DENSE, "float32")
    monkeypatch.setattr(
        memory,
        "free",
        lambda: (
            int((memory.PROCESS + 4 * (fixed + memory.BACKWARD * record * 4)) / memory.SHARE) + 1
        ),
    )
    made = run.create(tmp_path / "short", tiny, DENSE, 8)
    training.train(made, tiny, workers=1)
    assert run.open_run(made.path).config["parts"] == 4
    monkeypatch.undo()
    training.train(run.create(made.path, tiny, DENSE, 12), tiny, workers=1)
    assert not run.open_run(made.path).missing()
    assert run.open_run(made.path).config["parts"] == 4
    assert workers.join(str(made.path), 12, str(tiny.folder), "cpu").trainer.way == Way(
        width=4, parts=4
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
    monkeypatch.setattr(memory, "free", lambda: GIB // 8)
    made = run.create(tmp_path / "none", tiny, DENSE, 8)
    with pytest.raises(InputError, match="GiB are free"):
        training.train(made, tiny)
    assert len(made.missing()) == 8


def test_the_limit_of_a_job_counts_and_files_in_memory_do_not(tmp_path):
    system = psutil.virtual_memory().available
    assert 0 < memory.free() <= psutil.virtual_memory().total
    assert memory.free(tmp_path) == pytest.approx(system, rel=0.2)  # no cgroups
    job = tmp_path / "sys/fs/cgroup/jobs/one"
    job.mkdir(parents=True)
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/jobs/one\n")
    (job / "memory.max").write_text("max\n")
    (job.parent / "memory.max").write_text("4000000\n")
    (job.parent / "memory.current").write_text("3000000\n")
    (job.parent / "memory.stat").write_text("anon 1000000\nfile 2000000\n")
    assert memory.free(tmp_path) == 3_000_000
    (job.parent / "memory.stat").write_text("what is this")
    assert memory.free(tmp_path) == pytest.approx(system, rel=0.2)
