"""Every line of `rollcall doctor`: what there is, when it warns, and what stops an audit."""

import errno
import os
import re
import subprocess
import sys
import tempfile
from contextlib import contextmanager, nullcontext
from importlib import metadata
from types import SimpleNamespace

import psutil
import pytest

from rollcall.__main__ import main
from rollcall.auditing import doctor
from rollcall.util.faults import MachineError

ABOUT = (
    *("versions", "cores", "memory", "GPUs", "results", "data", "temporary", "open files"),
    *("limits", "shared memory", "an audit uses"),
)


def test_it_prints_a_line_for_each_and_makes_no_folder(capsys, tmp_path):
    assert main(["doctor", "--out", str(tmp_path / "a"), "--data", str(tmp_path / "b")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:14].strip() for line in lines] == list(ABOUT)
    assert not list(tmp_path.iterdir())


def test_it_loads_no_torch_without_a_gpu():
    code = (
        "import sys; from rollcall.auditing import doctor; doctor.GPU_FILES = ('/nonexistent',); "
        "doctor.examine(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_versions(monkeypatch):
    assert f"torch {metadata.version('torch')}" in doctor.check_versions().state
    monkeypatch.setattr(doctor, "LIBRARIES", ("numpy", "no-such-library"))
    finding = doctor.check_versions()
    assert finding.stops
    assert finding.advice == "install no-such-library"


def test_cores(monkeypatch):
    assert re.match(r"\d+ usable of \d+, with", doctor.check_cores().state)
    monkeypatch.setattr(doctor, "cores", lambda: 1)
    assert "one core" in doctor.check_cores().advice


@pytest.mark.parametrize(("flags", "has"), [("sse avx512_bf16", True), ("sse avx2", False)])
def test_bf16_is_read_off_the_cpu(tmp_path, flags, has):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "cpuinfo").write_text(f"processor: 0\nflags\t: {flags}\n")
    assert doctor.has_bf16(tmp_path) is has
    assert doctor.has_bf16(tmp_path / "elsewhere") is False


@pytest.mark.parametrize(
    ("free", "words", "stops"),
    [(9e9, "9.0 GB free of", False), (3e9, "by the limit of this container", False), (5e8, "", 1)],
)
def test_memory(monkeypatch, free, words, stops):
    monkeypatch.setattr(doctor, "free_bytes", lambda: int(free))
    machine = SimpleNamespace(total=16e9, available=9e9)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: machine)
    finding = doctor.check_memory()
    assert words in finding.state
    assert bool(finding.advice) == (free < doctor.LOW_MEMORY)
    assert finding.stops == stops


def test_gpus(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "GPU_FILES", (str(tmp_path / "nvidiactl"),))
    assert doctor.list_gpus() == []
    assert doctor.check_gpus([]).state == "none"
    (tmp_path / "nvidiactl").touch()
    assert "torch cannot use it" in doctor.check_gpus([]).state
    assert doctor.check_gpus(["A 1", "A 1"]).state == "A 1; A 1"


def test_a_folder(monkeypatch, tmp_path):
    finding = doctor.check_folder("data", tmp_path / "a" / "b")
    assert re.match(rf"{tmp_path}/a/b: [\d.]+ .B free, locks work", finding.state)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=10**6))
    assert doctor.check_folder("data", tmp_path).stops
    monkeypatch.setattr(doctor, "locks_hold", lambda folder: False)
    assert "locks do not hold" in doctor.check_folder("data", tmp_path).advice
    (tmp_path / "file").touch()
    assert doctor.check_folder("data", tmp_path / "file").stops


@pytest.mark.parametrize(
    ("code", "words"), [(errno.EROFS, "read-only"), (errno.EACCES, "no permission")]
)
def test_a_folder_that_cannot_be_written(monkeypatch, tmp_path, code, words):
    def refuse(**_):
        raise OSError(code, "no", str(tmp_path))

    monkeypatch.setattr(tempfile, "TemporaryDirectory", refuse)
    finding = doctor.check_folder("results", tmp_path)
    assert finding.stops
    assert words in finding.advice


def test_locks(tmp_path, monkeypatch):
    assert doctor.locks_hold(tmp_path)
    import filelock

    class Deaf:
        def __init__(self, path):
            self.release = lambda: None

        def acquire(self, blocking):
            return nullcontext()

    monkeypatch.setattr(filelock, "FileLock", Deaf)
    assert not doctor.locks_hold(tmp_path)


def test_the_temporary_folder(monkeypatch):
    monkeypatch.delenv("TMPDIR", raising=False)
    assert re.match(r"/tmp: [\d.]+ .B free", doctor.check_temporary().state)
    monkeypatch.setenv("TMPDIR", "/nonexistent")
    assert "TMPDIR is /nonexistent, which cannot" in doctor.check_temporary().advice

    @contextmanager
    def refuse():
        raise MachineError("none can be written")
        yield

    monkeypatch.setattr(doctor, "private_folder", refuse)
    assert doctor.check_temporary().stops


@pytest.mark.parametrize(
    ("limit", "state", "advice", "stops"),
    [
        (None, "without limit", "", False),
        (1024, "1024 at once", "", False),
        (200, "200 at once", "raise the limit: ulimit -n 1024", False),
        (32, "32 at once", "raise the limit: ulimit -n 1024", True),
    ],
)
def test_open_files(monkeypatch, limit, state, advice, stops):
    monkeypatch.setattr(doctor, "_limits", lambda name: iter([limit] if limit else []))
    finding = doctor.check_open_files()
    assert (finding.state, finding.advice, finding.stops) == (state, advice, stops)


def test_limits(monkeypatch):
    monkeypatch.setattr(doctor, "_limits", lambda name: iter(()))
    assert doctor.check_limits().state == "none"
    monkeypatch.setattr(doctor, "_limits", lambda name: iter([2 * 10**9]))
    finding = doctor.check_limits()
    assert finding.state == "memory of a process 2.0 GB, size of a file 2.0 GB"
    assert finding.advice == "lift it: ulimit -v unlimited"


def test_limits_are_those_of_the_process():
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (99, 99)); "
        "from rollcall.auditing import doctor; print(doctor.check_open_files().state)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "99 at once\n"


def test_shared_memory(monkeypatch, tmp_path):
    assert doctor.check_shared_memory(tmp_path / "none").state == "no folder of its own"
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=10**6))
    assert "--shm-size" in doctor.check_shared_memory(tmp_path).advice


@pytest.mark.parametrize(
    ("gpus", "state"),
    [
        ([], "the CPU, 4 processes, fewer where memory is short; float32"),
        (["A, with bf16"] * 2, "2 GPUs, a process each; bf16 for large networks of images"),
        (["A, without bf16"], "1 GPU, a process each; float32"),
    ],
)
def test_what_an_audit_uses(monkeypatch, gpus, state):
    monkeypatch.setattr(doctor, "cores", lambda: 4)
    monkeypatch.setattr(doctor, "has_bf16", lambda: False)
    assert doctor.describe_use(gpus).state.startswith(state)


def test_what_stops_an_audit_is_status_1(monkeypatch, capsys):
    stop = doctor.Finding("memory", "none", "buy some", stops=True)
    monkeypatch.setattr(doctor, "check_memory", lambda: stop)
    assert main(["doctor"]) == 1
    assert "memory        none; STOPS AN AUDIT: buy some" in capsys.readouterr().out
    assert os.environ.get("ROLLCALL_DEBUG") is None
