"""Where the time of one audit goes: seconds and shares of its stages, from a run of its command.

The command runs as a user would run it, in processes of its own; `benchmarks.spans` notes in them
when each stage begins and ends.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from benchmarks.spans import BETWEEN, CALLS, IMPORTS, TRAINING
from rollcall import auditing

TOP = Path(__file__).resolve().parents[1]
COMMAND, PAGE, WHOLE = "command line and planning", "report page and end", "the whole audit"
KERNEL_START, KERNEL_END, WORKER_START = "kernel start", "kernel end", "worker start and end"
PLANNING, *IN_KERNELS = CALLS
STAGES = (
    *(COMMAND, KERNEL_START, IMPORTS, PLANNING, WORKER_START),
    *IN_KERNELS,
    *(BETWEEN, KERNEL_END, PAGE),
)
STAMP = "2026-11-25 12:00:00,000"  # at the beginning of each line of a worker's log


@dataclass(frozen=True)
class Span:
    """A call: of what, and its start and end in seconds since the epoch."""

    what: str
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.start


def table(
    cohort: str = "simulated",
    root: str = "",
    targets: int = 64,
    data: str = "",
    rounds: int = 1,
    options: tuple[str, ...] = (),
    recipe: tuple[str, ...] = (),
) -> pd.DataFrame:
    """Time the stages of an audit, `rounds` times over: of the one that took the median time.

    stage      in the order of the audit. "command line and planning": until the first notebook is
               given to a kernel, "kernel start" from there until the kernel computes, papermill's
               imports included; "worker start and end": loading torch, opening the run;
               "evaluation": tables and curves of attacks; "between cells": messages and saving.
    seconds, share   of the whole, which is the last row
    """
    given = {"cohort": cohort, "root": root, "targets": targets, "data": data}
    with tempfile.TemporaryDirectory() as folder:
        prepared = f"{folder}/prepared"
        auditing.plan(**given, options=options, recipe=recipe, out=prepared)  # the cohort, before
        words = [f"--{name}={value}" for name, value in given.items() if value]
        words += [f"--option={entry}" for entry in options]
        words += [f"--recipe={entry}" for entry in recipe]
        measured = [run_audit(words, Path(folder) / str(number)) for number in range(rounds)]
    measured.sort(key=lambda seconds: sum(seconds.values()))
    seconds = measured[rounds // 2]
    whole = sum(seconds.values())
    rows = [*seconds.items(), (WHOLE, whole)]
    return pd.DataFrame(
        [{"stage": stage, "seconds": spent, "share": spent / whole} for stage, spent in rows]
    )


def run_audit(words: list[str], folder: Path) -> dict[str, float]:
    """Run `rollcall audit` with `words` into an empty folder; return the seconds of each stage."""
    folder.mkdir()
    notes, out = folder / "notes", folder / "results"
    python_path = os.pathsep.join(filter(None, (str(TOP), os.environ.get("PYTHONPATH"))))
    started = time.time()
    subprocess.run(
        [sys.executable, "-m", "benchmarks.spans", notes, "audit", *words, "--out", out],
        env=os.environ | {"PYTHONPATH": python_path},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    ended = time.time()
    spans = [Span(*json.loads(line)) for line in notes.read_text(encoding="utf-8").splitlines()]
    return divide(spans, read_logs(list(out.glob("*/*/logs/*.log"))), started, ended)


def read_logs(logs: list[Path]) -> tuple[float, float]:
    """Return when the first of the workers was ready, and when the last had stored its targets."""
    stamps = [
        datetime.strptime(line[: len(STAMP)], "%Y-%m-%d %H:%M:%S,%f").timestamp()
        for log in logs
        for line in log.read_text(encoding="utf-8").splitlines()
    ]
    return min(stamps), max(stamps)


def divide(
    spans: list[Span], trained: tuple[float, float], started: float, ended: float
) -> dict[str, float]:
    """Divide an audit's time among its stages: stage -> seconds, which add up to the whole.

    spans: of notebooks, and of calls within them and within one another; what a call does not
    spend in other calls is its own. trained: when workers began and ended.
    """
    seconds, callers = dict.fromkeys(STAGES, 0.0), []
    of_command = Span(PAGE, started, ended)
    for span in sorted([of_command, *spans], key=lambda span: (span.start, -span.end)):
        while callers and span.start >= callers[-1].end:
            callers.pop()
        seconds[span.what] += span.seconds
        if callers:
            seconds[callers[-1].what] -= span.seconds
        callers.append(span)

    def carve(stage: str, from_stage: str, duration: float) -> None:
        seconds[stage] += duration
        seconds[from_stage] -= duration

    notebooks = [span for span in spans if span.what == BETWEEN]
    carve(COMMAND, PAGE, min(notebook.start for notebook in notebooks) - started)
    for notebook in notebooks:
        calls = [span for span in spans if notebook.start < span.start < notebook.end]
        carve(KERNEL_START, BETWEEN, min(call.start for call in calls) - notebook.start)
        carve(KERNEL_END, BETWEEN, notebook.end - max(call.end for call in calls))
    in_training = sum(span.seconds for span in spans if span.what == TRAINING)
    carve(WORKER_START, TRAINING, in_training - (trained[1] - trained[0]))
    return seconds
