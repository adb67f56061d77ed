"""Tables of models: what they can do, and what larger ones betray."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.gate import HIDDEN, explain_hidden, show_few, show_limit
from rollcall.report.tables.showing import Table
from rollcall.report.tables.showing.formats import format_share


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
                        "mean": f"{values.mean():.3f}",
                        "sd over targets": f"{values.std():.3f}",
                    }
                )
    return Table(pd.DataFrame(rows), "Performance of the target models", by="metric")


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
            format_share(count / total)
            if show_few(count, total, smallest) == f"{count:,.0f}"
            else HIDDEN
            for count, total in exposed
        ],
        "true AUC of 0.9 or more": [
            show_interval(count, low, high, smallest)
            for count, low, high in ordered[["above", "above_low", "above_high"]].to_numpy()
        ],
    }
    return Table(
        pd.DataFrame(columns),
        "Models of one cohort; AUROC is the mean over target models; true AUCs are estimates with "
        f"95% intervals. {explain_hidden(smallest)}",
    )


def show_interval(count: float, low: float, high: float, smallest: int) -> str:
    """Write an estimated number of patients with its interval: "12 (8 to 17)"."""
    if count < smallest:
        return HIDDEN
    ends = (show_limit(end, np.inf, smallest) for end in (low, high))
    return f"{count:,.0f} ({' to '.join(ends)})"
