"""Group size against over-representation, one panel a data set, and what is not simulated pooled.

Rehearsals have panels of their own and no part in what is pooled.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rollcall.report.figures.groups import list_ratio_ticks
from rollcall.report.gallery.comparison import OTHER_KIND, collect_points, describe_correlation
from rollcall.report.gallery.groups import LINEAR_UP_TO, MINUS, list_residual_ticks
from rollcall.report.gallery.looks import make_grid, write_lines
from rollcall.report.gallery.runs import FinishedRuns
from rollcall.report.style import EXPOSED, FLOOR, NON_MEMBER, Figure, letter, styled

KIND_MARKERS = {
    "sex": "o",
    "race, skin type": "D",
    "age": "v",
    "imaging protocol": "^",
    OTHER_KIND: "s",
}
PANEL = 46  # mm, the height of a panel
POOLED = "risk ratios, runs that are not simulated"


@styled
def group_size(finished: FinishedRuns) -> Figure:
    """Draw group size against residual, a panel for each data set, with rank correlation.

    Published residuals hollow, those of our runs' records filled; last, the risk ratios of all
    runs that are not rehearsals.
    """
    points = collect_points(finished)
    names = list_panels(points)
    drawing, axes = make_grid(len(names), PANEL, sharex=False, sharey=False)
    draw_sizes(axes, points, names)
    for ax in drawing.axes[len(names) : len(names) + 1]:
        _write_markers(ax)
    drawing.supxlabel("Group's share (%)")
    drawing.supylabel("Pearson residual (symmetric log axis); last panel: risk ratio")
    words = [
        f"{name}, {source}, {len(table)} groups: "
        + (", ".join(describe_correlation(("Spearman", "Pearson"), table)) or "none can be told")
        for name in names
        for source, table in _split(points, name)
    ]
    return Figure(
        "group_size",
        drawing,
        alt="Scatter plots of group size against over-representation among the exposed. "
        f"Correlations: {'; '.join(words)}.",
        caption="Group size against over-representation among the 1% of records of highest AUC, "
        "one panel a data set: hollow, published; filled, these runs, by the paper's scores. ρ: "
        "Spearman's. Circles: sex; diamonds: race or skin type; triangles down: age, up: imaging "
        "protocol; squares: diagnosis and others. Groups of an attribute with two values mirror "
        "each other. Last panel: patients' risk ratios, of runs that are not simulated.",
        title="Are small groups at higher risk",
        data=points.drop(columns="run")[points["source"].isin(["published", "paper", "ours"])],
    )


def _write_markers(ax: Any) -> None:
    """Write what each marker means into an empty place of the grid."""
    ax.set(xlim=(0, 1), ylim=(0, 1))
    for number, (kind, marker) in enumerate(KIND_MARKERS.items()):
        height = 0.9 - 0.11 * number
        ax.plot(0.04, height, marker, color=EXPOSED, markerfacecolor="white", markersize=4)
        ax.text(0.12, height, kind, va="center_baseline", fontsize=6.5)


def list_panels(points: pd.DataFrame) -> list[str]:
    """List the panels: the runs' data sets, the published ones, and what is pooled if anything."""
    names = list(dict.fromkeys(points.loc[points["source"] != "published", "dataset"]))
    names += [name for name in dict.fromkeys(points["dataset"]) if name not in names]
    names = [name for name in names if _split(points, name)]
    return names + [POOLED] * bool(len(_pool(points)))


def _pool(points: pd.DataFrame) -> pd.DataFrame:
    return points[(points["source"] == "ours") & ~points["simulated"].astype(bool)]


def _split(points: pd.DataFrame, name: str) -> list[tuple[str, pd.DataFrame]]:
    if name == POOLED:
        return [("pooled", _pool(points))]
    of_dataset = points[points["dataset"] == name]
    parts = [
        (words, of_dataset[of_dataset["source"] == source])
        for source, words in (("published", "published"), ("paper", "this run"))
    ]
    return [(words, table) for words, table in parts if len(table)]


def draw_sizes(axes: list[Any], points: pd.DataFrame, names: list[str], first: str = "a") -> None:
    """Draw a panel for each name of list_panels."""
    titles = []
    for ax, name in zip(axes, names, strict=True):
        lines, reach = [], 2.0
        for words, table in _split(points, name):
            colour = NON_MEMBER if words == "published" else EXPOSED
            reach = max(reach, _draw_points(ax, table, colour, words == "published"))
            rho = describe_correlation(("ρ", "r"), table)[:1]
            text = ", ".join([*rho, f"n = {len(table)}"]).replace("-", MINUS)
            lines.append((f"{words}: {text}", colour))
        ax.axhline(0, color=FLOOR, linewidth=0.6, zorder=0)
        ax.set_xlim(-3, 103)
        ax.set_xticks([0, 50, 100])
        if name == POOLED:
            edge = float(np.exp(reach))
            ticks, labels = list_ratio_ticks(1 / edge, edge)
            ax.set_yticks(np.log(ticks), labels)
            ax.set_ylim(-reach, 1.7 * reach)
        else:
            ax.set_yscale("symlog", linthresh=LINEAR_UP_TO, linscale=1)
            ax.set_yticks(*list_residual_ticks(reach))
            ax.set_ylim(-1.2 * reach, 6 * reach if reach > LINEAR_UP_TO else 2.2 * reach)
        ax.minorticks_off()
        write_lines(ax, lines)
        of_runs = points[(points["dataset"] == name) & (points["source"] != "published")]
        simulated = len(of_runs) and of_runs["simulated"].astype(bool).all()
        titles.append(f"{name} (simulated)" if simulated and name != "simulated" else name)
    titles = [title.replace(", runs that", ",\nruns that") for title in titles]
    letter(axes, titles, first)


def _draw_points(ax: Any, table: pd.DataFrame, colour: str, hollow: bool) -> float:
    """Draw points; return how far they reach. Infinite ones are pinned at the edge."""
    finite = table["value"][np.isfinite(table["value"])].abs().max()
    reach = float(np.nan_to_num(finite, nan=2.0)) * 1.1
    for kind, marker in KIND_MARKERS.items():
        chosen = table[table["kind"] == kind]
        ax.plot(
            *(chosen["share"], chosen["value"].clip(-reach, reach), marker),
            color=colour,
            markerfacecolor="white" if hollow else colour,
            markeredgewidth=0.6,
            markersize=3.5,
        )
    return reach
