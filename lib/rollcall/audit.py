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
from rollcall.attacks import scores
from rollcall.data.cohort import Cohort, patient_attributes
from rollcall.paper import reproduce as _paper
from rollcall.risk import assess as risk
from rollcall.risk import disparity as _disparity
from rollcall.runs import external as own
from rollcall.runs import run as _run
from rollcall.stats.members import check_targets
from rollcall.util.errors import InputError, settings, unknown
from rollcall.util.files import home, write_table
from rollcall.util.progress import bar, track

SMALLEST_SHOWN = _disparity.SMALLEST_GROUP
SIMULATED = "Simulated data: a rehearsal. Every patient and every value here is invented; no number below says anything about real people."


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
    if cohort == own.NAME:
        return Audit(*own.read(Path(out)))
    check_targets(targets)
    if cohort not in cohorts.NAMES:
        raise unknown("cohort", cohort, cohorts.NAMES)
    chosen = recipes.choose(cohort, model, recipe)
    name = run or chosen.model
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise InputError(
            f"run {name!r}: expected a plain folder name of letters, digits, '.', '_' and '-'"
        )
    if seed < 0:
        raise InputError(f"seed is {seed}; expected 0 or more")
    given = chosen.cohort | settings(
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
    from rollcall.training import worker as _workers

    missing = len(audit.run.missing())
    if missing:
        with bar(missing, "Training", "target") as at:
            _workers.train(audit.run, audit.cohort, workers, at, scheduler or "local")
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
    risk: risk.Risk


def attack(audit: Audit) -> Attacked:
    """Attack every target with the others, assess records and patients, and write attacks, pooled, roc, records, patients, floor and risk to the run."""
    run, cohort = audit.run, audit.cohort
    members, values = (
        run.members(),
        run.scores() if cohort.name == own.NAME else scores.of_run(run, cohort),
    )
    found = attacks.run(
        values,
        members,
        cohort.patient_index,
        attacks.features(cohort),
        lambda items: track(items, "Attacking", "attack"),
    )
    if values.ndim == 3:
        values = risk.combine_labels(values, members, cohort.patient_index)
    assessed = risk.assess(
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


def paper(audit: Audit) -> _paper.Paper:
    """The paper's scores, attacks and tables from the same logits, written to the run as paper_records, paper_patients, paper_attacks, paper_roc,
    paper_errors and, where a group is large enough, paper_panel. Of scores that were given, not trained, only the statistics are the paper's."""
    run, cohort = audit.run, audit.cohort
    if cohort.name == own.NAME:
        given = run.scores()
        given = given if given.ndim == 3 else given[..., None]

        def part(target: int, rows: slice) -> tuple[np.ndarray, np.ndarray]:
            values = given[target, rows].astype(np.float64)
            return values.sum(1, keepdims=True), np.exp(-np.logaddexp(0, -values).sum(1))
    else:
        logits = [run.logits(target) for target in range(run.targets)]
        y = _paper.positives(
            cohort.targets, cohort.task, cohort.outputs, cohort.classes[0] == "No Finding"
        )

        def part(target: int, rows: slice) -> tuple[np.ndarray, np.ndarray]:
            p = _paper.probabilities(logits[target][rows], cohort.task)
            return _paper.score(p, y[rows]), _paper.confidence(p, y[rows], cohort.task)

    found = _paper.reproduce(
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


def examples(audit: Audit, attacked: Attacked) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """(title, in scores, out scores) of the most exposed patient's most exposed record and of an ordinary patient's record."""
    records, patients = attacked.risk.records, attacked.risk.patients
    joint = patients["auc_joint"].to_numpy()
    members = audit.run.members()
    panels = []
    for title, patient in (
        ("the most exposed patient", int(joint.argmax())),
        ("an ordinary patient", int(np.abs(joint - np.median(joint)).argmin())),
    ):
        own = np.flatnonzero(audit.cohort.patient_index == patient)
        record = own[records["auc"].to_numpy()[own].argmax()]
        had = members[:, patient]
        panels.append(
            (
                f"{title}: record AUC {records['auc'].iloc[record]:.2f}",
                attacked.scores[had, record],
                attacked.scores[~had, record],
            )
        )
    return panels


def most_exposed_records(
    audit: Audit, attacked: Attacked, count: int = 8
) -> tuple[np.ndarray, pd.DataFrame]:
    """(record numbers, de-identified rows) of the most exposed record of each of the `count` most exposed patients.

    The rows hold the risk and the attributes, no id; InputError for a restricted cohort, whose rows are not for showing.
    """
    if audit.cohort.restricted:
        raise InputError(
            f"cohort {audit.cohort.name!r} is restricted: none of its records is shown"
        )
    table = attacked.risk.records.assign(
        joint=attacked.risk.patients["auc_joint"].to_numpy()[audit.cohort.patient_index]
    )
    best = (
        table.sort_values(["joint", "auc"], ascending=False)
        .drop_duplicates("patient_id")
        .head(count)
    )
    rows = audit.cohort.records.loc[best["record"], list(audit.cohort.attributes)].reset_index(
        drop=True
    )
    rows.insert(0, "patient AUC", best["joint"].round(3).to_numpy())
    rows.insert(1, "record AUC", best["auc"].round(3).to_numpy())
    return best["record"].to_numpy(), rows


def disparity(audit: Audit) -> pd.DataFrame:
    """Who carries the risk: the table of disparity.disparity on this run's patients, written to the run."""
    table = _disparity.disparity(
        read(audit.run, "patients"), patient_attributes(audit.cohort), seed=audit.run.seed
    )
    write_table(audit.run.file("disparity.parquet"), table)
    return table


def read(run: _run.Run, name: str) -> pd.DataFrame:
    """A table of the run by name (attacks, pooled, roc, records, patients, floor, risk, disparity, paper_*); InputError if it was not made yet."""
    path = run.file(f"{name}.parquet")
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: not readable ({error}); run the audit's notebooks in order: 1_train, 2_attack, 3_disparity"
        ) from error


def summary(run: _run.Run) -> list[str]:
    """The three sentences that matter, from the tables of a finished run."""
    attacked, patients, floor, sure = (
        read(run, name) for name in ("attacks", "patients", "floor", "risk")
    )
    exposed, total, units = int(patients["exposed"].sum()), len(patients), f"{run.unit}s"
    passes = len(floor) / total
    high, null = (
        int((patients["auc_joint"] >= 0.9).sum()),
        float((floor["auc_joint"] >= 0.9).sum()) / passes,
    )
    area = attacked.groupby(["attack", "variant"])["auc"].mean()
    return [
        f"{exposed:,} of {total:,} {units} are exposed (95% interval {sure['exposed_low'][0]:,.0f} to {sure['exposed_high'][0]:,.0f}): "
        f"whether they were in the training set can be told, at a false-discovery rate of 5% "
        f"({high:,} have an AUC of 0.9 or more, where the noise floor has {null:.2g}).",
        f"The average {'hides it' if exposed else 'agrees'}: over all records LiRA has an AUC of {area['LiRA', 'online']:.3f} and RMIA of "
        f"{area['RMIA', 'online']:.3f}, where 0.5 is guessing.",
        *(
            [_third(read(run, "disparity"), units)]
            if run.file("disparity.parquet").exists()
            else []
        ),
    ]


def _third(groups: pd.DataFrame, units: str) -> str:
    """The sentence on groups."""
    found = groups[
        (groups["p_adjusted"] < 0.05) & (groups["risk_ratio"] > 1) & ~groups["intersection"]
    ]
    if len(found):
        worst = found.sort_values("risk_ratio", ascending=False).drop_duplicates("attribute")
        times = [
            f"with {row['attribute']} {row['group']!r} are "
            + (
                f"{row['risk_ratio']:.1f} times (95% interval {row['ci_low']:.1f} to {row['ci_high']:.1f})"
                if np.isfinite(row["risk_ratio"])
                else f"more than {row['ci_low']:.1f} times"
            )
            for _, row in worst.head(2).iterrows()
        ]
        return f"{units.capitalize()} {', and those '.join(times)} as likely as all others to be among the most exposed 1% (Holm-adjusted p < 0.05)."
    return f"No group of {len(groups)} is over-represented among the most exposed 1% beyond chance (smallest p = {groups['p_adjusted'].min():.2g} after Holm)."


def _models(run: _run.Run, unit: str) -> str:
    if "recipe" not in run.config:
        return f"{run.targets}, trained elsewhere"
    recipe = run.recipe
    return (
        f"{run.targets} x {recipe.model}, each trained on a random half of the {unit}s: {recipe.epochs} epochs, batch {recipe.batch}"
        f"{f' x {recipe.accumulate}' if recipe.accumulate > 1 else ''}, {recipe.optimiser}, "
        f"learning rate {recipe.learning_rate:g}, weight decay {recipe.weight_decay:g}"
    )


def facts(audit: Audit) -> dict[str, str]:
    """What a reader of the report should know about the run: the data, the models, the versions."""
    run, cohort, config = audit.run, audit.cohort, audit.run.config
    return {
        "Cohort": f"{cohort.name}: {len(cohort):,} records of {len(cohort.patients):,} {cohort.unit}s, {cohort.task}. {cohort.source}",
        "Held-out test set": f"{len(cohort.test):,} records of {len(cohort.test.patients):,} {cohort.unit}s"
        if cohort.test is not None
        else "none",
        "Notes on the data": "; ".join(cohort.notes) or "none",
        "Target models": _models(run, cohort.unit),
        "Seed, scores": f"{run.seed}, {config['scores']}",
        "Cohort fingerprint": cohort.fingerprint[:16],
        "Versions, hardware": ", ".join(
            f"{name} {version}" for name, version in config["versions"].items()
        )
        + f"; {config['hardware']['cores']} cores, {config['hardware']['machine']}",
        "Started": config["started"],
    }
