"""The command line, `rollcall audit ...`: it parses, calls, prints, sets the exit status."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from rollcall import __version__
from rollcall.report.notebooks.failures import describe_end
from rollcall.report.notebooks.kernels import KernelServer, start_kernel_server
from rollcall.util import files
from rollcall.util.errors import InputError
from rollcall.util.parallel import check_limits

if TYPE_CHECKING:
    from rollcall.auditing import Audit

NOTEBOOKS = ("1_train", "2_attack", "3_disparity")
# A kernel's first act where targets are missing: torch takes seconds to load.
LOAD_WORKERS = "__import__('rollcall.util.forkserver').util.forkserver.start_early()"

COMMANDS = {
    "audit": "train, attack, disparity, report",
    "rehearse": "write a simulated release in a dataset's own layout, then audit it",
    "attack": "attack models that were trained elsewhere, from their scores",
    "list": "the datasets, models and recipes there are",
    "doctor": "what this machine has, and what an audit will use of it",
    "lab": "JupyterLab on the notebooks",
}
AUDITING = ("audit", "rehearse", "attack")
INPUTS = ("scores", "members", "patients", "attributes", "labels")
PATHS = (*INPUTS, "out", "data", "root", "scheduler")
LISTS = ("datasets", "models", "recipes")


def main(words: list[str] | None = None) -> int:
    """Run a command and return its exit status.

    0; 1: something failed inside, or the machine; 2: the input is at fault; 130, 143, 129: stopped
    by Ctrl-C, SIGTERM, SIGHUP. All but 0 with one line on stderr; ROLLCALL_DEBUG=1 adds where.
    """
    words = sys.argv[1:] if words is None else words
    _settle()
    with _stopped_by_signals() as stops:
        try:
            return _run(words)
        except (Exception, KeyboardInterrupt) as error:
            error = (*stops, error)[0]  # while it loads, a library makes another error of a stop
            if os.environ.get("ROLLCALL_DEBUG"):
                traceback.print_exc()
            line, status = describe_end(error)
            say(f"rollcall: {line}", sys.stderr)
            return status


def _run(words: list[str]) -> int:
    command = words[0] if words else ""
    audits = {"audit": run_audit, "rehearse": run_rehearsal, "attack": run_attack}
    if command not in audits or "-h" in words or "--help" in words:
        arguments = _parse(command, words)
        others = {"list": print_lists, "lab": run_lab, "doctor": print_examination}
        return others[arguments.command](arguments)
    check_limits()
    with start_kernel_server(sys.stderr) as server:  # it gets ready while we import and plan
        return audits[command](_parse(command, words), server)


def _parse(command: str, words: list[str]) -> argparse.Namespace:
    """Parse a command line; "~" in a path is the home folder, as no shell makes it in --out=~/a."""
    arguments = build_parser(command).parse_args(words)
    for name in PATHS:
        value = getattr(arguments, name, None)
        if isinstance(value, str):
            if re.search("[\ud800-\udfff]", value):
                raise InputError(f"--{name} {value!a}: no text in this shell; set LC_ALL=C.UTF-8")
            setattr(arguments, name, os.path.expanduser(value))
    return arguments


def _settle() -> None:
    """Keep what the user's shell sets from changing or breaking a command."""
    for number in range(3):  # else the next file that is opened would be a standard stream
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):  # whose encoding may lack a character
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")
    if os.environ.pop("PYTHONWARNINGS", None):
        warnings.resetwarnings()
        for kind in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", kind)
    logging.basicConfig(format="%(message)s")
    logging.getLogger("rollcall").setLevel(logging.INFO)
    logging.getLogger("papermill").setLevel(logging.CRITICAL)  # what it says, we say in one line


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[list[KeyboardInterrupt]]:
    """Let Ctrl-C, SIGTERM and SIGHUP end the block alike; further ones do not disturb its end.

    The list is of the one that came.
    """
    before, stops = {}, []

    def stop(number: int, _) -> None:
        for each in before:
            signal.signal(each, signal.SIG_DFL if each == signal.SIGTERM else signal.SIG_IGN)
        stops.append(KeyboardInterrupt(signal.Signals(number).name))
        raise stops[0]

    if threading.current_thread() is threading.main_thread():
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number and signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
                before[number] = signal.signal(number, stop)
    try:
        yield stops
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """Build the parser; defaults are those of auditing.plan.

    only: the command whose options are needed; to know them takes imports. None: all of them.
    """
    parser = _Parser(
        prog="rollcall", description="Which patients could be picked out of a model's training set?"
    )
    parser.add_argument("--version", action="version", version=f"rollcall {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, formatter_class=_Help)
        if name == "list":
            command.add_argument("what", nargs="?", choices=LISTS, help="empty: all of them")
        elif name == "doctor":
            command.add_argument("--out", default="", help="folder for results; empty: results/")
            command.add_argument("--data", default="", help="for prepared cohorts; empty: data/")
        elif name in AUDITING and only in (None, name):
            from rollcall.auditing import options

            options.ADD[name](command)
    return parser


class _Parser(argparse.ArgumentParser):
    """Say in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"rollcall: {message}; see {self.prog} --help\n")


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Say a default where there is one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default in (None, "", []) else super()._get_help_string(action)


def run_audit(arguments: argparse.Namespace, server: KernelServer | None) -> int:
    """Plan an audit, run its notebooks into the run's folder, and write the report."""
    from rollcall import auditing
    from rollcall.auditing import options

    started = time.perf_counter()
    parameters = {name: getattr(arguments, name) for name in options.plan_defaults()}
    for name in ("root", "out", "data"):
        parameters[name] = parameters[name] and os.path.abspath(parameters[name])
    study = auditing.plan(**parameters)
    run, cohort = study.run, study.cohort
    say(
        f"{cohort.name}: {len(cohort):,} {'simulated ' if cohort.simulated else ''}records of "
        f"{len(cohort.patients):,} {cohort.unit}s; {run.targets} target models "
        f"({run.recipe.model}) in {run.path}"
    )
    scheduler = arguments.scheduler
    if scheduler != "local" and "://" not in scheduler:
        scheduler = os.path.abspath(scheduler)
    trained_by = {} if scheduler == "local" else {"scheduler": scheduler}
    first, *others = NOTEBOOKS
    steps = {first: parameters | trained_by} | dict.fromkeys(others, parameters)
    before = LOAD_WORKERS if run.missing() and not trained_by else ""
    return _report(study, steps, started, server, before)


def run_rehearsal(arguments: argparse.Namespace, server: KernelServer | None) -> int:
    """Write a simulated release, unless it is there already, and audit it."""
    from rollcall import auditing, rehearse

    names = ("cohort", "model", "targets", "run", "seed", "options", "recipe")
    auditing.check_plan(**{name: getattr(arguments, name) for name in names})  # or write nothing
    data = Path(arguments.data or files.home() / "data")
    folder = f"{arguments.patients}-patients-seed-{arguments.seed}"
    root = data / arguments.cohort / "rehearsal" / folder
    rehearse.write(arguments.cohort, root, arguments.patients, arguments.seed)
    say(f"A simulated release of {arguments.cohort} is in {root}")
    arguments.root = str(root)
    return run_audit(arguments, server)


def run_attack(arguments: argparse.Namespace, server: KernelServer | None) -> int:
    """Check scores that were trained elsewhere, attack them, and write the report."""
    from rollcall import auditing
    from rollcall.runs import external

    started = time.perf_counter()
    out = Path(arguments.out).absolute()
    inputs = {name: getattr(arguments, name) and Path(getattr(arguments, name)) for name in INPUTS}
    cell = arguments.smallest_cell
    checked = external.check(**inputs, out=out, smallest_cell=cell, kind=arguments.kind)
    with external.hold(out):  # until the report: another audit into it waits
        study = auditing.Audit(*external.write(checked, out, cell))
        say(
            f"{len(study.cohort):,} records of {len(study.cohort.patients):,} patients; "
            f"{study.run.targets} target models, trained elsewhere"
        )
        notebooks = NOTEBOOKS[1:] if arguments.attributes else NOTEBOOKS[1:2]
        parameters = {"cohort": external.COHORT_NAME, "out": str(out), "smallest_cell": cell}
        return _report(study, dict.fromkeys(notebooks, parameters), started, server)


def _report(
    study: Audit, steps: dict, started: float, server: KernelServer | None, first: str = ""
) -> int:
    """Run notebooks one after another, write the page, and say where it is and what matters.

    steps: the parameters of each notebook, by its name. first: what the first kernel runs first.
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


def print_lists(arguments: argparse.Namespace) -> int:
    """Print the datasets, the models and the recipes there are, or one of these."""
    from rollcall.report.words.facts import list_choices

    say(list_choices([arguments.what] if arguments.what else LISTS))
    return 0


def print_examination(arguments: argparse.Namespace) -> int:
    """Print what this machine has and what an audit will use of it; 1 if none can run here."""
    from rollcall.auditing.doctor import examine

    lines, can_run = examine(arguments.out, arguments.data)
    say("\n".join(lines))
    return 0 if can_run else 1


def run_lab(arguments: argparse.Namespace) -> int:
    """Open JupyterLab on the notebooks; installed, on copies of them in the folder we stand in."""
    return subprocess.call(
        [sys.executable, "-m", "jupyterlab", f"--notebook-dir={files.open_notebooks()}"],
        env=os.environ | {"ROLLCALL_HOME": str(files.home())},
    )


if __name__ == "__main__":
    sys.exit(main())
