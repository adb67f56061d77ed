import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

from rollcall.data.disk.locks import hold_lock, try_lock
from rollcall.util.faults import MachineError

HOLD = """
import sys, time
from pathlib import Path
from rollcall.data.disk.locks import hold_lock
with hold_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@contextlib.contextmanager
def held_elsewhere(path):
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_lock_is_freed_when_its_holder_is_killed(tmp_path, caplog):
    path = tmp_path / "locks" / "steps.lock"
    with held_elsewhere(path) as process:
        assert try_lock(path) is None
        os.kill(process.pid, signal.SIGKILL)
        started = time.monotonic()
        with hold_lock(path, "somebody is at work"):
            assert time.monotonic() - started < 10
    with hold_lock(path, "nobody is"):
        pass
    assert "nobody is" not in caplog.text


def test_who_waits_says_so(tmp_path, caplog):
    path = tmp_path / "a.lock"
    with held_elsewhere(path):
        with pytest.raises(TimeoutError), _alarm(1), hold_lock(path, "somebody is at work"):
            pass
        assert caplog.text.count("somebody is at work") == 1


class _alarm:
    def __init__(self, seconds):
        self.seconds = seconds

    def __enter__(self):
        def ring(number, frame):
            raise TimeoutError

        signal.signal(signal.SIGALRM, ring)
        signal.alarm(self.seconds)

    def __exit__(self, *error):
        signal.alarm(0)


def test_a_thread_may_take_again_what_it_has(tmp_path):
    path = tmp_path / "a.lock"
    with hold_lock(path):
        with hold_lock(path):
            assert try_lock(path) is None
        assert try_lock(path) is None
    lock = try_lock(path)
    assert lock is not None
    assert path.stat().st_mode & 0o777 == 0o600
    lock.release()


def test_without_locks_it_is_said_what_to_do(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(MachineError, match="locks do not work on this file system"):
        try_lock(tmp_path / "a.lock")
