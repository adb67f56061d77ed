"""The table of a cohort's groups."""

from __future__ import annotations

import pandas as pd

from rollcall.data.cohort import Cohort
from rollcall.data.groups import MIN_GROUP_SIZE, patient_attributes
from rollcall.report.gate import (
    PATIENTS,
    TOTAL,
    count_groups,
    explain_further,
)
from rollcall.report.tables.showing import Table
from rollcall.report.tables.showing.formats import format_share


def cohort_table(cohort: Cohort, smallest: int = MIN_GROUP_SIZE) -> Table:
    """Count the patients of each group, missing values too.

    Groups under `smallest`, and those from which their number would follow, are left out. (Records
    are not counted here: a patient's records may differ, and beside their numbers by record, in
    the paper's panel, one patient could be had by subtraction.)
    """
    unit, attributes = f"{cohort.unit}s", patient_attributes(cohort)
    counts = count_groups(attributes, {}, smallest)
    shown = ~counts["intersection"] & (counts["attribute"] != TOTAL) & counts[PATIENTS].notna()
    rows = [
        {
            "attribute": attribute,
            "group": name,
            unit: int(size),
            f"share of {unit}": format_share(int(size) / len(attributes)),
        }
        for attribute, name, size in counts.loc[shown, ["attribute", "group", PATIENTS]].itertuples(
            index=False
        )
    ]
    return Table(
        pd.DataFrame(rows) if rows else None,
        f"Patients by attribute; groups under {smallest}, and groups from which their number would "
        f"follow, are left out{explain_further(attributes, counts)}",
        empty=f"No attribute has groups of at least {smallest} {unit} that may be shown.",
        by="attribute",
    )
