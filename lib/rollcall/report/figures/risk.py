"""Figures of patient risk: how many have how large a one, by each definition, beside the floor."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.gate import count_public, keep_apart, safe_curve, show_few
from rollcall.report.style import (
    EXPOSED,
    FLOOR,
    MEMBER,
    MM,
    SINGLE,
    Figure,
    new_figure,
    point_at,
    scale_log,
    styled,
)
from rollcall.risk import Risk

FLOOR_POINTS = 2000  # of the noise floor's curve, at most
GRID = np.round(np.arange(0.3, 1.0001, 0.005), 3)  # risks at which floors are counted
BAND = (0.05, 0.95)  # of passes of redrawn membership


@styled
def survival(risk: Risk, unit: str = "patient", smallest: int = MIN_GROUP_SIZE) -> Figure:
    """Draw the share of patients whose true risk is at least x, the estimates and the noise floor.

    The curve of the estimates has no step of fewer than `smallest` patients, nor one that so few
    set apart from the number of exposed, and ends where fewer remain.
    """
    drawing, ax = new_figure(SINGLE, 78 * MM)
    count, curve = len(risk.patients), risk.survival
    lowest = smallest / count
    # nearer 0.5 than an estimate's standard error nobody can say how many there are
    above = curve["auc"] >= np.quantile(risk.floor, 0.84)
    true = curve[above & (curve["patients"] >= smallest)]
    values, number = keep_apart(
        safe_curve(risk.patients["auc_joint"].to_numpy(), smallest),
        count_public(risk.patients, risk.floors, smallest).values(),
        smallest,
    )
    floor = count_floor(risk.floor, count, 0.1)
    exposed = int(risk.cohort["exposed"])
    is_shown = exposed >= smallest and count - exposed >= smallest
    draw_floor(ax, floor, count)
    start = _shade_exposed(ax, values, number, floor, exposed, count) if is_shown else np.nan
    ax.fill_between(
        true["auc"],
        np.maximum(true["low"], 1e-9) / count,
        true["high"] / count,
        color=MEMBER,
        alpha=0.25,
        linewidth=0,
    )
    ax.plot(true["auc"], true["patients"] / count, color=MEMBER, linewidth=1.2)
    ax.step(values, number / count, where="post", color=EXPOSED, linewidth=0.6)
    set_risk_axes(ax, count, lowest, unit)
    ax.set_xlabel(f"{unit.capitalize()} risk (AUC; 0.5: nothing can be told)")
    ax.set_ylabel(f"Share of {unit}s at or above")
    right = ax.secondary_yaxis(
        "right", functions=(lambda share: share * count, lambda number: number / count)
    )
    right.set_ylabel(f"{unit.capitalize()}s at or above")
    scale_log(right, "y")
    curves = {
        "estimates": (values, number / count),
        "true": (true["auc"].to_numpy(), true["patients"].to_numpy() / count),
        "floor": (floor["auc"].to_numpy(), floor["patients"].to_numpy() / count),
    }
    _label_curves(ax, curves, f"estimates of\n{count:,} {unit}s", lowest, start, exposed)
    data = pd.concat(
        [
            pd.DataFrame({"curve": "estimates", "auc": values, "patients": number}),
            true.assign(curve="true risks")[["curve", "auc", "patients", "low", "high"]],
            floor.assign(curve="if nothing leaked"),
            pd.DataFrame({"curve": "exposed", "auc": [start], "patients": [exposed]}).dropna(),
        ],
        ignore_index=True,
    )
    few = show_few(exposed, count, smallest)
    return Figure(
        "survival",
        drawing,
        alt=f"Line plot on a log axis of the share of {count:,} {unit}s at or above each risk: "
        "true risks with a band, estimates, and the band of redrawn membership. "
        f"{few} {unit}s are exposed. " + _describe_survival(curve, unit, smallest),
        caption=f"Share of {unit}s whose true risk is at least the value on the x axis (blue), "
        "and of the estimates, which noise spreads (black); right axis: their number. Grey: "
        "estimates when membership is redrawn, mean and 5th to 95th of the passes. Shaded: as many "
        f"as are exposed, {few}. No step stands for fewer than {smallest} {unit}s.",
        title=f"How many {unit}s have how large a risk",
        data=data,
    )


def set_risk_axes(ax, count: int, lowest: float, unit: str) -> None:
    scale_log(ax, "y")
    ax.set(xlim=(0.45, 1.005), ylim=(0.5 * lowest, 1.3))
    ax.set_xticks([0.5, 0.6, 0.7, 0.8, 0.9, 1.0])


def _label_curves(
    ax, curves: dict, estimates: str, lowest: float, start: float, exposed: int
) -> None:
    """Label the curves where there is room: above them on the right, or below them on the left."""
    x, y = curves["floor"]
    below = x[find_height(y, lowest, 2.2)] > 0.75  # the floor leaves room on the left
    right, left = ("right", "top", (0.0, 0.5)), ("left", "center", (1.0, 0.5))
    true = "true risks, noise\ntaken out (95% band)"
    if below:  # name of the curve, words, height on it, place of the words
        labels = [
            ("estimates", estimates, 5.0, (0.99, 0.99), right),
            ("true", true, 3.6, (0.02, 0.43), left),
            ("floor", "if nothing leaked\n(5th to 95th pass)", 1.9, (0.02, 0.1), left),
        ]
    else:
        labels = [
            ("estimates", estimates, 4.6, (0.99, 0.99), right),
            ("true", true, np.nan, (0.99, 0.85), ("right", "top", (0.7, 0.0))),
            ("floor", "if nothing\nleaked (5th to\n95th pass)", 2.6, (0.02, 0.12), left),
        ]
    for name, words, rank, place, (ha, va, leave) in labels:
        x, y = curves[name]
        if len(x):
            at = len(x) * 3 // 4 if np.isnan(rank) else find_height(y, lowest, rank)
            point_at(ax, words, (x[at], y[at]), place, ha, va, leave)
    if np.isnan(start):
        return
    words = f"{exposed:,} exposed"
    if below:
        x, y = curves["floor"]
        at = find_height(y, lowest, 2.7)
        point_at(ax, words, (x[at] + 0.02, y[at]), (0.02, 0.26), *left)
    else:
        x, y = curves["estimates"]
        middle = np.sqrt(0.5 * lowest * y[x >= start].max())
        ax.text((start + 1) / 2, middle, words, ha="center", va="center")


def find_height(shares: np.ndarray, lowest: float, rank: float) -> int:
    """Find the point of a falling curve at a height: 1 is `lowest`, 6 is everybody, on a log axis.

    The nearest that is there.
    """
    height = lowest ** (1 - (rank - 1) / 5)
    return int(np.abs(np.log(np.maximum(shares, 1e-12)) - np.log(height)).argmin())


def _shade_exposed(ax, values, number, floor, exposed: int, count: int) -> float:
    """Shade what lies between estimates and floor, of as many of the highest as are exposed.

    Returns the risk from which on it is shaded.
    """
    start = values[number >= exposed].max()
    x = np.unique([*values[values >= start], *np.arange(start, values.max(), 0.002)])
    top = number[np.searchsorted(values, x, side="right") - 1] / count
    under = np.interp(x, floor["auc"], floor["patients"], right=0) / count
    bottom = np.minimum(np.maximum(under, 1e-9), top)
    ax.fill_between(x, bottom, top, color=EXPOSED, alpha=0.13, linewidth=0, step="post", zorder=0)
    return float(start)


def count_floor(draws: np.ndarray, count: int, least: float = 1.0) -> pd.DataFrame:
    """Count who is at or above each risk when membership is redrawn, from `least` patients on.

    draws float (rounds * count,), a pass over all patients after the other. auc, patients (mean
    over passes), low, high (5th and 95th pass).
    """
    passes = np.sort(draws.reshape(-1, count), axis=1)
    above = count - np.array([np.searchsorted(one, GRID - 1e-9) for one in passes])
    low, high = np.quantile(above, BAND, axis=0)
    table = pd.DataFrame({"auc": GRID, "patients": above.mean(0), "low": low, "high": high})
    return table[table["patients"] >= least].reset_index(drop=True)


def draw_floor(ax, floor: pd.DataFrame, count: int) -> None:
    """Draw what count_floor gives, as shares of `count`: a dashed line with its band."""
    low, high = (np.maximum(floor[end], 1e-9) / count for end in ("low", "high"))
    ax.fill_between(floor["auc"], low, high, color=FLOOR, alpha=0.35, linewidth=0)
    ax.plot(floor["auc"], floor["patients"] / count, "--", color=FLOOR, linewidth=0.9)


def thin_floor(
    floor: np.ndarray, least: float = 0.0, points: int = FLOOR_POINTS
) -> tuple[np.ndarray, np.ndarray]:
    """Return (risks, shares at or above) of a noise floor's draws, from the share `least` on.

    points: at most so many, evenly on a log axis.
    """
    ordered = np.sort(floor)[::-1]
    share = np.arange(1, len(ordered) + 1) / len(ordered)
    first = int((share >= least).argmax()) + 1
    kept = np.unique(np.geomspace(first, len(ordered), points).astype(int) - 1)
    return ordered[kept], share[kept]


def _describe_survival(curve: pd.DataFrame, unit: str, smallest: int) -> str:
    """Say how many have a true risk of 0.6 and 0.9 or more."""
    parts = []
    for limit in (0.6, 0.9):
        row = curve[curve["auc"] == limit].iloc[0]
        number = f"about {row['patients']:,.0f}"
        if row["patients"] < smallest:
            number = f"fewer than {smallest}"
        if curve["patients"].max() - row["patients"] < smallest:
            number = "nearly all"
        parts.append(f"{number} {unit}s have a true risk of {limit} or more")
    return "; ".join(parts).capitalize() + "."
