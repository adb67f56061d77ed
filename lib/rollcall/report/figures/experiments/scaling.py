"""The figure of experiments.capacity: risk and skill by the size of the model."""

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
    MEMBER,
    MM,
    NON_MEMBER,
    Figure,
    letter,
    new_figure,
    scale_log,
    spread,
    styled,
)

MOST_LABELLED = 8  # curves with a name at their side


@styled
def capacity(
    variants: pd.DataFrame,
    curves: dict[str, pd.DataFrame],
    unit: str = "patient",
    smallest: int = MIN_GROUP_SIZE,
) -> Figure:
    """Draw risk and skill against model size, from the tables of experiments.capacity.

    Survival curves of the true risk, a line for each model, named at its side; exposed patients
    with 95% intervals where the table has them, above those that chance names (dashed); AUROC on
    patients that a model has not seen and on those that it has, from 0.5 on.
    """
    from matplotlib import colormaps

    drawing, axes = new_figure(DOUBLE, 66 * MM, 1, 3, width_ratios=[1.45, 1, 1])
    ordered = variants.sort_values("parameters", kind="stable").reset_index(drop=True)
    shades = colormaps["cividis"](np.linspace(0.8, 0, len(ordered)))
    tables, ends = [], []
    for number, row in ordered.iterrows():
        curve = curves[row["variant"]]
        curve = curve[(curve["auc"] > 0.5) & (curve["patients"] >= smallest)]
        tables.append(curve[["auc", "share"]].assign(variant=row["variant"]))
        width = 0.8 + 0.8 * int(number) / max(1, len(ordered) - 1)
        axes[0].plot(curve["auc"], curve["share"], color=shades[number], linewidth=width)
        if len(curve):
            first = curve.iloc[len(curve) // 8]
            name = f"{row['variant']} ({_shorten(row['parameters'])})"
            ends.append((first["auc"], first["share"], name, shades[number]))
    scale_log(axes[0], "y")
    axes[0].set(xlabel=f"True {unit} risk (AUC)", ylabel=f"Share of {unit}s at or above")
    axes[0].set(xlim=(0.1, 1.005))
    axes[0].set_xticks([0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    axes[0].spines["bottom"].set_bounds(0.5, 1.005)
    _name_curves(axes[0], ends[-MOST_LABELLED:])
    for ax in axes[1:]:
        scale_log(ax, "x")
        ax.set_xlabel("Parameters of the model")
        _choose_ticks(ax, ordered["parameters"])
    shown = _draw_exposed(axes[1], ordered, unit, smallest)
    _draw_skill(axes[2], ordered, unit)
    letter(axes, ["Risk", "Who is exposed", "Skill"])
    first, last = ordered.iloc[0], ordered.iloc[-1]
    exposed = [show_few(row["exposed"], row["patients"], smallest) for row in (first, last)]
    names = ["variant", "parameters", "auroc", "auroc_sd", "auroc_members"]
    return Figure(
        "capacity",
        drawing,
        alt=f"Three line plots against model size. From {first['parameters']:,} to "
        f"{last['parameters']:,} parameters the exposed {unit}s go from {exposed[0]} to "
        f"{exposed[1]}, and the AUROC on {unit}s not seen from "
        f"{first['auroc']:.3f} to {last['auroc']:.3f}.",
        caption=f"Patient risk, exposed {unit}s and diagnostic performance against the number of "
        "parameters of the model. Bars: 95% intervals of the exposed, over as many new models; "
        "standard deviations over targets of the AUROC. Dashed: those whom chance names.",
        title="Risk and skill by the size of the model",
        data=pd.concat([ordered[names].assign(**shown), *tables], ignore_index=True),
    )


def _draw_exposed(ax: Any, table: pd.DataFrame, unit: str, smallest: int) -> dict[str, np.ndarray]:
    """Draw who is exposed, in percent, and by chance; return what is drawn."""
    few = [smallest > min(e, n - e) > 0 for e, n in table[["exposed", "patients"]].to_numpy()]
    share = np.where(few, np.nan, 100 * table["exposed_share"])
    drawn = {"exposed": share}
    if {"exposed_low", "exposed_high"} <= set(table):
        for end in ("exposed_low", "exposed_high"):
            drawn[end] = np.where(few, np.nan, 100 * table[end] / table["patients"])
        ax.vlines(table["parameters"], drawn["exposed_low"], drawn["exposed_high"], color=EXPOSED)
    drawn["by_chance"] = np.where(few, np.nan, 100 * table["by_chance"] / table["patients"])
    ax.plot(table["parameters"], share, "-o", color=EXPOSED, markersize=4)
    ax.plot(table["parameters"], drawn["by_chance"], "--", color=FLOOR)
    ax.set_ylim(0, None)
    ax.set_ylabel(f"Exposed {unit}s (%)")
    known = np.flatnonzero(~np.isnan(drawn["by_chance"]))
    if len(known):
        last = known[-1]
        ax.annotate(
            *("by chance", (table["parameters"][last], drawn["by_chance"][last])),
            xytext=(0, 3),
            textcoords="offset points",
            ha="right",
            fontsize=6.5,
            color=FLOOR,
        )
    return drawn


def _draw_skill(ax: Any, table: pd.DataFrame, unit: str) -> None:
    ax.errorbar(
        *(table["parameters"], table["auroc"], table["auroc_sd"]),
        fmt="-o",
        color=NON_MEMBER,
        markersize=4,
    )
    ax.plot(table["parameters"], table["auroc_members"], "--s", color=MEMBER, markersize=4)
    top = float(np.nanmax(table[["auroc", "auroc_members"]].to_numpy()))
    ax.set(ylabel="AUROC", ylim=(0.5, max(1.04, top + 0.05) if top > 0.9 else top + 0.08))
    last = table.iloc[-1]
    for column, words, colour, shift, va in (
        ("auroc_members", f"{unit}s seen", MEMBER, 5, "bottom"),
        ("auroc", "not seen (SD)", NON_MEMBER, -6, "top"),
    ):
        ax.annotate(
            *(words, (last["parameters"], last[column])),
            xytext=(0, shift),
            textcoords="offset points",
            ha="right",
            va=va,
            fontsize=6.5,
            color=colour,
        )


def _choose_ticks(ax: Any, parameters: pd.Series) -> None:
    """Label powers of ten, or the two ends where there are fewer than two of them."""
    low, high = float(parameters.min()), float(parameters.max())
    powers = 10.0 ** np.arange(np.ceil(np.log10(low) - 0.05), np.log10(high) + 0.06)
    ticks = list(powers) if len(powers) > 1 else sorted({low, high})
    ax.minorticks_off()
    ax.set_xticks(ticks, [_shorten(tick) for tick in ticks])
    room = (high / low) ** 0.1 if high > low else 2
    ax.set_xlim(low / room, high * room)


def _name_curves(ax: Any, ends: list[tuple[float, float, str, Any]]) -> None:
    """Write the names of curves left of them, each joined to its curve."""
    bottom, top = np.log(ax.get_ylim())
    heights = [(np.log(share) - bottom) / (top - bottom) for _, share, *_ in ends]
    for (x, y, name, colour), place in zip(ends, spread(heights, 0.07), strict=True):
        ax.annotate(
            *(name, (x, y), (0.01, place)),
            textcoords="axes fraction",
            va="center",
            fontsize=6.5,
            arrowprops={"arrowstyle": "-", "linewidth": 0.4, "color": colour, "relpos": (1, 0.5)}
            | {"shrinkA": 1, "shrinkB": 0},
        )


def _shorten(count: float) -> str:
    """Write a count in three digits: 1467838 -> "1.47 M"."""
    if count >= 1e6:
        return f"{count / 1e6:.3g} M"
    return f"{count / 1e3:.3g} k" if count >= 1e3 else f"{count:.0f}"
