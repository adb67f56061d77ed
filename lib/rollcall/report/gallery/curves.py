"""Figures of finished runs beside the published values: ROC, survival of risk, standard errors.

Published values are dotted. A figure has no drawing if no run has the tables for it.
"""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd

from rollcall.paper import published
from rollcall.report.gallery.comparison import compare_averages
from rollcall.report.gallery.looks import add_legend, add_run_legend, lay_out, looks_of
from rollcall.report.gallery.runs import FinishedRun, FinishedRuns
from rollcall.report.gate import safe_curve
from rollcall.report.style import (
    DOUBLE,
    EXPOSED,
    FLOOR,
    MM,
    NON_MEMBER,
    Figure,
    new_figure,
    scale_log,
    styled,
)

CURVE_POINTS = 2000  # of a survival curve, the highest ranks all among them
LOWEST_RATE = 1e-5  # where the ROC's logarithmic axes begin
ERROR_LIMIT = 0.05  # standard error of the dashed line
THIN_BOX = 0.001  # a box lower than this gets a marker


def thin_curve(values: np.ndarray, points: int = CURVE_POINTS) -> tuple[np.ndarray, np.ndarray]:
    """Return (x, share of values at least x), x falling, at most about `points` of them.

    Every rank at the top, then ranks ever further apart.
    """
    ordered = np.sort(np.asarray(values, float))[::-1]
    ranks = np.unique(np.geomspace(1, len(ordered), points).astype(int))
    x = ordered[ranks - 1]
    return x, np.searchsorted(-ordered, -x, side="right") / len(ordered)


@styled
def roc(finished: FinishedRuns) -> Figure:
    """Draw online LiRA's ROC of each run, mean over targets, on linear and logarithmic axes.

    Below, where runs have it, with the paper's scores and attack.
    """
    table = compare_averages(finished)
    areas = []
    for _, row in table[table["LiRA AUC"].notna()].iterrows():
        beside = "" if np.isnan(row["published"]) else f", published {row['published']:.3f}"
        areas.append(f"{row['run']} {row['LiRA AUC']:.3f}{beside}")
    return lay_out(
        Figure(
            "roc",
            _draw_roc(finished),
            alt="Line plots of true- against false-positive rate of online LiRA, linear and "
            f"logarithmic axes. AUC: {'; '.join(areas) or 'no run has it'}.",
            caption="ROC of online LiRA, mean over target models, on linear and logarithmic axes; "
            "grey: guessing.",
        )
    )


def _draw_roc(finished: FinishedRuns):
    lines = [
        (title, name, entries)
        for title, name in (("Our scores", "roc"), ("The paper's scores", "paper_roc"))
        if (entries := finished.having(name))
    ]
    if not lines:
        return None
    looks = looks_of(finished)
    drawing, axes = new_figure(DOUBLE, (70 * len(lines) + 5) * MM, len(lines), 2, squeeze=False)
    for pair, (title, name, entries) in zip(axes, lines, strict=True):
        for number, entry in enumerate(entries):
            table = entry.tables[name]
            table = table[table["attack"] == "LiRA"]
            if name == "roc":
                table = table[table["variant"] == "online"]
            for ax in pair:
                shown = table[table["fpr"] > 0] if ax is pair[1] else table
                ax.plot(
                    shown["fpr"],
                    shown["tpr"],
                    markevery=(0.06 + 0.018 * number, 0.17),
                    **looks[entry.name],
                )
        for ax in pair:
            ends = [LOWEST_RATE / 10, 1]
            ax.plot(ends, ends, color=FLOOR, linewidth=0.6, zorder=0)
            ax.set(xlabel="False-positive rate", ylabel="True-positive rate", title=title)
        pair[0].set(xlim=(0, 1), ylim=(0, 1))
        scale_log(pair[1], "xy")
        pair[1].set(xlim=(LOWEST_RATE, 1), ylim=(LOWEST_RATE, 1))
        pair[1].minorticks_off()
    add_run_legend(drawing, axes.flat)
    return drawing


@styled
def survival(finished: FinishedRuns) -> Figure:
    """Draw the share of patients whose risk is at least x, on a log axis.

    Left: the paper's definition, published curves dotted; right: ours, with its noise floor.
    """
    curves, sentences = published.survival(), []
    for entry in finished.runs:
        values = [
            f"{_share_at(entry, name, column)} {words}"
            for name, column, words in (
                ("paper_patients", "auc_max", "by the paper's definition"),
                ("patients", "auc_joint", "by ours"),
            )
            if name in entry.tables
        ]
        at_limit = (curves["dataset"] == entry.dataset) & (curves["auc"] == 0.7)
        if values:
            values += [f"{value:.2%} published" for value in curves.loc[at_limit, "share"]]
            sentences.append(f"{entry.label}: {', '.join(values)}")
    return lay_out(
        Figure(
            "survival",
            _draw_survival(finished, curves),
            alt="Two line plots on a log axis of the share of patients at or above each risk. At "
            f"0.7 or more: {'; '.join(sentences) or 'no run has it'}.",
            caption="Share of patients at or above each risk; dotted: published. No step of a run "
            "stands for a single patient or a few.",
        )
    )


def _share_at(entry: FinishedRun, name: str, column: str, risk: float = 0.7) -> str:
    """Write the share of a run's patients at or above a risk, as its curve shows it."""
    smallest = entry.run.smallest_cell
    values = entry.tables[name][column].to_numpy()
    risks, counts = safe_curve(values, smallest)
    above = counts[risks > risk - 1e-6]
    if not len(above):
        return f"fewer than {smallest} {entry.run.unit}s"
    return f"{above[0] / len(values):.2%}"


def _draw_survival(finished: FinishedRuns, published_curves: pd.DataFrame):
    by_paper, by_ours = finished.having("paper_patients"), finished.having("patients")
    if not by_paper and not by_ours:
        return None
    looks, drawn = looks_of(finished), set()
    drawing, (left, right) = new_figure(DOUBLE, 85 * MM, 1, 2, sharey=True)
    for number, entry in enumerate(by_paper):
        _draw_run(left, entry, ("paper_patients", "auc_max"), number, looks[entry.name])
        of_dataset = published_curves["dataset"] == entry.dataset
        curve = published_curves[of_dataset & (published_curves["patients"] > 0)]
        if entry.dataset not in drawn and len(curve):
            colour = looks[entry.name]["color"]
            left.plot(curve["auc"], curve["share"], ":", color=colour, linewidth=1.3)
            drawn.add(entry.dataset)
    for number, entry in enumerate(by_ours):
        _draw_run(right, entry, ("patients", "auc_joint"), number, looks[entry.name])
        if "floor" in entry.tables:
            x, share = thin_curve(entry.tables["floor"]["auc_joint"])
            keep = share >= 0.1 / len(entry.tables["patients"])
            colour = looks[entry.name]["color"]
            right.plot(x[keep], share[keep], "--", color=colour, linewidth=0.6)
    for ax, lowest in ((left, 0.49), (right, 0.4)):
        scale_log(ax, "y")
        ax.set(
            xlim=(lowest, 1.005),
            xlabel="Patient risk (AUC; 0.5 = nothing can be told)",
        )
        ax.tick_params(labelleft=True)
        ax.minorticks_off()
    most_patients = max(_count_patients(entry) for entry in finished.runs)
    left.set(
        title="The paper's: largest record AUC, clipped at 0.5",
        ylabel="Share of patients at or above",
        ylim=(0.5 / most_patients, 1.5),
    )
    right.set(title="Ours: all of a patient's records at once")
    extra = []
    if drawn:
        extra.append(("dotted: published", FLOOR, ":", 1.3))
    if finished.having("patients", "floor"):
        extra.append(("thin dashes: noise floor of the run", FLOOR, "--", 0.6))
    add_run_legend(drawing, (left, right), extra)
    return drawing


def _draw_run(ax, entry: FinishedRun, name: tuple[str, str], number: int, look: dict) -> None:
    values = entry.tables[name[0]][name[1]].to_numpy()
    risks, counts = safe_curve(values, entry.run.smallest_cell)
    style = {"drawstyle": "steps-post", "markevery": (0.02 + 0.012 * number, 0.15)}
    ax.plot(risks, counts / len(values), **style, **look)


def _count_patients(entry: FinishedRun) -> int:
    names = [name for name in ("patients", "paper_patients") if name in entry.tables]
    return max((len(entry.tables[name]) for name in names), default=1)


@styled
def errors(finished: FinishedRuns) -> Figure:
    """Draw the standard error of the record AUC against the number of models, a panel per run.

    Boxes of all records, and of the 1% of records of highest AUC.
    """
    entries, sentences = finished.having("paper_errors"), []
    for entry in entries:
        table = entry.tables["paper_errors"]
        table = table[table["kind"] == "all"].sort_values("models")
        few, many = table.iloc[0], table.iloc[-1]
        more = f", {many['median']:.3f} with {many['models']}" if len(table) > 1 else ""
        sentences.append(f"{entry.label} {few['median']:.3f} with {few['models']} models{more}")
    return lay_out(
        Figure(
            "standard_error",
            _draw_errors(entries) if entries else None,
            alt="Box plots of the standard error of record AUCs against the number of models. "
            f"Median over all records: {'; '.join(sentences) or 'no run has it'}.",
            caption="Standard error of the record AUC against the number of models.",
        )
    )


def _draw_errors(entries: list[FinishedRun]):
    columns = min(4, max(2, len(entries)))
    lines = -(-len(entries) // columns)
    drawing, axes = new_figure(
        DOUBLE, (52 * lines + 8) * MM, lines, columns, squeeze=False, sharex=True, sharey=True
    )
    tables = [entry.tables["paper_errors"] for entry in entries]
    models = sorted({int(count) for table in tables for count in table["models"]})
    for ax in axes.flat[len(entries) :]:
        ax.set_axis_off()
    for number, (entry, table) in enumerate(zip(entries, tables, strict=True)):
        ax = axes.flat[number]
        for kind, colour, shift in (("all", "white", -0.2), ("top", NON_MEMBER, 0.2)):
            _draw_boxes(ax, table[table["kind"] == kind], models, colour, shift)
        ax.axhline(ERROR_LIMIT, color=FLOOR, linestyle="--", linewidth=0.8)
        ax.set_title("\n".join(textwrap.wrap(entry.label, 30)))
        ax.set(xticks=range(len(models)), xticklabels=[str(count) for count in models])
        if number + columns >= len(entries):
            ax.set_xlabel("Number of models")
            ax.tick_params(labelbottom=True)
        if number % columns == 0:
            ax.set_ylabel("Standard error of record AUC")
    first = axes.flat[0]
    first.set_ylim(0, None)
    first.bar(0, 0, color="white", edgecolor=EXPOSED, linewidth=0.6, label="all records")
    first.bar(0, 0, color=NON_MEMBER, edgecolor=EXPOSED, linewidth=0.6, label="1% of highest AUC")
    first.plot([], [], "--", color=FLOOR, linewidth=0.8, label=f"{ERROR_LIMIT}")
    add_legend(drawing, [first])
    return drawing


def _draw_boxes(ax, table: pd.DataFrame, models: list[int], colour: str, shift: float) -> None:
    """Draw a box for each number of models; one too low to be seen gets a marker."""
    table = table.set_index("models")
    places = {"whislo": "q05", "q1": "q25", "med": "median", "q3": "q75", "whishi": "q95"}
    ax.bxp(
        [
            {"fliers": []} | {name: row[column] for name, column in places.items()}
            for _, row in table.iterrows()
        ],
        [models.index(count) + shift for count in table.index],
        widths=0.34,
        showfliers=False,
        patch_artist=True,
        manage_ticks=False,
        boxprops={"facecolor": colour, "edgecolor": EXPOSED, "linewidth": 0.6},
        medianprops={"color": EXPOSED, "linewidth": 1},
        whiskerprops={"linewidth": 0.6},
        capprops={"linewidth": 0.6},
    )
    for count, row in table[table["q75"] - table["q25"] < THIN_BOX].iterrows():
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
