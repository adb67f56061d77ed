"""The figure of groups: a forest of ratios of exposed shares, its numbers beside it as text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.gate import HIDDEN, explain_hidden
from rollcall.report.style import DOUBLE, EXPOSED, FLOOR, MM, Figure, new_figure, styled
from rollcall.report.typeface import wrap

RATIO_TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)  # and their inverses
LARGEST_AXIS = 20  # how far the forest's axis goes on either side of 1, at most
MOST_ROWS, MOST_DIFFERENT, MOST_OUTCOMES = 8, 14, 6  # of the forest; if so many differ; of outcomes
SIGNIFICANT = 0.05
NAME_WIDTH, LINE, HEAD = 41, 3.7, 1.4  # mm; mm; lines that a heading takes
COLUMNS = {"patients": 0.68, "exposed": 1.0}  # right ends, shares of the space for names
DRAWN = (
    *("attribute", "group", "is_outcome", "patients", "exposed", "exposed_share"),
    *("ratio_within", "within_low", "within_high", "p_adjusted"),
)


@styled
def forest(groups: pd.DataFrame, unit: str = "patient", smallest: int = MIN_GROUP_SIZE) -> Figure:
    """Draw the ratio of exposed shares of each group within label, with its 95% interval.

    groups: the table of compare_groups. Those that differ most, the others counted; groups that are
    the outcome apart. Intersections of two attributes are left to the table. A ratio beyond the
    axis is an arrow at its edge; one that is not defined or hidden (NaN) is a dash.
    """
    table = groups[~groups["intersection"].astype(bool)].reset_index(drop=True)
    sections = _choose_rows(table)
    edge = _choose_edge(sections[0][1])  # the label itself may go far beyond
    lines = _lay_lines(sections)
    height = lines[-1][0] + 1
    drawing, (names, ax, numbers) = new_figure(
        DOUBLE, (LINE * height + 13) * MM, 1, 3, sharey=True, width_ratios=[3.2, 2.7, 1.35]
    )
    for side in (names, numbers):
        side.set(xlim=(0, 1))
        side.set_axis_off()
    ax.plot([1, 1], [0.5, height], color=FLOOR, linewidth=0.6, zorder=0)
    head = {"va": "center_baseline", "fontweight": "bold"}
    for column, place in COLUMNS.items():
        words = f"{unit.capitalize()}s" if column == "patients" else "Exposed"
        names.text(place, -0.3, words, ha="right", **head)
    numbers.text(0, -0.3, "Ratio (95% interval)", **head)
    for y, kind, row in lines:
        if kind == "head":
            names.text(0, y, row, **head)
        elif kind == "others":
            names.text(0.03, y, row, va="center_baseline", fontstyle="normal", color=FLOOR)
        else:
            _write_row(names, numbers, y, row)
            _draw_ratio(ax, y, row, edge)
    ax.set(xscale="log", xlim=(1 / edge, edge), ylim=(height, -0.9), yticks=[])
    ax.spines["left"].set_visible(False)
    ax.set_xticks(*list_ratio_ticks(1 / edge, edge))
    ax.minorticks_off()
    ax.set_xlabel(f"Share of exposed {unit}s, ratio to all others of the same label")
    for words, place, ha in (("less exposed", 0.49, "right"), ("more exposed", 0.51, "left")):
        ax.text(place, -0.3, words, ha=ha, va="center_baseline", transform=ax.get_yaxis_transform())
    return Figure(
        "forest",
        drawing,
        alt=f"Forest plot: exposed shares of {count_words(table)} against all other {unit}s of the "
        f"same label. {_describe_clearest(table)} {_describe_others(sections)}",
        caption=f"How many times as large the share of exposed {unit}s is in each group as among "
        "all others of the same training label and about as many records (of a group that is the "
        "outcome: as many records). Bars: 95% intervals, of the ratio that other "
        f"{unit}s of the same kind and as many other models would give. Diamonds: an exact test "
        "within label says p < 0.05 after Holm; circles: it does not, or p is not shown. "
        f"{explain_hidden(smallest, unit)}; or not defined.",
        title=f"Which groups of {unit}s are exposed more than others",
        data=_list_numbers(sections),
    )


def count_words(table: pd.DataFrame) -> str:
    """Say how many groups there are: "1 group", "12 groups"."""
    return f"{len(table)} group{'s' * (len(table) != 1)}"


Section = tuple[str, pd.DataFrame, str]


def _choose_rows(table: pd.DataFrame) -> list[Section]:
    """Choose what to show: (heading, rows, what is said of the others), outcomes last."""
    sections = []
    is_outcome = table["is_outcome"].astype(bool)
    for heading, rows, most in (
        ("Groups", table[~is_outcome], MOST_ROWS),
        ("The training label itself", table[is_outcome], MOST_OUTCOMES),
    ):
        if not len(rows):
            continue
        order = rows.assign(shown=rows["ratio_within"].isna() & (rows["exposed"] != 0))
        order = order.sort_values(["shown", "p_adjusted", "p"], kind="stable").index
        differ = int((rows["p_adjusted"] < SIGNIFICANT).sum())
        keep = min(max(most, differ), MOST_DIFFERENT if most == MOST_ROWS else most)
        if len(rows) == keep + 1:  # one more costs no more than to say that it is left out
            keep += 1
        kept = rows.loc[sorted(order[:keep])]
        sections.append((heading, kept, _describe_rest(rows.loc[order[keep:]])))
    return sections


def _describe_rest(rows: pd.DataFrame) -> str:
    """Say how many others there are: "36 others, not different"."""
    if not len(rows):
        return ""
    differ = int((rows["p_adjusted"] < SIGNIFICANT).sum())
    hidden = int(rows["ratio_within"].isna().sum())
    parts = [
        f"{number} {words}"
        for number, words in (
            (differ, "different"),
            (len(rows) - differ - hidden, "not different"),
            (hidden, "not told"),
        )
        if number
    ]
    if len(parts) == 1:
        parts = [parts[0].split(" ", 1)[1]]
    return f"{len(rows)} others, {', '.join(parts)}"


def _lay_lines(sections: list[Section]) -> list[tuple[float, str, Any]]:
    """Place headings, rows and what is said of the others: (height, kind, content) each."""
    lines: list[tuple[float, str, Any]] = []
    y = -0.3 if len(sections) == 1 else 0.9
    for heading, rows, others in sections:
        if len(sections) > 1:
            lines.append((y, "head", heading))
        for _, row in rows.iterrows():
            tall = len(_wrap(row))
            lines.append((y + (tall + 1) / 2, "row", row))
            y += tall
        if others:
            y += 1
            lines.append((y, "others", others))
        y += HEAD + 0.3
    return lines


def _wrap(row: pd.Series) -> list[str]:
    return wrap(f"{row['attribute']}: {row['group']}", NAME_WIDTH, 7)


def _write_row(names: Any, numbers: Any, y: float, row: pd.Series) -> None:
    """Write a group's name and numbers."""
    names.text(0.03, y, "\n".join(_wrap(row)), va="center_baseline", linespacing=1.1)
    aligned = {"ha": "right", "va": "center_baseline"}
    names.text(COLUMNS["patients"], y, _write_count(row["patients"]), **aligned)
    share = "" if pd.isna(row["exposed_share"]) else f" ({row['exposed_share']:.1%})"
    exposed = _write_count(row["exposed"]) + share
    if row["exposed"] == 0:
        exposed = f"none of {_write_count(row['patients'])}"
    names.text(COLUMNS["exposed"], y, exposed, **aligned)
    bold = "bold" if row["p_adjusted"] < SIGNIFICANT else "normal"
    numbers.text(0, y, _write_ratio(row), va="center_baseline", fontweight=bold)


def _write_count(count: float) -> str:
    return HIDDEN if pd.isna(count) else f"{count:,.0f}"


def _write_ratio(row: pd.Series) -> str:
    """Write "2.1 (1.4 to 3.2)", in two digits or as integers; a dash where it is hidden."""
    ratio, low, high = (
        HIDDEN if pd.isna(value) else "∞" if np.isinf(value) else _round(value)
        for value in row[["ratio_within", "within_low", "within_high"]]
    )
    return ratio if HIDDEN in (ratio, low, high) else f"{ratio} ({low} to {high})"


def _round(value: float) -> str:
    if value > 1000:
        return "over 1,000"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _choose_edge(table: pd.DataFrame) -> float:
    """Choose how far the axis of ratios goes on either side of 1: as far as the intervals do."""
    ends = table[["ratio_within", "within_low", "within_high"]].to_numpy(float)
    reach = np.abs(np.log(ends[np.isfinite(ends) & (ends > 0)])).max(initial=0)
    return next((tick for tick in RATIO_TICKS[1:5] if np.log(tick) >= reach), LARGEST_AXIS)


def list_ratio_ticks(low: float, high: float) -> tuple[list[float], list[str]]:
    """List the ticks of an axis of ratios between low and high, and what they are called."""
    both = sorted({1 / tick for tick in RATIO_TICKS} | set(RATIO_TICKS))
    if high <= 2.5:
        both = [0.5, 0.7, 1, 1.4, 2]
    ticks = [tick for tick in both if low * 0.999 <= tick <= high * 1.001]
    return ticks, [f"{tick:g}" for tick in ticks]


def _describe_clearest(table: pd.DataFrame) -> str:
    """Say which group has the smallest p-value of those whose numbers are shown."""
    known = table[table["ratio_within"].notna() & table["p_adjusted"].notna()]
    if not len(known):
        return "No group's ratio can be told."
    row = known.loc[known["p_adjusted"].idxmin()]
    return f"The clearest: {row['attribute']} {row['group']}, {_write_ratio(row)}."


def _describe_others(sections: list[Section]) -> str:
    shown = pd.concat([rows for _, rows, _ in sections])
    differ = int((shown["p_adjusted"] < SIGNIFICANT).sum())
    others = "; ".join(others for _, _, others in sections if others)
    return f"Of {len(shown)} drawn, {differ} differ{'' if differ != 1 else 's'}" + (
        f"; {others}." if others else "."
    )


def _list_numbers(sections: list[Section]) -> pd.DataFrame:
    """List what is drawn and written, the counts of others in rows of their own."""
    tables = []
    for _, rows, others in sections:
        tables.append(rows.reindex(columns=list(DRAWN)))
        if others:
            tables.append(pd.DataFrame({"attribute": ["(others)"], "group": [others]}))
    return pd.concat(tables, ignore_index=True)


def _draw_ratio(ax: Any, y: float, row: pd.Series, edge: float) -> None:
    """Draw one group's interval and its ratio at height y."""
    ratio, significant = row["ratio_within"], row["p_adjusted"] < SIGNIFICANT
    if pd.isna(ratio):
        ax.text(1, y, HIDDEN, ha="center", va="center_baseline", color=FLOOR)
        return
    ends = np.array([row["within_low"], row["within_high"]], float)
    if not np.isnan(ends).any():
        clipped = np.clip(ends, 1 / edge, edge)
        ax.plot(clipped, [y, y], color=EXPOSED, linewidth=1.5 if significant else 0.8)
        beyond = {np.clip(end, 1 / edge, edge) for end in ends if not 1 / edge <= end <= edge}
        for end in beyond:
            mark = "<" if end < 1 else ">"
            ax.plot(end, y, mark, color=EXPOSED, markersize=3, clip_on=False)
    if 1 / edge <= ratio <= edge:
        ax.plot(
            *(ratio, y, "D" if significant else "o"),
            color=EXPOSED,
            markerfacecolor=EXPOSED if significant else "white",
            markeredgewidth=0.8,
            markersize=4,
            clip_on=False,
        )
    elif np.isnan(ends).any():
        ax.plot(np.clip(ratio, 1 / edge, edge), y, "<" if ratio < 1 else ">", color=EXPOSED)
