"""Figures of groups: risk ratios with their intervals, and shares among the most exposed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.report.style import DOUBLE, EXPOSED, FLOOR, MM, Figure, new_figure, styled

RATIO_TICKS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20)
LOWEST_RATIO, HIGHEST_RATIO = RATIO_TICKS[0], RATIO_TICKS[-1]


@styled
def forest(groups: pd.DataFrame, unit: str = "patient") -> Figure:
    """Draw the risk ratio of each group with its 95% interval, on a log axis.

    groups: the table of compare_groups. Intersections of two attributes are left to the
    table. A ratio beyond the axis is an arrow at its edge, with the number beside it.
    """
    table = groups[~groups["intersection"]]
    rows = len(table) + table["attribute"].nunique()
    drawing, ax = new_figure(DOUBLE * 0.8, max(40, 4.6 * rows + 14) * MM)
    ax.axvline(1, color=FLOOR, linewidth=0.6, zorder=0)
    y, ticks, labels = 0, [], []
    for attribute, group_rows in table.groupby("attribute", sort=False):
        ticks.append(y)
        labels.append(attribute.upper())
        for _, row in group_rows.iterrows():
            y += 1
            _draw_ratio(ax, y, row)
            ticks.append(y)
            labels.append(f"{row['group']}  ({row['patients']:,})")
        y += 1
    ax.set(
        xscale="log",
        xlim=(LOWEST_RATIO, HIGHEST_RATIO),
        ylim=(y - 0.4, -0.6),
        yticks=ticks,
        yticklabels=labels,
        xlabel=f"Risk ratio: among the most exposed 1%, against all other {unit}s (95% interval)",
    )
    ax.tick_params(axis="y", length=0)
    ax.set_xticks(RATIO_TICKS, [f"{tick:g}" for tick in RATIO_TICKS])
    ax.minorticks_off()
    ax.plot([], [], "D", color=EXPOSED, label="p < 0.05 after Holm")
    ax.plot([], [], "o", color=FLOOR, markerfacecolor="white", label="not significant")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2)

    clearest = groups.loc[groups["p_adjusted"].idxmin()]
    return Figure(
        "forest",
        drawing,
        alt=f"Forest plot of risk ratios of {len(groups)} groups. The clearest: "
        f"{clearest['attribute']} {clearest['group']}, {clearest['risk_ratio']:.2f} "
        f"({clearest['ci_low']:.2f} to {clearest['ci_high']:.2f}).",
        caption="Risk ratio of each group (patients) with its 95% interval from a patient-level "
        "bootstrap.",
    )


def _draw_ratio(ax, y: int, row: pd.Series) -> None:
    """Draw one group's interval and its ratio at height y."""
    ratio, significant = row["risk_ratio"], row["p_adjusted"] < 0.05
    colour = EXPOSED if significant else FLOOR
    ax.plot(
        np.clip([row["ci_low"], row["ci_high"]], LOWEST_RATIO, HIGHEST_RATIO),
        [y, y],
        color=colour,
        linewidth=1.6 if significant else 0.9,
    )
    arrow = "<" if ratio < LOWEST_RATIO else ">" if ratio > HIGHEST_RATIO else ""
    ax.plot(
        np.clip(ratio, LOWEST_RATIO, HIGHEST_RATIO),
        y,
        arrow or ("D" if significant else "o"),
        color=colour,
        markerfacecolor=EXPOSED if significant else "white",
        markersize=4,
        clip_on=False,
    )
    if arrow:
        ax.annotate(
            f"{ratio:.2g}" if ratio < 10 else f"{ratio:.0f}",
            (LOWEST_RATIO if arrow == "<" else HIGHEST_RATIO, y),
            (6 if arrow == "<" else -6, 2),
            textcoords="offset points",
            va="bottom",
            ha="left" if arrow == "<" else "right",
            fontsize=6,
        )


@styled
def shares(groups: pd.DataFrame, unit: str = "patient") -> Figure:
    """Draw each group's share among all patients and among the most exposed 1%.

    One panel for each attribute; intersections are left to the table.
    """
    table = groups[~groups["intersection"]]
    panels = list(table.groupby("attribute", sort=False))
    columns = min(3, len(panels))
    lines = -(-len(panels) // columns)
    tallest = [
        max(len(group_rows) for _, group_rows in panels[line * columns : (line + 1) * columns])
        for line in range(lines)
    ]
    drawing, axes = new_figure(
        DOUBLE,
        sum(14 + 5.5 * count for count in tallest) * MM,
        lines,
        columns,
        squeeze=False,
        gridspec_kw={"height_ratios": [count + 1.5 for count in tallest]},
    )
    for ax in axes.flat[len(panels) :]:
        ax.set_axis_off()
    for number, (attribute, group_rows) in enumerate(panels):
        ax = axes.flat[number]
        y = np.arange(len(group_rows))
        ax.barh(
            y - 0.2,
            100 * group_rows["share"],
            0.38,
            color="white",
            edgecolor=FLOOR,
            linewidth=0.7,
            label=f"all {unit}s",
        )
        ax.barh(
            y + 0.2, 100 * group_rows["share_top"], 0.38, color=EXPOSED, label="most exposed 1%"
        )
        ax.set(
            title=attribute,
            yticks=y,
            yticklabels=group_rows["group"],
            xlabel=f"Share of {unit}s (%)",
        )
        ax.set_ylim(tallest[number // columns] - 0.4, -0.6)  # bars as thick in every panel of a row
    drawing.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)

    largest = groups.loc[(groups["share_top"] - groups["share"]).idxmax()]
    return Figure(
        "shares",
        drawing,
        alt="Bar charts of each group's share among all patients and among the most exposed 1%. "
        f"The largest gain: {largest['attribute']} {largest['group']}, from "
        f"{largest['share']:.1%} to {largest['share_top']:.1%}.",
        caption="Share of each group among all patients (white) and among the most exposed 1% "
        "(black).",
    )
