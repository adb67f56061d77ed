"""Records to look at: one exposed beside an ordinary one, and the most exposed of all."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.attacks.scores import score_records, score_run
from rollcall.data.cohort import Cohort, describe_label
from rollcall.report.figures.attacks import images, in_out
from rollcall.report.style import Figure
from rollcall.report.tables.showing import Table
from rollcall.risk import Risk, combine_labels
from rollcall.runs.run import Run
from rollcall.util.errors import InputError

RECORDS_SHOWN = 8


def pick_examples(patient_index: np.ndarray, risk: Risk) -> list[tuple[str, int]]:
    """Pick the most exposed patient's most exposed record, and an ordinary patient's.

    (title, number of the record) each.
    """
    auc, joint = risk.records["auc"].to_numpy(), risk.patients["auc_joint"].to_numpy()
    picked = []
    for title, patient in (
        ("the most exposed patient", int(joint.argmax())),
        ("an ordinary patient", int(np.abs(joint - np.median(joint)).argmin())),
    ):
        records = np.flatnonzero(patient_index == patient)
        record = int(records[auc[records].argmax()])
        picked.append((f"{title}: record AUC {auc[record]:.2f}", record))
    return picked


def split_scores(
    scores: np.ndarray,
    members: np.ndarray,
    patient_index: np.ndarray,
    picked: list[tuple[str, int]],
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Split the scores of picked records: (title, in scores, out scores) each.

    scores (targets, picked), members (targets, patients).
    """
    panels = []
    for number, (title, record) in enumerate(picked):
        is_in = members[:, patient_index[record]]
        panels.append((title, scores[is_in, number], scores[~is_in, number]))
    return panels


def show_examples(run: Run, cohort: Cohort, risk: Risk) -> Figure | Table:
    """Show the scores of an exposed and of an ordinary record; of a restricted cohort, none."""
    if cohort.restricted:
        return Table(None, "", empty="This cohort is restricted: no single patient's scores.")
    return in_out(list_panels(run, cohort, pick_examples(cohort.patient_index, risk)))


def list_panels(
    run: Run, cohort: Cohort, picked: list[tuple[str, int]]
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """List what split_scores gives of picked records; InputError for a restricted cohort."""
    if cohort.restricted:
        raise InputError(f"cohort {cohort.name!r} is restricted: none of its records is shown")
    index, members = cohort.patient_index, run.members()
    records = np.array([record for _, record in picked])
    scores = score_records(run, cohort, records)
    if scores.ndim == 3:  # a record's labels are weighed by what all records have in common
        scores = combine_labels(score_run(run, cohort), members, index)[:, records]
    return split_scores(scores, members, index, picked)


def list_most_exposed(
    cohort: Cohort, risk: Risk, count: int = RECORDS_SHOWN
) -> tuple[np.ndarray, pd.DataFrame]:
    """List the most exposed record of each of the `count` most exposed patients.

    (record numbers, rows without ids: risk and attributes). InputError for a restricted cohort,
    whose records are never shown.
    """
    if cohort.restricted:
        raise InputError(f"cohort {cohort.name!r} is restricted: none of its records is shown")
    joint = risk.patients["auc_joint"].to_numpy()[cohort.patient_index]
    best = (
        risk.records.assign(joint=joint)
        .sort_values(["joint", "auc"], ascending=False)
        .drop_duplicates("patient_id")
        .head(count)
    )
    rows = cohort.records.loc[best["record"], list(cohort.attributes)].reset_index(drop=True)
    rows.insert(0, "patient AUC", best["joint"].round(3).to_numpy())
    rows.insert(1, "record AUC", best["auc"].round(3).to_numpy())
    return best["record"].to_numpy(), rows


def show_most_exposed(cohort: Cohort, risk: Risk, count: int = RECORDS_SHOWN) -> Figure | Table:
    """Show the most exposed records: images, or rows of a table; of a restricted cohort, none."""
    if cohort.restricted:
        return Table(None, "", empty="This cohort is restricted: none of its records is shown.")
    records, rows = list_most_exposed(cohort, risk, count)
    if cohort.inputs.ndim != 4:
        aucs = {name: rows[name].map("{:.3f}".format) for name in ("patient AUC", "record AUC")}
        caption = f"Most exposed record of each of the {len(rows)} most exposed patients"
        return Table(rows.assign(**aucs), caption)
    joint = risk.patients["auc_joint"].to_numpy()[cohort.patient_index]
    others = pick_at_random(len(cohort), records, len(records))
    both = [records, others]
    pixels = [np.asarray(cohort.inputs[some]) for some in both]
    titles = [
        [f"{cohort.unit} {joint[record]:.2f}\n{describe_label(cohort, record)}" for record in some]
        for some in both
    ]
    rows = pd.DataFrame(
        {
            "row": np.repeat(["highest risk", "at random"], [len(some) for some in both]),
            "patient AUC": joint[np.concatenate(both)].round(2),
            "label": [describe_label(cohort, record) for some in both for record in some],
        }
    )
    return images(pixels, titles, rows, cohort.unit)


def pick_at_random(records: int, taken: np.ndarray, count: int) -> np.ndarray:
    """Pick records evenly at random, none that is taken; the same ones whenever it is asked."""
    free = np.setdiff1d(np.arange(records), taken)
    return np.random.default_rng(0).choice(free, min(count, len(free)), replace=False)
