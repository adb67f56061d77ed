"""The table of a cohort's groups."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.data.cohort import Cohort
from rollcall.data.groups import MIN_GROUP_SIZE, iterate_groups, patient_attributes
from rollcall.report.gate import (
    PATIENTS,
    TOTAL,
    count_groups,
)
from rollcall.report.style import Table


def cohort_table(cohort: Cohort, smallest: int = MIN_GROUP_SIZE) -> Table:
    """Count patients and records of each group, missing values too.

    Groups under `smallest`, and those from which their number would follow, are left out.
    """
    unit, attributes = f"{cohort.unit}s", patient_attributes(cohort)
    records, patients = np.bincount(cohort.patient_index), len(attributes)
    inside = {(attribute, name): group for attribute, name, group, _ in iterate_groups(attributes)}
    rows = []
    counts = count_groups(attributes, {}, smallest)
    for attribute, name, size in counts.loc[
        ~counts["intersection"], ["attribute", "group", PATIENTS]
    ].itertuples(index=False):
        if attribute != TOTAL and not pd.isna(size):
            group = inside.get((attribute, name))
            if group is None:  # without a value
                group = attributes[attribute].isna().to_numpy()
            rows.append(
                {
                    "attribute": attribute,
                    "group": name,
                    unit: int(size),
                    "records": int(records[group].sum()),
                    f"share of {unit}": int(size) / patients,
                }
            )
    return Table(
        pd.DataFrame(rows) if rows else None,
        f"Patients by attribute; groups under {smallest}, and groups from which their number would "
        "follow, are left out",
        empty=f"No attribute has groups of at least {smallest} {unit} that may be shown.",
    )
