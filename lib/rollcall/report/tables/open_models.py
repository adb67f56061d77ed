"""Tables of a published model attacked with few references."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.figures.experiments.open_models import RANKINGS
from rollcall.report.gate import show_few
from rollcall.report.tables.showing import Table
from rollcall.report.tables.showing.formats import state_p

NO_AUDIT = "No audit to hold the ranking against: it is not known how the model was trained."
NO_DESIGNS = "Only one design: the model's members and outsiders are those that were given."


def checks_table(checks: pd.DataFrame, smallest: int = MIN_GROUP_SIZE) -> Table:
    """List what each number of references says: AUC, the named, outsiders as high, the control.

    checks: columns references, auc, auc_low, auc_high, named, members, above, outsiders, traced,
    traced_low, blind, p.
    """
    rows = [
        {
            "references": row.references,
            "AUC (95%)": f"{row.auc:.3f} ({row.auc_low:.3f} to {row.auc_high:.3f})",
            "members named": show_few(row.named, row.members, smallest),
            "of members": f"{row.members:,}",
            "outsiders as high": show_few(row.above, row.outsiders, smallest),
            "of outsiders": f"{row.outsiders:,}",
            "something kept, at least": f"{max(row.traced_low, 0):.0%}",
            "blind control": f"{row.blind:.3f} ({state_p(row.p)})",
        }
        for row in checks.itertuples()
    ]
    return Table(
        pd.DataFrame(rows),
        "One model, members against outsiders of the same source.",
    )


def ranking_table(table: pd.DataFrame, ceiling: float, targets: int) -> Table:
    """List how each ranking agrees with the full audit; table: of experiments.open_models."""
    if not len(table):
        return Table(None, "", NO_AUDIT)
    rows = [
        {
            "references": row.references,
            "ranking": RANKINGS[row.ranking][3],
            "Spearman, members (95%)": _interval(row.spearman, row.spearman_low, row.spearman_high),
            "members and outsiders": f"{row.whole:.2f}",
            "whom the audit names, AUC (95%)": _interval(
                row.separation, row.separation_low, row.separation_high
            ),
        }
        for row in table.itertuples()
    ]
    return Table(
        pd.DataFrame(rows),
        f"Rankings against an audit of {targets} models; the true order would correlate "
        f"{ceiling:.2f} with it.",
    )


def designs_table(
    designs: pd.DataFrame, controls: pd.DataFrame, smallest: int = MIN_GROUP_SIZE
) -> Table:
    """List both designs: each model's AUC, the control, whether it is flagged."""
    if not len(designs):
        return Table(None, "", NO_DESIGNS)
    repeats = controls.set_index("design")
    rows = [
        {
            "outsiders": row.design,
            "model": f"that {row.model}",
            "AUC (95%)": _interval(row.auc, row.auc_low, row.auc_high),
            "blind control (95%)": _interval(row.blind, row.blind_low, row.blind_high),
            "flagged": "yes" if row.flagged else "no",
            "named": show_few(row.named, row.members, smallest),
            "flagged in repeats": f"{repeats.loc[row.design, 'flagged']} of "
            f"{repeats.loc[row.design, 'draws']}",
        }
        for row in designs.itertuples()
    ]
    return Table(pd.DataFrame(rows), "The same members, two kinds of outsiders.")


def _interval(value: float, low: float, high: float) -> str:
    return f"{value:.2f} ({low:.2f} to {high:.2f})" if np.isfinite(value) else "–"
