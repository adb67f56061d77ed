"""Options that several commands share; their defaults are those of auditing.plan."""

from __future__ import annotations

import argparse
import inspect

from rollcall import auditing, datasets
from rollcall.auditing.budget import AUTO

PRECISION, MOST_TARGETS = 0.1, 64  # of risk.screening.stopping, which takes long to import
SMALLEST_CELL = "smallest number of patients that the report may show, but 0; at least 3"
APPETITE = (
    "TOML file of thresholds, set before the audit (docs/appetite.md): the report says pass, fail "
    "(exit status 3) or not evaluable (4)"
)
STATEMENT = (
    "TOML file of what only people know: auditor, purpose, legal basis (docs/statement.md); the "
    "report leaves lines to fill in for what is not stated"
)


def _read_targets(text: str) -> int | str:
    """Return a number of targets, or "auto"."""
    try:
        return text if text == AUTO else int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected an even number, or {AUTO}") from None


def plan_defaults() -> dict:
    """Return the parameters of auditing.plan that a user gives, and their defaults."""
    parameters = inspect.signature(auditing.plan).parameters.values()
    return {each.name: each.default for each in parameters if each.name != "train"}


def add_plan_options(command: argparse.ArgumentParser, **helps: str) -> None:
    """Add options of auditing.plan that take one value, with their help."""
    defaults = plan_defaults()
    for name, text in helps.items():
        default = defaults[name]
        option = f"--{name.replace('_', '-')}"
        command.add_argument(option, type=type(default), default=default, help=text)


def add_cohort_options(command: argparse.ArgumentParser, run: str) -> None:
    """Add the options that name a cohort and a run of it; run: the help of the latter."""
    add_plan_options(
        command,
        cohort=", ".join(datasets.NAMES),
        root="folder with the cohort's release; empty: embedded, or fetched from its publisher",
        run=run,
    )


def add_appetite(command: argparse.ArgumentParser) -> None:
    """Add the options that name a file of thresholds, and one of statements."""
    command.add_argument("--appetite", default="", metavar="FILE", help=APPETITE)
    command.add_argument("--statement", default="", metavar="FILE", help=STATEMENT)


def add_training_options(command: argparse.ArgumentParser, on_budget: bool = True) -> None:
    """Add the options of whoever trains; on_budget: as many targets as it asks for, if need be."""
    add_plan_options(
        command,
        model="a model's name, FILE.py:NAME, timm:NAME or torchvision:NAME, in place of the "
        "recipe's; empty: the recipe's",
        out="folder for results; empty: results/",
        data="folder for prepared cohorts; empty: data/",
        seed="seed of the members and of every target",
        smallest_cell=SMALLEST_CELL,
    )
    auto = "; auto: as many as --precision asks for" if on_budget else ""
    command.add_argument(
        "--targets",
        type=_read_targets if on_budget else int,
        default=plan_defaults()["targets"],
        help=f"number of target models, even, at least 8{auto}",
    )
    if on_budget:
        _add_budget_options(command)
    command.add_argument(
        "--scheduler",
        default="local",
        help="who trains: local (processes of this machine), or a Dask scheduler's address "
        "(tcp://host:8786) or scheduler file",
    )
    command.add_argument(
        "--option",
        dest="options",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an option of the cohort, e.g. leak=false",
    )
    command.add_argument(
        "--recipe",
        action="append",
        default=[],
        metavar="NAME|FILE.toml|KEY=VALUE",
        help="paper, quick, ...: a recipe of the cohort; a file with one; or a setting, epochs=5",
    )


def _add_budget_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--precision",
        type=float,
        default=PRECISION,
        help="with --targets auto: half the width of the 95%% interval of the number of exposed "
        "patients, over that number, at which no more targets are trained",
    )
    command.add_argument(
        "--most-targets",
        type=int,
        default=MOST_TARGETS,
        help="with --targets auto: number of target models at the most",
    )
    command.add_argument(
        "--budget",
        default="",
        metavar="screen",
        help="screen: the first 8 targets pick the 5%% of the patients who are looked at closely",
    )
