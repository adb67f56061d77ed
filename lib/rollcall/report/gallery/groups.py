"""Groups beside the published ones: how far over-represented, how large, with which residuals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rollcall.report.figures.groups import list_ratio_ticks
from rollcall.report.gallery.comparison import compare_groups
from rollcall.report.gallery.looks import label_below, make_grid, wrap_label, write_lines
from rollcall.report.gallery.runs import FinishedRun, FinishedRuns
from rollcall.report.gate import HIDDEN, explain_hidden
from rollcall.report.style import (
    DOUBLE,
    EXPOSED,
    FLOOR,
    MM,
    NON_MEMBER,
    Figure,
    letter,
    new_figure,
    styled,
)
from rollcall.report.typeface import shorten

LINEAR_UP_TO = 5  # Pearson residuals up to this are on a linear scale, larger on a logarithmic one
RESIDUAL_TICKS = (500, 100, 20, 5, 2)
MOST_ROWS, MOST_BARS = 30, 9  # groups of one run; of a small panel
LINE = 4.4  # mm
MINUS = "\N{MINUS SIGN}"
DIAMOND = {"color": NON_MEMBER, "markerfacecolor": "white", "markersize": 4, "linestyle": "none"}


@styled
def subgroups(entry: FinishedRun) -> Figure:
    """Draw one run's groups, attribute by attribute.

    How large a group is; how many times its share is among the exposed, on a log axis, and among
    the paper's 1%; Pearson residuals of the paper's panel. A panel without anything is left out.
    """
    smallest = entry.run.smallest_cell
    name = f"subgroups_{entry.name.replace('/', '_')}"
    caption = f"Groups of {entry.label}."
    table = compare_groups(entry) if "shown_groups" in entry.tables else pd.DataFrame()
    if not len(table):
        return Figure(name, None, "No groups.", caption)
    with np.errstate(divide="ignore", invalid="ignore"):
        table = table.assign(
            gain=table["share_exposed"] / table["share"],
            published_gain=table["tail_share"] / table["train_share"],
        )
    shown = _choose_rows(table)
    rest = len(table) - len(shown)
    others = f" {rest} others differ less and are left out." if rest else ""
    columns = ["attribute", "group", "patients", "share", "share_exposed", "gain"]
    columns += ["published_gain", "residual", "published_residual", "chi2", "stars"]
    return Figure(
        name,
        _draw_subgroups(shown, entry),
        alt=f"Charts of {len(shown)} groups of {entry.label}: share of all, ratio of the share "
        f"among the exposed to it, Pearson residuals. {_describe_gain(table)}",
        caption=f"{caption} The paper counts records, this kit {entry.run.unit}s. Open diamonds: "
        f"published. No dot, no bar{explain_hidden(smallest).removeprefix(HIDDEN)}.{others}",
        title=f"Who carries the risk: groups of {entry.label}",
        data=shown[columns],
    )


def _choose_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Choose the groups that differ most, at most MOST_ROWS lines with the attributes' names."""
    with np.errstate(divide="ignore"):
        far = np.log(table["gain"]).abs().fillna(-1)
    order = far.sort_values(ascending=False, kind="stable").index
    keep = MOST_ROWS
    while keep > 1 and keep + table.loc[order[:keep], "attribute"].nunique() > MOST_ROWS + 4:
        keep -= 1
    return table.loc[sorted(order[:keep])].reset_index(drop=True)


def _describe_gain(table: pd.DataFrame) -> str:
    """Say which group has the largest share of the exposed beyond its share of all."""
    gain = table["share_exposed"] - table["share"]
    if gain.isna().all():
        return "No group's share of the exposed can be shown."
    row = table.loc[gain.idxmax()]
    beside = ""
    if not np.isnan(row["train_share"]):
        beside = f" (published, of records: {row['train_share']:.1%} and {row['tail_share']:.1%})"
    return (
        f"The largest gain: {row['attribute']} {row['group']}, from {row['share']:.1%} to "
        f"{row['share_exposed']:.1%}{beside}."
    )


def _draw_subgroups(table: pd.DataFrame, entry: FinishedRun) -> Any:
    residuals = table[["residual", "published_residual"]].notna().any(axis=None)
    ratios = [0.7, 1.2, *([1.2] if residuals else [])]
    lines = len(table) + table["attribute"].nunique()
    drawing, axes = new_figure(
        *(DOUBLE, min(LINE * lines + 16, 168) * MM, 1, len(ratios)),
        sharey=True,
        width_ratios=ratios,
    )
    places, ticks = [], []
    y = -0.2
    for attribute, rows in table.groupby("attribute", sort=False):
        ticks.append((y, shorten(f"{attribute}", 38, 6.5), "bold"))
        if residuals:
            for _, row in rows[rows["stars"] != ""].head(1).iterrows():  # one for the attribute
                axes[2].annotate(
                    *(f"χ² {row['chi2']:,.1f} {row['stars']}", (1, y)),
                    xycoords=("axes fraction", "data"),
                    va="center",
                    ha="right",
                    fontsize=6.5,
                )
        for index, row in rows.iterrows():
            y += 1
            places.append((index, y))
            name = shorten(str(row["group"]), 40, 6.5)
            ticks.append((y, f"{name}  ({row['patients']:,.0f})", "normal"))
        y += 1.2
    ordered = table.loc[[index for index, _ in places]]
    heights = np.array([place for _, place in places])
    _draw_gains(axes, heights, ordered)
    if residuals:
        draw_residuals(axes[2], heights, ordered["residual"], ordered["published_residual"])
    axes[0].set_yticks([place for place, *_ in ticks], [text for _, text, _ in ticks])
    for label, (_, _, weight) in zip(axes[0].get_yticklabels(), ticks, strict=True):
        label.set_fontweight(weight)
    axes[0].set_ylim(y - 0.6, -0.9)
    for ax in axes:
        ax.tick_params(axis="y", length=0)
    units = f"{entry.run.unit}s"
    axes[0].set_xlabel(f"Share of {units} (%)")
    axes[1].set_xlabel("Share among the exposed / among all")
    titles = ["How large", "How many times over-represented"]
    if residuals:
        axes[2].set_xlabel("Pearson residual (symmetric log axis)")
        titles.append("The paper's panel, of records")
    letter(axes, titles)
    return drawing


def _draw_gains(axes: Any, heights: np.ndarray, table: pd.DataFrame) -> None:
    """Draw the share of all, and the ratio to it of the shares among the exposed."""
    axes[0].barh(heights, 100 * table["share"], 0.62, color="#C4C4C4")
    axes[0].set_xlim(0, None)
    gains = table[["gain", "published_gain"]].to_numpy(float)
    known = np.abs(np.log(gains[np.isfinite(gains) & (gains > 0)]))
    edge = float(np.exp(np.clip(known.max(initial=0), np.log(2), np.log(30)))) * 1.15
    ax = axes[1]
    ax.set(xscale="log", xlim=(1 / edge, edge))
    ax.axvline(1, color=FLOOR, linewidth=0.6, zorder=0)
    ax.set_xticks(*list_ratio_ticks(1 / edge, edge))
    ax.minorticks_off()
    gain = table["gain"].to_numpy(float)
    drawn = np.where(gain > 0, gain, 1)
    ax.hlines(heights, 1, np.clip(drawn, 1 / edge, edge), color=EXPOSED, linewidth=0.8)
    ax.plot(np.where(gain > 0, gain, np.nan), heights, "o", color=EXPOSED, markersize=4)
    nobody = heights[gain == 0]
    for place in nobody:
        ax.plot(1 / edge, place, "<", color=EXPOSED, clip_on=False)
        ax.annotate("none", (1 / edge, place), (5, 0), textcoords="offset points", va="center")
    ax.plot(table["published_gain"], heights, "D", **DIAMOND)
    if table["published_gain"].notna().any():
        write_lines(ax, [("this run", EXPOSED), ("published", NON_MEMBER)], y=0.99)


def draw_residuals(
    ax: Any, heights: np.ndarray, residual: pd.Series, published: pd.Series | None
) -> None:
    """Draw Pearson residuals as bars, the published ones as open diamonds; a symmetric log axis."""
    values = residual.to_numpy(float)
    more = np.where(values > 0, values, np.nan)
    fewer = np.where(values > 0, np.nan, values)
    ax.barh(heights, more, 0.62, color=EXPOSED)
    ax.barh(heights, fewer, 0.62, color="#A8A8A8")
    if published is not None:
        ax.plot(published, heights, "D", **DIAMOND)
    ax.axvline(0, color=FLOOR, linewidth=0.6)
    everything = np.r_[values, [] if published is None else published.to_numpy(float)]
    reach = max(2.0, float(np.abs(everything[np.isfinite(everything)]).max(initial=0)))
    ax.set_xscale("symlog", linthresh=LINEAR_UP_TO, linscale=1)
    ax.set_xlim(-1.25 * reach, 1.25 * reach)
    ax.set_xticks(*list_residual_ticks(reach))
    ax.minorticks_off()


def list_residual_ticks(reach: float) -> tuple[list[float], list[str]]:
    """List the ticks of a symmetric log axis of residuals, and what they are called."""
    sizes = [size for size in RESIDUAL_TICKS if size <= reach][:3]
    sizes = sizes[::2] if len(sizes) > 2 else sizes
    ticks = sorted({sign * float(size) for size in sizes for sign in (-1, 1)} | {0.0})
    return ticks, [f"{tick:g}".replace("-", MINUS) for tick in ticks]


@styled
def residuals(finished: FinishedRuns) -> Figure:
    """Draw the paper's panel of every run in small: the groups of largest residual, a panel a run.

    Open diamonds are the published residuals of the same groups.
    """
    entries = list_entries(finished)
    drawing, tables = None, []
    if entries:
        drawing, axes = make_grid(len(entries), 62, sharex=False, sharey=False)
        tables = draw_panels(axes, entries)
        label_below(
            drawing,
            "Pearson residual among the 1% of records of highest AUC (symmetric log axis; open "
            "diamonds: published)",
        )
    words = [
        f"{table['run'].iloc[0]}: {row['attribute']} {row['group']} {row['residual']:.1f}"
        for table in tables
        if len(table)
        for row in [table.loc[table["residual"].abs().idxmax()]]
    ]
    return Figure(
        "residuals",
        drawing,
        alt="Bar charts of Pearson residuals, a panel for each run. The largest: "
        f"{'; '.join(words) or 'no run has any'}.",
        caption="The paper's panel on each run: Pearson residuals of groups among the 1% of "
        f"records of highest AUC, the {MOST_BARS} largest of each. Black: more than their share; "
        "grey: fewer. Open diamonds: published. Stars: chi-square of the attribute, by records.",
        title="Groups among the records of highest AUC, every run",
        data=pd.concat(tables, ignore_index=True) if tables else None,
    )


def list_entries(finished: FinishedRuns) -> list[FinishedRun]:
    """List the runs whose panel has a residual that may be shown."""
    return [
        entry
        for entry in finished.having("shown_groups", "shown_panel")
        if entry.tables["shown_panel"]["residual"].notna().any()
    ]


def draw_panels(axes: list[Any], entries: list[FinishedRun], first: str = "a") -> list:
    """Draw a panel of residuals for each run; return the tables drawn."""
    tables = []
    for ax, entry in zip(axes, entries, strict=True):
        table = compare_groups(entry)
        table = table[table["residual"].notna()]
        order = table["residual"].abs().sort_values(ascending=False, kind="stable").index
        table = table.loc[sorted(order[:MOST_BARS])]
        heights = np.arange(len(table))
        draw_residuals(ax, heights, table["residual"], table["published_residual"])
        names = [
            shorten(f"{row['group']}", 20, 6.5)
            + (f" {row['stars']}" if "*" in row["stars"] else "")
            for _, row in table.iterrows()
        ]
        ax.set_yticks(heights, names)
        ax.tick_params(axis="y", length=0)
        ax.set_ylim(len(table) - 0.4, -0.6)
        columns = ["attribute", "group", "residual", "published_residual", "stars"]
        tables.append(table[columns].assign(run=entry.label))
    letter(axes, [wrap_label(entry) for entry in entries], first)
    return tables
