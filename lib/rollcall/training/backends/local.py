"""Worker processes of this machine: one a core on the CPU, one a GPU."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from multiprocessing import connection
from multiprocessing.process import BaseProcess

import torch

from rollcall.data.cohort import Cohort
from rollcall.runs.run import Run
from rollcall.training.backends.worker import fit_to_memory, join_run
from rollcall.training.layout import cpu_stack
from rollcall.util import forkserver
from rollcall.util.errors import InputError
from rollcall.util.forkserver import single_threaded_environment
from rollcall.util.parallel import cores

LOOK_SECONDS = 0.1  # between two looks at what the workers have done
WAIT_SECONDS = 0.5  # of a worker, for targets that others hold


def train(
    run: Run,
    cohort: Cohort,
    workers: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Train every missing target of `run` in processes of this machine; return when all exist.

    workers: at most; by default one a core, or one a GPU. progress(targets done, in fractions).
    InputError if the recipe is at fault or memory is short; RuntimeError if workers died.
    """
    missing, gpus = len(run.missing()), torch.cuda.device_count()
    units = missing if gpus else math.ceil(missing / cpu_stack(run.recipe))
    workers = max(1, min(workers or gpus or cores(), units))
    if not gpus:
        workers, _ = fit_to_memory(run, cohort, workers)
    method = "spawn" if gpus or sys.platform != "linux" else "forkserver"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        forkserver.start()
    done = context.RawArray("d", workers)
    pipes, processes = [], []
    for number in range(workers):
        receiver, sender = context.Pipe(duplex=False)
        device = f"cuda:{number % gpus}" if gpus else "cpu"
        arguments = (str(run.path), run.targets, str(cohort.folder), device, done, number, sender)
        pipes.append(receiver)
        processes.append(context.Process(target=_work, daemon=True, args=arguments))
    with single_threaded_environment():
        for process in processes:
            process.start()
    try:
        running = {process.sentinel for process in processes}
        while running:
            if progress:
                progress(min(sum(done), missing))
            running.difference_update(connection.wait(running, LOOK_SECONDS))
        for pipe in pipes:
            # a worker that was killed sends nothing
            with contextlib.suppress(EOFError, OSError):
                if pipe.poll() and run.missing():
                    raise InputError(pipe.recv())
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()
    _check_exits(run, processes)


def _check_exits(run: Run, processes: list[BaseProcess]) -> None:
    """Check that no worker died leaving targets behind; RuntimeError if one did."""
    codes = [process.exitcode for process in processes if process.exitcode]
    if codes and run.missing():
        raise RuntimeError(
            f"{len(codes)} of {len(processes)} training processes ended with {codes}; "
            f"{len(run.missing())} targets are missing. Their messages are above, their logs in "
            f"{run.path / 'logs'}; the same command resumes"
        )


def _work(
    run_path: str, targets: int, cohort_folder: str, device: str, done, number: int, sender
) -> None:
    """Be a worker process: train missing targets until none is left, waiting for others' claims.

    done: shared array of the targets that each worker has done; this one's is at `number`. An
    InputError's text goes through `sender`.
    """
    parent, finished = multiprocessing.parent_process(), 0
    assert parent is not None

    def report(trained: float) -> None:
        done[number] = max(done[number], finished + trained)
        if not parent.is_alive():  # the targets are left to whoever resumes
            os._exit(1)

    try:
        worker = join_run(run_path, targets, cohort_folder, device)
        while missing := worker.run.missing():
            trained = worker.train(missing, report, worker.trainer.layout.targets)
            finished += trained
            report(0)
            if not trained:
                time.sleep(WAIT_SECONDS)
    except InputError as error:
        sender.send(str(error))
        raise SystemExit(1) from None
