"""Figures of a published model attacked with few references."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.figures.experiments.scaling import name_curves
from rollcall.report.gate import show_few
from rollcall.report.style import (
    ACCENT,
    DOUBLE,
    EXPOSED,
    FLOOR,
    MEMBER,
    MM,
    NON_MEMBER,
    Figure,
    letter,
    new_figure,
    point_at,
    scale_log,
    styled,
    write_plainly,
)

LABELS = 0.33  # of the logarithmic panel's width, for the names of the curves
DASHES = ((NON_MEMBER, ":"), (ACCENT, "--"), (MEMBER, "-"), (EXPOSED, "-."))
RANKINGS = {  # colour, dash, marker, words
    "statistic": (MEMBER, "-", "o", "what this model kept"),
    "rmia": (NON_MEMBER, "--", "s", "the same by RMIA"),
    "expected": (ACCENT, "-.", "^", "expected by the references"),
}


def count_references(count: int) -> str:
    """Write a number of references."""
    return f"{count} reference" if count == 1 else f"{count} references"


@styled
def few_references(
    curves: pd.DataFrame, areas: pd.DataFrame, smallest: int = MIN_GROUP_SIZE
) -> Figure:
    """Draw the ROC of one model's statistic for each number of references.

    curves: columns references, fpr, tpr, where as few as `smallest` outsiders are false alarms.
    areas: a row for each number of references: references, auc, auc_low, auc_high, named, members.
    """
    drawing, axes = new_figure(DOUBLE, 74 * MM, 1, 2, width_ratios=[1, 1.5])
    lowest, labels = curves["fpr"].min(), []
    for number, row in enumerate(areas.itertuples()):
        colour, dash = DASHES[number % len(DASHES)]
        curve = curves[curves["references"] == row.references]
        for ax in axes:
            ax.plot(curve["fpr"], curve["tpr"], linestyle=dash, color=colour)
        start = curve.iloc[int(curve["fpr"].argmin())]
        words = f"{count_references(row.references)}, AUC {row.auc:.3f}"
        labels.append((start["fpr"], max(start["tpr"], lowest), words, FLOOR))
    for ax in axes:
        ax.plot([lowest / 10, 1], [lowest / 10, 1], color=FLOOR, linewidth=0.6, zorder=0)
        ax.set(xlabel="False-positive rate (outsiders)", ylabel="True-positive rate (members)")
    axes[0].set(xlim=(0, 1), ylim=(0, 1))
    axes[0].set_aspect("equal", anchor="N")
    scale_log(axes[1], "xy")
    axes[1].set(xlim=(lowest ** (1 / (1 - LABELS)), 1), ylim=(lowest, 1))
    decades = 10.0 ** np.arange(np.ceil(np.log10(lowest)), 1)
    axes[1].set_xticks(decades, [write_plainly(decade) for decade in decades])
    axes[1].minorticks_off()
    axes[1].spines["bottom"].set_bounds(lowest, 1)
    name_curves(axes[1], labels)
    letter(axes, ["Linear axes", "Few false alarms"])
    listed = "; ".join(
        f"{count_references(row.references)}: AUC {row.auc:.3f} ({row.auc_low:.3f} to "
        f"{row.auc_high:.3f}), {show_few(row.named, row.members, smallest)} of {row.members:,} "
        "members named"
        for row in areas.itertuples()
    )
    return Figure(
        "few_references",
        drawing,
        alt="Two line plots of true- against false-positive rate, linear and logarithmic. "
        f"{listed}.",
        caption="One model, attacked with few references that never saw the patients. Left: "
        f"linear axes. Right: logarithmic ones, from {smallest} false alarms on. Grey: guessing.",
        title="An open model attacked with few references",
        data=curves[["references", "fpr", "tpr"]].reset_index(drop=True),
    )


@styled
def open_ranking(
    curves: pd.DataFrame,
    table: pd.DataFrame,
    ceiling: float,
    targets: int,
    unit: str = "patient",
) -> Figure:
    """Draw how few references order the patients as a full audit does.

    curves: columns ranking, share (of the members, from the top of the ranking), caught (share of
    those whom the audit names). table: of experiments.open_models, a row for each number of
    references and ranking. ceiling: the most that a ranking could correlate.
    """
    drawing, axes = new_figure(DOUBLE, 70 * MM, 1, 2)
    for name, curve in curves.groupby("ranking", sort=False):
        colour, dash, marker, _ = RANKINGS[name]
        axes[0].plot(
            100 * curve["share"],
            100 * curve["caught"],
            dash,
            color=colour,
            marker=marker,
            markersize=2.5,
        )
    axes[0].plot([0, 100], [0, 100], color=FLOOR, linewidth=0.6, zorder=0)
    axes[0].set(
        xlabel=f"Highest members of the ranking (%), {count_references(table['references'].max())}",
        ylabel=f"{unit.capitalize()}s that the audit names (%)",
        xlim=(0, 100),
        ylim=(0, 103),
    )
    if len(curves):
        _name_rankings(axes[0], curves)
    else:
        axes[0].text(50, 60, f"too few {unit}s named by the audit to be shown", ha="center")
    counts = sorted(table["references"].unique())
    for number, (name, rows) in enumerate(table.groupby("ranking", sort=False)):
        colour, _, marker, _ = RANKINGS[name]
        place = np.searchsorted(counts, rows["references"]) + 0.18 * (number - 1)
        errors = [
            rows["spearman"] - rows["spearman_low"],
            rows["spearman_high"] - rows["spearman"],
        ]
        axes[1].errorbar(place, rows["spearman"], errors, fmt=marker, color=colour, markersize=4)
    if np.isfinite(ceiling):
        axes[1].axhline(ceiling, color=EXPOSED, linewidth=0.8, linestyle=(0, (1, 2)))
        axes[1].annotate(
            "the truth itself, against this audit",
            (0.02, ceiling),
            xycoords=("axes fraction", "data"),
            xytext=(0, -2),
            textcoords="offset points",
            va="top",
        )
    axes[1].axhline(0, color=FLOOR, linewidth=0.6, zorder=0)
    axes[1].set(
        xticks=range(len(counts)),
        xticklabels=counts,
        xlabel="References",
        ylabel="Spearman's correlation with the audit",
        xlim=(-0.5, len(counts) - 0.5),
    )
    letter(axes, ["Whom the audit names", "Agreement with the audit"])
    top = table[table["references"] == table["references"].max()].set_index("ranking")
    listed = ", ".join(
        f"{words} {top.loc[name, 'spearman']:.2f} ({top.loc[name, 'spearman_low']:.2f} to "
        f"{top.loc[name, 'spearman_high']:.2f})"
        for name, (*_, words) in RANKINGS.items()
        if name in top.index
    )
    return Figure(
        "open_ranking",
        drawing,
        alt=f"Left, three curves: the share of {unit}s that an audit names among the highest of "
        f"each ranking. Right, points with intervals. Spearman's correlation with the audit: "
        f"{listed}; the truth itself would reach {ceiling:.2f}.",
        caption=f"Rankings of the members by few references against an audit of {targets} models "
        f"of the same {unit}s. Left: whom the audit names, among the highest of each ranking. "
        "Right: Spearman's correlation with the audit's AUC, 95% intervals over patients; the "
        "dotted line is what the true order would reach, since an audit has noise of its own.",
        title="An open model's ranking beside a full audit's",
        data=pd.concat(
            [
                curves[["ranking", "share", "caught"]],
                table[["ranking", "references", "spearman", "spearman_low", "spearman_high"]],
            ],
            ignore_index=True,
        ),
    )


def _name_rankings(ax: Any, curves: pd.DataFrame) -> None:
    """Write the names of curves below them, each joined to a point of its curve."""
    names = [name for name in RANKINGS if (curves["ranking"] == name).any()]
    for number, name in enumerate(names):
        curve = curves[curves["ranking"] == name]
        at = int((0.25 + 0.2 * number) * (len(curve) - 1))
        point = (100 * curve["share"].iloc[at], 100 * curve["caught"].iloc[at])
        point_at(ax, RANKINGS[name][-1], point, (0.4 + 0.08 * number, 0.08 + 0.09 * number))


@styled
def open_designs(designs: pd.DataFrame, controls: pd.DataFrame) -> Figure:
    """Draw a model that had the members, one that never saw them, and the control, in two designs.

    designs, controls: of experiments.open_models.
    """
    names = list(designs["design"].unique())
    drawing, axes = new_figure(DOUBLE, 62 * MM, 1, len(names), sharey=True, squeeze=False)
    parts, titles, tables = [], [], []
    for ax, name in zip(axes[0], names, strict=True):
        rows = designs[designs["design"] == name]
        points = [
            (row.model, row.auc, row.auc_low, row.auc_high, colour, marker)
            for row, colour, marker in zip(
                rows.itertuples(), (MEMBER, NON_MEMBER), ("o", "s"), strict=False
            )
        ]
        blind = rows.iloc[0]
        points.append(
            ("no model:\nblind control", *blind[["blind", "blind_low", "blind_high"]], FLOOR, "D")
        )
        for place, (_, value, low, high, colour, marker) in enumerate(points):
            ax.errorbar(
                place, value, [[value - low], [high - value]], fmt=marker, color=colour, capsize=3
            )
        ax.axhline(0.5, color=FLOOR, linewidth=0.6, zorder=0)
        ax.set(
            xticks=range(len(points)),
            xticklabels=["model that\n" + x[0] if ":" not in x[0] else x[0] for x in points],
            xlim=(-0.5, len(points) - 0.5),
            ylim=(min(0.45, designs["auc_low"].min()), 1.02),
        )
        repeated = controls[controls["design"] == name].iloc[0]
        verdict = "flagged: nobody is named" if blind["flagged"] else "not flagged"
        titles.append(
            f"Outsiders of {'the same' if name.startswith('same') else 'another'} hospital\n"
            f"{verdict} (repeats: {repeated['flagged']} of {repeated['draws']})"
        )
        tables.append(
            pd.DataFrame(
                [point[:4] for point in points], columns=["model", "auc", "low", "high"]
            ).assign(design=name)
        )
        parts.append(
            f"{name}: model that {points[0][0]} {points[0][1]:.2f}, that {points[1][0]} "
            f"{points[1][1]:.2f}, blind control {points[2][1]:.2f}, flagged in "
            f"{repeated['flagged']} of {repeated['draws']}"
        )
    letter(axes[0], titles)
    axes[0][0].set_ylabel("AUC, members against outsiders")
    return Figure(
        "open_designs",
        drawing,
        alt=f"Points with intervals of the AUC in two designs. {'. '.join(parts)}.",
        caption="The same members, with outsiders of their own hospital and of another one. A "
        "model that never saw the members should stay at 0.5; where it does not, the blind "
        "control, which asks no model, says why. AUCs are those before anything is refused.",
        title="Outsiders of the same hospital and of another",
        data=pd.concat(tables, ignore_index=True),
    )
