"""What several commands do: parse, say a line, read the thresholds, write the report of a run."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn, TextIO

from rollcall.runs.derived.parts import REPORT

if TYPE_CHECKING:
    from rollcall.auditing import Audit
    from rollcall.report.appetite import Appetite
    from rollcall.report.notebooks.kernels import KernelServer
    from rollcall.report.words.statement import Statement


class Parser(argparse.ArgumentParser):
    """Say in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"rollcall: {message}; see {self.prog} --help\n")


class Help(argparse.ArgumentDefaultsHelpFormatter):
    """Say a default where there is one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default in (None, "", []) else super()._get_help_string(action)


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


def read_thresholds(arguments: argparse.Namespace) -> Appetite | None:
    """Read the file that --appetite names, None if it names none; its smallest cell is taken.

    InputError as read_appetite: nothing was written yet.
    """
    if not arguments.appetite:
        return None
    from rollcall.report.appetite import choose_cell, read_appetite

    appetite = read_appetite(arguments.appetite)
    arguments.smallest_cell = choose_cell(appetite, arguments.smallest_cell)
    return appetite


def read_stated(arguments: argparse.Namespace) -> Statement:
    """Read the file that --statement names; InputError as read_statement."""
    from rollcall.report.words.statement import read_statement

    return read_statement(arguments.statement)


def state_thresholds(study: Audit, appetite: Appetite | None) -> Audit:
    """Return a study whose run is judged by these thresholds, or by none."""
    from rollcall.report.appetite import state_appetite

    return replace(study, run=state_appetite(study.run, appetite))


def write_report(
    study: Audit,
    steps: dict,
    started: float,
    server: KernelServer | None,
    first: str = "",
    statement: Statement | None = None,
    words: Sequence[str] = (),
) -> int:
    """Run notebooks one after another, write the page, and say where it is and what matters.

    steps: the parameters of each notebook, by its name. started: when, by time.perf_counter.
    first: what the first kernel runs first. statement, words: as of make_report. Returns the exit
    status: 0, or 3 and 4 where the run's thresholds are not met or cannot be judged by.
    """
    from rollcall.auditing.report import make_report
    from rollcall.report.appetite import read_verdict
    from rollcall.runs.folder import list_files_with_ids

    sentences = make_report(study, steps, say, server, first, statement, words)
    page = study.run.path / REPORT[0]
    say(f"\nReport: {page}  ({time.perf_counter() - started:.0f} s)\n")
    for sentence in sentences:
        say(f"  {sentence}")
    verdict = read_verdict(study.run)
    for line in list_outcomes(verdict):
        say(line)
    names = ", ".join(list_files_with_ids(study.run.path))
    say(f"\nThese files name patients and stay where the data may be: {names}")
    return show_outcome(verdict)


def show_outcome(verdict: dict | None) -> int:
    """Return the exit status of a verdict, 0 if there is none; say in one line what is no pass."""
    if verdict is None or verdict["exit_status"] == 0:
        return 0
    say(f"rollcall: {verdict['outcome']} by the thresholds of --appetite", sys.stderr)
    return verdict["exit_status"]


def list_outcomes(verdict: dict | None) -> list[str]:
    """List the verdict and each criterion with a threshold; nothing where there is no verdict."""
    if verdict is None:
        return []
    stated = [each for each in verdict["criteria"] if each["threshold"] is not None]
    return [
        f"\nBy the thresholds of {verdict['appetite']['date']}: {verdict['outcome'].upper()}\n",
        *(f"  {each['criterion']}: {each['outcome']}. {each['reason']}" for each in stated),
    ]
