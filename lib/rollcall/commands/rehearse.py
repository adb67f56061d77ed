"""`rollcall rehearse`: write a simulated release in a dataset's own layout, then audit it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rollcall.commands import audit
from rollcall.commands.common import read_stated, read_thresholds, say
from rollcall.util import files

if TYPE_CHECKING:
    from rollcall.report.notebooks.kernels import KernelServer

HELP = "write a simulated release in a dataset's own layout, then audit it"
USES_KERNELS = True
RUN, TARGETS, PATIENTS = "rehearsal", 32, 300  # unless the user says otherwise


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options of `rollcall rehearse`."""
    from rollcall import datasets, rehearse
    from rollcall.commands.parts import options

    command.add_argument("--cohort", required=True, help=", ".join(datasets.REHEARSABLE))
    command.add_argument(
        "--patients",
        type=int,
        default=PATIENTS,
        help=f"number of invented patients, at least {rehearse.MIN_PATIENTS}",
    )
    command.add_argument("--run", default=RUN, help="name of the run")
    options.add_training_options(command)
    options.add_appetite(command)
    command.set_defaults(targets=TARGETS, description="")  # its cohort is a known one


def run(arguments: argparse.Namespace, server: KernelServer | None) -> int:
    """Write a simulated release, unless it is there already, and audit it."""
    from rollcall import auditing, rehearse
    from rollcall.auditing import budget

    read_thresholds(arguments)  # or write nothing
    read_stated(arguments)
    budget.check_choices(
        arguments.targets, arguments.precision, arguments.most_targets, arguments.budget
    )
    names = ("cohort", "model", "run", "seed", "options", "recipe")
    planned = {name: getattr(arguments, name) for name in names}
    if arguments.targets != budget.AUTO:
        planned["targets"] = arguments.targets
    auditing.check_plan(**planned)  # the same
    data = Path(arguments.data or files.home() / "data")
    folder = f"{arguments.patients}-patients-seed-{arguments.seed}"
    root = data / arguments.cohort / "rehearsal" / folder
    rehearse.write(arguments.cohort, root, arguments.patients, arguments.seed)
    say(f"A simulated release of {arguments.cohort} is in {root}")
    arguments.root = str(root)
    return audit.run(arguments, server)
