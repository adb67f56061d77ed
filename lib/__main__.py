"""The command line: `python -m lib audit …` and `python -m lib lab`. Thin: it parses, calls, prints, and sets the exit status."""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
import time

from lib.errors import InputError

NOTEBOOKS = ("1_train", "2_attack", "3_disparity")


def main(arguments: list[str] | None = None) -> int:
    """Run a command. Returns 0; 1 if something failed inside; 2 if the input is at fault, with one line on stderr."""
    parser = argparse.ArgumentParser(prog="python -m lib", description="Which patients could be picked out of a model's training set?")
    commands = parser.add_subparsers(dest="command", required=True)
    audit = commands.add_parser("audit", help="train, attack, disparity, report", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    audit.add_argument("--cohort", default="simulated", help="simulated or diabetes130")
    audit.add_argument("--model", default="", help="mlp, small_cnn or tabular_resnet, as far as the cohort has a recipe; empty: mlp")
    audit.add_argument("--targets", type=int, default=64, help="number of target models, even, at least 8")
    audit.add_argument("--root", default="", help="folder with the cohort's release; empty: embedded, or fetched from its publisher")
    audit.add_argument("--out", default="", help="folder for results; empty: results/")
    audit.add_argument("--data", default="", help="folder for prepared cohorts; empty: data/")
    audit.add_argument("--run", default="", help="name of the run; empty: the model's name")
    audit.add_argument("--seed", type=int, default=0, help="seed of the members and of every target")
    audit.add_argument("--option", action="append", default=[], metavar="KEY=VALUE", help="an option of the cohort, e.g. leak=false")
    audit.add_argument("--recipe", action="append", default=[], metavar="KEY=VALUE", help="a setting of the recipe, e.g. epochs=5")
    commands.add_parser("lab", help="JupyterLab on the notebooks")
    given = parser.parse_args(arguments)
    logging.basicConfig(format="%(message)s")
    logging.getLogger("lib").setLevel(logging.INFO)
    try:
        return lab() if given.command == "lab" else run_audit(given)
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
    from lib import audit, report, runner

    started = time.perf_counter()
    parameters = {"cohort": given.cohort, "model": given.model, "targets": given.targets, "run": given.run, "root": given.root and os.path.abspath(given.root),
                  "out": given.out and os.path.abspath(given.out), "data": given.data and os.path.abspath(given.data), "seed": given.seed, "options": given.option, "recipe": given.recipe}
    planned = audit.plan(**parameters)
    run, cohort = planned.run, planned.cohort
    print(f"{cohort.name}: {len(cohort):,} records of {len(cohort.patients):,} patients; {run.targets} target models ({run.recipe.model}) in {run.path}")
    executed = []
    for number, name in enumerate(NOTEBOOKS, 1):
        print(f"[{number}/{len(NOTEBOOKS)}] {name}", flush=True)
        executed.append(run.path / "notebooks" / f"{name}.ipynb")
        executed[-1].parent.mkdir(exist_ok=True)
        runner.execute(audit.HOME / "notebooks" / f"{name}.ipynb", executed[-1], parameters, cwd=audit.HOME / "notebooks", stream=sys.stderr)
    sentences = audit.summary(run)
    page = run.path / "report.html"
    report.write(f"Privacy audit: {cohort.name}", sentences, executed, page, audit.facts(planned))
    print(f"\nReport: {page}  ({time.perf_counter() - started:.0f} s)\n")
    for sentence in sentences:
        print(f"  {sentence}")
    return 0


def lab() -> int:
    from lib.audit import HOME

    return subprocess.call([sys.executable, "-m", "jupyterlab", f"--notebook-dir={HOME / 'notebooks'}"])


if __name__ == "__main__":
    sys.exit(main())
