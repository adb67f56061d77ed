"""Whatever ends a command is one line and a status: 2 the input, 1 the machine, 128 + n."""

import csv
import errno
import io
import os
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool

import pytest

from rollcall.__main__ import main
from rollcall.commands import list as listing
from rollcall.commands.common import say
from rollcall.report.notebooks.failures import describe_end
from rollcall.util.errors import InputError
from rollcall.util.faults import MachineError
from rollcall.util.files import PACKAGE

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/a/b")
ENDS = [
    (InputError("no such\ncohort"), "no such cohort", 2),
    (MachineError("the disk\nis full"), "the disk is full", 1),
    (FULL, "/a/b: no space left", 1),
    (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), "too many open files; raise the limit", 1),
    (PermissionError(errno.EACCES, "no", "/a"), "/a: no permission", 1),
    (NotADirectoryError(errno.ENOTDIR, "no", "/a"), "/a: a file stands where", 1),
    (MemoryError(), "too little memory", 1),
    (ImportError("libx.so: cannot open: Too many open files"), "too many open files", 1),
    (csv.Error("new-line character seen"), "a file is no table of text (new-line", 2),
    (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"), "a file is no table of text", 2),
    (BrokenProcessPool("a child died"), "a process was killed, probably for memory", 1),
    (RuntimeError("3 targets\nare missing"), "3 targets are missing", 1),
    (KeyError("x"), "unexpected KeyError: 'x'; please report it (ROLLCALL_DEBUG=1", 1),
    (NotImplementedError("of\nours"), "unexpected NotImplementedError: of; please", 1),
    (KeyboardInterrupt(), "stopped; the same command resumes", 130),
    (KeyboardInterrupt("SIGINT"), "stopped; the same command resumes", 130),
    (KeyboardInterrupt("SIGTERM"), "stopped by SIGTERM; the same command resumes", 143),
    (KeyboardInterrupt("SIGHUP"), "stopped by SIGHUP; the same command resumes", 129),
]


@pytest.mark.parametrize(("error", "words", "status"), ENDS, ids=lambda value: repr(value)[:40])
def test_every_end_is_one_line_with_its_status(error, words, status, monkeypatch, capsys):
    def fail(*_):
        raise error

    monkeypatch.setattr(listing, "run", fail)
    assert main(["list"]) == status
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"rollcall: {words}")


def test_an_error_after_another_keeps_the_machines_cause():
    error = ValueError("the cache is damaged")
    error.__cause__ = FULL
    assert describe_end(error) == describe_end(FULL)


def test_the_traceback_is_there_for_those_who_ask(monkeypatch, capsys):
    monkeypatch.setattr(listing, "run", lambda *_: 1 / 0)
    monkeypatch.setenv("ROLLCALL_DEBUG", "1")
    assert main(["list"]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "the following arguments are required: command; see rollcall --help"),
        (["audti"], "invalid choice: 'audti'"),
        (["list", "dataset"], "invalid choice: 'dataset'"),
        (
            ["audit", "--targets", "many"],
            "'many': expected an even number, or auto; see rollcall audit --help",
        ),
        (["audit", "--targtes", "8"], "unrecognized arguments: --targtes"),
        (["attack", "--scores", "s.npy"], "the following arguments are required: --out"),
        (["rehearse"], "the following arguments are required: --cohort"),
        (["rehearse", "--cohort", "chexpert", "--patients", "x"], "invalid int value: 'x'"),
    ],
)
def test_misspelt_words_are_one_line(words, message, capsys, no_kernels):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("rollcall: ")
    assert message in line


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--seed", "-1"], "seed is -1; expected 0 or more"),
        (["--patients", "-5"], "-5"),
        (["--model", "nope"], "unknown model 'nope'"),
        (["--recipe", "epochs=inf"], "expected a value like"),
        (["--option", "nope=1"], "unknown option 'nope' of cohort 'chexpert'"),
        (["--run", "a/b"], "expected a plain folder name"),
        (["--targets", "9"], "targets is 9"),
    ],
)
def test_a_wrong_rehearsal_writes_no_release(words, message, tmp_path, capsys, no_kernels):
    where = ["--out", str(tmp_path / "out"), "--data", str(tmp_path / "data")]
    assert main(["rehearse", "--cohort", "chexpert", *where, *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--root", "."], "names data, but no cohort is named"),
        (["--option", "patients=-5"], "-5"),
        (["--model", "nope"], "unknown model 'nope' (known: mlp, "),
        (["--recipe", "nope"], "unknown recipe 'nope' of cohort 'simulated'"),
        (["--recipe", "learning_rate=nan"], "expected a value like"),
    ],
)
def test_a_wrong_audit_creates_nothing(words, message, tmp_path, capsys, no_kernels):
    where = ["--out", str(tmp_path / "out"), "--data", str(tmp_path / "data")]
    assert main(["audit", *where, *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (tmp_path / "out").exists()


WAIT = """
import sys, time
from rollcall import __main__ as command_line
from rollcall.commands import list
def wait(arguments, server):
    print("ready", flush=True)
    time.sleep(60)
list.run = wait
sys.exit(command_line.main(["list"]))
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_is_one_line(name):
    number = getattr(signal, name)
    command = [sys.executable, "-c", WAIT]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        process.stdout.readline()
        process.send_signal(number)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 128 + number
    (line,) = errors.splitlines()
    assert line.startswith("rollcall: stopped")


def test_a_stop_that_a_library_makes_another_error_of_is_a_stop(monkeypatch, capsys):
    """As extension modules do while they are loaded: "ImportError: initialization failed"."""

    def load(*_):
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt:
            raise ImportError("initialization failed") from None

    monkeypatch.setattr(listing, "run", load)
    assert main(["list"]) == 128 + signal.SIGTERM
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("rollcall: stopped by SIGTERM")


def test_little_is_loaded_before_a_signal_is_one_line():
    """To load it takes a moment, on a busy machine a second, in which Ctrl-C is a traceback."""
    words = [sys.executable, "-S", "-c", "import sys, rollcall.__main__; print(*sys.modules)"]
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=True)
    assert not {"argparse", "logging", "re", "threading", "typing"} & set(done.stdout.split())


def test_signals_that_are_ignored_stay_so_and_handlers_come_back(monkeypatch):
    """As under nohup; and whoever calls main has their own handlers after it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN), signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(listing, "run", lambda *_: signal.getsignal(signal.SIGHUP))
    try:
        assert main(["list"]) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) == before[1]
    finally:
        signal.signal(signal.SIGHUP, before[0])


def test_an_audit_goes_on_where_nobody_reads_its_lines(tmp_path):
    class Gone(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    say("nobody reads this", Gone())
    with open("/dev/full", "w") as full:
        say("no space for this", full)
    say("there is no stream", None)


@pytest.mark.parametrize("closed", ["0", "1", "2"])
def test_closed_standard_streams_are_no_matter(closed):
    command = f"exec {sys.executable} -m rollcall --version {closed}>&-"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONWARNINGS": "error", "PYTHONIOENCODING": "ascii", "COLUMNS": "1"},
        {"LC_ALL": "POSIX", "TZ": "Mars/Base", "PAGER": "false", "OMP_NUM_THREADS": "many"},
        {"HOME": "/nonexistent", "TMPDIR": "/nonexistent", "LANG": "tlh_QO.KOI8-R"},
    ],
)
def test_a_list_is_the_same_in_any_environment(environment):
    command = [sys.executable, "-m", "rollcall", "list", "recipes"]
    plain, other = (
        subprocess.run(command, capture_output=True, env=os.environ | more)
        for more in ({}, environment)
    )
    assert other.returncode == 0
    assert other.stdout == plain.stdout
    assert b"Traceback" not in other.stderr


def test_the_second_signal_does_not_disturb_the_end():
    code = WAIT.replace('    print("ready", flush=True)\n    time.sleep(60)', "    slow()").replace(
        "def wait",
        "def slow():\n    try:\n        print('in', flush=True)\n        time.sleep(60)\n"
        "    finally:\n"
        "        print('ending', flush=True)\n        time.sleep(1)\n"
        "        print('ended', flush=True)\ndef wait",
    )
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "ending\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=120)
    assert output == "ended\n"
    assert len(errors.splitlines()) == 1
    assert process.returncode == 130


UNREMOVABLE = """
import multiprocessing.util, sys
multiprocessing.util.Finalize(None, lambda: 1 / 0, exitpriority=0)
from rollcall.__main__ import main
sys.exit(main(["audit", "--cohort", "nothing"]))
"""


def test_what_python_prints_while_it_ends_is_not_shown():
    """As where its temporary files cannot be removed; the one line has been said."""
    ended = subprocess.run([sys.executable, "-c", UNREMOVABLE], capture_output=True, text=True)
    assert ended.returncode == 2
    assert "unknown cohort 'nothing'" in ended.stderr
    assert "Traceback" not in ended.stderr
