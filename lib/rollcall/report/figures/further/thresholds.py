"""Groups wherever the line is drawn: their ratios at every cutoff, their shares at every risk."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.figures.groups import count_words, list_ratio_ticks
from rollcall.report.style import (
    ACCENT,
    DOUBLE,
    EXPOSED,
    FLOOR,
    MEMBER,
    MM,
    NON_MEMBER,
    TALLEST,
    Figure,
    letter,
    new_figure,
    scale_log,
    spread,
    styled,
)

MOST_PANELS, LARGEST_CUTOFF_AXIS = 12, 200  # of the cutoffs figure
MOST_ATTRIBUTES, MOST_NAMED = 6, 4  # of the figure of shares: panels; named groups
RELATIVE_AXIS = 30  # of the same, how far its axis goes at most
OF_CUTOFFS = (
    *("attribute", "group", "cutoff", "is_exposed", "ratio", "ratio_low", "ratio_high"),
    *("floor_low", "floor_high"),
)
LOOKS = ((EXPOSED, "o"), (MEMBER, "s"), (NON_MEMBER, "^"), (ACCENT, "D"))


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
    drawing, panels = _make_panels(len(chosen), 4, 33)
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


def _make_panels(count: int, columns: int, height: float) -> tuple[Any, list[Any]]:
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
    return textwrap.shorten(f"{group['attribute']}: {group['group']}", 34, placeholder=" …")


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


@styled
def group_survival(
    groups: pd.DataFrame,
    table: pd.DataFrame,
    unit: str = "patient",
    smallest: int = MIN_GROUP_SIZE,
) -> Figure:
    """Draw what share of each group is at the top, wherever the top begins; a panel an attribute.

    groups of compare_groups, table of compare_cutoffs, both as they left the gate: their counts are
    drawn, and nothing else. The groups that differ most have a line each, the others are grey.
    """
    sizes = groups[~groups["intersection"].astype(bool)]
    table = table.loc[(table["cutoff"] > 0) & ~table["is_exposed"].astype(bool)]
    table = table.merge(
        sizes[["attribute", "group", "patients", "p_adjusted", "p", "is_outcome"]],
        on=["attribute", "group"],
    )
    table = table.loc[table["inside"].notna() & table["patients"].notna()]
    cutoff = table["cutoff"].to_numpy(float)
    low, high = _wilson(table["inside"].to_numpy(float), table["patients"].to_numpy(float))
    share = table["inside"] / table["patients"]
    table = table.assign(share=share, relative=share / cutoff, low=low / cutoff, high=high / cutoff)
    is_outcome = table["is_outcome"].astype(bool)
    table = table if is_outcome.all() else table.loc[~is_outcome]
    lengths = table.groupby("attribute")["cutoff"].nunique()
    clearest = table.groupby("attribute", sort=False)["p"].min().fillna(1)
    chosen = [name for name in clearest.sort_values(kind="stable").index if lengths[name] > 1]
    chosen = [
        name for name in dict.fromkeys(table["attribute"]) if name in chosen[:MOST_ATTRIBUTES]
    ]
    if not chosen:
        return Figure("group_survival", None, "No group may be shown at two cutoffs.", "")
    drawing, panels = _make_panels(len(chosen), 3, 48)
    table = table.loc[table["attribute"].isin(chosen)]
    ends = np.abs(np.log(table.loc[table["inside"] > 0, ["relative", "low", "high"]].to_numpy()))
    edge = float(np.exp(np.clip(ends.max(initial=0), np.log(2), np.log(RELATIVE_AXIS)))) * 1.1
    words = []
    for ax, attribute in zip(panels, chosen, strict=True):
        scale_log(ax, "xy")
        ax.set(xlim=(0.13, 0.0006), ylim=(1 / edge, edge))
        ax.axhline(1, color=FLOOR, linewidth=0.6, zorder=0)
        words += _draw_shares(ax, table[table["attribute"] == attribute])
        ax.set_xticks([0.1, 0.05, 0.02, 0.01, 0.005, 0.002], ["10%", "5", "2", "1", "0.5", "0.2"])
        ax.set_yticks(*list_ratio_ticks(1 / edge, edge))
        ax.minorticks_off()
    letter(panels, chosen)
    drawing.supxlabel(
        f"The top: so many of all {unit}s, those of highest risk (stricter to the right)"
    )
    drawing.supylabel(f"Share of a group in it, relative to all {unit}s")
    names = ["attribute", "group", "cutoff", "inside", "patients", "share"]
    names += ["relative", "low", "high"]
    return Figure(
        "group_survival",
        drawing,
        alt=f"Line charts on log axes, a panel for each of {len(chosen)} attributes: the share of "
        f"each group's {unit}s among those of highest risk, from the top 0.2% to the top 10% of "
        f"all. {'; '.join(words[:6])}.",
        caption=f"What share of a group's {unit}s is among the 10% to 0.2% of highest risk of all, "
        f"relative to all {unit}s: on the grey line are groups as exposed as all together. Bars: "
        f"95% intervals of the share. The {MOST_NAMED} groups of an attribute that differ most "
        "have a line each, others are grey; none that is the outcome itself. A triangle: nobody. "
        f"No point: fewer than {smallest} {unit}s, or a number from which such a "
        "count would follow.",
        title=f"Shares of groups among the {unit}s of highest risk",
        data=table[names].reset_index(drop=True),
    )


def _wilson(count: np.ndarray, total: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95% interval of a share. Source: Wilson, J. Am. Stat. Assoc. 22, 1927."""
    z = 1.96
    share, base = count / total, 1 + z**2 / total
    middle = (share + z**2 / (2 * total)) / base
    half = z / base * np.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    return np.maximum(middle - half, 0), middle + half


def _draw_shares(ax: Any, rows: pd.DataFrame) -> list[str]:
    """Draw the groups of an attribute; return what the clearest have at their last point."""
    order = rows.groupby("group", sort=False)["p"].min().fillna(2).sort_values(kind="stable").index
    named = [name for name in dict.fromkeys(rows["group"]) if name in order[:MOST_NAMED]]
    words, ends = [], []
    for name, of_group in rows.groupby("group", sort=False):
        of_group = of_group.sort_values("cutoff", ascending=False)
        x, y = of_group["cutoff"].to_numpy(float), of_group["relative"].to_numpy(float)
        drawn = np.where(y > 0, y, np.nan)
        if name not in named:
            ax.plot(x, drawn, color="#A8A8A8", linewidth=0.6, zorder=1)
            continue
        colour, marker = LOOKS[named.index(name)]
        bars = (np.where(y > 0, of_group[end], np.nan) for end in ("low", "high"))
        ax.vlines(x, *bars, color=colour, linewidth=0.6)
        ax.plot(
            *(x[y == 0], np.full((y == 0).sum(), 0.03), "v"),
            color=colour,
            transform=ax.get_xaxis_transform(),
        )
        ax.plot(x, drawn, marker=marker, color=colour, linewidth=0.9, markersize=3)
        last = np.flatnonzero(y > 0)[-1:]
        if len(last):
            words.append(f"{name} {y[last[0]]:.2f} times as often in the top {x[last[0]]:.1%}")
            ends.append((x[last[0]], y[last[0]], str(name)))
    bottom, top = np.log(ax.get_ylim())
    places = spread([(np.log(y) - bottom) / (top - bottom) for _, y, _ in ends], 0.07)
    for (x, y, name), place in zip(ends, places, strict=True):
        ax.annotate(
            textwrap.shorten(name, 18, placeholder="…"),
            (x, y),
            (0.8, place),
            textcoords="axes fraction",
            va="center",
            fontsize=6.5,
            annotation_clip=False,
            bbox={"facecolor": "white", "linewidth": 0, "pad": 0.4},
            arrowprops={"arrowstyle": "-", "linewidth": 0.4, "color": FLOOR, "relpos": (0, 0.5)}
            | {"shrinkA": 1, "shrinkB": 2},
        )
    return words
