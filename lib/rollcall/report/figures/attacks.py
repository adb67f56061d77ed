"""Figures of the attacks on records: ROC curves, and one record's scores in and out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.report.style import (
    DOUBLE,
    FLOOR,
    MARKS,
    MEMBER,
    MM,
    NON_MEMBER,
    Figure,
    new_figure,
    scale_log,
    styled,
)


@styled
def roc(curves: pd.DataFrame, attacks: pd.DataFrame) -> Figure:
    """Draw the ROC of each attack, mean over targets, on linear and on logarithmic axes.

    curves and attacks: the tables `roc` and `attacks` of rollcall.attacks.run_all. The curves end
    where the data do, at 10 false alarms a model. Attacks without a mark of style.MARKS are left
    out.
    """
    drawing, axes = new_figure(DOUBLE, 75 * MM, 1, 2)
    lowest = curves.loc[curves["fpr"] > 0, "fpr"].min()
    for key, curve in curves.groupby(["attack", "variant"], sort=False):
        if key not in MARKS:
            continue
        colour, dash = MARKS[key]
        chosen = attacks[(attacks["attack"] == key[0]) & (attacks["variant"] == key[1])]
        for ax in axes:
            shown = curve[curve["fpr"] > 0] if ax is axes[1] else curve
            ax.plot(
                shown["fpr"],
                shown["tpr"],
                dash,
                color=colour,
                label=f"{key[0]} {key[1]}, AUC {chosen['auc'].mean():.3f}",
            )
    for ax in axes:
        ax.plot([lowest / 10, 1], [lowest / 10, 1], color=FLOOR, linewidth=0.6, zorder=0)
        ax.set(xlabel="False-positive rate", ylabel="True-positive rate")
    axes[0].set(xlim=(0, 1), ylim=(0, 1))
    scale_log(axes[1], "xy")
    axes[1].set(xlim=(lowest, 1), ylim=(lowest, 1))
    axes[0].legend(loc="lower right")

    areas = attacks.groupby(["attack", "variant"], sort=False)["auc"].mean()
    listed = ", ".join(
        f"{' '.join(key)} {value:.3f}" for key, value in areas.items() if key in MARKS
    )
    return Figure(
        "roc",
        drawing,
        alt="Two line plots of true- against false-positive rate, linear and logarithmic. "
        f"AUC: {listed}.",
        caption="ROC curves, mean over all target models. Left: linear axes. Right: logarithmic "
        "axes, from 10 false alarms a model on; the grey line is guessing.",
    )


@styled
def in_out(panels: list[tuple[str, np.ndarray, np.ndarray]]) -> Figure:
    """Draw the scores of records under models that had them and under models that had not.

    panels: (title, in scores, out scores) of each record, as examples.pick_examples gives them.
    """
    drawing, axes = new_figure(DOUBLE, 60 * MM, 1, len(panels), squeeze=False)
    for ax, (title, in_scores, out_scores) in zip(axes[0], panels, strict=True):
        scores = np.concatenate([in_scores, out_scores])
        margin = np.ptp(scores) * 0.2
        grid = np.linspace(scores.min() - margin - 1e-3, scores.max() + margin + 1e-3, 300)
        for values, colour, dash, name, height in (
            (in_scores, MEMBER, "-", "had the record", -0.05),
            (out_scores, NON_MEMBER, "--", "had it not", -0.1),
        ):
            if np.ptp(values) > 0:
                density = estimate_density(values, grid)
                ax.plot(
                    grid,
                    density / density.max(),
                    dash,
                    color=colour,
                    label=f"models that {name} ({len(values)})",
                )
            ax.plot(
                values,
                np.full(len(values), height),
                "|",
                color=colour,
                markersize=5,
                markeredgewidth=0.5,
            )
        ax.set(
            title=title,
            xlabel="Membership score (log odds of the record's own label)",
            yticks=[],
            ylim=(-0.15, 1.1),
        )
        ax.spines["left"].set_visible(False)
    drawing.legend(*axes[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=2)

    medians = "; ".join(
        f"{title}, medians {np.median(in_scores):.2f} and {np.median(out_scores):.2f}"
        for title, in_scores, out_scores in panels
    )
    return Figure(
        "in_out",
        drawing,
        alt="Two density plots of membership scores, models that had the record against models "
        f"that had not: {medians}.",
        caption="Scores of one record under all target models. Left: an exposed patient. Right: an "
        "ordinary one.",
    )


def estimate_density(values: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Estimate the density of values (n,), not all equal, at the points of a grid (m,). (m,).

    A mean of normal densities, as wide as Scott's rule says.
    """
    values = np.asarray(values, np.float64)
    width = values.std(ddof=1) * len(values) ** -0.2
    z = (np.asarray(grid, np.float64)[:, None] - values) / width
    return np.exp(-0.5 * z**2).mean(1) / (width * np.sqrt(2 * np.pi))
