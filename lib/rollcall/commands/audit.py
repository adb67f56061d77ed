"""`rollcall audit`: train, attack, compare groups, and report."""

from __future__ import annotations

import argparse
import os
import time
from typing import TYPE_CHECKING

from rollcall.commands.common import (
    read_thresholds,
    say,
    state_thresholds,
    write_report,
)
from rollcall.runs.derived.parts import NOTEBOOKS
from rollcall.util.errors import InputError

if TYPE_CHECKING:
    from rollcall.report.notebooks.kernels import KernelServer

HELP = "train, attack, disparity, report"
USES_KERNELS = True
# A kernel's first act where targets are missing: torch takes seconds to load.
LOAD_WORKERS = "__import__('rollcall.util.forkserver').util.forkserver.start_early()"


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options of `rollcall audit`."""
    from rollcall.commands import options

    command.add_argument(
        "description",
        nargs="?",
        default="",
        help="cohort.toml of your own data, or its folder: --cohort table --root of it",
    )
    options.add_cohort_options(command, run="name of the run; empty: the model's name")
    options.add_training_options(command)
    options.add_appetite(command)


def run(arguments: argparse.Namespace, server: KernelServer | None) -> int:
    """Plan an audit, run its notebooks into the run's folder, and write the report."""
    from rollcall import auditing, recipes
    from rollcall.commands import options

    started = time.perf_counter()
    if arguments.description:
        _take_description(arguments, options.plan_defaults())
    thresholds = read_thresholds(arguments)
    parameters = {name: getattr(arguments, name) for name in options.plan_defaults()}
    folders = ["root", "out", "data", *(["cohort"] if os.sep in parameters["cohort"] else [])]
    for name in folders:  # a cohort may be the folder of one that was prepared
        parameters[name] = parameters[name] and os.path.abspath(parameters[name])
    words = parameters["model"], parameters["recipe"]
    parameters["model"], parameters["recipe"] = recipes.find_paths(*words)
    study = state_thresholds(auditing.plan(**parameters), thresholds)
    planned, cohort = study.run, study.cohort
    say(
        f"{cohort.name}: {len(cohort):,} {'simulated ' if cohort.simulated else ''}records of "
        f"{len(cohort.patients):,} {cohort.unit}s; {planned.targets} target models "
        f"({planned.recipe.model}) in {planned.path}"
    )
    scheduler = arguments.scheduler
    if scheduler != "local" and "://" not in scheduler:
        scheduler = os.path.abspath(scheduler)
    trained_by = {} if scheduler == "local" else {"scheduler": scheduler}
    first, *others = NOTEBOOKS
    steps = {first: parameters | trained_by} | dict.fromkeys(others, parameters)
    before = LOAD_WORKERS if planned.missing() and not trained_by else ""
    return write_report(study, steps, started, server, before)


def _take_description(arguments: argparse.Namespace, defaults: dict) -> None:
    """Put the cohort of a description where --root and --cohort would have it; or InputError."""
    from rollcall.datasets.described.description import find

    root, cohort = find(arguments.description)
    if arguments.root or arguments.cohort not in (defaults["cohort"], cohort):
        raise InputError(
            f"{arguments.description} describes the cohort; expected no --root and no --cohort "
            f"{arguments.cohort} beside it"
        )
    arguments.root, arguments.cohort = str(root), cohort
