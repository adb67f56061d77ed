"""Find the finished runs under results/ and collect their tables, without patient ids."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from rollcall.report.words.facts import SIMULATED
from rollcall.runs import external
from rollcall.runs.derived.tables import has_table, read_table
from rollcall.runs.run import Run, open_run
from rollcall.util.errors import InputError, unknown_name
from rollcall.util.files import home

TABLES = {  # what is compared, and the columns it takes: no patient's id, no group but shown ones
    "attacks": ["attack", "variant", "target", "auc"],
    "roc": ["attack", "variant", "fpr", "tpr", "tpr_sd"],
    "patients": ["auc_joint", "exposed"],
    "floor": ["auc_joint", "auc_mean", "auc_max"],
    "shown_groups": ["attribute", "group", "patients", "share", "share_exposed", "risk_ratio"],
    "paper_patients": ["auc_max", "auc_mean"],
    "paper_attacks": ["attack", "target", "auc"],
    "paper_roc": ["attack", "fpr", "tpr", "tpr_sd"],
    "shown_panel": ["attribute", "group", "records", "share", "residual", "chi2", "stars"],
    "paper_errors": ["models", "kind", "q05", "q25", "median", "q75", "q95"],
}


@dataclass(frozen=True)
class FinishedRun:
    """A finished run: its name "dataset/run", its dataset, its label in legends, its tables.

    tables: by name, as far as the run has them.
    """

    name: str
    dataset: str
    label: str
    run: Run
    tables: dict[str, pd.DataFrame]

    @property
    def simulated(self) -> bool:
        return self.run.simulated or self.dataset == "simulated"

    @property
    def missing(self) -> list[str]:
        return [name for name in TABLES if name not in self.tables]


@dataclass(frozen=True)
class FinishedRuns:
    """Finished runs by name, the folder they are in, and how many more are not finished.

    data: the folder of prepared cohorts, for what shows single records; None: it is not known.
    """

    runs: tuple[FinishedRun, ...]
    folder: Path
    unfinished: int
    data: Path | None = None

    def having(self, *tables: str) -> list[FinishedRun]:
        """Return the runs that have all of these tables."""
        return [run for run in self.runs if all(name in run.tables for name in tables)]


def find_runs(out: str = "", names: Sequence[str] = ()) -> FinishedRuns:
    """Find the finished runs in <out>/<dataset>/<run>, or those named "dataset/run" in `names`.

    out defaults to results/. Finished: every target is trained, as run.json says; scores given to
    `rollcall attack`, once they are attacked. InputError for a name that is not there or not
    finished, for a folder without any finished run, and for a table that cannot be read; of runs
    that are not named nothing is read.
    """
    folder = Path(out or home() / "results")
    places = {"/".join(path.parts[-3:-1]): path.parent for path in folder.glob("*/*/run.json")}
    for name in names:
        if name not in places and places:
            raise unknown_name("run", name, sorted(places), f"in {folder}")
    runs = {name: open_run(places[name]) for name in sorted(places) if not names or name in names}
    finished = {name: run for name, run in runs.items() if _is_finished(run)}
    for name in names:
        if name in runs and name not in finished:
            raise InputError(
                f"run {name!r} in {folder} is not finished; train the rest of its targets: "
                f"{command_of(runs[name])}"
            )
    if not finished:
        more = f" ({len(runs)} not finished)" if runs else ""
        raise InputError(
            f"{folder}: no finished run{more}; expected one at least, in <cohort>/<run>/: run "
            "`make audit` first, or name another folder"
        )
    chosen = {name: run for name, run in finished.items() if not names or name in names}
    datasets = [run.config["cohort"] for run in chosen.values()]
    return FinishedRuns(
        tuple(
            FinishedRun(
                name,
                dataset,
                _label(name, run, several=datasets.count(dataset) > 1),
                run,
                _read_tables(run),
            )
            for (name, run), dataset in zip(chosen.items(), datasets, strict=True)
        ),
        folder,
        len(runs) - len(finished),
    )


def _is_finished(run: Run) -> bool:
    if run.config["cohort"] == external.COHORT_NAME:
        return has_table(run, "attacks")
    return bool(run.config.get("finished"))


def _read_tables(run: Run) -> dict[str, pd.DataFrame]:
    """Read the tables that the run has, in the columns that are compared."""
    tables = {}
    for name, columns in TABLES.items():
        if not has_table(run, name):
            continue
        table = read_table(run, name)
        lost = [column for column in columns if column not in table]
        if lost:
            raise InputError(
                f"{run.file(name)}.parquet: no column {lost[0]!r}; it was made by another version, "
                f"make it again: {command_of(run)}"
            )
        if "intersection" in table:
            table = table[~table["intersection"].astype(bool)]
        tables[name] = table[columns].reset_index(drop=True)
    return tables


def _label(name: str, run: Run, several: bool) -> str:
    """Name the dataset, and the run where a dataset has several; unit and "simulated" in brackets.

    The unit is named unless it is the patient.
    """
    remarks = []
    if run.unit != "patient":
        remarks.append(f"{run.unit}s")
    if run.simulated and run.config["cohort"] != "simulated":
        remarks.append("simulated")
    base = name if several else run.config["cohort"]
    return f"{base} ({', '.join(remarks)})" if remarks else base


def command_of(run: Run) -> str:
    """Write the command that completes a run, as a user types it."""
    dataset = run.config["cohort"]
    if dataset == external.COHORT_NAME:
        return (
            f"`rollcall attack --out {shlex.quote(str(run.path))}` with the files of the first time"
        )
    options = {
        "cohort": dataset,
        "model": run.config.get("recipe", {}).get("model", ""),
        "run": run.path.name,
        "targets": str(run.targets),
        "seed": str(run.seed),
    }
    verb = "rehearse" if run.simulated and dataset != "simulated" else "audit"
    listed = " ".join(f"--{key} {shlex.quote(value)}" for key, value in options.items() if value)
    return f"`rollcall {verb} {listed}` with the other options of its first time"


def notes(finished: FinishedRuns) -> list[str]:
    """Say first what is simulated, what is left out and how it is made, and what is unfinished."""
    sentences = [f"{run.name}: {SIMULATED}" for run in finished.runs if run.simulated]
    sentences += [
        f"{run.name}: left out below where {', '.join(run.missing)} would be needed; made by "
        f"{command_of(run.run)}."
        for run in finished.runs
        if run.missing
    ]
    sentences += [
        f"{run.name}: a patient is one {run.run.unit}; the release does not say which patient a "
        "record is of."
        for run in finished.runs
        if run.run.unit != "patient"
    ]
    if finished.unfinished:
        sentences.append(f"Runs not finished, and not shown: {finished.unfinished}.")
    return sentences
