"""Which groups may be named as more exposed than all others, of those that the gate let through."""

from __future__ import annotations

import pandas as pd

SIGNIFICANT = 0.05  # the largest Holm-adjusted p of a group that is said to be more exposed


def find_worst_group(groups: pd.DataFrame | None) -> pd.Series | None:
    """Return the row of the group that is most exposed beside all others, beyond chance; or None.

    groups: a table of rollcall.risk.groups that the gate let through. Of groups that are neither
    the outcome nor crossed, at a Holm-adjusted p below 0.05 and a lower limit above 1.
    """
    if groups is None or not len(groups):
        return None
    comparable = list_comparable(groups)
    clear = comparable[(comparable["p_adjusted"] < SIGNIFICANT) & (comparable["within_low"] > 1)]
    return clear.loc[clear["ratio_within"].idxmax()] if len(clear) else None


def find_outcome_group(groups: pd.DataFrame | None) -> pd.Series | None:
    """Return the row of the outcome that is most exposed, beyond chance and with its rate; or None.

    The outcome is what the models learn: that such patients are exposed is no finding on a group.
    """
    if groups is None or not len(groups):
        return None
    known = groups[groups["is_outcome"].astype(bool) & groups["exposed_share"].notna()]
    clear = known[(known["p_adjusted"] < SIGNIFICANT) & (known["risk_ratio"] > 1)]
    return clear.loc[clear["exposed_share"].idxmax()] if len(clear) else None


def list_comparable(groups: pd.DataFrame) -> pd.DataFrame:
    """List the rows whose ratio within label may be shown: no outcomes, no crossed groups."""
    plain = ~groups["intersection"].astype(bool) & ~groups["is_outcome"].astype(bool)
    needed = ["ratio_within", "within_low", "within_high", "p_adjusted"]
    return groups[plain & groups[needed].notna().all(axis=1)]
