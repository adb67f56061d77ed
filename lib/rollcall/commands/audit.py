"""`rollcall audit`: train, attack, compare groups, and report."""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from rollcall.commands.common import (
    read_stated,
    read_thresholds,
    say,
    state_thresholds,
    write_report,
)
from rollcall.runs.derived.parts import NOTEBOOKS
from rollcall.util.errors import InputError

if TYPE_CHECKING:
    from rollcall.auditing import Audit
    from rollcall.report.appetite import Appetite
    from rollcall.report.notebooks.kernels import KernelServer

HELP = "train, attack, disparity, report"
USES_KERNELS = True
# A kernel's first act where targets are missing: torch takes seconds to load.
LOAD_WORKERS = "__import__('rollcall.util.forkserver').util.forkserver.start_early()"


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options of `rollcall audit`."""
    from rollcall.commands.parts import options

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
    from rollcall import recipes
    from rollcall.commands.parts import options

    started = time.perf_counter()
    if arguments.description:
        _take_description(arguments, options.plan_defaults())
    thresholds, statement = read_thresholds(arguments), read_stated(arguments)
    parameters = {name: getattr(arguments, name) for name in options.plan_defaults()}
    folders = ["root", "out", "data", *(["cohort"] if os.sep in parameters["cohort"] else [])]
    for name in folders:  # a cohort may be the folder of one that was prepared
        parameters[name] = parameters[name] and os.path.abspath(parameters[name])
    words = parameters["model"], parameters["recipe"]
    parameters["model"], parameters["recipe"] = recipes.find_paths(*words)
    study = _plan(arguments, parameters, thresholds)
    planned, cohort = study.run, study.cohort
    say(
        f"{cohort.name}: {len(cohort):,} {'simulated ' if cohort.simulated else ''}records of "
        f"{len(cohort.patients):,} {cohort.unit}s; {planned.targets} target models "
        f"({planned.recipe.model}) in {planned.path}"
    )
    scheduler = _find_scheduler(arguments)
    trained_by = {} if scheduler == "local" else {"scheduler": scheduler}
    first, *others = NOTEBOOKS
    steps = {first: parameters | trained_by} | dict.fromkeys(others, parameters)
    before = LOAD_WORKERS if planned.missing() and not trained_by else ""
    return write_report(study, steps, started, server, before, statement, arguments.words)


def _plan(arguments: argparse.Namespace, parameters: dict, thresholds: Appetite | None) -> Audit:
    """Plan the audit; with --targets auto train until the number of exposed is known well enough.

    parameters: of auditing.plan; its targets become those that there are.
    """
    from rollcall import auditing
    from rollcall.auditing import budget
    from rollcall.auditing.screening import check_enough

    screened = budget.check_choices(
        arguments.targets, arguments.precision, arguments.most_targets, arguments.budget
    )

    def plan(targets: int) -> Audit:
        parameters["targets"] = targets
        study = auditing.plan(**parameters)
        if screened:
            check_enough(study.run, study.cohort)
        return state_thresholds(study, thresholds)

    if parameters["targets"] != budget.AUTO:
        study = plan(parameters["targets"])
        of_budget = {"screened": True} if screened else None
        return replace(study, run=budget.note_budget(study.run, of_budget))
    study, of_budget = budget.grow(
        plan,
        arguments.precision,
        arguments.most_targets,
        screened,
        _find_scheduler(arguments),
        say,
    )
    return replace(study, run=budget.note_budget(study.run, of_budget))


def _find_scheduler(arguments: argparse.Namespace) -> str:
    """Return who trains: "local", an address, or the absolute path of a scheduler file."""
    scheduler = arguments.scheduler
    is_file = scheduler != "local" and "://" not in scheduler
    return os.path.abspath(scheduler) if is_file else scheduler


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
