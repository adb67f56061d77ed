"""Training on a Dask cluster: stacks of targets as tasks, workers that write into the run themselves. Dask schedules; locks in the run guard.

The run and the prepared cohort are on a file system that every worker sees under the same path. A target is claimed by its lock, as
everywhere, so a task that Dask runs again finds stored what is stored, and trains the rest.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from rollcall.data.cohort import Cohort
from rollcall.runs.run import Run
from rollcall.util.errors import InputError

WAIT, ROUNDS = 60, 30  # seconds for a first worker to come; times that nothing may be stored
log = logging.getLogger(__name__)


def connect(scheduler: str):
    """A Dask client of the scheduler at an address (tcp://host:port) or named by a scheduler file; InputError if none answers."""
    from distributed import Client

    address = {"address": scheduler} if "://" in scheduler else {"scheduler_file": scheduler}
    if "scheduler_file" in address and not Path(scheduler).is_file():
        raise InputError(
            f"scheduler {scheduler!r}: expected 'local', an address like tcp://host:8786, or the file that "
            "`dask scheduler --scheduler-file FILE` writes; there is no such file"
        )
    try:
        return Client(**address, timeout=30, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"scheduler {scheduler}: no Dask scheduler answers there ({error}); start one with `dask scheduler`"
        ) from error


def train(
    run: Run, cohort: Cohort, scheduler: str, progress: Callable[[float], None] | None = None
) -> None:
    """Train every missing target of `run` on the workers of a Dask scheduler; returns when all exist.

    A task is a stack of targets. What a lost worker held goes to another one. progress(targets done), whoever trained them.
    InputError if the recipe is at fault; RuntimeError if no worker comes, the scheduler goes, or nothing more is stored.
    """
    started = len(run.missing())
    with connect(scheduler) as client:
        try:
            client.wait_for_workers(1, timeout=WAIT)
        except TimeoutError as error:
            raise RuntimeError(
                f"scheduler {scheduler} has had no worker for {WAIT} s; start some with `dask worker`: the same command resumes"
            ) from error
        where = {"path": str(run.path), "targets": run.targets, "folder": str(cohort.folder)}
        width, quiet = 0, 0
        while missing := run.missing():
            before = len(missing)
            if not width:
                (width,) = _results(client, [client.submit(_capacity, **where, pure=False)]) or [0]
            units = [missing[at : at + width] for at in range(0, before, width)] if width else []
            _results(
                client,
                client.map(_unit, units, **where, pure=False),
                lambda: progress and progress(started - len(run.missing())),
            )
            quiet = 0 if len(run.missing()) < before else quiet + 1
            if quiet == ROUNDS:
                raise RuntimeError(
                    f"{run.path}: {before} targets are missing and nothing was stored in {ROUNDS} rounds; other processes hold them, "
                    "or workers die: see their logs. The same command resumes"
                )
            if quiet:  # others hold the targets: they store them, or leave them
                time.sleep(1)
    if progress:
        progress(started)


def _results(client, futures: list, look: Callable[[], None] = lambda: None) -> list:
    """What the tasks gave, once all are done; those whose workers were lost too often give nothing. Their own errors are raised at once."""
    from distributed import KilledWorker

    while any(future.status == "pending" for future in futures):
        if client.status == "closed":
            raise RuntimeError(
                "the Dask scheduler is gone; the same command resumes, with another one"
            )
        look()
        time.sleep(0.3)
        for future in futures:
            if future.status == "error" and not isinstance(future.exception(), KilledWorker):
                raise future.exception()
    lost = sum(future.status != "finished" for future in futures)
    if lost:
        log.warning(
            "%d tasks lost their workers several times; their targets are tried again", lost
        )
    return [future.result() for future in futures if future.status == "finished"]


def _member(path: str, targets: int, folder: str):
    """This Dask worker's part in the run: its cohort and trainer are kept on the worker for its next tasks."""
    import torch
    from distributed import get_worker

    from rollcall.training import worker as workers

    worker = get_worker()
    if worker.state.nthreads != 1:
        raise InputError(
            f"Dask worker {worker.name} has {worker.state.nthreads} threads; start workers with --nthreads 1, "
            "as many as there are cores (or GPUs)"
        )
    kept = getattr(worker, "rollcall", None)
    if kept is None or kept[0] != (path, targets, folder):
        kept = worker.rollcall = (
            (path, targets, folder),
            workers.join(path, targets, folder, "cuda:0" if torch.cuda.is_available() else "cpu"),
        )
    torch.set_num_threads(1)
    return kept[1]


def _capacity(path: str, targets: int, folder: str) -> int:
    """Targets that a worker trains at once: the size of a task."""
    return _member(path, targets, folder).trainer.way.targets


def _unit(unit: list[int], path: str, targets: int, folder: str) -> int:
    """Train the targets of a task that nobody has stored or holds; how many."""
    return _member(path, targets, folder).train(unit)
