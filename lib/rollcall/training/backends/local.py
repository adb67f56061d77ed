"""Worker processes of this machine: one a core on the CPU, one a GPU."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch

from rollcall.data.cohort import Cohort
from rollcall.runs.run import Run
from rollcall.training.backends.worker import fit_stack, fit_to_memory, join_run
from rollcall.util import forkserver
from rollcall.util.errors import InputError, first_line
from rollcall.util.faults import MEMORY, MachineError, StoppedError, describe_machine_fault
from rollcall.util.files import make_private
from rollcall.util.parallel import cores
from rollcall.util.text import describe_exit

LOOK_SECONDS = 0.1  # between two looks at what the workers have done
WAIT_SECONDS = 0.5  # of a worker, for targets that others hold
CPU_MEMORY = "DefaultCPUAllocator: can't allocate memory"  # torch's words, in a RuntimeError
ERRORS = {kind.__name__: kind for kind in (InputError, MachineError, StoppedError)}


def train(
    run: Run,
    cohort: Cohort,
    workers: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Train every missing target of `run` in processes of this machine; return when all exist.

    workers: at most; by default one a core, or one a GPU. progress(targets done, in fractions).
    InputError if the recipe is at fault or memory is short; MachineError if the machine refused
    something to a worker, or a worker; StoppedError if workers died or failed.
    """
    missing, gpus = len(run.missing()), torch.cuda.device_count()
    units = missing if gpus else math.ceil(missing / fit_stack(run))
    workers = max(1, min(workers or gpus or cores(), units))
    if not gpus:
        workers, _ = fit_to_memory(run, cohort, workers)
    method = "spawn" if gpus or sys.platform != "linux" else "forkserver"
    context = multiprocessing.get_context(method)
    forkserver.check_files(workers)
    if method == "forkserver":
        forkserver.start()
    make_private(run.path / "logs")
    done = context.RawArray("d", workers)
    pipes, processes = [], []
    for number in range(workers):
        receiver, sender = context.Pipe(duplex=False)
        device = f"cuda:{number % gpus}" if gpus else "cpu"
        arguments = (str(run.path), run.targets, str(cohort.folder), device, done, number, sender)
        pipes.append(receiver)
        processes.append(context.Process(target=_work, daemon=True, args=arguments))
    try:
        for process in processes:
            forkserver.start_worker(process)
        running = {process.sentinel for process in processes}
        while running:
            if progress:
                progress(min(sum(done), missing))
            running.difference_update(connection.wait(running, LOOK_SECONDS))
        for pipe in pipes:
            # a worker that was killed sends nothing
            with contextlib.suppress(EOFError, OSError):
                if pipe.poll() and run.missing():
                    kind, text = pipe.recv()
                    raise ERRORS[kind](text)
    finally:
        begun = [process for process in processes if process.pid]
        for process in begun:
            process.terminate()
        for process in begun:
            process.join()
            _drop_if_empty(_errors_of(run.path, process.pid))
    _check_exits(run, processes)


def _errors_of(run_path: Path, process: int | None) -> Path:
    """Return the file of what a worker wrote to standard error."""
    return run_path / "logs" / f"stderr-{process}.log"


def _drop_if_empty(path: Path) -> None:
    with contextlib.suppress(OSError):
        if not path.stat().st_size:
            path.unlink()


def _check_exits(run: Run, processes: list[BaseProcess]) -> None:
    """Check that no worker died leaving targets behind; StoppedError if one did."""
    codes = [process.exitcode for process in processes if process.exitcode]
    if codes and run.missing():
        ends = "; ".join(
            f"{count} of {len(processes)} training processes {describe_exit(code)}"
            for code, count in Counter(codes).items()
        )
        raise StoppedError(
            f"{ends}; {len(run.missing())} targets are missing. Their logs are in "
            f"{run.path / 'logs'}; the same command resumes"
        )


def _work(
    run_path: str, targets: int, cohort_folder: str, device: str, done, number: int, sender
) -> None:
    """Be a worker process: train missing targets until none is left, waiting for others' claims.

    done: shared array of the targets that each worker has done; this one's is at `number`. What
    fails goes through `sender`, as a name in ERRORS and a line.
    """
    finished = 0
    forkserver.end_with_parent()  # the targets are left to whoever resumes
    forkserver.keep_errors(_errors_of(Path(run_path), os.getpid()))

    def report(trained: float) -> None:
        done[number] = max(done[number], finished + trained)

    try:
        worker = join_run(run_path, targets, cohort_folder, device)
        while missing := worker.run.missing():
            trained = worker.train(missing, report, worker.trainer.layout.targets)
            finished += trained
            report(0)
            if not trained:
                time.sleep(WAIT_SECONDS)
    except Exception as error:
        sender.send(_describe_failure(error, Path(run_path)))
        raise SystemExit(1) from None


def _describe_failure(error: Exception, run_path: Path) -> tuple[str, str]:
    """Describe what a worker failed of: a name in ERRORS, and a line.

    What is neither the input's fault nor the machine's is written to the run's logs as a whole.
    """
    if isinstance(error, InputError):
        return InputError.__name__, str(error)
    if fault := describe_machine_fault(error) or (CPU_MEMORY in str(error) and MEMORY):
        return MachineError.__name__, fault
    log = run_path / "logs" / f"failed-{os.getpid()}.log"
    with contextlib.suppress(OSError):
        log.write_text(traceback.format_exc(), encoding="utf-8")
    text = f"a training process failed: {type(error).__name__}: {first_line(error)}; more in {log}"
    return StoppedError.__name__, text
