"""Survival curves of risk, one panel a run: its own, the published one, and what chance gives.

Published curves are dotted, in one colour; they stand beside a data set of the paper alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rollcall.paper import published
from rollcall.report.figures.further.by_definition import safe_record_curve
from rollcall.report.gallery.looks import PUBLISHED, label_below, make_grid, wrap_label, write_lines
from rollcall.report.gallery.runs import FinishedRun, FinishedRuns
from rollcall.report.gate import count_public, keep_apart, keep_inside, safe_curve
from rollcall.report.style import EXPOSED, FLOOR, MEMBER, Figure, letter, scale_log, styled
from rollcall.runs.derived.tables import has_table, read_table

FLOOR_POINTS = 400  # of a floor's curve
AT = 0.7  # the risk whose shares stand in each panel
PANEL = 44  # mm, the height of a panel
Z = 1.96  # 95% limits, in standard errors


@dataclass(frozen=True)
class Definition:
    """A definition of risk: table and column of its estimates, column of its noise floor."""

    name: str
    table: str
    column: str
    words: str
    colour: str = EXPOSED
    has_published: bool = False


LARGEST = Definition(
    *("survival_max", "paper_patients", "auc_max", "the largest of a patient's record AUCs"),
    has_published=True,
)
MEAN = Definition(
    *("survival_mean", "paper_patients", "auc_mean", "the mean of a patient's record AUCs")
)
JOINT = Definition(
    *("survival_joint", "patients", "auc_joint", "one test on all of a patient's records"),
    colour=MEMBER,
)
RECORDS = Definition(*("survival_records", "paper_records", "auc", "the AUC of a record"))


@styled
def largest(finished: FinishedRuns) -> Figure:
    """Draw patient survival by the paper's definition, the published curves beside."""
    return _make(finished, LARGEST)


@styled
def mean(finished: FinishedRuns) -> Figure:
    """Draw patient survival by the mean of record AUCs."""
    return _make(finished, MEAN)


@styled
def joint(finished: FinishedRuns) -> Figure:
    """Draw patient survival by our statistic of all records."""
    return _make(finished, JOINT)


@styled
def records(finished: FinishedRuns) -> Figure:
    """Draw the survival of record AUCs, with the curves of their 95% limits."""
    return _make(finished, RECORDS)


def _make(finished: FinishedRuns, definition: Definition) -> Figure:
    entries = list_entries(finished, definition)
    drawing, tables, words = None, [], []
    if entries:
        drawing, axes = make_grid(len(entries), PANEL)
        tables, words = draw_survival(axes, entries, definition)
        label_axes(drawing, definition)
    of = "records" if definition is RECORDS else "patients"
    band = " and of both 95% limits of each (thin)" if definition is RECORDS else ""
    floor = "" if definition is RECORDS else " Dashed: the same when membership is redrawn."
    dotted = " Dotted: published, of the paper's data set." if definition.has_published else ""
    return Figure(
        definition.name,
        drawing,
        alt=f"Line plots on a log axis, a panel for each run: the share of {of} at or above each "
        f"risk, {definition.words}. At {AT} or more: {'; '.join(words) or 'no run has it'}.",
        caption=f"Share of {of} whose risk, {definition.words}, is at least x{band}.{floor}{dotted}"
        f" One scale for all. Numbers: shares at {AT} or more. No step of a run stands for a "
        "single patient or a few.",
        title=f"Survival of risk: {definition.words}",
        data=pd.concat(tables, ignore_index=True) if tables else None,
    )


def list_entries(finished: FinishedRuns, definition: Definition) -> list[FinishedRun]:
    """List the runs that have what a definition needs."""
    return [entry for entry in finished.runs if has_table(entry.run, definition.table)]


def label_axes(drawing: Any, definition: Definition) -> None:
    """Name the axes that all panels share."""
    of = "records" if definition is RECORDS else "patients"
    label_below(
        drawing,
        f"Risk: {definition.words} (0.5: nothing can be told). Numbers: shares at {AT} or more",
    )
    drawing.supylabel(f"Share of {of} at or above")


def draw_survival(
    axes: list[Any],
    entries: list[FinishedRun],
    definition: Definition,
    first: str = "a",
    alone: bool = True,
) -> tuple[list[pd.DataFrame], list[str]]:
    """Draw a panel for each run; return the curves drawn, and words for the alternative text.

    first, alone: as style.letter takes them.
    """
    known, tables, words, most = published.survival(), [], [], 0
    for ax, entry in zip(axes, entries, strict=True):
        curves = _list_curves(entry, definition)
        if definition.has_published:
            of_dataset = known[(known["dataset"] == entry.dataset) & (known["patients"] > 0)]
            if len(of_dataset):
                curves["published"] = of_dataset[["auc", "share"]]
        lines = []
        for name, curve in curves.items():
            _draw(ax, name, curve, definition)
            tables.append(curve.assign(run=entry.label, curve=name))
            if name != "95% limits":
                lines.append((name, curve))
        texts = [(f"{name} {_share_at(curve, entry, name)}", name) for name, curve in lines]
        colours = [(text, _colour(name, definition)) for text, name in texts]
        if "95% limits" in curves:
            colours.append(("thin: 95% limits", FLOOR))
        most = max(most, len(colours))
        write_lines(ax, colours)
        words.append(f"{entry.label}: {', '.join(text for text, _ in texts)}")
    scale_log(axes[0], "y")
    axes[0].set(xlim=(0.42, 1.01), ylim=(2e-5, 2.0 * 10 ** (0.8 * most)))
    for ax in axes:
        ax.set_yticks([1, 0.1, 0.01, 0.001, 0.0001], ["100%", "10%", "1%", "0.1%", "0.01%"])
        ax.set_xticks([0.5, 0.7, 0.9])
        ax.minorticks_off()
        ax.spines["left"].set_bounds(2e-5, 1)
    letter(axes, [wrap_label(entry) for entry in entries], first, alone)
    return tables, words


def _list_curves(entry: FinishedRun, definition: Definition) -> dict[str, pd.DataFrame]:
    """List the curves of a run: tables of auc and share."""
    smallest = entry.run.smallest_cell
    if definition is RECORDS:
        table = read_table(entry.run, "paper_records")
        people = pd.factorize(table["patient_id"])[0]
        curves = {}
        for name, sign in (("this run", 0), ("95% limits", -Z), ("95% limits, upper", Z)):
            values = np.clip(table["auc"] + sign * table["auc_se"], 0, 1).to_numpy()
            risks, counts = safe_record_curve(values, people, smallest)
            curves[name] = pd.DataFrame({"auc": risks, "share": counts / counts.max(initial=1)})
        upper = curves.pop("95% limits, upper")
        gap = pd.DataFrame({"auc": [np.nan], "share": [np.nan]})
        curves["95% limits"] = pd.concat([curves["95% limits"], gap, upper], ignore_index=True)
        return curves
    values = entry.tables[definition.table][definition.column].to_numpy()
    risks, counts = safe_curve(values, smallest)
    if definition.column == "auc_mean":
        outer = safe_curve(entry.tables[definition.table]["auc_max"].to_numpy(), smallest)
        risks, counts = keep_inside((risks, counts), outer, smallest)
    if "patients" in entry.tables and "floor" in entry.tables:
        public = count_public(
            read_table(entry.run, "patients"), read_table(entry.run, "floor"), smallest
        )
        risks, counts = keep_apart((risks, counts), public.values(), smallest)
    curves = {"this run": pd.DataFrame({"auc": risks, "share": counts / len(values)})}
    if "floor" in entry.tables:
        curves["if nothing leaked"] = _thin(
            entry.tables["floor"][definition.column].to_numpy(), 0.1 / len(values)
        )
    return curves


def _thin(floor: np.ndarray, least: float) -> pd.DataFrame:
    """Return the curve of a noise floor's draws, at most FLOOR_POINTS, from a share on."""
    ordered = np.sort(floor)[::-1]
    ranks = np.unique(np.geomspace(max(1, least * len(ordered)), len(ordered), FLOOR_POINTS))
    ranks = np.unique(ranks.astype(int))
    return pd.DataFrame({"auc": ordered[ranks - 1], "share": ranks / len(ordered)})


LOOKS: dict[str, Callable[[Definition], dict]] = {
    "this run": lambda definition: {"color": definition.colour, "drawstyle": "steps-post"},
    "95% limits": lambda _: {"color": FLOOR, "linewidth": 0.6, "drawstyle": "steps-post"},
    "if nothing leaked": lambda _: {"color": FLOOR, "linestyle": "--", "linewidth": 0.9},
    "published": lambda _: PUBLISHED,
}


def _draw(ax: Any, name: str, curve: pd.DataFrame, definition: Definition) -> None:
    ax.plot(curve["auc"], curve["share"], **LOOKS[name](definition))


def _colour(name: str, definition: Definition) -> str:
    return LOOKS[name](definition)["color"]


def _share_at(curve: pd.DataFrame, entry: FinishedRun, name: str) -> str:
    """Write the share at or above AT, as the curve shows it."""
    above = curve.loc[curve["auc"] > AT - 1e-6, "share"]
    if not len(above):
        few = f"fewer than {entry.run.smallest_cell}"
        return few if name == "this run" else "none"
    return f"{above.max():.2%}"
