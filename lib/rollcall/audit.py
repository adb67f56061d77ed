"""An audit step by step, as the notebooks and the command line take it: plan, train, attack, disparity, summary.

Training is imported only where something is trained: a finished run can be read back on a laptop without torch's machinery.
"""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall import attacks, recipes
from rollcall import datasets as cohorts
from rollcall.attacks.scores import score_run
from rollcall.data import groups
from rollcall.data.cohort import Cohort
from rollcall.data.groups import patient_attributes
from rollcall.paper import reproduce
from rollcall.risk import Risk, assess_risk, combine_labels
from rollcall.risk.disparity import compare_groups
from rollcall.runs import external
from rollcall.runs import run as _run
from rollcall.runs.run import read_table
from rollcall.stats.members import check_targets
from rollcall.util.errors import InputError, unknown_name
from rollcall.util.files import home, write_table
from rollcall.util.progress import bar, track
from rollcall.util.settings import parse_settings

SMALLEST_SHOWN = groups.MIN_GROUP_SIZE


@dataclass(frozen=True)
class Audit:
    """One run and the cohort it is about."""

    run: _run.Run
    cohort: Cohort


def plan(
    cohort: str,
    model: str = "",
    targets: int = 64,
    run: str = "",
    root: str = "",
    out: str = "",
    data: str = "",
    seed: int = 0,
    options: list[str] = (),
    recipe: list[str] = (),
) -> Audit:
    """Check the parameters of an audit, prepare its cohort and open, create or grow its run; InputError says what is wrong.

    Cohort "own": the run that `rollcall attack` has written to `out`. Else the run is <out>/<cohort>/<run>; out defaults to results/, run
    to the model's name. options and recipe are "key=value" strings that change a cohort's options or a recipe's settings, the latter as
    recipes.choose takes them. Nothing is written unless everything is right.
    """
    if cohort == external.COHORT_NAME:
        return Audit(*external.read(Path(out)))
    check_targets(targets)
    if cohort not in cohorts.NAMES:
        raise unknown_name("cohort", cohort, cohorts.NAMES)
    chosen = recipes.choose(cohort, model, recipe)
    name = run or chosen.model
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise InputError(
            f"run {name!r}: expected a plain folder name of letters, digits, '.', '_' and '-'"
        )
    if seed < 0:
        raise InputError(f"seed is {seed}; expected 0 or more")
    given = chosen.cohort | parse_settings(
        f"option of cohort {cohort!r}", options, cohorts.options(cohort)
    )
    loaded = load(cohort, root, data, **given)
    return Audit(
        _run.create(Path(out or home() / "results") / cohort / name, loaded, chosen, targets, seed),
        loaded,
    )


def load(cohort: str, root: str = "", data: str = "", **options) -> Cohort:
    """A cohort, prepared behind a progress bar if it is not yet."""
    with ExitStack() as stack:
        at = None

        def progress(done: int, total: int) -> None:
            nonlocal at
            at = at or stack.enter_context(bar(total, "Preparing", "file"))
            at(done)

        return cohorts.load(cohort, root or None, data or home() / "data", progress, **options)


def train(audit: Audit, workers: int | None = None, scheduler: str = "local") -> pd.DataFrame:
    """Train what is missing, behind a progress bar. One row per target: seed, seconds, its metrics on members and non-members.

    scheduler: "local" for processes of this machine; or a Dask scheduler's address (tcp://...) or scheduler file.
    """

    from rollcall import training

    missing = len(audit.run.missing())
    if missing:
        with bar(missing, "Training", "target") as at:
            training.train(audit.run, audit.cohort, workers, at, scheduler or "local")
    infos = [audit.run.info(target) for target in range(audit.run.targets)]
    return pd.DataFrame(
        [
            {
                "target": info["target"],
                "seed": info["seed"],
                "seconds": info["seconds"],
                **info["metrics"],
            }
            for info in infos
        ]
    )


@dataclass(frozen=True)
class Attacked:
    """What `attack` gives: one score of each record (targets, records), the tables of attacks and ROC curves, and the risk."""

    scores: np.ndarray
    attacks: pd.DataFrame
    pooled: pd.DataFrame
    roc: pd.DataFrame
    risk: Risk


def attack(audit: Audit) -> Attacked:
    """Attack every target with the others, assess records and patients, and write attacks, pooled, roc, records, patients, floor and risk to the run."""
    run, cohort = audit.run, audit.cohort
    members, values = (
        run.members(),
        run.scores() if cohort.name == external.COHORT_NAME else score_run(run, cohort),
    )
    found = attacks.run_all(
        values,
        members,
        cohort.patient_index,
        attacks.compute_features(
            cohort.inputs,
            cohort.labels,
            len(cohort.classes),
            cohort.patient_index,
            cohort.records[list(cohort.attributes)],
        ),
        lambda items: track(items, "Attacking", "attack"),
    )
    if values.ndim == 3:
        values = combine_labels(values, members, cohort.patient_index)
    assessed = assess_risk(
        values,
        members,
        cohort.patient_index,
        cohort.patients,
        run.seed,
        progress=lambda items: track(items, "Assessing patients", "part"),
    )
    for name, table in {
        "attacks": found.attacks,
        "pooled": found.pooled,
        "roc": found.roc,
        "records": assessed.records,
        "patients": assessed.patients,
        "floor": assessed.floors.astype(np.float32),
        "risk": pd.DataFrame([assessed.cohort]),
    }.items():
        write_table(run.file(f"{name}.parquet"), table)
    return Attacked(values, found.attacks, found.pooled, found.roc, assessed)


def paper(audit: Audit) -> reproduce.Reproduction:
    """The paper's scores, attacks and tables from the same logits, written to the run as paper_records, paper_patients, paper_attacks, paper_roc,
    paper_errors and, where a group is large enough, paper_panel. Of scores that were given, not trained, only the statistics are the paper's."""
    run, cohort = audit.run, audit.cohort
    if cohort.name == external.COHORT_NAME:
        given = run.scores()
        given = given if given.ndim == 3 else given[..., None]

        def part(target: int, rows: slice) -> tuple[np.ndarray, np.ndarray]:
            values = given[target, rows].astype(np.float64)
            return values.sum(1, keepdims=True), np.exp(-np.logaddexp(0, -values).sum(1))
    else:
        logits = [run.logits(target) for target in range(run.targets)]
        y = reproduce.encode_positives(
            cohort.labels, cohort.task, cohort.outputs, cohort.classes[0] == "No Finding"
        )

        def part(target: int, rows: slice) -> tuple[np.ndarray, np.ndarray]:
            p = reproduce.compute_probabilities(logits[target][rows], cohort.task)
            return reproduce.score_records(p, y[rows]), reproduce.compute_confidence(
                p, y[rows], cohort.task
            )

    found = reproduce.reproduce_paper(
        part,
        run.members(),
        cohort.patient_index,
        cohort.patients,
        cohort.records[list(cohort.attributes)],
        run.seed,
        lambda items: track(items, "As the paper did", "part"),
    )
    for name in ("records", "patients", "attacks", "roc", "errors", "panel"):
        if getattr(found, name) is not None:
            write_table(run.file(f"paper_{name}.parquet"), getattr(found, name))
    return found


def disparity(audit: Audit) -> pd.DataFrame:
    """Who carries the risk: the table of compare_groups on this run's patients, written to the run."""
    table = compare_groups(
        read_table(audit.run, "patients"), patient_attributes(audit.cohort), seed=audit.run.seed
    )
    write_table(audit.run.file("disparity.parquet"), table)
    return table
