"""Figures of budgets: what few targets find, and what each further one adds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.gate import show_few
from rollcall.report.style import (
    DOUBLE,
    EXPOSED,
    FLOOR,
    MM,
    Figure,
    letter,
    new_figure,
    styled,
)


@styled
def draw_budget(
    rankings: pd.DataFrame,
    confirmed: pd.DataFrame,
    unit: str = "patient",
    smallest: int = MIN_GROUP_SIZE,
) -> Figure:
    """Draw rankings and confirmed names, from the tables of experiments.budget.comparison.

    Left: of the patients at the top by the judges, how many each ranking puts at its top, and into
    what is screened. Right: exposed among the screened, with intervals, against targets.
    """
    drawing, axes = new_figure(DOUBLE, 70 * MM, 1, 2)
    names = [
        f"{name}, {count} targets"
        for name, count in rankings[["ranking", "targets"]].itertuples(index=False)
    ]
    place = np.arange(len(names))[::-1]
    drawn = {}
    for column, marker, face, shift, label in (
        ("top", "o", EXPOSED, 0.17, "at its top"),
        ("held", "s", "white", -0.17, "in what is screened"),
    ):
        shares = [100 * share for share in list_shares(rankings, column, smallest)]
        drawn[label] = shares
        axes[0].plot(
            *(shares, place + shift, marker),
            color=EXPOSED,
            markerfacecolor=face,
            markersize=4,
        )
        _name_row(axes[0], shares, place + shift, label)
    axes[0].set_yticks(place, names)
    axes[0].set(xlabel=f"Of the top {unit}s by models without a part (%)", xlim=(0, 103))
    axes[0].set_ylim(-0.6, len(names) - 0.4)
    for row in place[:-1] - 0.5:
        axes[0].axhline(row, color=FLOOR, linewidth=0.3)
    letter(axes, ["What each ranking finds", "What a closer look confirms"])
    shown = confirmed[confirmed["screened"] >= smallest]
    axes[1].errorbar(
        shown["targets"],
        shown["screened"],
        (
            np.maximum(shown["screened"] - shown["low"], 0),
            np.maximum(shown["high"] - shown["screened"], 0),
        ),
        fmt="-o",
        color=EXPOSED,
        markersize=4,
        capsize=2,
    )
    axes[1].set(
        xlabel="Target models", ylabel=f"Exposed among the screened {unit}s", ylim=(0, None)
    )
    first, last = confirmed.iloc[0], confirmed.iloc[-1]
    counts = [show_few(row["screened"], row["picked"], smallest) for row in (first, last)]
    return Figure(
        "budget",
        drawing,
        alt=f"Left, dots: the share of the most exposed {unit}s, by models that had no part, that "
        f"each ranking finds. Right, a line with intervals: from {first['targets']:.0f} to "
        f"{last['targets']:.0f} targets the exposed among the screened go from {counts[0]} to "
        f"{counts[1]}.",
        caption=f"What few targets find. Left: the {unit}s at the top by models without a part; "
        "right: how many of those who are looked at closely are exposed (95% intervals, for as "
        "many new models).",
        title="What few targets find",
        data=pd.concat(
            [
                rankings[["ranking", "targets"]].assign(**drawn),
                shown[["targets", "screened", "low", "high"]],
            ],
            ignore_index=True,
        ),
    )


def _name_row(ax: Any, shares: list[float], heights: np.ndarray, words: str) -> None:
    """Write beside the uppermost point that is shown what its kind stands for."""
    known = [number for number, share in enumerate(shares) if not np.isnan(share)]
    if not known:
        return
    share, height = shares[known[0]], heights[known[0]]
    right = share > 55
    ax.annotate(
        *(words, (share, height)),
        xytext=(-5 if right else 5, 0),
        textcoords="offset points",
        ha="right" if right else "left",
        va="center",
        fontsize=6.5,
    )


def list_shares(table: pd.DataFrame, column: str, smallest: int) -> list[float]:
    """Return column / patients of each row; NaN where it tells of fewer than `smallest`."""
    pairs = table[[column, "patients"]].to_numpy()
    return [
        count / total if show_few(count, total, smallest) == f"{count:,.0f}" else np.nan
        for count, total in pairs
    ]
