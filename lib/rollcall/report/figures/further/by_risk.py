"""Survival by group: what share of each group has a risk of x or more, and if nothing leaked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.figures.further.thresholds import make_panels
from rollcall.report.gate import PATIENTS, TOTAL
from rollcall.report.style import (
    ACCENT,
    EXPOSED,
    FLOOR,
    MEMBER,
    NON_MEMBER,
    Figure,
    letter,
    point_at,
    scale_log,
    spread,
    styled,
)
from rollcall.report.typeface import shorten

MOST_ATTRIBUTES, MOST_NAMED = 6, 4  # panels; groups with a line of their own in each
LOOKS = ((EXPOSED, "o"), (MEMBER, "s"), (NON_MEMBER, "^"), (ACCENT, "D"))
NAMES = 0.7  # of a panel's width, from where on there is room for names


@styled
def group_survival(
    groups: pd.DataFrame,
    levels: pd.DataFrame,
    unit: str = "patient",
    smallest: int = MIN_GROUP_SIZE,
) -> Figure:
    """Draw what share of each group is at or above each risk, a panel an attribute.

    groups of compare_groups, levels of report.levels.count_levels, both as they left the gate:
    their counts are drawn, and nothing else. The groups that differ most have a line each, with
    intervals and the band of redrawn membership; a line breaks off where a count is hidden.
    """
    table = _list_shares(groups, levels)
    chosen = _choose_attributes(table)
    if not chosen:
        return Figure("group_survival", None, "No group may be shown at two risks.", "")
    everybody = table[table["attribute"] == TOTAL]
    drawing, panels = make_panels(len(chosen), 2 if len(chosen) in (2, 4) else 3, 54)
    shown = table[table["attribute"].isin(chosen) & table["share"].notna()]
    lowest, last = _find_lowest(shown), min(float(shown["level"].max()) + 0.04, 1.0)
    end = 0.48 + (last - 0.48) / NAMES
    words = []
    for ax, attribute in zip(panels, chosen, strict=True):
        scale_log(ax, "y")
        ax.set(xlim=(0.48, end), ylim=(lowest, 1.2))
        ax.plot(everybody["level"], everybody["share"], color=FLOOR, linewidth=0.8, zorder=1)
        words += _draw_attribute(ax, table[table["attribute"] == attribute])
        ax.set_xticks([tick for tick in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0) if tick <= last])
        ax.spines["bottom"].set_bounds(0.48, last)
        percents = [tick for tick in 10.0 ** np.arange(-5, 1) if tick >= lowest]
        ax.set_yticks(percents, [f"{100 * tick:g}%" for tick in percents])
        ax.minorticks_off()
    _name_floor(panels[0], everybody)
    letter(panels, [shorten(name, 70 if len(chosen) in (1, 2, 4) else 45, 7) for name in chosen])
    drawing.supxlabel(f"{unit.capitalize()} risk (AUC; 0.5: nothing can be told)")
    drawing.supylabel("Share of the group at or above")
    drawn = table[table["attribute"].isin([TOTAL, *chosen])]
    return Figure(
        "group_survival",
        drawing,
        alt=f"Line charts on a log axis, a panel for each of {len(chosen)} attributes: the share "
        f"of each group's {unit}s at or above each risk, with the band of redrawn membership. "
        f"{'; '.join(words[:6])}.",
        caption=f"What share of a group's {unit}s has an estimated risk of at least x. Bars: 95% "
        f"intervals, of what other {unit}s of the same kind would give. Band of the same colour: "
        "the same group when membership is redrawn (5th to 95th pass): what lies in it is noise. "
        f"Grey line: all {unit}s. The {MOST_NAMED} groups of an attribute that differ most are "
        "drawn; none that is the outcome itself. No point: fewer than "
        f"{smallest} {unit}s, or a number from which such a count would follow.",
        title=f"Survival by group: shares of {unit}s at or above each risk",
        data=drawn.drop(columns=["p", "is_outcome"]).reset_index(drop=True),
    )


def _list_shares(groups: pd.DataFrame, levels: pd.DataFrame) -> pd.DataFrame:
    """List shares with intervals and floors of all groups but the outcome, everybody's first."""
    sizes = groups[~groups["intersection"].astype(bool)]
    table = levels.merge(
        sizes[["attribute", "group", "p", "is_outcome"]], on=["attribute", "group"], how="left"
    )
    is_outcome = table["is_outcome"].fillna(False).astype(bool)
    is_all = table["attribute"] == TOTAL
    table = table if (is_outcome | is_all).all() else table.loc[~is_outcome]
    total = table[PATIENTS].to_numpy(float)
    low, high = _wilson(table["inside"].to_numpy(float), total)
    table = table.assign(share=table["inside"] / total, low=low, high=high)
    ends = {f"floor{end}": table[f"floor{end}"] / total for end in ("", "_low", "_high")}
    return table.assign(**ends).reset_index(drop=True)


def _choose_attributes(table: pd.DataFrame) -> list[str]:
    """Choose the attributes of which a group is shown at two risks, the clearest ones, in order."""
    of_groups = table[(table["attribute"] != TOTAL) & table["share"].notna()]
    points = of_groups.groupby(["attribute", "group"])["level"].nunique()
    enough = set(points[points > 1].index.get_level_values("attribute"))
    clearest = of_groups.groupby("attribute", sort=False)["p"].min().fillna(1)
    order = [name for name in clearest.sort_values(kind="stable").index if name in enough]
    return [
        name for name in dict.fromkeys(of_groups["attribute"]) if name in order[:MOST_ATTRIBUTES]
    ]


def _find_lowest(table: pd.DataFrame) -> float:
    """Find where the axis of shares begins: below what is drawn, and its intervals."""
    shares = table.loc[table["share"] > 0, ["share", "low"]].to_numpy(float)
    return float(np.clip(shares.min(initial=0.1) * 0.7, 1e-5, 0.1))


def _wilson(count: np.ndarray, total: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95% interval of a share. Source: Wilson, J. Am. Stat. Assoc. 22, 1927."""
    z = 1.96
    share, base = count / total, 1 + z**2 / total
    middle = (share + z**2 / (2 * total)) / base
    half = z / base * np.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    return np.maximum(middle - half, 0), middle + half


def _draw_attribute(ax: Any, rows: pd.DataFrame) -> list[str]:
    """Draw the groups of an attribute that differ most; return what each has at its last point."""
    known = rows[rows["share"].notna()]
    order = known.groupby("group", sort=False)["p"].min().fillna(2).sort_values(kind="stable").index
    named = [name for name in dict.fromkeys(rows["group"]) if name in order[:MOST_NAMED]]
    words, ends = [], []
    for number, name in enumerate(named):
        colour, marker = LOOKS[number]
        of_group = rows[rows["group"] == name].sort_values("level", kind="stable")
        level, share = of_group["level"].to_numpy(float), of_group["share"].to_numpy(float)
        low, high = (np.maximum(of_group[f"floor_{end}"], 1e-9) for end in ("low", "high"))
        ax.fill_between(level, low, high, color=colour, alpha=0.13, linewidth=0, zorder=0)
        drawn = np.where(share > 0, share, np.nan)
        bars = (np.where(share > 0, of_group[end], np.nan) for end in ("low", "high"))
        ax.vlines(level, *(np.maximum(bar, 1e-9) for bar in bars), color=colour, linewidth=0.6)
        ax.plot(level, drawn, marker=marker, color=colour, linewidth=0.9, markersize=3)
        nobody = level[share == 0]
        ax.plot(
            *(nobody, np.full(len(nobody), 0.02), "v"),
            color=colour,
            transform=ax.get_xaxis_transform(),
        )
        last = np.flatnonzero(share > 0)[-1:]
        if len(last):
            at = int(last[0])
            words.append(
                f"{name}: {share[at]:.2%} at {level[at]:.2g} or more "
                f"({of_group['floor'].iloc[at]:.2%} if nothing leaked)"
            )
            ends.append((level[at], share[at], str(name)))
    _name_lines(ax, ends)
    return words


def _name_lines(ax: Any, ends: list[tuple[float, float, str]]) -> None:
    """Write the names of lines on the right, each joined to the line's last point."""
    bottom, top = np.log(ax.get_ylim())
    heights = [(np.log(y) - bottom) / (top - bottom) for _, y, _ in ends]
    places = spread(heights, 0.075)
    places = places + max(0.0, 0.03 - min(places, default=1))
    for (x, y, name), place in zip(ends, places, strict=True):
        ax.annotate(
            shorten(name, 13, 6.5),
            (x, y),
            (NAMES + 0.03, place),
            textcoords="axes fraction",
            va="center",
            fontsize=6.5,
            annotation_clip=False,
            bbox={"facecolor": "white", "linewidth": 0, "pad": 0.4},
            arrowprops={"arrowstyle": "-", "linewidth": 0.4, "color": FLOOR, "relpos": (0, 0.5)}
            | {"shrinkA": 1, "shrinkB": 2},
        )


def _name_floor(ax: Any, everybody: pd.DataFrame) -> None:
    """Say beside the bands of a panel what they are, and what the grey line is."""
    ax.text(
        0.99, 0.97, "grey line: all", ha="right", va="top", fontsize=6.5, transform=ax.transAxes
    )
    bottom = ax.get_ylim()[0]
    rows = everybody[everybody["floor"] > 2 * bottom]
    if not len(rows):
        return
    last = rows.iloc[-1]
    point_at(ax, "if nothing\nleaked", (last["level"], last["floor"]), (0.03, 0.2), leave=(1, 0.5))
