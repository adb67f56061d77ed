"""Tables beside the figures: each function makes one, as people read it, with its caption."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.data.cohort import Cohort
from rollcall.data.groups import MIN_GROUP_SIZE, iterate_groups, patient_attributes
from rollcall.report.gate import (
    HIDDEN,
    PATIENTS,
    TOTAL,
    count_groups,
    explain_hidden,
    show_few,
    show_limit,
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


def performance_table(
    performance: pd.DataFrame, tested: int = MIN_GROUP_SIZE, smallest: int = MIN_GROUP_SIZE
) -> Table:
    """List mean and standard deviation over targets of each metric.

    On the pool's patients that a model has not seen, on those it has, and on the test set, unless
    these are fewer than `smallest` patients. tested: their number.
    """
    rows = []
    for metric in ("auroc", "accuracy"):
        for kind, records in (
            ("non_members", "not seen in training"),
            ("members", "seen in training"),
            ("test", "held-out test set"),
        ):
            if f"{metric}_{kind}" in performance and (kind != "test" or tested >= smallest):
                values = performance[f"{metric}_{kind}"]
                rows.append(
                    {
                        "metric": metric.replace("auroc", "AUROC"),
                        "records": records,
                        "mean": values.mean(),
                        "sd over targets": values.std(),
                    }
                )
    return Table(pd.DataFrame(rows), "Performance of the target models")


def panel_table(panel: pd.DataFrame | None, smallest: int = MIN_GROUP_SIZE) -> Table:
    """Format the paper's panel, as gate.hide_panel left it; None: no group may be shown."""
    caption = (
        "The published panel's statistics on this run: records, by attribute; *, **, *** for 5%, "
        "1%, 0.1% after Bonferroni; n.s. not significant; overlapping groups are not tested. "
        f"Groups under {smallest} patients are left out. {explain_hidden(smallest)}, in any group "
        "of the attribute"
    )
    if panel is None or not len(panel):
        empty = f"No attribute has a group of at least {smallest} patients that may be shown."
        return Table(None, caption, empty=empty)
    columns = {
        "attribute": panel["attribute"],
        "group": panel["group"],
        "records": panel["records"].map("{:,}".format),
        "share": panel["share"].map("{:.1%}".format),
        "in the top 1%": _format(panel["observed"], "{:,.0f}"),
        "of patients": _format(panel["top_patients"], "{:,.0f}"),
        "expected": _format(panel["expected"], "{:.1f}"),
        "Pearson residual": _format(panel["residual"], "{:+.1f}"),
        "chi-square of the attribute": [
            "–" if np.isnan(chi2) else f"{chi2:.1f} {stars}"
            for chi2, stars in zip(panel["chi2"], panel["stars"], strict=True)
        ],
    }
    return Table(pd.DataFrame(columns), caption)


def _format(values: pd.Series, template: str) -> list[str]:
    return [HIDDEN if pd.isna(value) else template.format(value) for value in values]


def capacity_table(variants: pd.DataFrame, smallest: int = MIN_GROUP_SIZE) -> Table:
    """Format the table of rollcall.experiments.capacity."""
    ordered = variants.sort_values("parameters")
    exposed = ordered[["exposed", "patients"]].to_numpy()
    columns = {
        "model": ordered["variant"],
        "parameters": ordered["parameters"].map("{:,}".format),
        "AUROC, not seen": ordered["auroc"].map("{:.3f}".format),
        "AUROC, seen": ordered["auroc_members"].map("{:.3f}".format),
        "LiRA AUC": ordered["lira_auc"].map("{:.3f}".format),
        "exposed": [show_few(count, total, smallest) for count, total in exposed],
        "share": [
            f"{count / total:.1%}"
            if show_few(count, total, smallest) == f"{count:,.0f}"
            else HIDDEN
            for count, total in exposed
        ],
        "true AUC of 0.9 or more": [
            _show_interval(count, low, high, smallest)
            for count, low, high in ordered[["above", "above_low", "above_high"]].to_numpy()
        ],
    }
    return Table(
        pd.DataFrame(columns),
        "Models of one cohort; AUROC is the mean over target models; true AUCs are estimates with "
        f"95% intervals. {explain_hidden(smallest)}",
    )


def _show_interval(count: float, low: float, high: float, smallest: int) -> str:
    if count < smallest:
        return HIDDEN
    ends = (show_limit(end, np.inf, smallest) for end in (low, high))
    return f"{count:,.0f} ({' to '.join(ends)})"
