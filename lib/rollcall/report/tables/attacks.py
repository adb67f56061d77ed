"""Tables of the attacks on records: per target, and all targets together."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.report.tables.showing import Table
from rollcall.report.tables.showing.formats import format_interval, format_share

# seen first: how well an attack does, what it finds at few false alarms, what an alarm is worth
MAIN = ("AUC", "TPR at FPR 1%", "TPR at FPR 0.1%", "precision, 1% members")


def attack_table(attacks: pd.DataFrame) -> Table:
    """List each attack's AUC, error, true-positive rates, accuracy and precision over targets.

    attacks: the table of rollcall.attacks.run_all. False-positive rates at which one target expects
    fewer than 10 false alarms have no column.
    """
    names = [name for name in attacks if name not in ("attack", "variant", "target")]
    groups = attacks.groupby(["attack", "variant"], sort=False)
    mean = groups[names].agg(lambda values: values.mean(skipna=False)).reset_index()
    return Table(
        _format_attacks(mean, {"auc_se": "SE of one target"}),
        "Attacks on records, mean over target models; standard error clustered by patient; rates "
        "at which every model has at least 10 false alarms",
        main=MAIN,
    )


def pooled_table(pooled: pd.DataFrame) -> Table:
    """List the same with one threshold for all targets, rates with their intervals."""
    errors = {"auc_se": "SE, patients", "auc_se_two_way": "SE, patients and models"}
    return Table(
        _format_attacks(pooled, errors, intervals=True),
        "Attacks on records, all target models together; 95% intervals, of patients of both kinds. "
        "The second error is for other models as well. LiRA calibrated has the same false-positive "
        "rate for every record; the other attacks' false alarms are mostly of a few records",
        main=MAIN,
    )


def _format_attacks(
    table: pd.DataFrame, errors: dict[str, str], intervals: bool = False
) -> pd.DataFrame:
    """Format rows of attacks; errors: column to heading, of the standard errors that there are."""
    shown = {
        "attack": table["attack"] + " " + table["variant"],
        "AUC": table["auc"].map("{:.3f}".format),
    }
    shown |= {
        heading: table[name].map("{:.4f}".format)
        for name, heading in errors.items()
        if name in table
    }
    for name in table:
        if name.startswith("tpr_at_fpr_") and table[name].notna().any():
            limit = name.removeprefix("tpr_at_fpr_")
            columns = [name, f"tpr_low_{limit}", f"tpr_high_{limit}"] if intervals else [name]
            rows = table[columns].to_numpy()
            shown[f"TPR at FPR {100 * float(limit):g}%"] = [
                _format_rate(float(limit), *row) for row in rows
            ]
    shown["balanced accuracy"] = table["balanced_accuracy"].map("{:.3f}".format)
    for name in table:
        if name.startswith("precision") and table[name].notna().any():
            shown[f"precision, {float(name.rsplit('_', 1)[1]):.0%} members"] = [
                format_share(value) for value in table[name]
            ]
    return pd.DataFrame(shown)


def _format_rate(limit: float, rate: float, low: float = np.nan, high: float = np.nan) -> str:
    """Write a rate in per cent, with its limits if there are any; as fine as the limit is small."""
    digits = max(1, round(-np.log10(limit)) - 1)
    return format_interval(rate, low, high, f"{{:.{digits}%}}")
