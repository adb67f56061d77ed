"""Records to look at: one exposed beside an ordinary one, and the most exposed of all."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.data.cohort import Cohort, describe_label
from rollcall.report.figures.attacks import in_out
from rollcall.report.figures.risk import images
from rollcall.report.style import Figure
from rollcall.report.tables.showing import Table
from rollcall.risk import Risk
from rollcall.util.errors import InputError

RECORDS_SHOWN = 8


def pick_examples(
    scores: np.ndarray, members: np.ndarray, patient_index: np.ndarray, risk: Risk
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Pick the most exposed patient's most exposed record, and an ordinary patient's.

    (title, in scores, out scores) each. scores (targets, records), members (targets, patients).
    """
    auc, joint = risk.records["auc"].to_numpy(), risk.patients["auc_joint"].to_numpy()
    panels = []
    for title, patient in (
        ("the most exposed patient", int(joint.argmax())),
        ("an ordinary patient", int(np.abs(joint - np.median(joint)).argmin())),
    ):
        records = np.flatnonzero(patient_index == patient)
        record = records[auc[records].argmax()]
        is_in = members[:, patient]
        panels.append(
            (
                f"{title}: record AUC {auc[record]:.2f}",
                scores[is_in, record],
                scores[~is_in, record],
            )
        )
    return panels


def show_examples(
    cohort: Cohort, scores: np.ndarray, members: np.ndarray, risk: Risk
) -> Figure | Table:
    """Show the scores of an exposed and of an ordinary record; of a restricted cohort, none."""
    if cohort.restricted:
        return Table(None, "", empty="This cohort is restricted: no single patient's scores.")
    return in_out(pick_examples(scores, members, cohort.patient_index, risk))


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
    titles = [
        f"{cohort.unit} {auc:.2f}\n{describe_label(cohort, record)}"
        for auc, record in zip(rows["patient AUC"], records, strict=True)
    ]
    return images(np.asarray(cohort.inputs[records]), titles, rows["patient AUC"].min())
