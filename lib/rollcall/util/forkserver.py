"""The process that forks training workers, so that torch is loaded once and its pages are shared.

Loading takes seconds. Whoever is about to train starts it early, and does something else meanwhile;
it ends with the process that started it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
from collections.abc import Iterator
from multiprocessing import forkserver

WORKERS = "rollcall.training.backends.worker"  # by name: nothing here loads torch
GPU_FILES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # NVIDIA's, AMD's, Windows' for Linux


def start() -> None:
    """Start the server of this process, unless it runs; it loads the workers' modules by itself."""
    multiprocessing.get_context("forkserver").set_forkserver_preload([WORKERS])
    with single_threaded_environment():
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
