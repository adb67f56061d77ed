"""Training on Dask: real schedulers and workers in processes of their own."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

from rollcall import recipes, training
from rollcall.runs import run
from rollcall.util import files
from rollcall.util.errors import InputError

RECIPE = recipes.Recipe(
    model="mlp",
    epochs=30,
    batch=16,
    learning_rate=1e-3,
    settings={"width": 32, "depth": 2},
    stack=2,
)


def dask(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *map(str, arguments)],
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(files.PACKAGE.parent)},
    )


def dask_worker(file, *options):
    return dask(
        "worker",
        "--scheduler-file",
        file,
        "--nthreads",
        1,
        "--no-nanny",
        "--no-dashboard",
        "--host",
        "127.0.0.1",
        *options,
    )


@contextlib.contextmanager
def cluster(folder, count, *options):
    """A scheduler file, and the worker processes of its scheduler."""
    file = folder / "scheduler.json"
    options_of_scheduler = ("--host", "127.0.0.1", "--port", 0, "--no-dashboard")
    processes = [dask("scheduler", *options_of_scheduler, "--scheduler-file", file)]
    try:
        while not file.exists():
            assert processes[0].poll() is None
            time.sleep(0.05)
        workers = [dask_worker(file, *options) for _ in range(count)]
        processes += workers
        yield file, workers
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.mark.slow
def test_workers_of_a_scheduler_train_the_same_targets_and_a_lost_one_costs_nothing(tiny, tmp_path):
    alone = run.create(tmp_path / "alone", tiny, RECIPE, 16)
    training.train(alone, tiny, workers=1)
    shared = run.create(tmp_path / "shared", tiny, RECIPE, 16)
    reported, killed, stamps = [], [], {}
    with cluster(tmp_path, 2) as (file, processes):

        def progress(done):
            reported.append(done)
            for path in (shared.path / "targets").glob("*.json"):
                stamps.setdefault(path.name, set()).add(path.stat().st_mtime_ns)
            if done and not killed:
                killed.append(processes[0].pid)
                os.kill(processes[0].pid, signal.SIGKILL)

        training.train(shared, tiny, progress=progress, scheduler=str(file))
    assert killed
    assert reported[-1] == 16
    assert reported == sorted(reported)
    assert all(len(times) == 1 for times in stamps.values())  # nothing was stored twice
    for target in range(16):
        assert (shared.logits(target) == alone.logits(target)).all()
    assert run.open_run(shared.path).config["finished"]


@pytest.mark.slow
def test_what_is_wrong_with_a_scheduler_is_one_line(tiny, tmp_path):
    made = run.create(tmp_path / "r", tiny, RECIPE, 8)
    with pytest.raises(InputError, match="there is no such file"):
        training.train(made, tiny, scheduler=str(tmp_path / "none.json"))
    with (
        cluster(tmp_path, 1, "--nthreads", 2) as (file, _),
        pytest.raises(InputError, match="start workers with --nthreads 1"),
    ):
        training.train(made, tiny, scheduler=str(file))
