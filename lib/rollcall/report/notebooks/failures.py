"""What a notebook that failed says: one line, of the class of error that it was."""

from __future__ import annotations

import re
from pathlib import Path

from rollcall.util.errors import InputError
from rollcall.util.faults import MachineError, describe_machine_fault
from rollcall.util.text import describe_exit

INPUT = ("InputError", "DeviceLostError")
MEMORY = ("MemoryError", "_ArrayMemoryError", "ArrowMemoryError")
SYSTEM = re.compile(r"\[Errno (\d+)\] [^:]*(?:: ?b?['\"](.*?)['\"])?")  # how Python writes OSErrors


def make_error(notebook: str, failed: Path, place: int, name: str, text: str) -> Exception:
    """Make the error of a cell, from the name and text of the exception that it raised.

    place: the number of the cell; failed: where the notebook is left, its traceback in it.
    InputError and MachineError as they were raised; MachineError for what the system refused;
    RuntimeError for all else.
    """
    text = " ".join(text.split())
    if name in INPUT:
        return InputError(text)
    if name == "MachineError":
        return MachineError(text)
    fault = None
    if name in MEMORY:
        fault = describe_machine_fault(MemoryError())
    elif match := SYSTEM.search(text):
        fault = describe_machine_fault(OSError(int(match[1]), "", match[2]))
    if fault:
        return MachineError(f"{notebook}: {fault}")
    return RuntimeError(f"{notebook} failed at In [{place}]: {name}: {text}; more in {failed}")


def make_death(notebook: str, code: int | None) -> Exception:
    """Make the error of a kernel that ended before its notebook did; code: as subprocess has it."""
    how = "did not answer" if code is None else describe_exit(code)
    return RuntimeError(f"{notebook} failed: its kernel {how}; the same command resumes")
