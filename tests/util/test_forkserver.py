"""The process that forks workers: what it loads, when it starts, and that it ends."""

import os
import subprocess
import sys
import time

import psutil
import pytest

from rollcall.util import files, forkserver
from rollcall.util.forkserver import single_threaded_environment

linux = pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux only")

# A worker's threads and modules, forked from a server that was started early; what started it has
# loaded nothing.
USER = """
import multiprocessing, os, sys
from multiprocessing import forkserver as standard
from rollcall import auditing
from rollcall.util import forkserver

def look(sender):
    sender.send(("torch" in sys.modules, os.environ["OMP_NUM_THREADS"]))

if __name__ == "__main__":
    forkserver.start_early()
    forkserver.start()
    pid = standard._forkserver._forkserver_pid
    print("server", pid, {"torch", "matplotlib", "scipy.stats"} & set(sys.modules), flush=True)
    context = multiprocessing.get_context("forkserver")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=look, args=(sender,))
    process.start()
    same = pid == standard._forkserver._forkserver_pid
    print(receiver.recv(), same, os.environ.get("OMP_NUM_THREADS"))
"""


@linux
def test_a_worker_finds_torch_loaded_and_the_server_ends(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(files.PACKAGE.parent))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    (tmp_path / "user.py").write_text(USER)
    command = [sys.executable, str(tmp_path / "user.py")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    _, pid, loaded = first.split(maxsplit=2)
    assert loaded == "set()"
    assert second == "(True, '1') True None"
    deadline = time.monotonic() + 60  # of which a busy machine may need some
    while psutil.pid_exists(int(pid)):
        assert time.monotonic() < deadline, "the server outlived who started it"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("platform", "gpu", "starts"),
    [("linux", False, True), ("linux", True, False), ("darwin", False, False)],
)
def test_it_starts_early_where_workers_will_be_forked(monkeypatch, tmp_path, platform, gpu, starts):
    (tmp_path / "gpu").touch()
    calls = []
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(forkserver, "start", lambda: calls.append(1))
    monkeypatch.setattr(forkserver, "GPU_FILES", (str(tmp_path / "gpu" if gpu else "none"),))
    forkserver.start_early()
    assert bool(calls) == starts


def test_the_environment_of_threads_is_put_back(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with single_threaded_environment():
        assert os.environ["OMP_NUM_THREADS"] == os.environ["MKL_NUM_THREADS"] == "1"
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ
    with single_threaded_environment(needed=False):
        assert os.environ["OMP_NUM_THREADS"] == "7"
