"""A notebook's failure is one line, of the class of error that it was."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell

from rollcall.report.notebooks import _shorten
from rollcall.report.notebooks.failures import make_death, make_error
from rollcall.report.notebooks.kernels import MESSAGES, last_message
from rollcall.util.errors import InputError
from rollcall.util.faults import MachineError, StoppedError


def fail(error: BaseException, name: str = "") -> Exception:
    return make_error("1_a.ipynb", Path("f"), 3, name or type(error).__name__, str(error))


@pytest.mark.parametrize("name", ["InputError", "MachineError"])
def test_our_errors_keep_class_and_text(name):
    error = fail(ValueError("no\nsuch  cohort"), name)
    assert type(error).__name__ == name
    assert str(error) == "no such cohort"


def test_what_stopped_keeps_class_and_text():
    error = fail(ValueError("1 of 2 training\nprocesses was killed"), "StoppedError")
    assert type(error) is StoppedError
    assert str(error) == "1_a.ipynb: 1 of 2 training processes was killed"


@pytest.mark.parametrize("kind", [InputError, MachineError, StoppedError])
def test_our_errors_are_one_line_in_a_notebook(kind):
    shell = InteractiveShell()
    shown = []
    shell._showtraceback = lambda etype, value, lines: shown.extend(lines)
    shell.run_cell(
        f"from {kind.__module__} import {kind.__name__}\n"
        f"try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise {kind.__name__}('a b') from e"
    )
    assert shown == [f"{kind.__name__}: a b"]


def too_large() -> MemoryError:
    with pytest.raises(MemoryError) as raised:
        np.zeros(2**58)
    return raised.value


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/a/b"), "/a/b: no space left"),
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), "too many open files; raise the limit"),
        (PermissionError(errno.EACCES, "Permission denied", "/a b/c"), "/a b/c: no permission"),
        (OSError(errno.EIO, os.strerror(errno.EIO), b"x"), "x: the disk"),
        (MemoryError(), "too little memory"),
        (too_large(), "too little memory"),
    ],
)
def test_what_the_system_refused_is_named(error, words):
    made = fail(error)
    assert isinstance(made, MachineError)
    assert str(made).startswith(f"1_a.ipynb: {words}")


@pytest.mark.parametrize("error", [ValueError("a\nb"), KeyError("x"), FileNotFoundError(2, "no")])
def test_all_else_says_where_to_look(error):
    made = fail(error)
    assert type(made) is RuntimeError
    assert str(made).startswith(f"1_a.ipynb failed at In [3]: {type(error).__name__}: ")
    assert str(made).endswith("; more in f")
    assert "\n" not in str(made)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-9, "was killed by the system (SIGKILL), probably for memory"),
        (-7, "was ended by SIGBUS ("),
        (-15, "was ended by SIGTERM ("),
        (-64, "was ended by SIGRTMAX ("),
        (3, "ended with status 3"),
        (None, "did not answer"),
    ],
)
def test_a_dead_kernel_says_what_is_known(code, words):
    assert f"its kernel {words}" in str(make_death("1_a.ipynb", code))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("/data/secret/CheXpert-v1.0", "…/CheXpert-v1.0"),
        ("results", "results"),
        ("a/b", "a/b"),
        ("", ""),
        (64, 64),
        (["rules=paper", "weights=/a/b.npz"], ["rules=paper", "weights=…/b.npz"]),
        (["settings.weights='/a/b.npz'"], ["settings.weights='…/b.npz'"]),
        ("tcp://host:8786", "tcp://host:8786"),
    ],
)
def test_paths_keep_their_last_part(value, shown):
    assert _shorten(value) == shown


def test_the_classes_are_those_of_the_package():
    assert issubclass(InputError, ValueError)
    assert issubclass(MachineError, RuntimeError)


@pytest.mark.parametrize(
    ("message", "kind", "words"),
    [
        ("zmq.error.ZMQError: Too many open files", MachineError, "1_a.ipynb: too many open files"),
        ("OSError: [Errno 28] No space left on device", MachineError, "1_a.ipynb: no space left"),
        ("free(): invalid pointer", RuntimeError, "ended with status 1 (free(): invalid pointer)"),
        ("", RuntimeError, "its kernel ended with status 1; the same command"),
    ],
)
def test_the_last_that_a_kernel_said_is_told(message, kind, words, tmp_path):
    (tmp_path / MESSAGES).write_text(f"Traceback\n{message}\n\n" if message else "\n")
    error = make_death("1_a.ipynb", 1, last_message(tmp_path / "none", tmp_path))
    assert type(error) is kind
    assert words in str(error)
