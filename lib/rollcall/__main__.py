"""The command line, `rollcall audit ...`: it parses, calls, prints, sets the exit status."""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rollcall import __version__
from rollcall.report.notebooks.kernels import KernelServer, start_kernel_server
from rollcall.util import files
from rollcall.util.errors import InputError

if TYPE_CHECKING:
    from rollcall.audit import Audit

NOTEBOOKS = ("1_train", "2_attack", "3_disparity")
# A kernel's first act where targets are missing: torch takes seconds to load.
LOAD_WORKERS = "__import__('rollcall.util.forkserver').util.forkserver.start_early()"

COMMANDS = {
    "audit": "train, attack, disparity, report",
    "rehearse": "write a simulated release in a dataset's own layout, then audit it",
    "attack": "attack models that were trained elsewhere, from their scores",
    "list": "the datasets, models and recipes there are",
    "lab": "JupyterLab on the notebooks",
}
AUDITING = ("audit", "rehearse", "attack")
LISTS = ("datasets", "models", "recipes")


def main(words: list[str] | None = None) -> int:
    """Run a command and return its exit status.

    0; 1: something failed inside; 2: the input is at fault; 130: stopped. All but 0 with one line.
    """
    words = sys.argv[1:] if words is None else words
    command = words[0] if words else ""
    runs = {"audit": run_audit, "rehearse": run_rehearsal, "attack": run_attack}
    logging.basicConfig(format="%(message)s")
    logging.getLogger("rollcall").setLevel(logging.INFO)
    try:
        if command not in runs or "-h" in words or "--help" in words:
            arguments = build_parser(command).parse_args(words)
            return {"list": print_lists, "lab": run_lab}[arguments.command](arguments)
        with start_kernel_server(sys.stderr) as server:  # it gets ready while we import and plan
            return runs[command](build_parser(command).parse_args(words), server)
    except (InputError, RuntimeError) as error:
        print(f"rollcall: {error}", file=sys.stderr)
        return 2 if isinstance(error, InputError) else 1
    except KeyboardInterrupt:
        print("rollcall: stopped; the same command resumes where it was", file=sys.stderr)
        return 130


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """Build the parser; defaults are those of audit.plan.

    only: the command whose options are needed; to know them takes imports. None: all of them.
    """
    parser = argparse.ArgumentParser(
        prog="rollcall", description="Which patients could be picked out of a model's training set?"
    )
    parser.add_argument("--version", action="version", version=f"rollcall {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, formatter_class=_Help)
        if name == "list":
            command.add_argument("what", nargs="?", choices=LISTS, help="empty: all of them")
        elif name in AUDITING and only in (None, name):
            from rollcall.audit import options

            options.ADD[name](command)
    return parser


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Say a default where there is one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default in (None, "", []) else super()._get_help_string(action)


def run_audit(arguments: argparse.Namespace, server: KernelServer | None) -> int:
    """Plan an audit, run its notebooks into the run's folder, and write the report."""
    from rollcall import audit
    from rollcall.audit import options

    started = time.perf_counter()
    parameters = {name: getattr(arguments, name) for name in options.plan_defaults()}
    for name in ("root", "out", "data"):
        parameters[name] = parameters[name] and os.path.abspath(parameters[name])
    study = audit.plan(**parameters)
    run, cohort = study.run, study.cohort
    print(
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
    from rollcall import rehearse

    data = Path(arguments.data or files.home() / "data")
    folder = f"{arguments.patients}-patients-seed-{arguments.seed}"
    root = data / arguments.cohort / "rehearsal" / folder
    rehearse.write(arguments.cohort, root, arguments.patients, arguments.seed)
    print(f"A simulated release of {arguments.cohort} is in {root}")
    arguments.root = str(root)
    return run_audit(arguments, server)


def run_attack(arguments: argparse.Namespace, server: KernelServer | None) -> int:
    """Check scores that were trained elsewhere, attack them, and write the report."""
    from rollcall import audit
    from rollcall.runs import external

    started = time.perf_counter()
    out = Path(arguments.out).absolute()
    attributes = Path(arguments.attributes) if arguments.attributes else None
    inputs = (Path(arguments.scores), Path(arguments.members), Path(arguments.patients))
    cell = arguments.smallest_cell
    study = audit.Audit(*external.create(*inputs, attributes, out, cell))
    print(
        f"{len(study.cohort):,} records of {len(study.cohort.patients):,} patients; "
        f"{study.run.targets} target models, trained elsewhere"
    )
    notebooks = NOTEBOOKS[1:] if attributes else NOTEBOOKS[1:2]
    parameters = {"cohort": external.COHORT_NAME, "out": str(out), "smallest_cell": cell}
    return _report(study, dict.fromkeys(notebooks, parameters), started, server)


def _report(
    study: Audit, steps: dict, started: float, server: KernelServer | None, first: str = ""
) -> int:
    """Run notebooks one after another, write the page, and say where it is and what matters.

    steps: the parameters of each notebook, by its name. first: what the first kernel runs first.
    """
    from rollcall.audit.report import make_report

    sentences = make_report(study, steps, partial(print, flush=True), server, first)
    page = study.run.path / "report.html"
    print(f"\nReport: {page}  ({time.perf_counter() - started:.0f} s)\n")
    for sentence in sentences:
        print(f"  {sentence}")
    return 0


def print_lists(arguments: argparse.Namespace) -> int:
    """Print the datasets, the models and the recipes there are, or one of these."""
    from rollcall.report.words.facts import list_choices

    try:
        print(list_choices([arguments.what] if arguments.what else LISTS), flush=True)
    except BrokenPipeError:  # whoever reads, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def run_lab(arguments: argparse.Namespace) -> int:
    """Open JupyterLab on the notebooks; installed, on copies of them in the folder we stand in."""
    return subprocess.call(
        [sys.executable, "-m", "jupyterlab", f"--notebook-dir={files.open_notebooks()}"],
        env=os.environ | {"ROLLCALL_HOME": str(files.home())},
    )


if __name__ == "__main__":
    sys.exit(main())
