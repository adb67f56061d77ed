"""What several commands do: say a line, and write the report of a run."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rollcall.auditing import Audit
    from rollcall.report.notebooks.kernels import KernelServer

NOTEBOOKS = ("1_train", "2_attack", "3_disparity")


def say(text: str, stream: TextIO | None = None) -> None:
    """Print a line; an audit goes on where nobody reads it any more, or its log's disk is full."""
    stream = stream or sys.stdout
    if stream is None:
        return
    try:
        print(text, file=stream, flush=True)
    except OSError:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def write_report(
    study: Audit, steps: dict, started: float, server: KernelServer | None, first: str = ""
) -> int:
    """Run notebooks one after another, write the page, and say where it is and what matters.

    steps: the parameters of each notebook, by its name. started: when, by time.perf_counter.
    first: what the first kernel runs first. Returns the exit status.
    """
    from rollcall.auditing.report import make_report
    from rollcall.runs.folder import list_files_with_ids

    sentences = make_report(study, steps, say, server, first)
    page = study.run.path / "report.html"
    say(f"\nReport: {page}  ({time.perf_counter() - started:.0f} s)\n")
    for sentence in sentences:
        say(f"  {sentence}")
    names = ", ".join(list_files_with_ids(study.run.path))
    say(f"\nThese files name patients and stay where the data may be: {names}")
    return 0
