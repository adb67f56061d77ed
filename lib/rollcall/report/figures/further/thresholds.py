"""Groups wherever the line is drawn: their ratios at every cutoff."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.figures.groups import count_words, list_ratio_ticks
from rollcall.report.style import (
    DOUBLE,
    EXPOSED,
    FLOOR,
    MM,
    TALLEST,
    Figure,
    letter,
    new_figure,
    styled,
)
from rollcall.report.typeface import shorten

MOST_PANELS, LARGEST_CUTOFF_AXIS = 12, 200  # of the cutoffs figure
OF_CUTOFFS = (
    *("attribute", "group", "cutoff", "is_exposed", "ratio", "ratio_low", "ratio_high"),
    *("floor_low", "floor_high"),
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
    drawing, panels = make_panels(len(chosen), 4, 33)
    reach, drawn = np.log(5), []
    for ax, (_, group) in zip(panels, chosen.iterrows(), strict=True):
        rows = _rows_of(table, group)
        _draw_cutoffs(ax, rows)
        drawn.append(rows)
        ends = rows[["ratio", "floor_low", "floor_high"]].to_numpy(float)
        ends = np.abs(np.log(ends[np.isfinite(ends) & (ends > 0)]))
        reach = max(reach, min(ends.max(initial=0), np.log(LARGEST_CUTOFF_AXIS)))
    edge = np.exp(reach) * 1.2
    widest = max(15, 130 * table["cutoff"].max())
    for ax in panels:
        ax.set(xscale="log", yscale="log", xlim=(0.15, widest), ylim=(1 / edge, edge))
        ax.set_xticks([0.2, 1, 10], ["0.2", "1", "10"])
        ax.set_yticks(*list_ratio_ticks(1 / edge, edge))
        ax.minorticks_off()
    letter(panels, [_name(group) for _, group in chosen.iterrows()])
    drawing.supxlabel(f"{unit.capitalize()}s at the top (%)")
    drawing.supylabel("Ratio to all others")
    drawing.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    clearest = "; ".join(
        f"{_name(group)} {_describe_top(_rows_of(table, group))}"
        for _, group in chosen.head(3).iterrows()
    )
    return Figure(
        "cutoffs",
        drawing,
        alt=f"Line charts of {count_words(chosen)}: ratio of the share at the top, in the group to "
        f"all others, at cutoffs from 0.2% of {unit}s to all exposed, beside the band that "
        f"redrawn membership gives. {clearest}.",
        caption=f"How many times as often a group's {unit}s are at the top as all others, when "
        f"the top is the 0.2% to 10% of highest pair score (dots), or all exposed {unit}s "
        "(diamond). Bars: 95% intervals, of what "
        f"other {unit}s of the same kind and as many other models would give. Grey band: 95% of "
        "the ratios that the same group gives when nothing leaks. The groups with the smallest "
        "p-values are drawn, but none that is the outcome itself; not within label. A triangle: "
        f"none. No dot: fewer than {smallest} {unit}s, or a number from which such a count would "
        "follow.",
        title="Ratios of groups wherever the line is drawn",
        data=pd.concat(drawn, ignore_index=True).reindex(columns=list(OF_CUTOFFS)),
    )


def make_panels(count: int, columns: int, height: float) -> tuple[Any, list[Any]]:
    """Make `count` panels of `height` mm, as many as `columns` beside each other, on one scale."""
    columns = min(columns, count)
    lines = -(-count // columns)
    tall = min(height * lines + 16, TALLEST / MM - 2)
    drawing, axes = new_figure(
        *(DOUBLE, tall * MM, lines, columns), squeeze=False, sharex=True, sharey=True
    )
    for ax in axes.flat[count:]:
        ax.set_axis_off()
    for column in range(columns):  # the lowest panel of each column has the numbers of its axis
        lowest = axes[(count - 1 - column) // columns, column]
        lowest.tick_params(labelbottom=True)
    return drawing, list(axes.flat[:count])


def _name(group: pd.Series) -> str:
    return shorten(f"{group['attribute']}: {group['group']}", 35, 7)


def _rows_of(table: pd.DataFrame, group: pd.Series) -> pd.DataFrame:
    """Return the rows of a group at every cutoff, by cutoff."""
    is_its = (table["attribute"] == group["attribute"]) & (table["group"] == group["group"])
    return table[is_its & (table["cutoff"] > 0)].sort_values("cutoff", kind="stable")


def _describe_top(rows: pd.DataFrame) -> str:
    """Say the ratio at the smallest cutoff at which there is one."""
    known = rows[rows["ratio"].notna()]
    if not len(known):
        return "not told"
    row = known.iloc[0]
    return f"{row['ratio']:.2f} at {100 * row['cutoff']:.2g}%"


def _draw_cutoffs(ax, rows: pd.DataFrame) -> None:
    """Draw one group's ratios with intervals, and its band."""
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
        nobody = place[ratio == 0]
        ax.plot(
            *(nobody, np.full(len(nobody), 0.03), "v"),
            color=EXPOSED,
            transform=ax.get_xaxis_transform(),
        )
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
