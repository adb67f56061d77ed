"""Tables of budgets: what few targets find, and at what cost."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.figures.experiments.budget import list_shares
from rollcall.report.gate import HIDDEN, explain_hidden, show_few, show_limit
from rollcall.report.tables.showing import Table


def rankings_table(rankings: pd.DataFrame, share: float, smallest: int = MIN_GROUP_SIZE) -> Table:
    """Format the rankings of experiments.budget.comparison; share: of who is screened."""
    columns = {
        "ranking": rankings["ranking"],
        "targets": rankings["targets"],
        "seconds": rankings["seconds"].map("{:,.0f}".format),
        "of the top, at its top": _format(list_shares(rankings, "top", smallest)),
        f"of the top, within {share:.0%}": _format(list_shares(rankings, "held", smallest)),
    }
    top = int(rankings["patients"].iloc[0])
    return Table(
        pd.DataFrame(columns),
        f"Rankings by few targets, judged by models that had no part: of the {top:,} at the top by "
        f"these. {explain_hidden(smallest)}",
    )


def confirmed_table(confirmed: pd.DataFrame, smallest: int = MIN_GROUP_SIZE) -> Table:
    """Format the confirmed names of experiments.budget.comparison."""
    columns = {
        "targets": confirmed["targets"],
        "seconds": confirmed["seconds"].map("{:,.0f}".format),
        "exposed of the screened": [
            HIDDEN
            if count < smallest
            else f"{show_few(count, picked, smallest)} "
            f"({show_limit(low, picked, smallest)} to {show_limit(high, picked, smallest)})"
            for count, picked, low, high in confirmed[
                ["screened", "picked", "low", "high"]
            ].to_numpy()
        ],
        "of whom all targets name, of the screened": _share(
            confirmed, "again", "of_picked", smallest
        ),
        "of all": _share(confirmed, "whole", "of_all", smallest),
    }
    picked, last = int(confirmed["picked"].iloc[0]), int(confirmed["targets"].iloc[-1])
    return Table(
        pd.DataFrame(columns),
        f"What a screened audit names with so many targets: of {picked:,} who are looked at "
        f"closely, with 95% intervals; and the share of those whom the audit of all with {last} "
        f"targets names. {explain_hidden(smallest)}",
    )


def _share(table: pd.DataFrame, count: str, total: str, smallest: int) -> list[str]:
    renamed = table.rename(columns={total: "patients"})
    return _format(list_shares(renamed, count, smallest))


def _format(shares: list[float]) -> list[str]:
    return [HIDDEN if np.isnan(share) else f"{share:.0%}" for share in shares]
