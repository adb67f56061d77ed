"""The steps of an audit: train, attack, compare groups, and as the paper did.

Each imports what it needs when it is taken.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rollcall.auditing.screening import FIRST, add_screened, is_screened
from rollcall.data.cohort import Cohort
from rollcall.data.groups import patient_attributes, patient_labels
from rollcall.runs import external
from rollcall.runs.config import read_config
from rollcall.runs.derived.manifests import describe_step
from rollcall.runs.derived.tables import read_array, read_table, write_step
from rollcall.runs.folder import remove_untrained
from rollcall.runs.run import Run
from rollcall.stats.design import is_paired
from rollcall.util import forkserver
from rollcall.util.errors import InputError
from rollcall.util.progress import bar, resumable, track
from rollcall.util.settings import typed

if TYPE_CHECKING:
    from rollcall.paper.reproduce import Reproduction
    from rollcall.risk import Risk


@dataclass(frozen=True)
class Study:
    """One run and the cohort it is about."""

    run: Run
    cohort: Cohort

    def performance(self) -> pd.DataFrame:
        """List seed, seconds and metrics on in and out of each target, all of them trained."""
        columns = ("target", "seed", "seconds")
        infos = [self.run.info(target, *columns, "metrics") for target in range(self.run.targets)]
        return pd.DataFrame(
            [{key: info[key] for key in columns} | info["metrics"] for info in infos]
        )


@dataclass(frozen=True)
class Attacked:
    """What `attack` gives.

    scores: one of each record, float32 (targets, records). attacks, pooled, roc: tables of
    rollcall.attacks.run_all. risk: of rollcall.risk.assess_risk.
    """

    scores: np.ndarray
    attacks: pd.DataFrame
    pooled: pd.DataFrame
    roc: pd.DataFrame
    risk: Risk


@typed
def train(study: Study, *, workers: int | None = None, scheduler: str = "local") -> pd.DataFrame:
    """Train what is missing, behind a progress bar, and return the performance of every target.

    scheduler: "local", this machine; or a Dask scheduler's address (tcp://...) or scheduler file.
    """
    if missing := len(study.run.missing()):
        with resumable():
            _train(study, missing, workers, scheduler or "local")
    return study.performance()


def _train(study: Study, missing: int, workers: int | None, scheduler: str) -> None:
    if scheduler == "local":
        forkserver.start_early()  # torch is loaded there while it is loaded here
    from rollcall import training

    try:
        training.prepare(study.run, study.cohort)
    except InputError:  # the recipe is at fault: nothing can become of the run
        remove_untrained(study.run.path)
        raise
    with bar(missing, "Training", "model", f"{missing} models") as show:
        training.train(study.run, study.cohort, workers, show, scheduler)


def attack(study: Study) -> Attacked:
    """Attack every target with the others as references, and assess records and patients.

    Writes attacks, pooled, roc, records, patients, floor, survival and risk to the run, as parquet,
    statistic.npy and, of targets in pairs, statistic_rmia.npy. What was made from other scores, by
    this step or a later one, goes. One process at a time, as the other steps: the others wait.
    """
    with study.run.hold("steps"):
        return _attack(study)


def _attack(study: Study) -> Attacked:
    from rollcall import attacks, risk
    from rollcall.attacks.rmia import score_patients
    from rollcall.attacks.scores import score_run

    run, cohort, members = study.run, study.cohort, study.run.members()
    made_from = describe_step(run, "attack")
    elsewhere = cohort.name == external.COHORT_NAME  # trained there, scores given
    scores = run.scores() if elsewhere else score_run(run, cohort)
    index, attributes = cohort.patient_index, cohort.records[list(cohort.attributes)]
    features = attacks.compute_features(
        cohort.inputs, cohort.labels, len(cohort.classes), index, attributes
    )
    evaluated = attacks.run_all(
        scores, members, index, features, lambda items: track(items, "Attacking", "attack")
    )
    del features
    paired = is_paired(members)
    rmia = score_patients(scores, members, index, run.seed) if paired else None
    few = scores[:FIRST].copy() if is_screened(run) else None
    refuted = _refute(run, scores, members, index) if paired else {}
    if scores.ndim == 3:
        scores = risk.combine_labels(scores, members, index)
    assessed = risk.assess_risk(
        scores,
        members,
        index,
        cohort.patients,
        run.seed,
        labels=patient_labels(cohort),
        rates=run.config.get("design", {}).get("rates"),
        progress=lambda items: track(items, "Assessing patients", "part"),
    )
    if few is not None:
        assessed = add_screened(run, cohort, few, assessed)
    tables = vars(evaluated) | {
        "records": assessed.records,
        "patients": assessed.patients,
        "floor": assessed.floors.astype(np.float32),
        "survival": assessed.survival,
        "risk": pd.DataFrame([assessed.cohort | refuted]),
        "statistic": assessed.statistic,
    }
    if rmia is not None:
        tables["statistic_rmia"] = rmia
    write_step(run, "attack", made_from, tables)
    return Attacked(scores, evaluated.attacks, evaluated.pooled, evaluated.roc, assessed)


def _refute(
    run: Run, scores: np.ndarray, members: np.ndarray, index: np.ndarray
) -> dict[str, float]:
    """Return the columns of `risk` on the epsilon that models in pairs refute; none if too few."""
    from rollcall.stats.accounting.halves import DELTA, average_records, refute_epsilon

    terms = read_config(run.path).get("privacy") or {}
    values = average_records(scores, index)
    refuted = refute_epsilon(values, members, terms.get("delta") or DELTA)
    if refuted is None:
        return {}
    rest = ("delta", "targets", "right", "guesses", "canaries")
    return {"refuted": refuted.epsilon} | {
        f"refuted_{name}": float(getattr(refuted, name)) for name in rest
    }


def disparity(study: Study) -> pd.DataFrame:
    """Compare groups of patients; InputError if nobody has attacked yet.

    Writes disparity and cutoffs of risk.groups.compare to the run, which stay where the data may
    be, and what of them may leave, shown_groups and shown_cutoffs of report.gate.hide_groups, and
    shown_levels of report.levels.
    Returns shown_groups. Without a group that is large enough all of them are empty.
    """
    with study.run.hold("steps"):
        return _disparity(study)


def _disparity(study: Study) -> pd.DataFrame:
    from rollcall.report import gate, levels
    from rollcall.risk import groups

    run, patients, members = study.run, read_table(study.run, "patients"), study.run.members()
    made_from = describe_step(run, "disparity")
    attributes, statistic = patient_attributes(study.cohort), read_array(run, "statistic")
    tables = groups.compare(patients, attributes, statistic, members, run.seed)
    shown, cutoffs = tables.values()
    by_level = levels.make_empty()
    if len(shown):
        shown, cutoffs = gate.hide_groups(
            shown, cutoffs, patients, attributes, statistic, members, run.smallest_cell
        )
        by_level = levels.count_levels(
            *(patients, read_table(run, "floor")),
            *(attributes, statistic, members, shown, cutoffs, run.smallest_cell),
        )
    tables = tables | {"shown_groups": shown, "shown_cutoffs": cutoffs, "shown_levels": by_level}
    write_step(run, "disparity", made_from, tables)
    return shown


def paper(study: Study) -> Reproduction:
    """Compute the paper's scores, attacks and tables from the same logits, and write them.

    paper_records, _patients, _attacks, _roc, _errors and, where a group may be shown, _panel; and
    what of this may leave, shown_panel, which is the panel that is returned. Of scores that were
    given, not trained, only the statistics are the paper's; of models that come one by one, not in
    pairs as the paper's, there are none, and no table is written.
    """
    with study.run.hold("steps"):
        return _paper(study)


def _paper(study: Study) -> Reproduction:
    from rollcall.paper import panel as panels
    from rollcall.paper import reproduce, sources
    from rollcall.report import gate

    run, cohort = study.run, study.cohort
    made_from = describe_step(run, "paper")
    if "design" in run.config:
        write_step(run, "paper", made_from, {})
        nothing = [pd.DataFrame() for _ in range(5)]
        return reproduce.Reproduction(*nothing[:4], panel=None, errors=nothing[4])
    attributes, by_record = patient_attributes(cohort), cohort.records[list(cohort.attributes)]
    elsewhere = cohort.name == external.COHORT_NAME
    reproduction = reproduce.reproduce_paper(
        sources.read_given_scores(run) if elsewhere else sources.score_as_published(run, cohort),
        run.members(),
        cohort.patient_index,
        cohort.patients,
        by_record,
        run.seed,
        lambda items: track(items, "As the paper did", "part"),
        gate.list_shown(attributes, run.smallest_cell),
    )
    records, errors = reproduction.records, reproduction.errors
    top = records["auc"] >= records["auc"].quantile(0.99)
    if records.loc[top, "patient_id"].nunique() < run.smallest_cell:
        reproduction = replace(reproduction, errors=errors[errors["kind"] != "top"])
    tables = {
        f"paper_{name}": table
        for name in ("records", "patients", "attacks", "roc", "errors", "panel")
        if (table := getattr(reproduction, name)) is not None
    }
    panel = reproduction.panel
    if panel is not None:
        tops = panels.find_tops(records["auc"].to_numpy(), by_record, panel)
        panel = gate.hide_panel(panel, tops, cohort.patient_index, attributes, run.smallest_cell)
        tables["shown_panel"] = panel
    write_step(run, "paper", made_from, tables)
    return replace(reproduction, panel=panel)
