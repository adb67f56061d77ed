"""The process that forks training workers, so that torch is loaded once and its pages are shared.

Loading takes seconds. Whoever is about to train starts it early, and does something else meanwhile;
it ends with the process that started it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from multiprocessing import forkserver, resource_tracker

WORKERS = "rollcall.training.backends.worker"  # by name: nothing here loads torch
GPU_FILES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # NVIDIA's, AMD's, Windows' for Linux


def start() -> None:
    """Start the server of this process, unless it runs; it loads the workers' modules by itself."""
    multiprocessing.get_context("forkserver").set_forkserver_preload([WORKERS])
    with single_threaded_environment(), deaf_to_interrupts():
        forkserver.ensure_running()


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
    resource_tracker.ensure_running()  # which would unblock it, were it started inside
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
