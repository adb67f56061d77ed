"""Figures that set finished runs beside each other and beside the published values; a gallery (rollcall.report.gallery) in, a Figure or None out.

One colour and one marker per run, the same in every figure; published values dotted or as open diamonds. None: no run has the tables.
"""

from __future__ import annotations

import html
import textwrap
from itertools import cycle

import numpy as np
import pandas as pd
from IPython.display import HTML
from matplotlib.figure import Figure

from rollcall.paper import published
from rollcall.report import gallery, style
from rollcall.report.gallery import Entry, Gallery, aggregate_table, correlation, groups, points
from rollcall.report.style import (
    ACCENT,
    DOUBLE,
    EXPOSED,
    FLOOR,
    MEMBER,
    MM,
    NON_MEMBER,
    _figure,
    _styled,
)

COLOURS = (
    MEMBER,
    NON_MEMBER,
    ACCENT,
    EXPOSED,
    "#A0478C",
    "#7A5200",
    "#4B3FA8",
)  # each 3:1 or more against white
MARKERS = "os^DvPX*"
KIND_MARKERS = {
    "sex": "o",
    "race, skin type": "D",
    "age": "v",
    "imaging protocol": "^",
    gallery.OTHER: "s",
}
LIMIT = 0.05  # standard error of the dashed line
THIN = 0.001  # a box lower than this gets a marker
LINEAR = (
    5  # Pearson residuals up to this are drawn on a linear scale, larger ones on a logarithmic one
)
POINTS = 2000  # of a survival curve, the highest ranks all among them


def _look(found: Gallery) -> dict[str, dict]:
    """Colour, marker and label of each run, by its name."""
    looks = zip(found.entries, cycle(COLOURS), cycle(MARKERS))
    return {
        entry.name: {
            "color": colour,
            "marker": marker,
            "markersize": 6 if marker == "*" else 4,
            "label": "\n".join(textwrap.wrap(entry.label, 30)),
        }
        for entry, colour, marker in looks
    }


def curve(values: np.ndarray, points: int = POINTS) -> tuple[np.ndarray, np.ndarray]:
    """(x, share of values at least x), x falling, at most about `points`: every rank at the top, then ranks ever further apart."""
    ordered = np.sort(np.asarray(values, float))[::-1]
    ranks = np.unique(np.geomspace(1, len(ordered), points).astype(int))
    return ordered[ranks - 1], np.searchsorted(-ordered, -ordered[ranks - 1], side="right") / len(
        ordered
    )


@_styled
def roc(found: Gallery) -> Figure | None:
    """Online LiRA's ROC of each run, mean over targets, on linear and on logarithmic axes; below, where runs have it, with the
    paper's scores and attack."""
    rows = [
        (title, name, entries)
        for title, name in (("Our scores", "roc"), ("The paper's scores", "paper_roc"))
        if (entries := found.having(name))
    ]
    if not rows:
        return None
    look, low = _look(found), 1e-5
    figure, axes = _figure(DOUBLE, (70 * len(rows) + 5) * MM, len(rows), 2, squeeze=False)
    for pair, (title, name, entries) in zip(axes, rows):
        for number, entry in enumerate(entries):
            table = entry.tables[name]
            table = (
                table[table["attack"] == "LiRA"]
                if name == "paper_roc"
                else table[(table["attack"] == "LiRA") & (table["variant"] == "online")]
            )
            for ax in pair:
                shown = table[table["fpr"] > 0] if ax is pair[1] else table
                ax.plot(
                    shown["fpr"],
                    shown["tpr"],
                    markevery=(0.06 + 0.018 * number, 0.17),
                    **look[entry.name],
                )
        for ax in pair:
            ax.plot([low / 10, 1], [low / 10, 1], color=FLOOR, linewidth=0.6, zorder=0)
            ax.set(xlabel="False-positive rate", ylabel="True-positive rate", title=title)
        pair[0].set(xlim=(0, 1), ylim=(0, 1))
        pair[1].set(xscale="log", yscale="log", xlim=(low, 1), ylim=(low, 1))
        pair[1].minorticks_off()
    _legend(figure, axes.flat)
    return figure


@_styled
def survival(found: Gallery) -> Figure | None:
    """Share of patients whose risk is at least x, on a log axis. Left: the paper's definition, published curves dotted; right: ours, with
    its noise floor."""
    left, right = found.having("paper_patients"), found.having("patients")
    if not left and not right:
        return None
    look, told, drawn = _look(found), published.survival(), set()
    figure, axes = _figure(DOUBLE, 85 * MM, 1, 2, sharey=True)
    for ax, entries, table, column in (
        (axes[0], left, "paper_patients", "auc_max"),
        (axes[1], right, "patients", "auc_joint"),
    ):
        for number, entry in enumerate(entries):
            x, share = curve(entry.tables[table][column])
            ax.plot(
                x,
                share,
                drawstyle="steps-post",
                markevery=(0.02 + 0.012 * number, 0.15),
                **look[entry.name],
            )
            if ax is axes[1] and "floor" in entry.tables:
                x, share = curve(entry.tables["floor"]["auc_joint"])
                keep = share >= 0.1 / len(entry.tables["patients"])
                ax.plot(x[keep], share[keep], "--", color=look[entry.name]["color"], linewidth=0.6)
            if (
                ax is axes[0]
                and entry.dataset not in drawn
                and (
                    theirs := told[(told["dataset"] == entry.dataset) & (told["patients"] > 0)]
                ).size
            ):
                ax.plot(
                    theirs["auc"],
                    theirs["share"],
                    ":",
                    color=look[entry.name]["color"],
                    linewidth=1.3,
                )
                drawn.add(entry.dataset)
        ax.set(
            yscale="log",
            xlim=(0.4 if ax is axes[1] else 0.49, 1.005),
            xlabel="Patient risk (AUC; 0.5 = nothing can be told)",
        )
        ax.tick_params(labelleft=True)
        ax.minorticks_off()
    smallest = max(
        max(
            (
                len(entry.tables[name])
                for name in ("patients", "paper_patients")
                if name in entry.tables
            ),
            default=1,
        )
        for entry in found.entries
    )
    axes[0].set(
        title="The paper's: largest record AUC, clipped at 0.5",
        ylabel="Share of patients at or above",
        ylim=(0.5 / smallest, 1.5),
    )
    axes[1].set(title="Ours: all of a patient's records at once")
    extra = [("dotted: published", FLOOR, ":", 1.3)] * bool(drawn)
    extra += [("thin dashes: noise floor of the run", FLOOR, "--", 0.6)] * bool(
        found.having("patients", "floor")
    )
    _legend(figure, axes, extra)
    return figure


def _legend(figure: Figure, axes, extra=()) -> None:
    """One key above the panels: every run that is drawn in one of them, then the (label, colour, dash, width) of `extra`."""
    handles = {
        label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels())
    }
    for label, colour, dash, width in extra:
        handles[label] = figure.axes[0].plot([], [], dash, color=colour, linewidth=width)[0]
    figure.legend(
        handles.values(), handles.keys(), loc="outside upper center", ncols=min(4, len(handles))
    )


@_styled
def subgroups(entry: Entry) -> Figure | None:
    """One run's groups, attribute by attribute. Left: share among all patients and among the most exposed 1%. Middle: published shares, of records.
    Right: Pearson residuals of the paper's panel on this run's records, the published ones as open diamonds."""
    if "disparity" not in entry.tables:
        return None
    table = gallery.groups(entry)
    rows = len(table) + table["attribute"].nunique()
    figure, axes = _figure(
        DOUBLE,
        (4.4 * rows + 26) * MM,
        1,
        3,
        sharey=True,
        gridspec_kw={"width_ratios": [1, 1, 1.25]},
    )
    y, ticks, labels = 0, [], []
    for attribute, part in table.groupby("attribute", sort=False):
        ticks.append(y), labels.append("\n".join(textwrap.wrap(attribute.upper(), 28)))
        for _, row in (
            part[part["stars"] != ""].head(1).iterrows()
        ):  # the same for all groups of the panel
            axes[2].annotate(
                f"$\\chi^2$ {row['chi2']:,.1f}  {row['stars']}",
                (1, y),
                xycoords=("axes fraction", "data"),
                va="center",
                ha="right",
                fontsize=6,
            )
        for _, row in part.iterrows():
            y += 1
            for ax, all_, top in (
                (axes[0], row["share"], row["share_top"]),
                (axes[1], row["train_share"], row["tail_share"]),
            ):
                ax.plot([100 * all_, 100 * top], [y, y], color=FLOOR, linewidth=1)
                ax.plot(100 * all_, y, "o", color=FLOOR, markerfacecolor="white", markersize=4)
                ax.plot(100 * top, y, "o", color=EXPOSED, markersize=4)
            axes[2].barh(
                y, row["residual"], 0.6, color=NON_MEMBER if row["residual"] > 0 else MEMBER
            )
            axes[2].plot(
                row["published_residual"],
                y,
                "D",
                color=EXPOSED,
                markerfacecolor="none",
                markersize=4,
            )
            (
                ticks.append(y),
                labels.append(
                    "\n".join(textwrap.wrap(f"{row['group']}  ({row['patients']:,})", 34))
                ),
            )
        y += 1
    axes[0].set(
        ylim=(y - 0.3, -0.7),
        yticks=ticks,
        yticklabels=labels,
        title=f"This run: {entry.run.unit}s",
        xlabel=f"Share of {entry.run.unit}s (%)",
    )
    axes[1].set(title="Published: records", xlabel="Share of records (%)")
    axes[2].set(
        title="The paper's panel: records", xlabel="Pearson residual in the 1% of highest AUC"
    )
    widest = np.nanmax(
        [1, *table["share"], *table["share_top"], *table["train_share"], *table["tail_share"]]
    )
    for ax in axes[:2]:
        ax.set_xlim(-3, 103 * min(1, widest))
    for ax, needed in ((axes[1], "train_share"), (axes[2], "residual")):
        if table[needed].isna().all() and (
            ax is axes[1] or table["published_residual"].isna().all()
        ):
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
    axes[0].plot([], [], "o", color=FLOOR, markerfacecolor="white", markersize=4, label="among all")
    axes[0].plot([], [], "o", color=EXPOSED, markersize=4, label="among the most exposed 1%")
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
    _legend_of(figure, axes)
    return figure


def _legend_of(figure: Figure, axes, columns: int = 5) -> None:
    handles, labels = (
        sum(both, []) for both in zip(*(ax.get_legend_handles_labels() for ax in axes))
    )
    figure.legend(handles, labels, loc="outside upper center", ncols=columns)


@_styled
def size(found: Gallery) -> Figure:
    """Group size against risk: published residuals, those of our runs' records, and our log risk ratios, with rank and linear correlation."""
    table = gallery.points(found)
    figure, axes = _figure(DOUBLE, 80 * MM, 1, 3)
    here = {entry.dataset for entry in found.entries}
    panels = (
        ("published", "Published: seven data sets", "Pearson residual"),
        ("paper", "The paper's panel on these runs", "Pearson residual"),
        ("ours", "These runs: patients", "Risk ratio against all others"),
    )
    for ax, (source, title, ylabel) in zip(axes, panels):
        part = table[table["source"] == source]
        finite = part["value"][np.isfinite(part["value"])]
        reach = (
            max(np.log(2) if source == "ours" else LINEAR, finite.abs().max() if len(finite) else 0)
            * 1.15
        )
        for kind, marker in KIND_MARKERS.items():
            for own in (False, True):
                chosen = part[(part["kind"] == kind) & (part["dataset"].isin(here) == own)]
                if len(chosen):  # nothing, not clipped, would reach to the figure's corner
                    ax.plot(
                        chosen["share"],
                        chosen["value"].clip(-reach, reach),
                        marker,
                        color=EXPOSED if own else FLOOR,
                        markerfacecolor=MEMBER if own else "white",
                        markeredgewidth=0.5,
                        markersize=3.5,
                        clip_on=False,
                    )
        ax.axhline(0, color=FLOOR, linewidth=0.6, zorder=0)
        ax.set(
            title=title,
            xlabel=f"Group's share of {'patients' if source == 'ours' else 'records'} (%)",
            ylabel=ylabel,
            xlim=(0, 100),
        )
        if source != "ours":  # a few groups have residuals of 100, most of 1
            ax.set_yscale("symlog", linthresh=LINEAR, linscale=1)
            marks = [
                sign * mark
                for mark in (500, 200, 100, 50, 20, 10, 5, 2)
                if mark <= reach
                for sign in (-1, 1)
            ] + [0]
            ax.set_yticks(marks, [f"{mark:g}".replace("-", "\N{MINUS SIGN}") for mark in marks])
            ax.minorticks_off()
        room = ax.transScale.transform([(0, -reach), (0, reach)])[:, 1]
        ax.set_ylim(
            -reach, ax.transScale.inverted().transform((0, room[1] + 0.2 * np.ptp(room)))[1]
        )  # for the text
        if source == "ours":
            marks = [
                mark
                for mark in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
                if abs(np.log(mark)) <= reach
            ]
            ax.set_yticks(np.log(marks), [f"{mark:g}" for mark in marks])
        told = _correlated(part) if len(part) else "no run has the table"
        same = part[part["dataset"].isin(here)]
        if source == "published" and 2 < len(same) < len(part):
            told = f"all: {told}\nblue: {_correlated(same)}"
        edge = int((~np.isfinite(part["value"])).sum())
        ax.text(
            0.98,
            0.98,
            told + (f"\n{edge} at the edge (0 or infinite)" if edge else ""),
            transform=ax.transAxes,
            ha="right",
            va="top",
            fontsize=6,
            linespacing=1.4,
        )
    for kind, marker in KIND_MARKERS.items():
        axes[0].plot(
            [],
            [],
            marker,
            color=EXPOSED,
            markerfacecolor="white",
            markeredgewidth=0.5,
            markersize=4,
            label=kind,
        )
    axes[0].plot(
        [],
        [],
        "o",
        color=EXPOSED,
        markerfacecolor=MEMBER,
        markeredgewidth=0.5,
        markersize=4,
        label="blue: a data set of these runs",
    )
    _legend_of(figure, axes[:1], 3)
    return figure


def _correlated(part: pd.DataFrame) -> str:
    rho, r = gallery.correlation(part["share"], part["value"])
    said = [
        f"{name} {value:.2f}" for name, value in (("$\\rho$", rho), ("$r$", r)) if value == value
    ]
    return ", ".join([*said, f"{len(part)} groups"]).replace("-", "\N{MINUS SIGN}")


@_styled
def errors(found: Gallery) -> Figure | None:
    """Standard error of the record AUC against the number of models, a panel per run: all records, and the 1% of highest AUC."""
    entries = found.having("paper_errors")
    if not entries:
        return None
    columns = min(4, max(2, len(entries)))
    lines = -(-len(entries) // columns)
    figure, axes = _figure(
        DOUBLE, (52 * lines + 8) * MM, lines, columns, squeeze=False, sharex=True, sharey=True
    )
    models = sorted(
        {int(count) for entry in entries for count in entry.tables["paper_errors"]["models"]}
    )
    for ax in axes.flat[len(entries) :]:
        ax.set_axis_off()
    for number, (ax, entry) in enumerate(zip(axes.flat, entries)):
        table = entry.tables["paper_errors"]
        for kind, colour, shift in (("all", "white", -0.2), ("top", NON_MEMBER, 0.2)):
            part = table[table["kind"] == kind].set_index("models")
            boxes = [
                {
                    "whislo": row["q05"],
                    "q1": row["q25"],
                    "med": row["median"],
                    "q3": row["q75"],
                    "whishi": row["q95"],
                    "fliers": [],
                }
                for _, row in part.iterrows()
            ]
            ax.bxp(
                boxes,
                [models.index(count) + shift for count in part.index],
                widths=0.34,
                showfliers=False,
                patch_artist=True,
                manage_ticks=False,
                boxprops={"facecolor": colour, "edgecolor": EXPOSED, "linewidth": 0.6},
                medianprops={"color": EXPOSED, "linewidth": 1},
                whiskerprops={"linewidth": 0.6},
                capprops={"linewidth": 0.6},
            )
            for count, row in part[part["q75"] - part["q25"] < THIN].iterrows():
                ax.plot(
                    models.index(count) + shift,
                    row["median"],
                    "s",
                    color=EXPOSED,
                    markerfacecolor=colour,
                    markeredgewidth=0.6,
                    markersize=3.5,
                    clip_on=False,
                    zorder=5,
                )
        ax.axhline(LIMIT, color=FLOOR, linestyle="--", linewidth=0.8)
        ax.set_title("\n".join(textwrap.wrap(entry.label, 30)))
        ax.set(xticks=range(len(models)), xticklabels=[str(count) for count in models])
        if number + columns >= len(entries):
            ax.set_xlabel("Number of models")
            ax.tick_params(labelbottom=True)
        if number % columns == 0:
            ax.set_ylabel("Standard error of record AUC")
    axes.flat[0].set_ylim(0, None)
    axes.flat[0].bar(0, 0, color="white", edgecolor=EXPOSED, linewidth=0.6, label="all records")
    axes.flat[0].bar(
        0, 0, color=NON_MEMBER, edgecolor=EXPOSED, linewidth=0.6, label="1% of highest AUC"
    )
    axes.flat[0].plot([], [], "--", color=FLOOR, linewidth=0.8, label=f"{LIMIT}")
    _legend_of(figure, axes.flat[:1])
    return figure


@_styled
def show(figure: Figure | None, found: Gallery, name: str, alt: str, caption: str) -> HTML:
    """Save the figure as <out>/figures_paper/<name> and give it to the notebook; without one, say so."""
    if figure is None:
        return HTML(f"<p>Nothing to draw: no run has the tables. ({html.escape(caption)})</p>")
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # laid out once, for the files and the notebook alike
    style.save(figure, found.folder / "figures_paper", name)
    return style.show(figure, alt=alt, caption=caption)


def notes(found: Gallery) -> HTML:
    """What must be said before anything is shown, a paragraph each."""
    said = [f"Runs: {', '.join(entry.name for entry in found.entries)}.", *gallery.notes(found)]
    return HTML("".join(f"<p>{html.escape(sentence)}</p>" for sentence in said))


def alt_roc(gallery: Gallery) -> str:
    table = aggregate_table(gallery)
    said = [
        f"{run} {ours:.3f}" + (f", published {theirs:.3f}" if theirs == theirs else "")
        for run, ours, theirs in zip(table["run"], table["LiRA AUC"], table["published"])
        if ours == ours
    ]
    return f"Line plots of true- against false-positive rate of online LiRA, linear and logarithmic axes. AUC: {'; '.join(said) or 'no run has it'}."


def alt_survival(gallery: Gallery) -> str:
    said, curves = [], published.survival()
    for entry in gallery.entries:
        told = [
            f"{(entry.tables[name][column] >= 0.7).mean():.2%} {words}"
            for name, column, words in (
                ("paper_patients", "auc_max", "by the paper's definition"),
                ("patients", "auc_joint", "by ours"),
            )
            if name in entry.tables
        ]
        theirs = curves.loc[(curves["dataset"] == entry.dataset) & (curves["auc"] == 0.7), "share"]
        said += [
            f"{entry.label}: {', '.join(told + [f'{value:.2%} published' for value in theirs])}"
        ] * bool(told)
    return f"Two line plots on a log axis of the share of patients at or above each risk. At 0.7 or more: {'; '.join(said) or 'no run has it'}."


def alt_subgroups(entry: Entry) -> str:
    if "disparity" not in entry.tables:
        return "No groups."
    table = groups(entry)
    row = table.loc[(table["share_top"] - table["share"]).idxmax()]
    beside = (
        f" (published, of records: {row['train_share']:.1%} and {row['tail_share']:.1%})"
        if row["train_share"] == row["train_share"]
        else ""
    )
    return (
        f"Three dot and bar charts of {len(table)} groups of {entry.label}: shares among all and the most exposed 1%, published shares, "
        f"Pearson residuals. The largest gain: {row['attribute']} {row['group']}, from {row['share']:.1%} to {row['share_top']:.1%}{beside}."
    )


def alt_size(gallery: Gallery) -> str:
    said = []
    for source, part in points(gallery).groupby("source", sort=False):
        rho, r = correlation(part["share"], part["value"])
        found = [
            f"{name} {value:.2f}"
            for name, value in (("Spearman", rho), ("Pearson", r))
            if value == value
        ]
        said.append(
            f"{source}, {len(part)} groups: {', '.join(found) or 'no correlation can be told'}"
        )
    return f"Three scatter plots of group size against over-representation among the most exposed. {'; '.join(said)}."


def alt_errors(gallery: Gallery) -> str:
    said = []
    for entry in gallery.having("paper_errors"):
        table = entry.tables["paper_errors"]
        table = table[table["kind"] == "all"].sort_values("models")
        few, many = table.iloc[0], table.iloc[-1]
        more = f", {many['median']:.3f} with {many['models']}" if len(table) > 1 else ""
        said.append(f"{entry.label} {few['median']:.3f} with {few['models']} models{more}")
    return f"Box plots of the standard error of record AUCs against the number of models. Median over all records: {'; '.join(said) or 'no run has it'}."
