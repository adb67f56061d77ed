"""TODO."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import sys
import time

import torch

from rollcall.data.cohort import Cohort
from rollcall.runs.run import Run
from rollcall.training import layout
from rollcall.training.worker import _fitted, join
from rollcall.util.errors import InputError
from rollcall.util.parallel import cores


def _processes(run: Run, cohort: Cohort, workers: int | None, progress, missing: int) -> None:
    gpus = torch.cuda.device_count()
    workers = max(
        1,
        min(
            workers or gpus or cores(),
            missing if gpus else math.ceil(missing / layout.stack_width(run.recipe)),
        ),
    )
    if not gpus:
        workers, _ = _fitted(run, cohort, workers)
    context = multiprocessing.get_context(
        "spawn" if gpus or sys.platform != "linux" else "forkserver"
    )
    if context.get_start_method() == "forkserver":
        context.set_forkserver_preload(
            ["rollcall.training.worker"]
        )  # torch is loaded once, and its pages are shared
    done, pipes, processes = context.RawArray("d", workers), [], []
    for worker in range(workers):
        ours, theirs = context.Pipe(duplex=False)
        pipes.append(ours)
        processes.append(
            context.Process(
                target=_work,
                daemon=True,
                args=(
                    str(run.path),
                    run.targets,
                    str(cohort.folder),
                    f"cuda:{worker % gpus}" if gpus else "cpu",
                    done,
                    worker,
                    theirs,
                ),
            )
        )
    with single_threaded_environment():
        for process in processes:
            process.start()
    try:
        while any(process.is_alive() for process in processes):
            if progress:
                progress(min(sum(done), missing))
            time.sleep(0.1)
        for pipe in pipes:
            with contextlib.suppress(EOFError, OSError):  # a worker that was killed says nothing
                if pipe.poll() and run.missing():
                    raise InputError(pipe.recv())
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()
    failed = [process.exitcode for process in processes if process.exitcode]
    if failed and run.missing():
        raise RuntimeError(
            f"{len(failed)} of {workers} training processes ended with {failed}; {len(run.missing())} targets are "
            f"missing. Their messages are above, their logs in {run.path / 'logs'}; the same command resumes"
        )


@contextlib.contextmanager
def single_threaded_environment(needed: bool = True):
    """Children started inside compute with one thread each: as fast in all, and the same arithmetic on every machine size."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS") if needed else ()
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


def _work(
    run_path: str, targets: int, cohort_folder: str, device: str, done, number: int, said
) -> None:
    """A worker process: train stacks of missing targets until none is left, waiting for those that others hold. What is wrong goes through `said`."""
    parent, finished = multiprocessing.parent_process(), 0

    def report(trained: float) -> None:
        done[number] = finished + trained
        if not parent.is_alive():  # the one who asked is gone: leave the targets to whoever resumes
            os._exit(1)

    try:
        worker = join(run_path, targets, cohort_folder, device)
        while missing := worker.run.missing():
            trained = worker.train(missing, report, worker.trainer.way.targets)
            finished += trained
            report(0)
            if not trained:
                time.sleep(0.5)
    except InputError as error:
        said.send(str(error))
        raise SystemExit(1) from None
