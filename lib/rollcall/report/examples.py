"""TODO."""

from __future__ import annotations

import numpy as np
import pandas as pd
from IPython.display import HTML

from rollcall import audit as _audit
from rollcall.audit import Attacked, Audit
from rollcall.data.cohort import describe_label
from rollcall.report import figures, style
from rollcall.util.errors import InputError


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


def most_exposed(plan: _audit.Audit, attacked: _audit.Attacked, count: int = 8) -> HTML:
    """The most exposed records: pictures for images, de-identified rows for tables, a sentence for restricted cohorts."""
    cohort = plan.cohort
    if cohort.restricted:
        return HTML("<p>This cohort is restricted: none of its records is shown.</p>")
    records, rows = most_exposed_records(plan, attacked, count)
    if cohort.inputs.ndim != 4:
        return style.table(
            rows, f"Most exposed record of each of the {len(rows)} most exposed patients"
        )
    titles = [
        f"{cohort.unit} {a:.2f}\n{describe_label(cohort, record)}"
        for a, record in zip(rows["patient AUC"], records)
    ]
    figure = figures.pictures(np.asarray(cohort.inputs[records]), titles)
    style.save(figure, plan.run.file("figures"), "most_exposed")
    alt = f"{len(records)} pictures, one record of each of the most exposed patients; patient AUC {rows['patient AUC'].min():.2f} and above."
    return style.show(
        figure,
        alt=alt,
        caption="The most exposed record of each of the most exposed patients, with the patient's AUC and the record's label.",
    )
