"""What ended a notebook, or a whole command: one line, of the class of error that it was."""

from __future__ import annotations

import csv
import re
import signal
from pathlib import Path

from rollcall.util.errors import InputError, first_line
from rollcall.util.faults import RESUME, MachineError, StoppedError, describe_machine_fault
from rollcall.util.text import describe_exit

INPUT = ("InputError", "DeviceLostError")
MEMORY = ("MemoryError", "_ArrayMemoryError", "ArrowMemoryError")
SYSTEM = re.compile(r"\[Errno (\d+)\] [^:]*(?:: ?b?['\"](.*?)['\"])?")  # how Python writes OSErrors


def make_error(notebook: str, failed: Path, place: int, name: str, text: str) -> Exception:
    """Make the error of a cell, from the name and text of the exception that it raised.

    place: the number of the cell; failed: where the notebook is left, its traceback in it.
    InputError, MachineError and StoppedError as raised; MachineError for what the system refused;
    RuntimeError for all else.
    """
    text = " ".join(text.split())
    if name in INPUT:
        return InputError(text)
    if name == "MachineError":
        return MachineError(text)
    if name == "StoppedError":
        return StoppedError(f"{notebook}: {text}")
    fault = None
    if name in MEMORY:
        fault = describe_machine_fault(MemoryError())
    elif match := SYSTEM.search(text):
        fault = describe_machine_fault(OSError(int(match[1]), "", match[2]))
    if fault:
        return MachineError(f"{notebook}: {fault}")
    return RuntimeError(f"{notebook} failed at In [{place}]: {name}: {text}; more in {failed}")


def make_death(notebook: str, code: int | None, message: str = "") -> Exception:
    """Make the error of a kernel that ended before its notebook did.

    code: as subprocess has it. message: the last that it said. MachineError if that names what the
    machine refused; else RuntimeError.
    """
    if fault := describe_machine_fault(RuntimeError(message)):
        return MachineError(f"{notebook}: {fault}")
    end = "did not answer" if code is None else describe_exit(code)
    more = f" ({message})" if message else ""
    return RuntimeError(f"{notebook} failed: its kernel {end}{more}; the same command resumes")


def describe_end(error: BaseException) -> tuple[str, int]:
    """Describe what ended a command, in one line, with its exit status."""
    if isinstance(error, KeyboardInterrupt):
        number = getattr(signal, str(error), signal.SIGINT)
        by = "" if number == signal.SIGINT else f" by {signal.Signals(number).name}"
        return f"stopped{by}; the same command resumes where it was", 128 + number
    if isinstance(error, InputError):
        return " ".join(str(error).splitlines()), 2
    if fault := describe_machine_fault(error):
        return " ".join(fault.splitlines()), 1
    if isinstance(error, csv.Error | UnicodeError):
        return f"a file is no table of text ({first_line(error)}); expected csv in UTF-8", 2
    if type(error).__name__ == "BrokenProcessPool":
        return f"a process was killed, probably for memory; close some programs, {RESUME}", 1
    if type(error) in (RuntimeError, StoppedError):  # ours
        return " ".join(str(error).splitlines()), 1
    return (
        f"unexpected {type(error).__name__}: {first_line(error)}; please report it "
        "(ROLLCALL_DEBUG=1 before the command shows where)",
        1,
    )
