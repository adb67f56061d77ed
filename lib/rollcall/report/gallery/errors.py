"""Standard errors of record AUCs by the number of models, a panel a run."""

from __future__ import annotations

from typing import Any

import pandas as pd

from rollcall.report.gallery.looks import make_grid, wrap_label, write_lines
from rollcall.report.gallery.runs import FinishedRun, FinishedRuns
from rollcall.report.style import EXPOSED, FLOOR, NON_MEMBER, Figure, letter, styled

ERROR_LIMIT = 0.05  # standard error of the dashed line
NOTHING = 0.001  # an error below this is that of an AUC of 1, by a formula that says 0 there


@styled
def standard_error(finished: FinishedRuns) -> Figure:
    """Draw the standard error of the record AUC against the number of models, a panel per run.

    Boxes of all records, and of the 1% of records of highest AUC.
    """
    entries, sentences = list_entries(finished), []
    for entry in entries:
        table = entry.tables["paper_errors"]
        table = table[table["kind"] == "all"].sort_values("models")
        few, many = table.iloc[0], table.iloc[-1]
        sentences.append(
            f"{entry.label} {few['median']:.3f} with {few['models']} models, "
            f"{many['median']:.3f} with {many['models']}"
        )
    drawing = None
    if entries:
        drawing, axes = make_grid(len(entries), 50, sharex=False)
        draw_errors(axes, entries)
        drawing.supxlabel("Number of models")
        drawing.supylabel("Standard error of the record AUC")
    return Figure(
        "standard_error",
        drawing,
        alt="Box plots of the standard error of record AUCs against the number of models. "
        f"Median over all records: {'; '.join(sentences) or 'no run has it'}.",
        caption="Standard error of the record AUC against the number of models: white, all "
        "records; orange, the 1% of highest AUC. Boxes: the middle half, whiskers from the 5th to "
        f"the 95th percentile; dashed: {ERROR_LIMIT}. Hanley and McNeil's formula gives 0 at an "
        "AUC of 1: no box stands there, and it does not mean that nothing is uncertain.",
        title="How sure is a record's AUC, by the number of models",
        data=pd.concat([entry.tables["paper_errors"].assign(run=entry.label) for entry in entries])
        if entries
        else None,
    )


def list_entries(finished: FinishedRuns) -> list[FinishedRun]:
    """List the runs that have errors of two numbers of models at least: one is no curve."""
    return [
        entry
        for entry in finished.having("paper_errors")
        if entry.tables["paper_errors"]["models"].nunique() > 1
    ]


def draw_errors(axes: list[Any], entries: list[FinishedRun], first: str = "a") -> None:
    """Draw a panel for each run."""
    for ax, entry in zip(axes, entries, strict=True):
        table = entry.tables["paper_errors"]
        models = sorted({int(count) for count in table["models"]})
        for kind, colour, shift in (("all", "white", -0.2), ("top", NON_MEMBER, 0.2)):
            _draw_boxes(ax, table[table["kind"] == kind], models, colour, shift)
        ax.axhline(ERROR_LIMIT, color=FLOOR, linestyle="--", linewidth=0.8)
        ax.set_xticks(range(len(models)), [str(count) for count in models])
        ax.set_xlim(-0.6, len(models) - 0.4)
    axes[0].set_ylim(0, None)
    write_lines(axes[0], [("all records", EXPOSED), ("the 1% of highest AUC", NON_MEMBER)])
    letter(axes, [wrap_label(entry) for entry in entries], first)


def _draw_boxes(ax: Any, table: pd.DataFrame, models: list[int], colour: str, shift: float) -> None:
    """Draw a box for each number of models; a cross where the formula gives nothing."""
    table = table.set_index("models")
    is_told = table["median"] >= NOTHING
    places = {"whislo": "q05", "q1": "q25", "med": "median", "q3": "q75", "whishi": "q95"}
    ax.bxp(
        [
            {"fliers": []} | {name: row[column] for name, column in places.items()}
            for _, row in table[is_told].iterrows()
        ],
        [models.index(count) + shift for count in table.index[is_told]],
        widths=0.34,
        showfliers=False,
        patch_artist=True,
        manage_ticks=False,
        boxprops={"facecolor": colour, "edgecolor": EXPOSED, "linewidth": 0.6},
        medianprops={"color": EXPOSED, "linewidth": 1},
        whiskerprops={"linewidth": 0.6},
        capprops={"linewidth": 0.6},
    )
    for count in table.index[~is_told]:
        ax.annotate(
            "AUC 1",
            (models.index(count) + shift, 0.002),
            rotation=90,
            ha="center",
            va="bottom",
            fontsize=6.5,
        )
