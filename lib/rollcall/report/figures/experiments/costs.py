"""The figure of what defences cost each group."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.report.style import (
    DOUBLE,
    EXPOSED,
    FLOOR,
    MEMBER,
    MM,
    TALLEST,
    Figure,
    letter,
    new_figure,
    styled,
)

MOST_GROUPS = 34  # rows of the figure of groups


@styled
def defence_groups(settings: pd.DataFrame, groups: pd.DataFrame) -> Figure:
    """Draw what settings cost each group: the change of its AUROC against the plain models.

    groups: of experiments.defence.Comparison, a row per setting and group. A panel for each of up
    to three settings of the stricter unit of DP (the smallest epsilons that promise anything), or
    else of the three that cost everybody most.
    """
    chosen = choose_settings(settings, groups)
    rows = groups[groups["setting"] == chosen[0]].head(MOST_GROUPS)
    keys = list(zip(rows["attribute"], rows["group"], strict=True))
    drawing, axes = new_figure(
        DOUBLE,
        min((22 + 4.2 * len(keys)) * MM, TALLEST - MM),
        1,
        len(chosen),
        squeeze=False,
        sharey=True,
        sharex=True,
    )
    places = -np.arange(len(keys))
    for ax, name in zip(axes[0], chosen, strict=True):
        table = groups[groups["setting"] == name].set_index(["attribute", "group"]).reindex(keys)
        reach = np.array([table["change"] - table["low"], table["high"] - table["change"]])
        ax.axvline(0, color=EXPOSED, linewidth=0.6)
        ax.axvline(table["change"].iloc[0], color=FLOOR, linestyle="--", linewidth=0.7)
        ax.errorbar(
            table["change"],
            places,
            xerr=reach,
            fmt="o",
            color=MEMBER,
            markersize=3.5,
            linewidth=0.8,
        )
        ax.set(xlabel="Change of AUROC, not seen")
    labels = ["everybody" if a == "all" else f"{a} {g} ({n:,})" for (a, g), n in zip(
        keys, rows["patients"], strict=True)]  # fmt: skip
    axes[0][0].set_yticks(places, labels)
    axes[0][0].set_ylim(-len(keys) + 0.4, 0.6)
    letter(axes[0], chosen)
    table = groups[groups["setting"] == chosen[0]].head(MOST_GROUPS)
    worst = table.loc[table["change"].idxmin()]
    overall = table.iloc[0]["change"]
    who = "everybody" if worst["attribute"] == "all" else f"{worst['attribute']} {worst['group']}"
    return Figure(
        "defence_groups",
        drawing,
        alt=f"Dot plots of the change of AUROC by group against the plain models, "
        f"{len(chosen)} settings. With {chosen[0]} everybody's changes by {overall:+.3f}, and that "
        f"of {who} most, by {worst['change']:+.3f}.",
        caption="Who pays for a defence: the change of the AUROC of each group, on patients not "
        "seen in training, against the plain models (95% intervals over pairs of targets, for as "
        "many new models of these patients). Dashed: the change for everybody.",
        title="Who pays for a defence",
        data=groups.loc[
            groups["setting"].isin(chosen),
            ["setting", "attribute", "group", "patients", "change", "low", "high"],
        ].reset_index(drop=True),
    )


def choose_settings(settings: pd.DataFrame, groups: pd.DataFrame) -> list[str]:
    """Choose the settings that the figure of groups shows, the strictest first."""
    for unit in ("patient", "record"):
        private = settings[(settings["kind"] == unit) & np.isfinite(settings["epsilon"])]
        if len(private):
            return private.sort_values("epsilon")["setting"].head(3).tolist()
    others = groups[(groups["attribute"] == "all") & (groups["setting"] != "plain")]
    names = others.sort_values("change")["setting"].head(3).tolist()
    return names or ["plain"]
