"""Tables of groups as people read them: who is more exposed than whom, and the paper's panel."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.gate import HIDDEN, explain_further, explain_hidden
from rollcall.report.tables.showing import Table
from rollcall.report.tables.showing.formats import format_interval, format_p


def group_table(
    groups: pd.DataFrame, smallest: int = MIN_GROUP_SIZE, attributes: Iterable[str] = ()
) -> Table:
    """Format the table of rollcall.risk.groups.disparity, as gate.hide_groups left it.

    Numbers that are NaN are dashes. attributes: all that were compared.
    """
    if not len(groups):
        empty = f"No group of at least {smallest} patients may be shown."
        return Table(None, "", empty=empty)
    odds = _with_interval(groups, ("odds_ratio", "odds_low", "odds_high"), "{:.2f}")
    firth = groups["odds_method"] == "Firth"
    odds = [
        f"{text}*" if is_firth and text != HIDDEN else text
        for text, is_firth in zip(odds, firth, strict=True)
    ]
    names = [
        f"{name} (the outcome)" if is_outcome else name
        for name, is_outcome in zip(groups["group"], groups["is_outcome"], strict=True)
    ]
    share = ("exposed_share", "exposed_low", "exposed_high")
    deconvolved = ("deconvolved_ratio", "deconvolved_low", "deconvolved_high")
    columns = {
        "attribute": groups["attribute"],
        "group": names,
        "patients": _format(groups["patients"], "{:,.0f}"),
        "share of all": _format(groups["share"], "{:.1%}"),
        "exposed": _format(groups["exposed"], "{:,.0f}"),
        "by chance": _format(groups["exposed_by_chance"], "{:,.0f}"),
        "share exposed": _with_interval(groups, share, "{:.1%}"),
        "ratio": _with_interval(groups, ("risk_ratio", "ci_low", "ci_high"), "{:.2f}"),
        "ratio within label": _with_interval(
            groups, ("ratio_within", "within_low", "within_high"), "{:.2f}"
        ),
        "shift of scores": _with_interval(groups, ("shift", "shift_low", "shift_high"), "{:+.2f}"),
        "ratio, AUC of 0.7 or more": _with_interval(groups, deconvolved, "{:.2f}"),
        "adjusted odds ratio": odds,
        "p (Holm)": groups["p_adjusted"].map(format_p),
    }
    return Table(
        pd.DataFrame(columns),
        f"Groups of at least {max(smallest, MIN_GROUP_SIZE)} patients against all other patients; "
        "95% intervals, of what other patients of the same kind and as many other models would "
        "give. By chance: how many of the "
        "exposed are there though nothing was remembered of them. Within label: among patients of "
        "the same training label and about as many records; for a group that is the outcome "
        "itself, among patients with about as many records. Shift: of the mean of the normal "
        "quantile of the AUC, within label. AUC of 0.7 or more: of the share of patients whose "
        "true AUC is, without the noise of the estimates. p from an exact test within label, "
        f"Holm-adjusted over all that are shown or left out. "
        f"{explain_hidden(smallest)}; or not defined{explain_further(attributes, groups)}",
        by="attribute",
        main=("patients", "exposed", "share exposed", "ratio within label", "p (Holm)"),
        p=groups["p_adjusted"].to_numpy(),
    )


def panel_table(panel: pd.DataFrame | None, smallest: int = MIN_GROUP_SIZE) -> Table:
    """Format the paper's panel, as gate.hide_panel left it; None: no group may be shown."""
    caption = (
        "The published panel's statistics on this run: records, by attribute; *, **, *** for 5%, "
        "1%, 0.1% after Bonferroni; n.s. not significant; overlapping groups are not tested. "
        f"Groups under {smallest} patients are left out. {explain_hidden(smallest)}, in any group "
        "of the attribute: few patients at the top, or few records more than patients"
    )
    if panel is None or not len(panel):
        empty = (
            f"No attribute has a group of at least {smallest} patients that may be shown, or "
            "models are not in pairs, as the paper's are."
        )
        return Table(None, caption, empty=empty)
    columns = {
        "attribute": panel["attribute"],
        "group": panel["group"],
        "records": _format(panel["records"], "{:,.0f}"),
        "share": _format(panel["share"], "{:.1%}"),
        "in the top 1%": _format(panel["observed"], "{:,.0f}"),
        "expected": _format(panel["expected"], "{:.1f}"),
        "Pearson residual": _format(panel["residual"], "{:+.1f}"),
        "chi-square of the attribute": [
            "–" if np.isnan(chi2) else f"{chi2:.1f} {stars}"
            for chi2, stars in zip(panel["chi2"], panel["stars"], strict=True)
        ],
    }
    main = ("records", "in the top 1%", "expected", "chi-square of the attribute")
    return Table(pd.DataFrame(columns), caption, by="attribute", main=main)


def _format(values: Iterable[float], template: str) -> list[str]:
    return [HIDDEN if pd.isna(value) else template.format(value) for value in values]


def _with_interval(table: pd.DataFrame, columns: tuple[str, str, str], template: str) -> list[str]:
    """Write "middle (low to high)" of each row, as format_interval does."""
    values = table[list(columns)].astype(float).to_numpy()
    return [format_interval(*row, template) for row in values]
