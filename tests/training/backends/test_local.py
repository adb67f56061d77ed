"""Worker processes: killed, resumed, shared."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from rollcall.runs import run
from rollcall.util import files

TARGETS = 16
PLAN = {
    "cohort": "simulated",
    "targets": TARGETS,
    "options": ["patients=60"],
    "recipe": ["epochs=15", "stack=2"],
}
SCRIPT = f"""
import sys
from rollcall import auditing
if __name__ == "__main__":
    auditing.train(auditing.plan(out=sys.argv[1], data=sys.argv[2], **{PLAN}))
"""


def start(folder, out, data):
    """Train in a process of its own, as a user does."""
    script = folder / "train.py"
    script.write_text(SCRIPT)
    return subprocess.Popen(
        [sys.executable, str(script), str(out), str(data)],
        env=os.environ | {"PYTHONPATH": str(files.PACKAGE.parent)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def targets_of(out):
    return sorted((out / "simulated" / "mlp" / "targets").glob("????.npy"))


def check_same(one, other):
    """Every target is there, and all that is stored of it is the same but its seconds."""
    names = [f"{target:04d}.npy" for target in range(TARGETS)]
    for out in (one, other):
        assert [path.name for path in targets_of(out)] == names
    for left, right in zip(targets_of(one), targets_of(other), strict=True):
        assert left.read_bytes() == right.read_bytes()
        spreads = [path.with_suffix(".spread.npy").read_bytes() for path in (left, right)]
        assert spreads[0] == spreads[1]
        infos = [run.open_run(path.parents[1]).info(int(path.stem)) for path in (left, right)]
        assert {**infos[0], "seconds": 0} == {**infos[1], "seconds": 0}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    assert start(folder, folder / "out", folder / "data").wait() == 0
    return folder


# Forks trainings from one process that has imported everything, with workers forked from those:
# a start takes no seconds of imports, and random moments fall into the training.
FORKS = f"""
import multiprocessing, os, sys
from rollcall import auditing
from rollcall.util import forkserver
import rollcall.training.backends.worker

def train(out, data):
    forkserver.start = lambda: None
    os.setsid()
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    get_context = multiprocessing.get_context
    multiprocessing.get_context = lambda method=None: get_context("fork")
    auditing.train(auditing.plan(out=out, data=data, **{PLAN}))

print("ready", flush=True)
for line in sys.stdin:
    command, *arguments = line.split()
    if command == "start":
        pid = os.fork()
        if not pid:
            code = 1
            try:
                train(*arguments)
                code = 0
            finally:
                os._exit(code)
        print(pid, flush=True)
    else:
        ended, status = os.waitpid(int(arguments[0]), 0 if command == "wait" else os.WNOHANG)
        print(os.waitstatus_to_exitcode(status) if ended else "running", flush=True)
"""


@pytest.fixture
def ask():
    """Ask the forking process: "start OUT DATA" -> pid; "poll PID" or "wait PID" -> exit code."""
    server = subprocess.Popen(
        [sys.executable, "-c", FORKS],
        env=os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        cwd=files.home(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    assert server.stdout.readline() == "ready\n"

    def ask(*words):
        server.stdin.write(" ".join(map(str, words)) + "\n")
        server.stdin.flush()
        return server.stdout.readline().strip()

    yield ask
    server.stdin.close()
    server.stdout.close()
    server.wait()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked")
def test_killed_at_ten_random_moments_and_resumed(undisturbed, tmp_path, ask):
    """The process and its workers; moments from its start to its end."""
    moments, kills = random.Random(7), 0
    out, data = tmp_path / "out", undisturbed / "data"
    started = time.monotonic()
    assert ask("wait", ask("start", tmp_path / "timed", data)) == "0"
    longest = time.monotonic() - started
    while kills < 10:
        pid = ask("start", out, data)
        time.sleep(moments.uniform(0, longest))
        code = ask("poll", pid)
        if code == "running":
            with contextlib.suppress(ProcessLookupError):  # no session of its own yet
                os.killpg(int(pid), signal.SIGKILL)
            os.kill(int(pid), signal.SIGKILL)
            code = ask("wait", pid)
        if code == "0":  # quicker than the kill: take some targets away
            for target in moments.sample(range(TARGETS), 4):
                (out / "simulated" / "mlp" / "targets" / f"{target:04d}.json").unlink()
            continue
        assert code == str(-signal.SIGKILL)
        kills += 1
    assert start(tmp_path, out, data).wait() == 0
    check_same(undisturbed / "out", out)
    check_same(undisturbed / "out", tmp_path / "timed")
    assert not list(out.rglob("*.part"))


@pytest.mark.slow
def test_two_processes_train_each_target_once(undisturbed, tmp_path):
    both = [start(tmp_path, tmp_path / "out", undisturbed / "data") for _ in range(2)]
    stamps, running = {}, True
    while running:
        running = any(process.poll() is None for process in both)  # the last look is after the end
        for path in (tmp_path / "out").glob("simulated/mlp/targets/*.json"):
            stamps.setdefault(path.name, set()).add(path.stat().st_mtime_ns)
        time.sleep(0.05)
    assert [process.returncode for process in both] == [0, 0]
    assert len(stamps) == TARGETS
    assert all(len(times) == 1 for times in stamps.values())
    check_same(undisturbed / "out", tmp_path / "out")


@pytest.mark.slow
def test_workers_stop_when_the_one_who_asked_is_gone(undisturbed, tmp_path):
    process = start(tmp_path, tmp_path / "out", undisturbed / "data")
    locks = tmp_path / "out" / "simulated" / "mlp" / "locks"
    while not locks.is_dir() or len(list(locks.iterdir())) < 2:
        assert process.poll() is None, "it had trained all before anybody looked"
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)  # the parent alone
    process.wait()
    deadline = time.monotonic() + 300  # of which a busy machine may need some
    while time.monotonic() < deadline:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("a worker outlived its parent")
