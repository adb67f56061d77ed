"""Training on a Dask cluster: units of targets as tasks; workers write into the run themselves.

The run and the prepared cohort are on a file system that every worker sees under the same path.
Dask schedules; locks in the run guard: a target is claimed by its lock, as everywhere, so a task
that Dask runs again finds stored what is stored, and trains the rest.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from rollcall.data.cohort import Cohort
from rollcall.runs.run import Run
from rollcall.util.errors import InputError
from rollcall.util.faults import StoppedError

FIRST_WORKER_SECONDS = 60  # to wait for a first worker
IDLE_ROUNDS = 30  # in which nothing may be stored
LOOK_SECONDS = 0.3  # between two looks at the tasks
log = logging.getLogger(__name__)


def connect(scheduler: str):
    """Open a Dask client of a scheduler; InputError if none answers.

    scheduler: an address (tcp://host:port), or the path of a scheduler file.
    """
    from distributed import Client

    address = {"address": scheduler} if "://" in scheduler else {"scheduler_file": scheduler}
    if "scheduler_file" in address and not Path(scheduler).is_file():
        raise InputError(
            f"scheduler {scheduler!r}: expected 'local', an address like tcp://host:8786, or the "
            "file that `dask scheduler --scheduler-file FILE` writes; there is no such file"
        )
    try:
        return Client(**address, timeout=30, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"scheduler {scheduler}: no Dask scheduler answers there ({error}); start one with "
            "`dask scheduler`"
        ) from error


def train(
    run: Run, cohort: Cohort, scheduler: str, progress: Callable[[float], None] | None = None
) -> None:
    """Train every missing target of `run` on a Dask scheduler's workers; return when all exist.

    A task is a unit of targets, as many as a worker trains at once. What a lost worker held goes to
    another one. progress(targets done), whoever trained them. InputError if the recipe is at fault;
    StoppedError if no worker comes, the scheduler goes, or nothing more is stored.
    """
    at_start = len(run.missing())

    def look() -> None:
        if progress:
            progress(at_start - len(run.missing()))

    with connect(scheduler) as client:
        try:
            client.wait_for_workers(1, timeout=FIRST_WORKER_SECONDS)
        except TimeoutError as error:
            raise StoppedError(
                f"scheduler {scheduler} has had no worker for {FIRST_WORKER_SECONDS} s; start some "
                "with `dask worker`: the same command resumes"
            ) from error
        arguments = {"path": str(run.path), "targets": run.targets, "folder": str(cohort.folder)}
        size, idle_rounds = 0, 0
        while missing := run.missing():
            before = len(missing)
            if not size:
                (size,) = _gather(client, [client.submit(_unit_size, **arguments, pure=False)]) or [
                    0
                ]
            units = [missing[at : at + size] for at in range(0, before, size)] if size else []
            _gather(client, client.map(_train_unit, units, **arguments, pure=False), look)
            idle_rounds = 0 if len(run.missing()) < before else idle_rounds + 1
            if idle_rounds == IDLE_ROUNDS:
                raise StoppedError(
                    f"{run.path}: {before} targets are missing and nothing was stored in "
                    f"{IDLE_ROUNDS} rounds; other processes hold them, or workers die: see their "
                    "logs. The same command resumes"
                )
            if idle_rounds:  # others hold the targets: they store them, or leave them
                time.sleep(1)
    if progress:
        progress(at_start)


def _gather(client, futures: list, look: Callable[[], None] = lambda: None) -> list:
    """Return what the tasks gave, once all are done, calling `look` meanwhile.

    Those whose workers were lost too often give nothing. Their own errors are raised at once.
    """
    from distributed import KilledWorker

    while any(future.status == "pending" for future in futures):
        if client.status == "closed":
            raise StoppedError(
                "the Dask scheduler is gone; the same command resumes, with another one"
            )
        look()
        time.sleep(LOOK_SECONDS)
        for future in futures:
            if future.status == "error" and not isinstance(future.exception(), KilledWorker):
                raise future.exception()
    lost = sum(future.status != "finished" for future in futures)
    if lost:
        log.warning(
            "%d tasks lost their workers several times; their targets are tried again", lost
        )
    return [future.result() for future in futures if future.status == "finished"]


def _joined_worker(path: str, targets: int, folder: str):
    """Return this Dask worker's Worker of the run, kept on it for its next tasks."""
    import torch
    from distributed import get_worker

    from rollcall.training.backends.worker import join_run

    dask_worker = get_worker()
    if dask_worker.state.nthreads != 1:
        raise InputError(
            f"Dask worker {dask_worker.name} has {dask_worker.state.nthreads} threads; start "
            "workers with --nthreads 1, as many as there are cores (or GPUs)"
        )
    kept = getattr(dask_worker, "rollcall", None)
    if kept is None or kept[0] != (path, targets, folder):
        device = "cuda:0" if torch.cuda.is_available() else "cpu"
        # a task has as many targets as the measured layout: there is nothing to do before
        worker = join_run(path, targets, folder, device, wait=True)
        kept = (path, targets, folder), worker
        dask_worker.rollcall = kept
    torch.set_num_threads(1)
    return kept[1]


def _unit_size(path: str, targets: int, folder: str) -> int:
    """Return the number of targets that a worker trains at once: the size of a task."""
    return _joined_worker(path, targets, folder).trainer.layout.targets


def _train_unit(unit: list[int], path: str, targets: int, folder: str) -> int:
    """Train the targets of a task that nobody has stored or holds; return how many."""
    return _joined_worker(path, targets, folder).train(unit)
