"""The next layer: without the patients who are exposed, are others exposed in their place?

Carlini et al. (The Privacy Onion Effect, NeurIPS 2022) removed the most exposed and others took
their place. Here two arms are compared: models that never saw the exposed, and models that never
saw as many patients of the same labels drawn at random. In both the same patients are looked at, by
the same rules: those who were not exposed and whom neither removed. New models name some others,
and a smaller cohort exposes more; both are in both arms, and only what the first has beyond the
second is the next layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rollcall.auditing import Audit
from rollcall.data.groups import patient_labels
from rollcall.experiments.defence.parts import plan_part
from rollcall.experiments.variants import assess
from rollcall.report.words.sentences import HIGH_AUC
from rollcall.risk import assess_risk, combine_labels
from rollcall.util.errors import InputError
from rollcall.util.progress import track

if TYPE_CHECKING:
    from IPython.display import HTML

WITHOUT, CONTROL = "without the exposed", "without as many at random"
RUNS = {WITHOUT: "without-exposed", CONTROL: "without-random"}


@dataclass(frozen=True)
class Layer:
    """What `remove_exposed` gives: arms, a row for each of both; smallest_cell, unit: as of a run.

    arm; trained (patients of its cohort), removed; patients (looked at: not exposed before, and
    in both arms), named, named_low, named_high (95%, as many new models), by_chance (of the named,
    expected), at_most_false; above, above_low, above_high (of the patients looked at, with a true
    AUC of 0.9 or more); mean_auc (of the patients looked at); auroc (on patients not seen).
    """

    arms: pd.DataFrame
    smallest_cell: int
    unit: str

    def table(self) -> HTML:
        """Return the table of both arms, with its caption."""
        from rollcall.report.tables.defence import layer_table
        from rollcall.report.tables.showing import show_table

        return show_table(layer_table(self.arms, self.unit, self.smallest_cell))


def draw_alike(removed: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """Draw as many patients of each label as are removed, of all, bool (P,).

    removed bool (P,), labels int (P,).
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, 0x0D]))
    drawn = np.zeros(len(removed), bool)
    for label in np.unique(labels):
        there = np.flatnonzero(labels == label)
        drawn[rng.permutation(there)[: int(removed[there].sum())]] = True
    return drawn


def remove_exposed(study: Audit, data: str = "") -> Layer:
    """Train without the exposed patients of a trained run, and without others; attack both.

    Both runs lie beside the study's: without-exposed, without-random; data: as auditing.plan has
    it. InputError if nobody is exposed, or too few patients are left.
    """
    exposed = assess(study).patients["exposed"].to_numpy(bool)
    if not exposed.any():
        raise InputError(f"{study.run.path}: nobody is exposed, so nobody can be removed")
    at_random = draw_alike(exposed, patient_labels(study.cohort), study.run.seed)
    rows = []
    arms = ((WITHOUT, exposed), (CONTROL, at_random))
    for arm, removed in track(arms, "Removing", "audit", "2 audits"):
        part = plan_part(study, ~removed, RUNS[arm], data)
        performance = part.train()
        looked_at = ~(exposed | at_random)[~removed]  # in the order of the part's patients
        rows.append(
            {
                "arm": arm,
                "trained": len(part.cohort.patients),
                "removed": int(removed.sum()),
                **_look_at(part, looked_at),
                "auroc": performance["auroc_non_members"].mean(),
            }
        )
    return Layer(pd.DataFrame(rows), study.run.smallest_cell, study.run.unit)


def _look_at(part: Audit, looked_at: np.ndarray) -> dict:
    """Name exposed patients among some, bool (P,), of a trained run: columns of Layer.arms."""
    from rollcall.attacks.scores import score_run

    cohort, members = part.cohort, part.run.members()
    scores, index = score_run(part.run, cohort), cohort.patient_index
    if scores.ndim == 3:
        scores = combine_labels(scores, members, index)
    rows = looked_at[index]
    number = np.cumsum(looked_at) - 1
    risk = assess_risk(
        np.ascontiguousarray(scores[:, rows]),
        np.ascontiguousarray(members[:, looked_at]),
        number[index[rows]],
        cohort.patients[looked_at],
        part.run.seed,
        labels=patient_labels(cohort)[looked_at],
        progress=lambda items: track(items, "Assessing patients", "part"),
    )
    of_all = risk.cohort
    return {
        "patients": int(looked_at.sum()),
        "named": of_all["exposed"],
        "named_low": of_all["exposed_low"],
        "named_high": of_all["exposed_high"],
        "by_chance": of_all["by_chance"],
        "at_most_false": of_all["at_most_false"],
        "above": of_all[f"above_{HIGH_AUC}"],
        "above_low": of_all[f"above_{HIGH_AUC}_low"],
        "above_high": of_all[f"above_{HIGH_AUC}_high"],
        "mean_auc": float(risk.patients["auc_joint"].mean()),
    }
