"""The command line: `rollcall audit ...` or `python -m rollcall audit ...`.

Thin: it parses, calls, prints, and sets the exit status.
"""

from __future__ import annotations

import argparse
import inspect
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rollcall import __version__, audit, datasets, rehearse
from rollcall.util import files
from rollcall.util.errors import InputError
from rollcall.util.text import align_columns

NOTEBOOKS = ("1_train", "2_attack", "3_disparity")
LISTS = ("datasets", "models", "recipes")
DEFAULTS = {
    name: parameter.default for name, parameter in inspect.signature(audit.plan).parameters.items()
}
REHEARSAL = {"run": "rehearsal", "targets": 32, "patients": 300}  # where `rehearse` has its own

ATTACK_OPTIONS = {
    "scores": ".npy float (targets, records[, labels]): log odds of each record's own label; "
    "higher = more like a member",
    "members": ".npy bool (targets, patients or records): who was in which training set; rows 2i "
    "and 2i+1 complementary",
    "patients": "csv, a row per record: the patient of each, in the column patient_id",
    "attributes": "csv, a row per patient with a column patient_id, or a row per record: groups "
    "to compare",
    "out": "folder for the tables, figures and the report",
}


def main(words: list[str] | None = None) -> int:
    """Run a command and return its exit status.

    0; 1 if something failed inside; 2 if the input is at fault; 130 if it was stopped. All but 0
    with one line on stderr.
    """
    arguments = build_parser().parse_args(words)
    logging.basicConfig(format="%(message)s")
    logging.getLogger("rollcall").setLevel(logging.INFO)
    try:
        return {
            "audit": run_audit,
            "rehearse": run_rehearsal,
            "attack": run_attack,
            "list": print_lists,
            "lab": run_lab,
        }[arguments.command](arguments)
    except (InputError, RuntimeError) as error:
        print(f"rollcall: {error}", file=sys.stderr)
        return 2 if isinstance(error, InputError) else 1
    except KeyboardInterrupt:
        print("rollcall: stopped; the same command resumes where it was", file=sys.stderr)
        return 130


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of every command; defaults are those of audit.plan."""
    parser = argparse.ArgumentParser(
        prog="rollcall", description="Which patients could be picked out of a model's training set?"
    )
    parser.add_argument("--version", action="version", version=f"rollcall {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    with_defaults = {"formatter_class": _Help}

    command = commands.add_parser("audit", help="train, attack, disparity, report", **with_defaults)
    _add_options(
        command,
        cohort=", ".join(datasets.NAMES),
        root="folder with the cohort's release; empty: embedded, or fetched from its publisher",
        run="name of the run; empty: the model's name",
    )
    _add_training(command)

    command = commands.add_parser(
        "rehearse",
        help="write a simulated release in a dataset's own layout, then audit it",
        **with_defaults,
    )
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

    command = commands.add_parser(
        "attack", help="attack models that were trained elsewhere, from their scores"
    )
    for name, text in ATTACK_OPTIONS.items():
        command.add_argument(f"--{name}", required=name != "attributes", help=text)

    command = commands.add_parser("list", help="the datasets, models and recipes there are")
    command.add_argument("what", nargs="?", choices=LISTS, help="empty: all of them")
    commands.add_parser("lab", help="JupyterLab on the notebooks")
    return parser


def _add_options(command: argparse.ArgumentParser, **helps: str) -> None:
    """Add options of audit.plan that take one value, with their help."""
    for name, text in helps.items():
        default = DEFAULTS[name]
        command.add_argument(f"--{name}", type=type(default), default=default, help=text)


def _add_training(command: argparse.ArgumentParser) -> None:
    """Add the options of whoever trains: audit and rehearse."""
    _add_options(
        command,
        model="a model's name, in place of the recipe's; empty: the recipe's",
        targets="number of target models, even, at least 8",
        out="folder for results; empty: results/",
        data="folder for prepared cohorts; empty: data/",
        seed="seed of the members and of every target",
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
        default=list(DEFAULTS["options"]),
        metavar="KEY=VALUE",
        help="an option of the cohort, e.g. leak=false",
    )
    command.add_argument(
        "--recipe",
        action="append",
        default=list(DEFAULTS["recipe"]),
        metavar="NAME|KEY=VALUE",
        help="paper, quick, ...: a recipe of the cohort; or one of its settings, e.g. epochs=5",
    )


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Say a default where there is one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default in (None, "", []) else super()._get_help_string(action)


def run_audit(arguments: argparse.Namespace) -> int:
    """Plan an audit, run its notebooks into the run's folder, and write the report."""
    started = time.perf_counter()
    parameters = {name: getattr(arguments, name) for name in DEFAULTS}
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
    return _report(study, steps, started)


def run_rehearsal(arguments: argparse.Namespace) -> int:
    """Write a simulated release, unless it is there already, and audit it."""
    data = Path(arguments.data or files.home() / "data")
    folder = f"{arguments.patients}-patients-seed-{arguments.seed}"
    root = data / arguments.cohort / "rehearsal" / folder
    rehearse.write(arguments.cohort, root, arguments.patients, arguments.seed)
    print(f"A simulated release of {arguments.cohort} is in {root}")
    arguments.root = str(root)
    return run_audit(arguments)


def run_attack(arguments: argparse.Namespace) -> int:
    """Check scores that were trained elsewhere, attack them, and write the report."""
    from rollcall.runs import external

    started = time.perf_counter()
    out = Path(arguments.out).absolute()
    attributes = Path(arguments.attributes) if arguments.attributes else None
    inputs = (Path(arguments.scores), Path(arguments.members), Path(arguments.patients))
    study = audit.Audit(*external.create(*inputs, attributes, out))
    print(
        f"{len(study.cohort):,} records of {len(study.cohort.patients):,} patients; "
        f"{study.run.targets} target models, trained elsewhere"
    )
    notebooks = NOTEBOOKS[1:] if attributes else NOTEBOOKS[1:2]
    parameters = {"cohort": external.COHORT_NAME, "out": str(out)}
    return _report(study, dict.fromkeys(notebooks, parameters), started)


def _report(study: audit.Audit, steps: dict[str, dict], started: float) -> int:
    """Run notebooks one after another, write the page, and say where it is and what matters.

    steps: the parameters of each notebook, by its name.
    """
    from rollcall.report.notebooks import execute_notebook
    from rollcall.report.page import write_page
    from rollcall.report.summary import SIMULATED

    folder, executed = study.run.path / "notebooks", []
    folder.mkdir(exist_ok=True)
    for number, (name, parameters) in enumerate(steps.items(), 1):
        print(f"[{number}/{len(steps)}] {name}", flush=True)
        source, output = files.notebooks() / f"{name}.ipynb", folder / f"{name}.ipynb"
        execute_notebook(source, output, parameters, cwd=source.parent, stream=sys.stderr)
        executed.append(output)
    sentences, page = study.summary(), study.run.path / "report.html"
    kind = "Rehearsal" if study.cohort.simulated else "Privacy audit"
    notices = [SIMULATED] if study.cohort.simulated else []
    write_page(
        page,
        title=f"{kind}: {study.cohort.name}",
        summary=sentences,
        notebooks=executed,
        facts=study.facts(),
        notice="".join(notices),
    )
    print(f"\nReport: {page}  ({time.perf_counter() - started:.0f} s)\n")
    for sentence in notices + sentences:
        print(f"  {sentence}")
    return 0


def print_lists(arguments: argparse.Namespace) -> int:
    """Print the datasets, the models and the recipes there are, or one of these."""
    try:
        _print_lists([arguments.what] if arguments.what else LISTS)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _print_lists(wanted: Sequence[str]) -> None:
    from rollcall import models, recipes

    if "datasets" in wanted:
        print("Datasets (--cohort)")
        rows = (
            (about.name, about.title, about.licence, about.access)
            for about in datasets.list_datasets()
        )
        print(align_columns(rows))
    if "models" in wanted:
        print("Models (--model), with their parameters for an input of that shape")
        rows = (
            (row["name"], f"{row['parameters']:,}", " x ".join(map(str, row["input_shape"])))
            for row in models.list_models()
        )
        print(align_columns(rows))
    if "recipes" in wanted:
        print("Recipes (--recipe)")
        rows = (
            (name, key, recipe.model, f"{recipe.epochs:g} epochs", f"batch {recipe.batch}")
            for name in datasets.NAMES
            for key, recipe in recipes.list_recipes(name).items()
        )
        print(align_columns(rows))


def run_lab(arguments: argparse.Namespace) -> int:
    """Open JupyterLab on the notebooks; installed, on copies of them in the folder we stand in."""
    folder = files.notebooks()
    if files.clone() is None:
        folder = files.home() / "notebooks"
        folder.mkdir(parents=True, exist_ok=True)
        for source in sorted(files.notebooks().glob("*.ipynb")):
            if not (folder / source.name).exists():
                shutil.copyfile(source, folder / source.name)
    return subprocess.call(
        [sys.executable, "-m", "jupyterlab", f"--notebook-dir={folder}"],
        env=os.environ | {"ROLLCALL_HOME": str(files.home())},
    )


if __name__ == "__main__":
    sys.exit(main())
