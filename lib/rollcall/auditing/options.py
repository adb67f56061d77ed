"""The options of the commands that audit; their defaults are those of auditing.plan.

The command line reads them when such a command is typed: to know them takes imports.
"""

from __future__ import annotations

import argparse
import inspect

from rollcall import auditing, datasets, rehearse
from rollcall.runs.given.kinds import KINDS

REHEARSAL = {"run": "rehearsal", "targets": 32, "patients": 300}  # where `rehearse` has its own
SMALLEST_CELL = "smallest number of patients that the report may show, but 0; at least 3"
ATTACK_OPTIONS = {
    "scores": ".npy float (targets, records[, labels or classes]), as --kind says",
    "members": "who was in which training set: .npy bool (targets, patients or records), or csv "
    "with patient_id and a column of 0 and 1 for each target; targets 2i and 2i+1 complementary",
    "patients": "csv, a row per record: the patient of each, in the column patient_id",
    "attributes": "csv, a row per patient with a column patient_id, or a row per record: groups "
    "to compare",
    "labels": ".npy or csv, a row per record: its class, from 0; for --kind proba and logits",
    "out": "folder for the tables, figures and the report; an audit that is there is replaced",
}
KIND = (
    "log-odds: of each record's own label, higher = more like a member. proba: of every class "
    "(targets, records, classes), or of class 1 of two (targets, records). logits: the same, "
    "before the softmax or sigmoid. loss: cross-entropy of each record"
)
NOT_NEEDED = ("attributes", "labels")  # options of `rollcall attack` that may be left out


def add_audit(command: argparse.ArgumentParser) -> None:
    """Add the options of `rollcall audit`."""
    _add_options(
        command,
        cohort=", ".join(datasets.NAMES),
        root="folder with the cohort's release; empty: embedded, or fetched from its publisher",
        run="name of the run; empty: the model's name",
    )
    _add_training(command)


def add_rehearsal(command: argparse.ArgumentParser) -> None:
    """Add the options of `rollcall rehearse`."""
    command.add_argument("--cohort", required=True, help=", ".join(datasets.REHEARSABLE))
    command.add_argument(
        "--patients",
        type=int,
        default=REHEARSAL["patients"],
        help=f"number of invented patients, at least {rehearse.MIN_PATIENTS}",
    )
    command.add_argument("--run", default=REHEARSAL["run"], help="name of the run")
    _add_training(command)
    command.set_defaults(targets=REHEARSAL["targets"])


def add_attack(command: argparse.ArgumentParser) -> None:
    """Add the options of `rollcall attack`."""
    for name, text in ATTACK_OPTIONS.items():
        command.add_argument(f"--{name}", required=name not in NOT_NEEDED, help=text)
    command.add_argument("--kind", choices=KINDS, default=KINDS[0], help=KIND)
    command.add_argument("--smallest-cell", type=int, default=10, help=SMALLEST_CELL)


def plan_defaults() -> dict:
    """Return the parameters of auditing.plan that a user gives, and their defaults."""
    parameters = inspect.signature(auditing.plan).parameters.values()
    return {each.name: each.default for each in parameters if each.name != "train"}


def _add_options(command: argparse.ArgumentParser, **helps: str) -> None:
    """Add options of auditing.plan that take one value, with their help."""
    defaults = plan_defaults()
    for name, text in helps.items():
        default = defaults[name]
        option = f"--{name.replace('_', '-')}"
        command.add_argument(option, type=type(default), default=default, help=text)


def _add_training(command: argparse.ArgumentParser) -> None:
    """Add the options of whoever trains: audit and rehearse."""
    _add_options(
        command,
        model="a model's name, in place of the recipe's; empty: the recipe's",
        targets="number of target models, even, at least 8",
        out="folder for results; empty: results/",
        data="folder for prepared cohorts; empty: data/",
        seed="seed of the members and of every target",
        smallest_cell=SMALLEST_CELL,
    )
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
        metavar="NAME|KEY=VALUE",
        help="paper, quick, ...: a recipe of the cohort; or one of its settings, e.g. epochs=5",
    )


ADD = {"audit": add_audit, "rehearse": add_rehearsal, "attack": add_attack}
