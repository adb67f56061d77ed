"""The figure of experiments.later: models that knew a patient, about it later."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.style import (
    DOUBLE,
    EXPOSED,
    FLOOR,
    MEMBER,
    MM,
    Figure,
    letter,
    new_figure,
    point_at,
    styled,
)
from rollcall.report.tables.later import ALL, TIME, hide_few

MOST_STEPS = 200  # of the curve of patients
LOOKS = {TIME: (MEMBER, "o", -0.16), "chance": (FLOOR, "s", 0.16)}
SPLIT_WORDS = {TIME: "records split in time", "chance": "split by chance"}


@styled
def later_effects(
    effects: pd.DataFrame,
    patients: pd.DataFrame,
    unit: str = "patient",
    smallest: int = MIN_GROUP_SIZE,
) -> Figure:
    """Draw the effects by outcome, split in time and by chance, and the patients by their effect.

    effects, patients: of rollcall.experiments.later.Later. Each step of the patients' curves is the
    mean of `smallest` of them or more.
    """
    drawing, axes = new_figure(DOUBLE, 62 * MM, 1, 3)
    shown = hide_few(effects, smallest)
    kinds = [kind for kind in effects["kind"].unique() if kind != ALL] + [ALL]
    for ax, name, label in (
        (axes[0], "loss", "Loss on later records,\nknown less unknown"),
        (axes[1], "wrong", "Misjudged more of 100\nlater records if known"),
    ):
        ax.axvline(0, color=EXPOSED, linewidth=0.5)
        for split, (color, marker, offset) in LOOKS.items():
            rows = shown[shown["split"] == split].set_index("kind")
            if not len(rows):
                continue
            rows = rows.loc[kinds]
            reach = np.abs(
                rows[[f"{name}_low", f"{name}_high"]].T.to_numpy() - rows[name].to_numpy()
            )
            ax.errorbar(
                rows[name],
                np.arange(len(kinds)) + offset,
                xerr=reach,
                fmt=marker,
                color=color,
                markersize=4,
                markerfacecolor=color if split == TIME else "white",
            )
        ax.set(
            xlabel=label, yticks=range(len(kinds)), yticklabels=kinds, ylim=(len(kinds) - 0.5, -0.5)
        )
    axes[1].set_yticklabels([])
    tables = [shown.assign(panel="effects")]
    _name_splits(axes[1], shown, kinds)
    for column, color, dash, label in (
        ("effect", MEMBER, "-", "as it was"),
        ("redrawn", FLOOR, "--", "coins drawn anew"),
    ):
        share, mean = _mean_steps(patients[column].to_numpy(float), smallest)
        axes[2].plot(100 * share, mean, dash, color=color)
        tables.append(pd.DataFrame({"panel": label, "share": share, "mean_effect": mean}))
    axes[2].axhline(0, color=EXPOSED, linewidth=0.5)
    axes[2].set(
        xlabel=f"{unit.capitalize()}s, by their effect (%)", ylabel="Mean effect on the loss"
    )
    for words, line, at, place in (
        ("who knew whom:\nas it was", 0, 0.93, (0.12, 0.83)),
        ("drawn anew\n(dashed)", 1, 0.08, (0.45, 0.17)),
    ):
        x, y = axes[2].lines[line].get_data()
        if len(x):
            number = int(at * (len(x) - 1))
            end = (1, 0.5) if line == 0 else (0, 0.5)
            point_at(axes[2], words, (x[number], y[number]), place, leave=end)
    letter(axes, ["Loss", "Misjudged", f"{unit.capitalize()}s one by one"])
    return Figure(
        "later",
        drawing,
        alt="Two dot plots with intervals of the effect of a model's having known the "
        f"{unit} on later records, by outcome, and a line plot of {unit}s by their effect. "
        + _describe(shown, kinds),
        caption=f"What it does to a {unit}'s later records that a model was trained on the earlier "
        "ones: loss (left) and records misjudged of 100 (middle), less the same under models that "
        "did not know them, with 95% intervals; by whether the later outcome is that of all, none "
        f"or some of the earlier records. Right: {unit}s by their mean effect, at least "
        f"{smallest} a step, and the same where it is drawn anew who knew whom.",
        title="What a memory does to later records",
        data=pd.concat(tables, ignore_index=True),
    )


def _name_splits(ax: Any, shown: pd.DataFrame, kinds: list[str]) -> None:
    """Write beside the points of the last kind of outcome which split they are of."""
    rows = shown[shown["kind"] == kinds[-1]].set_index("split")
    for split, (_, _, offset) in LOOKS.items():
        if split in rows.index and not np.isnan(rows.loc[split, "wrong_high"]):
            ax.annotate(
                *(SPLIT_WORDS[split], (rows.loc[split, "wrong_high"], len(kinds) - 1 + offset)),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=6.5,
                annotation_clip=False,
            )


def _mean_steps(effect: np.ndarray, smallest: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (share of the patients, mean effect) of steps of at least `smallest` patients."""
    ordered = np.sort(effect[~np.isnan(effect)])
    steps = min(len(ordered) // smallest, MOST_STEPS)
    if not steps:
        return np.zeros(0), np.zeros(0)
    blocks = np.array_split(ordered, steps)
    ends = np.cumsum([len(block) for block in blocks])
    middle = (ends - np.array([len(block) for block in blocks]) / 2) / len(ordered)
    return middle, np.array([block.mean() for block in blocks])


def _describe(shown: pd.DataFrame, kinds: list[str]) -> str:
    """Say the effect on the loss of each kind of outcome, of the split in time."""
    rows = shown[shown["split"] == TIME].set_index("kind").loc[kinds]
    parts = [
        f"{kind} {row['loss']:+.4f} ({row['loss_low']:+.4f} to {row['loss_high']:+.4f})"
        for kind, row in rows.iterrows()
        if not np.isnan(row["loss"])
    ]
    return f"Split in time, the loss changes by: {'; '.join(parts)}."
