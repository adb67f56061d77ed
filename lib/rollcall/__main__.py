"""The command line: `rollcall audit …` or `python -m rollcall audit …`. Thin: it parses, calls, prints, and sets the exit status."""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
import time

from rollcall.report import summary
from rollcall.util.errors import InputError
from rollcall.util.files import home
from rollcall.util.files import notebooks as notebooks_folder

COHORTS = (
    "simulated",
    "chexpert",
    "mimic_cxr",
    "embed",
    "fairvision",
    "fitzpatrick17k",
    "ptb_xl",
    "mimic_iv_ed",
    "diabetes130",
    "ham10000",
    "nih_cxr14",
)
REHEARSALS = COHORTS[1:8]
NOTEBOOKS = ("1_train", "2_attack", "3_disparity")


def main(arguments: list[str] | None = None) -> int:
    """Run a command. Returns 0; 1 if something failed inside; 2 if the input is at fault, with one line on stderr."""
    parser = argparse.ArgumentParser(
        prog="rollcall", description="Which patients could be picked out of a model's training set?"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    audit = commands.add_parser(
        "audit",
        help="train, attack, disparity, report",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    audit.add_argument("--cohort", default="simulated", help=", ".join(COHORTS))
    audit.add_argument(
        "--root",
        default="",
        help="folder with the cohort's release; empty: embedded, or fetched from its publisher",
    )
    audit.add_argument("--run", default="", help="name of the run; empty: the model's name")
    rehearse = commands.add_parser(
        "rehearse",
        help="write a simulated release in a dataset's own layout, then audit it",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    rehearse.add_argument("--cohort", required=True, help=", ".join(REHEARSALS))
    rehearse.add_argument(
        "--patients", type=int, default=300, help="number of invented patients, at least 40"
    )
    rehearse.add_argument("--run", default="rehearsal", help="name of the run")
    for command, targets in ((audit, 64), (rehearse, 32)):
        command.add_argument(
            "--model",
            default="",
            help="a model's name, to train instead of the recipe's; empty: the recipe's",
        )
        command.add_argument(
            "--targets", type=int, default=targets, help="number of target models, even, at least 8"
        )
        command.add_argument("--out", default="", help="folder for results; empty: results/")
        command.add_argument("--data", default="", help="folder for prepared cohorts; empty: data/")
        command.add_argument(
            "--seed", type=int, default=0, help="seed of the members and of every target"
        )
        command.add_argument(
            "--scheduler",
            default="local",
            help="who trains: local (processes of this machine), or a Dask scheduler's address (tcp://host:8786) or scheduler file",
        )
        command.add_argument(
            "--option",
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
    attack = commands.add_parser(
        "attack", help="attack models that were trained elsewhere, from their scores"
    )
    attack.add_argument(
        "--scores",
        required=True,
        help=".npy float (targets, records[, labels]): log odds of each record's own label; higher = more like a member",
    )
    attack.add_argument(
        "--members",
        required=True,
        help=".npy bool (targets, patients or records): who was in which training set; rows 2i and 2i+1 complementary",
    )
    attack.add_argument(
        "--patients",
        required=True,
        help="csv, a row per record: the patient of each, in the column patient_id",
    )
    attack.add_argument(
        "--attributes",
        default="",
        help="csv, a row per patient with a column patient_id, or a row per record: groups to compare",
    )
    attack.add_argument(
        "--out", required=True, help="folder for the tables, figures and the report"
    )
    commands.add_parser("lab", help="JupyterLab on the notebooks")
    given = parser.parse_args(arguments)
    logging.basicConfig(format="%(message)s")
    logging.getLogger("rollcall").setLevel(logging.INFO)
    try:
        return {"lab": lab, "rehearse": run_rehearsal, "audit": run_audit, "attack": run_attack}[
            given.command
        ](given)
    except InputError as error:
        print(f"rollcall: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("rollcall: stopped; the same command resumes where it was", file=sys.stderr)
        return 130
    except RuntimeError as error:
        print(f"rollcall: {error}", file=sys.stderr)
        return 1


def run_audit(given: argparse.Namespace) -> int:
    from rollcall import audit

    started = time.perf_counter()
    parameters = {
        "cohort": given.cohort,
        "model": given.model,
        "targets": given.targets,
        "run": given.run,
        "root": given.root and os.path.abspath(given.root),
        "out": given.out and os.path.abspath(given.out),
        "data": given.data and os.path.abspath(given.data),
        "seed": given.seed,
        "options": given.option,
        "recipe": given.recipe,
    }
    planned = audit.plan(**parameters)
    run, cohort = planned.run, planned.cohort
    print(
        f"{cohort.name}: {len(cohort):,} {'simulated ' * cohort.simulated}records of {len(cohort.patients):,} {cohort.unit}s; "
        f"{run.targets} target models ({run.recipe.model}) in {run.path}"
    )
    trained_by = (
        {}
        if given.scheduler == "local"
        else {
            "scheduler": given.scheduler
            if "://" in given.scheduler
            else os.path.abspath(given.scheduler)
        }
    )
    return _report(planned, NOTEBOOKS, parameters, started, trained_by)


def run_attack(given: argparse.Namespace) -> int:
    from pathlib import Path

    from rollcall import audit
    from rollcall.runs import external

    started = time.perf_counter()
    out = Path(given.out).absolute()
    planned = audit.Audit(
        *external.create(
            Path(given.scores),
            Path(given.members),
            Path(given.patients),
            Path(given.attributes) if given.attributes else None,
            out,
        )
    )
    print(
        f"{len(planned.cohort):,} records of {len(planned.cohort.patients):,} patients; {planned.run.targets} target models, trained elsewhere"
    )
    return _report(
        planned,
        NOTEBOOKS[1:3] if given.attributes else NOTEBOOKS[1:2],
        {"cohort": external.COHORT_NAME, "out": str(out)},
        started,
    )


def _report(
    planned, notebooks, parameters: dict, started: float, trained_by: dict | None = None
) -> int:
    """Run the notebooks one after another into the run's folder, then write its page and say where it is and what matters."""
    from rollcall.report import notebooks as runner
    from rollcall.report import page as report

    run, cohort, executed = planned.run, planned.cohort, []
    for number, name in enumerate(notebooks, 1):
        print(f"[{number}/{len(notebooks)}] {name}", flush=True)
        executed.append(run.path / "notebooks" / f"{name}.ipynb")
        executed[-1].parent.mkdir(exist_ok=True)
        given = parameters | (trained_by or {} if name == "1_train" else {})
        runner.execute(
            notebooks_folder() / f"{name}.ipynb",
            executed[-1],
            given,
            cwd=notebooks_folder(),
            stream=sys.stderr,
        )
    sentences = summary.summary(run)
    page = run.path / "report.html"
    report.write(
        f"{'Rehearsal' if cohort.simulated else 'Privacy audit'}: {cohort.name}",
        sentences,
        executed,
        page,
        summary.facts(planned),
        summary.SIMULATED if cohort.simulated else "",
    )
    print(f"\nReport: {page}  ({time.perf_counter() - started:.0f} s)\n")
    for sentence in [summary.SIMULATED] * cohort.simulated + sentences:
        print(f"  {sentence}")
    return 0


def run_rehearsal(given: argparse.Namespace) -> int:
    """Write the simulated release, unless it is there already, and audit it."""
    from pathlib import Path

    from rollcall import rehearse

    data = Path(given.data or home() / "data")
    given.root = str(
        rehearse.write(
            given.cohort,
            data / given.cohort / "rehearsal" / f"{given.patients}-patients-seed-{given.seed}",
            given.patients,
            given.seed,
        )
    )
    print(f"A simulated release of {given.cohort} is in {given.root}")
    return run_audit(given)


def lab(given: argparse.Namespace) -> int:
    return subprocess.call(
        [sys.executable, "-m", "jupyterlab", f"--notebook-dir={notebooks_folder()}"]
    )


if __name__ == "__main__":
    sys.exit(main())
