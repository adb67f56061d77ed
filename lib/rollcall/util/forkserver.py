"""The process that forks training workers, so that torch is loaded once and its pages are shared.

Loading takes seconds. Whoever is about to train starts it early, and does something else meanwhile;
it ends with the process that started it. Imported where no process can be started, a browser tab
say, this does no harm: what starts them is imported when it is needed.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

from rollcall.util.faults import RESUME, MachineError, raise_machine_fault
from rollcall.util.files import PRIVATE_FILE

WORKERS = "rollcall.training.backends.worker"  # by name: nothing here loads torch
STANDARD_ERROR = 2
FILES_OF_ALL, FILES_OF_A_WORKER = 16, 6  # that are open in this process while workers train
NO_SERVER = (
    "the process that starts them has ended, as for want of open files (ulimit -n), processes or "
    f"memory; raise the limit, {RESUME}"
)
GPU_FILES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # NVIDIA's, AMD's, Windows' for Linux


def start() -> None:
    """Start the server of this process, unless it runs; it loads the workers' modules by itself.

    What it writes to standard error goes nowhere: where it is refused files or memory it prints
    where it was, and whoever asks it for a worker sees that it is gone. MachineError if it cannot
    be started.
    """
    from multiprocessing import forkserver

    multiprocessing.get_context("forkserver").set_forkserver_preload([WORKERS])
    try:
        with single_threaded_environment(), deaf_to_interrupts(), _silent():
            forkserver.ensure_running()
    except OSError as error:
        raise_machine_fault(error)
        raise


def start_worker(process: BaseProcess) -> None:
    """Start a worker; MachineError if the machine refuses, or has ended the server meanwhile."""
    try:
        with single_threaded_environment(), deaf_to_interrupts():
            process.start()
    except (OSError, EOFError) as error:
        raise_machine_fault(error)
        raise MachineError(f"a training process could not be started: {NO_SERVER}") from error


def check_files(workers: int) -> None:
    """Check that files for so many workers can be opened here; MachineError if not."""
    handles = []
    try:
        for _ in range(FILES_OF_ALL + FILES_OF_A_WORKER * workers):
            handles.append(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        error.filename = None
        raise_machine_fault(error)
        raise
    finally:
        for handle in handles:
            os.close(handle)


def keep_errors(path: Path) -> None:
    """Let what this process and its libraries write to standard error go to a file of its own."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE)
        os.dup2(handle, STANDARD_ERROR)
        os.close(handle)


def start_tracker() -> None:
    """Start the process that clears what killed ones leave, so that it does so without a word."""
    from multiprocessing import resource_tracker

    with _silent():
        resource_tracker.ensure_running()


def end_with_parent() -> None:
    """Let this process end when the one that started it has ended, however that ended.

    Else a pool's worker, which holds both ends of what it reads from, would wait for ever for one
    that was killed. Outside of a process that multiprocessing started it does nothing.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait_for_end() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait_for_end, daemon=True).start()


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Let processes that start inside write their standard error nowhere."""
    handles = []
    try:
        for opened in (lambda: os.dup(STANDARD_ERROR), lambda: os.open(os.devnull, os.O_WRONLY)):
            handles.append(opened())
        os.dup2(handles[1], STANDARD_ERROR)
    except OSError:  # no file more, or none to begin with
        for handle in handles:
            os.close(handle)
        yield
        return
    try:
        yield
    finally:
        os.dup2(handles[0], STANDARD_ERROR)
        for handle in handles:
            os.close(handle)


def start_early() -> None:
    """Start the server where workers will be forked, as far as that is known without torch.

    With a GPU they are spawned.
    """
    if sys.platform == "linux" and not any(map(os.path.exists, GPU_FILES)):
        start()


@contextlib.contextmanager
def single_threaded_environment(needed: bool = True) -> Iterator[None]:
    """Let children that start inside compute with one thread each.

    As fast in all, and the same arithmetic on every machine size. needed: False changes nothing.
    """
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS") if needed else ()
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def deaf_to_interrupts() -> Iterator[None]:
    """Let processes that start inside never get SIGINT: whoever started them ends them.

    A terminal, or JupyterLab's stop, sends it to all, and each would print where it was.
    """
    if sys.platform == "win32":
        yield
        return
    start_tracker()  # which would unblock it, were it started inside
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
