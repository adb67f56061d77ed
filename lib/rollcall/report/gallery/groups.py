"""Figures of groups beside the published ones: shares and residuals, group size against risk.

Published values are open diamonds.
"""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd

from rollcall.report.gallery.comparison import (
    OTHER_KIND,
    collect_points,
    compare_groups,
    describe_correlation,
)
from rollcall.report.gallery.looks import add_legend, lay_out
from rollcall.report.gallery.runs import FinishedRun, FinishedRuns
from rollcall.report.gate import HIDDEN, explain_hidden
from rollcall.report.style import (
    DOUBLE,
    EXPOSED,
    FLOOR,
    MEMBER,
    MM,
    NON_MEMBER,
    Figure,
    new_figure,
    styled,
)

KIND_MARKERS = {
    "sex": "o",
    "race, skin type": "D",
    "age": "v",
    "imaging protocol": "^",
    OTHER_KIND: "s",
}
LINEAR_UP_TO = 5  # Pearson residuals up to this are on a linear scale, larger on a logarithmic one
RESIDUAL_TICKS = (500, 200, 100, 50, 20, 10, 5, 2)
RATIO_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
MINUS = "\N{MINUS SIGN}"


@styled
def subgroups(entry: FinishedRun) -> Figure:
    """Draw one run's groups, attribute by attribute.

    Left: share among all patients and among the exposed. Middle: published shares, of
    records. Right: Pearson residuals of the paper's panel on this run's records, the published
    ones as open diamonds.
    """
    smallest = entry.run.smallest_cell
    name, caption = f"subgroups_{entry.name.replace('/', '_')}", f"Groups of {entry.label}."
    table = compare_groups(entry) if "shown_groups" in entry.tables else pd.DataFrame()
    if not len(table):
        return Figure(name, None, "No groups.", caption)
    return lay_out(
        Figure(
            name,
            _draw_subgroups(table, f"{entry.run.unit}s"),
            alt=f"Three dot and bar charts of {len(table)} groups of {entry.label}: shares among "
            f"all and the exposed, published shares, Pearson residuals. {_describe_gain(table)}",
            caption=f"{caption} No dot, no bar{explain_hidden(smallest).removeprefix(HIDDEN)}.",
        )
    )


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


def _draw_subgroups(table: pd.DataFrame, units: str):
    lines = len(table) + table["attribute"].nunique()
    widths = {"width_ratios": [1, 1, 1.25]}
    drawing, axes = new_figure(
        DOUBLE, (4.4 * lines + 26) * MM, 1, 3, sharey=True, gridspec_kw=widths
    )
    y, ticks, labels = 0, [], []
    for attribute, rows in table.groupby("attribute", sort=False):
        ticks.append(y)
        labels.append("\n".join(textwrap.wrap(attribute.upper(), 28)))
        for _, row in rows[rows["stars"] != ""].head(1).iterrows():  # one for the attribute
            axes[2].annotate(
                f"$\\chi^2$ {row['chi2']:,.1f}  {row['stars']}",
                (1, y),
                xycoords=("axes fraction", "data"),
                va="center",
                ha="right",
                fontsize=6,
            )
        for _, row in rows.iterrows():
            y += 1
            _draw_group(axes, y, row)
            ticks.append(y)
            labels.append("\n".join(textwrap.wrap(f"{row['group']}  ({row['patients']:,.0f})", 34)))
        y += 1
    axes[0].set(
        ylim=(y - 0.3, -0.7),
        yticks=ticks,
        yticklabels=labels,
        title=f"This run: {units}",
        xlabel=f"Share of {units} (%)",
    )
    axes[1].set(title="Published: records", xlabel="Share of records (%)")
    axes[2].set(
        title="The paper's panel: records", xlabel="Pearson residual in the 1% of highest AUC"
    )
    shares = table[["share", "share_exposed", "train_share", "tail_share"]]
    widest = np.nanmax([1, *shares.to_numpy().ravel()])
    for ax in axes[:2]:
        ax.set_xlim(-3, 103 * min(1, widest))
    for ax, columns in ((axes[1], ["train_share"]), (axes[2], ["residual", "published_residual"])):
        if table[columns].isna().all(axis=None):
            ax.text(
                0.5,
                0.5,
                "none for these groups",
                transform=ax.transAxes,
                ha="center",
                color=EXPOSED,
            )
            ax.set_xticks([])
    for ax in axes:
        ax.tick_params(axis="y", length=0)
    if table[["residual", "published_residual"]].notna().any(axis=None):
        axes[2].axvline(0, color=FLOOR, linewidth=0.6)
    _label_subgroups(axes, table)
    add_legend(drawing, axes)
    return drawing


def _draw_group(axes, y: int, row: pd.Series) -> None:
    """Draw one group at height y: our shares, the published ones, both residuals."""
    for ax, share, share_exposed in (
        (axes[0], row["share"], row["share_exposed"]),
        (axes[1], row["train_share"], row["tail_share"]),
    ):
        ax.plot([100 * share, 100 * share_exposed], [y, y], color=FLOOR, linewidth=1)
        ax.plot(100 * share, y, "o", color=FLOOR, markerfacecolor="white", markersize=4)
        ax.plot(100 * share_exposed, y, "o", color=EXPOSED, markersize=4)
    axes[2].barh(y, row["residual"], 0.6, color=NON_MEMBER if row["residual"] > 0 else MEMBER)
    axes[2].plot(
        row["published_residual"],
        y,
        "D",
        color=EXPOSED,
        markerfacecolor="none",
        markersize=4,
    )


def _label_subgroups(axes, table: pd.DataFrame) -> None:
    """Draw nothing under each label of the legend."""
    axes[0].plot([], [], "o", color=FLOOR, markerfacecolor="white", markersize=4, label="among all")
    axes[0].plot([], [], "o", color=EXPOSED, markersize=4, label="among the exposed")
    if table["residual"].notna().any():
        axes[2].barh(0, 0, color=NON_MEMBER, label="more, of this run")
        axes[2].barh(0, 0, color=MEMBER, label="fewer, of this run")
    if table["published_residual"].notna().any():
        axes[2].plot(
            [],
            [],
            "D",
            color=EXPOSED,
            markerfacecolor="none",
            markersize=4,
            linestyle="none",
            label="published",
        )


@styled
def group_size(finished: FinishedRuns) -> Figure:
    """Draw group size against risk, with rank and linear correlation.

    Published residuals, those of our runs' records, and the log risk ratios of our patients.
    """
    points = collect_points(finished)
    sentences = [
        f"{source}, {len(table)} groups: "
        + (
            ", ".join(describe_correlation(("Spearman", "Pearson"), table))
            or "no correlation can be told"
        )
        for source, table in points.groupby("source", sort=False)
    ]
    datasets = {entry.dataset for entry in finished.runs}
    return lay_out(
        Figure(
            "group_size",
            _draw_size(points, datasets),
            alt="Three scatter plots of group size against over-representation among the "
            f"exposed. {'; '.join(sentences)}.",
            caption="Group size against over-representation among the exposed (published: among "
            "the 1% of records with the highest AUC).",
        )
    )


def _draw_size(points: pd.DataFrame, datasets: set[str]):
    drawing, axes = new_figure(DOUBLE, 80 * MM, 1, 3)
    panels = (
        ("published", "Published: seven data sets", "Pearson residual"),
        ("paper", "The paper's panel on these runs", "Pearson residual"),
        ("ours", "These runs: patients", "Risk ratio against all others"),
    )
    for ax, (source, title, ylabel) in zip(axes, panels, strict=True):
        unit = "patients" if source == "ours" else "records"
        ax.set(title=title, xlabel=f"Group's share of {unit} (%)", ylabel=ylabel)
        _draw_points(ax, points[points["source"] == source], datasets, ratios=source == "ours")
    dot = {"color": EXPOSED, "markeredgewidth": 0.5, "markersize": 4}
    for kind, marker in KIND_MARKERS.items():
        axes[0].plot([], [], marker, **dot, markerfacecolor="white", label=kind)
    blue = "blue: a data set of these runs"
    axes[0].plot([], [], "o", **dot, markerfacecolor=MEMBER, label=blue)
    add_legend(drawing, axes[:1], 3)
    return drawing


def _draw_points(ax, points: pd.DataFrame, datasets: set[str], ratios: bool) -> None:
    """Draw one panel. ratios: values are log risk ratios, not Pearson residuals."""
    finite = points["value"][np.isfinite(points["value"])]
    largest = finite.abs().max() if len(finite) else 0
    reach = max(np.log(2) if ratios else LINEAR_UP_TO, largest) * 1.15
    in_runs = points["dataset"].isin(datasets)
    for kind, marker in KIND_MARKERS.items():
        for of_runs in (False, True):
            chosen = points[(points["kind"] == kind) & (in_runs == of_runs)]
            if len(chosen):  # nothing, not clipped, would reach to the figure's corner
                ax.plot(
                    chosen["share"],
                    chosen["value"].clip(-reach, reach),
                    marker,
                    color=EXPOSED if of_runs else FLOOR,
                    markerfacecolor=MEMBER if of_runs else "white",
                    markeredgewidth=0.5,
                    markersize=3.5,
                    clip_on=False,
                )
    ax.axhline(0, color=FLOOR, linewidth=0.6, zorder=0)
    ax.set(xlim=(0, 100))
    if not ratios:  # a few groups have residuals of 100, most of 1
        ax.set_yscale("symlog", linthresh=LINEAR_UP_TO, linscale=1)
        sizes = [size for size in RESIDUAL_TICKS if size <= reach]
        ticks = [sign * size for size in sizes for sign in (-1, 1)] + [0]
        ax.set_yticks(ticks, [f"{tick:g}".replace("-", MINUS) for tick in ticks])
        ax.minorticks_off()
    low, high = ax.transScale.transform([(0, -reach), (0, reach)])[:, 1]
    for_the_text = (0, high + 0.2 * (high - low))
    ax.set_ylim(-reach, ax.transScale.inverted().transform(for_the_text)[1])
    if ratios:
        ticks = [tick for tick in RATIO_TICKS if abs(np.log(tick)) <= reach]
        ax.set_yticks(np.log(ticks), [f"{tick:g}" for tick in ticks])
    edge = int((~np.isfinite(points["value"])).sum())
    ax.text(
        0.98,
        0.98,
        _describe(points, points[in_runs], split=not ratios and bool((~in_runs).any()))
        + (f"\n{edge} at the edge (0 or infinite)" if edge else ""),
        transform=ax.transAxes,
        ha="right",
        va="top",
        fontsize=6,
        linespacing=1.4,
    )


def _describe(points: pd.DataFrame, of_runs: pd.DataFrame, split: bool) -> str:
    """Write the correlations of a panel; split: of the runs' own datasets too."""
    if not len(points):
        return "no run has the table"
    if split and len(of_runs) > 2:
        return f"all: {_correlation(points)}\nblue: {_correlation(of_runs)}"
    return _correlation(points)


def _correlation(points: pd.DataFrame) -> str:
    words = [*describe_correlation(("ρ", "r"), points), f"{len(points)} groups"]
    return ", ".join(words).replace("-", MINUS)
