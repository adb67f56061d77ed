"""The process that forks workers: what it loads, when it starts, and that it ends."""

import contextlib
import os
import re
import subprocess
import sys
import time

import psutil
import pytest

from rollcall.util import files, forkserver
from rollcall.util.faults import MachineError
from rollcall.util.forkserver import single_threaded_environment
from tests.util import refusing

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


# A server that is up and is then refused files; the worker that is asked for, and the next one.
REFUSED = """
import multiprocessing, os, resource, sys
from multiprocessing import forkserver as standard
from rollcall.util import forkserver
from rollcall.util.faults import MachineError

def work():
    pass

if __name__ == "__main__":
    forkserver.WORKERS = "json"  # is loaded at once
    forkserver.start()
    context = multiprocessing.get_context("forkserver")
    first = context.Process(target=work)
    forkserver.start_worker(first)  # so that the server is up: had it ended, another would start
    first.join()
    server = standard._forkserver._forkserver_pid
    resource.prlimit(server, getattr(resource, sys.argv[1]), (int(sys.argv[2]),) * 2)
    try:
        forkserver.start_worker(context.Process(target=work))
        print("started")
    except MachineError as error:
        print(error)
    os.waitid(os.P_PID, server, os.WEXITED | os.WNOWAIT)
    forkserver.start()
    process = context.Process(target=work)
    forkserver.start_worker(process)
    process.join()
    print(process.exitcode)
"""


@linux
@pytest.mark.parametrize("limit", [3, 6, 8])
def test_a_server_without_files_is_one_line_and_another_takes_over(tmp_path, monkeypatch, limit):
    monkeypatch.setenv("PYTHONPATH", str(files.PACKAGE.parent))
    (tmp_path / "user.py").write_text(REFUSED)
    command = [sys.executable, str(tmp_path / "user.py"), "RLIMIT_NOFILE", str(limit)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    line, code = done.stdout.splitlines()
    assert re.search(r"could not be started: .*open files|too many open files", line)
    assert code == "0"
    assert not done.stderr


def test_too_few_files_for_workers_are_said_first():
    with refusing.limited("NOFILE", 40), pytest.raises(MachineError, match="too many open files"):
        forkserver.check_files(12)
    forkserver.check_files(2)


def test_errors_of_libraries_go_to_a_file(tmp_path):
    code = (
        "import os, sys, pathlib; from rollcall.util.forkserver import keep_errors; "
        f"keep_errors(pathlib.Path({str(tmp_path / 'a.log')!r})); "
        "os.write(2, b'terminate called'); print(' twice', file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "a.log").read_text() == "terminate called twice\n"
    assert (tmp_path / "a.log").stat().st_mode & 0o777 == files.PRIVATE_FILE


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


KILLED = """
import multiprocessing, os, signal
from concurrent.futures import ProcessPoolExecutor
from rollcall.util.forkserver import end_with_parent, start_tracker

if __name__ == "__main__":
    start_tracker()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, initializer=end_with_parent) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_worker_ends_with_a_parent_that_is_killed(tmp_path):
    """Waiting for work from nobody, it would stay for ever."""
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    # what the worker inherits would keep a pipe open: a file does not wait for it
    with (tmp_path / "worker").open("w") as file, (tmp_path / "errors").open("w") as errors:
        ended = subprocess.run(
            [sys.executable, str(script)], stdout=file, stderr=errors, timeout=60
        )
    assert ended.returncode == -9
    worker = int((tmp_path / "worker").read_text())
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(worker).wait(timeout=20)  # TimeoutExpired if it stays
    time.sleep(0.5)  # until its tracker has cleared what it left
    assert not (tmp_path / "errors").read_text()
