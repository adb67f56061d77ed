"""Find the finished runs, and open one to look at: its tables, and no more until it is asked for.

Nothing is trained, attacked or written here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data.cohort import Cohort
from rollcall.report.gate import count_public, show_both
from rollcall.runs.derived.tables import has_table, read_array, read_table
from rollcall.runs.run import Run, open_run
from rollcall.util.errors import InputError, unknown_name
from rollcall.util.files import home

NEEDED = {  # tables of an attack without which a run cannot be explored, and their columns
    "patients": (
        *("auc_joint", "auc_joint_low", "auc_joint_high", "auc_mean", "auc_mean_low"),
        *("auc_mean_high", "auc_max", "label", "stratum", "exposed"),
    ),
    "floor": ("auc_joint", "auc_mean", "auc_max"),
    "survival": ("auc", "patients", "low", "high"),
}
OF_GROUPS = {
    "shown_groups": ("attribute", "group", "intersection", "patients", "is_outcome", "p"),
    "shown_cutoffs": (
        *("attribute", "group", "cutoff", "top", "is_exposed", "inside", "ratio", "ratio_low"),
        *("ratio_high", "floor_low", "floor_high"),
    ),
}
SAMPLED = 2_000  # records, for what the scores of all have in common
CLOSED = "Single patients of this run are not shown"


@dataclass(frozen=True)
class Opened:
    """A finished run as its tables have it.

    name: "dataset/run"; data: the folder of prepared cohorts; patients, floors, survival, groups,
    cutoffs: of the tables `patients`, `floor`, `survival`, `shown_groups`, `shown_cutoffs` the
    columns that are looked at, the last two empty where groups were not compared.
    """

    name: str
    run: Run
    data: Path
    patients: pd.DataFrame
    survival: pd.DataFrame
    groups: pd.DataFrame
    cutoffs: pd.DataFrame
    floors: pd.DataFrame

    @cached_property
    def floor(self) -> np.ndarray:
        """The noise floor of the patients' joint AUC, sorted."""
        return np.sort(self.floors["auc_joint"].to_numpy())

    @cached_property
    def ids(self) -> np.ndarray:
        """The patients' ids, to match those of another run."""
        return read_table(self.run, "patients", ["patient_id"])["patient_id"].to_numpy()

    @cached_property
    def records(self) -> pd.DataFrame:
        """The records' AUCs with their intervals."""
        return read_table(self.run, "records", ["auc", "auc_low", "auc_high"])

    @property
    def auc(self) -> np.ndarray:
        """The risk of each patient, the AUC of the joint statistic, (patients,)."""
        return self.patients["auc_joint"].to_numpy()

    def describe(self) -> str:
        """Say what was audited, in a sentence or two."""
        config, unit, smallest = self.run.config, self.run.unit, self.run.smallest_cell
        model = config.get("recipe", {}).get("model", "scores given")
        words = (
            f"{self.name}: {show_both(config['records'], len(self.auc), unit, smallest)}, "
            f"{self.run.targets} models ({model})."
        )
        is_invented = self.run.simulated or config["cohort"] == "simulated"
        return f"{words} Every {unit} of it is invented." if is_invented else words

    @cached_property
    def counted(self) -> dict[tuple[float, bool], dict]:
        """The rows of `cutoffs`, by (top, is_exposed) and by (attribute, group), each a dict."""
        counted: dict = {}
        for row in self.cutoffs.to_dict("records"):
            cut = float(row["top"]), bool(row["is_exposed"])
            counted.setdefault(cut, {})[row["attribute"], row["group"]] = row
        return counted

    @property
    def is_given(self) -> bool:
        """Whether the scores were given, of models that were trained elsewhere."""
        return "recipe" not in self.run.config

    @cached_property
    def ranked(self) -> np.ndarray:
        """The patients from the highest risk to the lowest, int (patients,)."""
        return np.argsort(-self.auc, kind="stable")

    @cached_property
    def public(self) -> tuple[float, ...]:
        """The numbers of patients that the report tells: exposed, and named by each statistic."""
        exposed = float(self.patients["exposed"].sum())
        if self.floors.columns.size < len(NEEDED["floor"]):
            return (exposed,)
        counts = count_public(self.patients, self.floors, self.run.smallest_cell)
        return (exposed, *counts.values())

    @cached_property
    def statistic(self) -> np.ndarray:
        """The joint statistic, float32 (targets, patients)."""
        return read_array(self.run, "statistic")

    @cached_property
    def cohort(self) -> Cohort | None:
        """The run's cohort as it is prepared, or None where it is not on this machine."""
        from rollcall.runs.listing import open_cohort

        return open_cohort(self.run, self.data)

    @cached_property
    def sampled(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Some records, evenly taken: their numbers, and scores (targets, records); else None."""
        if self.cohort is None or (self.cohort.task == "multilabel" and not self.is_given):
            return None
        every = -(-len(self.cohort) // SAMPLED)
        records = np.arange(0, len(self.cohort), every)
        scores = read_scores(self, self.cohort, records)
        return (records, scores) if scores.ndim == 2 else None

    @cached_property
    def closed(self) -> str:
        """Say why single patients may not be shown; empty where they may.

        They may where the cohort is open or invented: whoever cannot tell shows none.
        """
        if self.cohort is None:
            return (
                f"{CLOSED}: whether its data are open is written in the prepared cohort, which is "
                f"not in {self.data}."
            )
        if self.cohort.restricted and not self.cohort.simulated:
            why = (
                "scores that were given count as restricted" if self.is_given else "data restricted"
            )
            return f"{CLOSED} ({why}). Counts of patients are, as far as they may."
        return ""


@dataclass(frozen=True)
class Listed:
    """The runs under a folder: the names of those that can be explored, and why others cannot."""

    folder: Path
    names: tuple[str, ...]
    unfinished: tuple[str, ...]
    unattacked: tuple[str, ...]

    def describe(self) -> str:
        """Say which runs cannot be explored; where none can, how to make one."""
        rest = [
            f"{', '.join(names)}: {reason}."
            for names, reason in (
                (self.unfinished, "not all models are trained yet; `rollcall audit` goes on"),
                (self.unattacked, "trained, and not attacked yet; run 2_attack"),
            )
            if names
        ]
        if not self.names:
            first = (
                f"No finished run in {self.folder}. Make one with `rollcall audit` (of invented "
                "patients, in a minute) or the notebooks 1_train, 2_attack and 3_disparity; this "
                "one only looks."
            )
            return " ".join([first, *rest])
        return " ".join(rest)


def list_runs(out: str = "") -> Listed:
    """List the runs in <out>/<dataset>/<run>; out defaults to results/."""
    folder = Path(out or home() / "results")
    ready, unfinished, unattacked = [], [], []
    for path in sorted(folder.glob("*/*/run.json")):
        run = open_run(path.parent)
        if "recipe" in run.config and not run.config.get("finished"):
            which = unfinished
        else:
            which = ready if all(has_table(run, name) for name in NEEDED) else unattacked
        which.append("/".join(path.parts[-3:-1]))
    return Listed(folder, tuple(ready), tuple(unfinished), tuple(unattacked))


def open_listed(listed: Listed, name: str, data: str = "") -> Opened:
    """Open one of the listed runs; data: the folder of prepared cohorts, data/ by default.

    InputError for a name that is not there, or cannot be explored yet.
    """
    if name in (*listed.unfinished, *listed.unattacked):
        raise InputError(f"run {name!r}: {listed.describe()}")
    if name not in listed.names:
        raise unknown_name("run", name, listed.names or ["none"], f"in {listed.folder}")
    run = open_run(listed.folder / name)
    patients, floors, survival = (read_table(run, table, each) for table, each in NEEDED.items())
    groups, cutoffs = (
        read_table(run, table, each) if has_table(run, table) else pd.DataFrame()
        for table, each in OF_GROUPS.items()
    )
    stored = Path(data or home() / "data")
    return Opened(name, run, stored, patients, survival, groups, cutoffs, floors)


def read_scores(opened: Opened, cohort: Cohort, rows: np.ndarray) -> np.ndarray:
    """Read the scores of some records under every target, float32 (targets, rows)."""
    from rollcall.attacks.scores import LOG_ODDS, exact_scores

    run = opened.run
    if opened.is_given:
        return np.array(run.scores()[:, rows], np.float32)
    labels, stored = np.asarray(cohort.labels)[rows], run.config.get("scores") == LOG_ODDS
    logits = (np.asarray(run.logits(target)[rows]) for target in range(run.targets))
    return np.stack(
        [each if stored else exact_scores(each, labels, cohort.task) for each in logits]
    ).astype(np.float32)


def list_others(listed: Listed, opened: Opened) -> Sequence[str]:
    """List the runs of the same cohort and as many patients, which may be compared with one."""
    config = opened.run.config
    return [
        name
        for name in listed.names
        if name != opened.name
        and all(
            open_run(listed.folder / name).config[key] == config[key]
            for key in ("cohort", "patients", "records")
        )
    ]
