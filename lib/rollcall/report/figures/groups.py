"""Figures of groups: ratios of exposed shares with intervals, and ratios at every cutoff."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.gate import HIDDEN, explain_hidden
from rollcall.report.style import (
    DOUBLE,
    EXPOSED,
    FLOOR,
    MM,
    Figure,
    new_figure,
    styled,
)

RATIO_TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)  # and their inverses
LARGEST_AXIS = 20  # how far the forest's axis goes on either side of 1, at most
MOST_PANELS, LARGEST_CUTOFF_AXIS = 12, 200  # of the cutoffs figure


@styled
def forest(groups: pd.DataFrame, unit: str = "patient", smallest: int = MIN_GROUP_SIZE) -> Figure:
    """Draw the ratio of exposed shares of each group within label, with its 95% interval.

    groups: the table of compare_groups. Intersections of two attributes are left to the table. A
    ratio beyond the axis is an arrow at its edge, with the number beside it; one that is not
    defined or hidden (NaN) is a dash.
    """
    table = groups[~groups["intersection"].astype(bool)]
    rows = len(table) + table["attribute"].nunique()
    edge = _choose_edge(table)
    drawing, ax = new_figure(DOUBLE * 0.8, max(40, 4.6 * rows + 14) * MM)
    ax.axvline(1, color=FLOOR, linewidth=0.6, zorder=0)
    y, ticks, labels = 0, [], []
    for attribute, group_rows in table.groupby("attribute", sort=False):
        ticks.append(y)
        labels.append(attribute.upper())
        for _, row in group_rows.iterrows():
            y += 1
            _draw_ratio(ax, y, row, edge)
            ticks.append(y)
            size = HIDDEN if pd.isna(row["patients"]) else f"{row['patients']:,.0f}"
            name = f"{row['group']}{', the outcome' if row['is_outcome'] else ''}"
            labels.append(f"{name}  ({size})")
        y += 1
    ax.set(
        xscale="log",
        xlim=(1 / edge, edge),
        ylim=(y - 0.4, -0.6),
        yticks=ticks,
        yticklabels=labels,
        xlabel=f"Share of exposed {unit}s, ratio to all others of the same label (95% interval)",
    )
    ax.tick_params(axis="y", length=0)
    ax.set_xticks(*_list_ticks(1 / edge, edge))
    ax.minorticks_off()
    ax.plot([], [], "D", color=EXPOSED, label="p < 0.05 after Holm")
    ax.plot([], [], "o", color=FLOOR, markerfacecolor="white", label="not significant")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2)
    return Figure(
        "forest",
        drawing,
        alt=f"Forest plot: exposed shares of {_count(table)} against all other {unit}s of the "
        f"same label. {_describe_clearest(table)}",
        caption=f"How many times as large the share of exposed {unit}s is in each group as among "
        "all others of the same training label and about as many records (of a group that is the "
        "outcome: as many records). Bars: 95% intervals, of the ratio that other "
        f"{unit}s of the same kind and as many other models would give. Diamonds: an exact test "
        "within label says p < 0.05 after Holm; circles: it does not, or p is not shown. "
        f"{explain_hidden(smallest)}; or not defined.",
    )


def _count(table: pd.DataFrame) -> str:
    return f"{len(table)} group{'s' * (len(table) != 1)}"


def _choose_edge(table: pd.DataFrame) -> float:
    """Choose how far the axis of ratios goes on either side of 1: as far as the intervals do."""
    ends = table[["ratio_within", "within_low", "within_high"]].to_numpy(float)
    reach = np.abs(np.log(ends[np.isfinite(ends) & (ends > 0)])).max(initial=0)
    return next((tick for tick in RATIO_TICKS[1:5] if np.log(tick) >= reach), LARGEST_AXIS)


def _list_ticks(low: float, high: float) -> tuple[list[float], list[str]]:
    """List the ticks of an axis of ratios between low and high, and what they are called."""
    both = sorted({1 / tick for tick in RATIO_TICKS} | set(RATIO_TICKS))
    ticks = [tick for tick in both if low * 0.999 <= tick <= high * 1.001]
    return ticks, [f"{tick:g}" for tick in ticks]


def _describe_clearest(table: pd.DataFrame) -> str:
    """Say which group has the smallest p-value of those whose numbers are shown."""
    shown = table[table["ratio_within"].notna() & table["p_adjusted"].notna()]
    if not len(shown):
        return "No group's ratio can be told."
    row = shown.loc[shown["p_adjusted"].idxmin()]
    return (
        f"The clearest: {row['attribute']} {row['group']}, {row['ratio_within']:.2f} "
        f"({row['within_low']:.2f} to {row['within_high']:.2f})."
    )


def _draw_ratio(ax, y: int, row: pd.Series, edge: float) -> None:
    """Draw one group's interval and its ratio at height y."""
    ratio, significant = row["ratio_within"], row["p_adjusted"] < 0.05
    colour = EXPOSED if significant else FLOOR
    if pd.isna(ratio):
        ax.text(1, y, HIDDEN, ha="center", va="center", color=FLOOR)
        return
    ends = np.array([row["within_low"], row["within_high"]], float)
    if not np.isnan(ends).any():
        ax.plot(
            np.clip(ends, 1 / edge, edge),
            [y, y],
            color=colour,
            linewidth=1.6 if significant else 0.9,
        )
    arrow = "<" if ratio < 1 / edge else ">" if ratio > edge else ""
    ax.plot(
        np.clip(ratio, 1 / edge, edge),
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
            (1 / edge if arrow == "<" else edge, y),
            (6 if arrow == "<" else -6, 2),
            textcoords="offset points",
            va="bottom",
            ha="left" if arrow == "<" else "right",
            fontsize=6,
        )


@styled
def cutoffs(
    groups: pd.DataFrame,
    table: pd.DataFrame,
    unit: str = "patient",
    smallest: int = MIN_GROUP_SIZE,
) -> Figure:
    """Draw each group's ratio against the cutoff, beside the ratios of redrawn membership.

    groups of compare_groups, table of compare_cutoffs. One panel a group, those with the smallest
    p-values first, at most 12; intersections and groups that are the outcome are left out. NaN (not
    defined, hidden) is not drawn.
    """
    chosen = groups[~(groups["intersection"] | groups["is_outcome"]).astype(bool)]
    chosen = chosen if len(chosen) else groups
    chosen = chosen.sort_values("p_adjusted", kind="stable").head(MOST_PANELS)
    columns = min(4, len(chosen))
    lines = -(-len(chosen) // columns)
    drawing, axes = new_figure(
        DOUBLE, (40 * lines + 12) * MM, lines, columns, squeeze=False, sharex=True, sharey=True
    )
    for ax in axes.flat[len(chosen) :]:
        ax.set_axis_off()
    reach = np.log(5)
    for ax, (_, group) in zip(axes.flat, chosen.iterrows(), strict=False):
        rows = table[
            (table["attribute"] == group["attribute"]) & (table["group"] == group["group"])
        ]
        _draw_cutoffs(ax, rows)
        ax.set_title(f"{group['attribute']}: {group['group']}", fontsize=7)
        ends = rows[["ratio", "floor_low", "floor_high"]].to_numpy(float)
        ends = np.abs(np.log(ends[np.isfinite(ends) & (ends > 0)]))
        reach = max(reach, min(ends.max(initial=0), np.log(LARGEST_CUTOFF_AXIS)))
    edge = np.exp(reach) * 1.2
    for ax in axes.flat[: len(chosen)]:
        ax.set(xscale="log", yscale="log", xlim=(0.15, 100), ylim=(1 / edge, edge))
        ax.set_xticks([0.2, 1, 10, 100], ["0.2", "1", "10", "100"])
        ax.set_yticks(*_list_ticks(1 / edge, edge))
        ax.minorticks_off()
    drawing.supxlabel(f"{unit.capitalize()}s at the top (%)", fontsize=8)
    drawing.supylabel("Ratio to all others", fontsize=8)
    drawing.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return Figure(
        "cutoffs",
        drawing,
        alt=f"Line charts of {_count(chosen)}: ratio of the share at the top, in the group to "
        f"all others, at cutoffs from 0.2% of {unit}s to all exposed, beside the band that "
        "redrawn membership gives.",
        caption=f"How many times as often a group's {unit}s are at the top as all others, when "
        f"the top is the 0.2% to 10% of highest pair score (dots), or all exposed {unit}s "
        "(diamond). Bars: 95% intervals, of what "
        f"other {unit}s of the same kind and as many other models would give. Grey band: 95% of "
        "the ratios that the same group gives when nothing leaks. The groups with the smallest "
        "p-values are drawn, but none that is the outcome itself; not within label. No dot: fewer "
        f"than {smallest} {unit}s, or a number from which such a count would follow.",
    )


def _draw_cutoffs(ax, rows: pd.DataFrame) -> None:
    """Draw one group's ratios with intervals, and its band."""
    rows = rows.loc[rows["cutoff"] > 0].sort_values("cutoff", kind="stable")
    x = 100 * rows["cutoff"].to_numpy(float)
    low, high = (rows[f"floor_{end}"].to_numpy(float) for end in ("low", "high"))
    ax.axhline(1, color=FLOOR, linewidth=0.6, zorder=0)
    ax.fill_between(
        x, np.maximum(low, 1e-3), high, color=FLOOR, alpha=0.3, linewidth=0, label="nothing leaks"
    )
    for is_exposed, marker, label in ((False, "o", "the top"), (True, "D", "all exposed")):
        of_kind = rows[rows["is_exposed"] == is_exposed]
        ratio, *ends = (
            of_kind[name].to_numpy(float) for name in ("ratio", "ratio_low", "ratio_high")
        )
        place = 100 * of_kind["cutoff"].to_numpy(float)
        ax.vlines(place, *ends, color=EXPOSED, linewidth=0.8)
        ax.plot(
            place,
            np.where(ratio > 0, ratio, np.nan),
            marker,
            linestyle="none" if is_exposed else "-",
            color=EXPOSED,
            markerfacecolor="white" if is_exposed else EXPOSED,
            markersize=3,
            linewidth=0.8,
            label=label,
        )
