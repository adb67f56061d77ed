"""Figures of patient risk: its survival curve, its growth with model size, the exposed images."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.gate import safe_curve, show_few
from rollcall.report.style import (
    DOUBLE,
    EXPOSED,
    FLOOR,
    MEMBER,
    MM,
    NON_MEMBER,
    SINGLE,
    Figure,
    new_figure,
    scale_log,
    styled,
)
from rollcall.risk import Risk

FLOOR_POINTS = 2000  # of the noise floor's curve, at most


@styled
def survival(risk: Risk, unit: str = "patient", smallest: int = MIN_GROUP_SIZE) -> Figure:
    """Draw the share of patients whose true risk is at least x, the estimates and the noise floor.

    The curve of the estimates has no step of fewer than `smallest` patients, and ends where fewer
    remain.
    """
    drawing, ax = new_figure(SINGLE * 1.35, 75 * MM)
    count, curve = len(risk.patients), risk.survival
    lowest = smallest / count
    # nearer 0.5 than an estimate's standard error nobody can say how many there are
    above = curve["auc"] >= np.quantile(risk.floor, 0.84)
    shown = curve[above & (curve["patients"] >= smallest)]
    ax.fill_between(
        shown["auc"],
        np.maximum(shown["low"], 1e-9) / count,
        shown["high"] / count,
        color=MEMBER,
        alpha=0.2,
        linewidth=0,
    )
    ax.plot(
        shown["auc"],
        shown["patients"] / count,
        color=MEMBER,
        label="true risks, noise taken out\n(band: 95%, as many new models)",
    )
    values, number = safe_curve(risk.patients["auc_joint"].to_numpy(), smallest)
    ax.step(
        values,
        number / count,
        where="post",
        color=EXPOSED,
        linewidth=0.5,
        label=f"estimates of {count:,} {unit}s",
    )
    x, share = thin_floor(risk.floor, 0.1 / count)
    ax.plot(
        x,
        share,
        "--",
        color=FLOOR,
        label="noise floor: estimates when\nmembership is redrawn",
    )
    scale_log(ax, "y")
    ax.set(
        xlabel=f"{unit.capitalize()} risk (AUC; 0.5 = nothing can be told)",
        ylabel=f"Share of {unit}s at or above",
        xlim=(0.45, 1.005),
        ylim=(0.5 * lowest, 1.5),
    )
    ax.legend(loc="lower left" if len(shown) > 30 else "upper right")
    return Figure(
        "survival",
        drawing,
        alt=f"Line plot on a log axis of the share of {count:,} {unit}s at or above each risk: "
        f"true risks with a band, estimates, noise floor. "
        + _describe_survival(curve, unit, smallest),
        caption=f"Share of {unit}s whose true risk is at least the value on the x axis (blue), "
        "and of the estimates, which noise spreads (black), with the noise floor (dashed). No step "
        f"stands for fewer than {smallest} {unit}s.",
    )


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


@styled
def capacity(
    variants: pd.DataFrame,
    curves: dict[str, pd.DataFrame],
    unit: str = "patient",
    smallest: int = MIN_GROUP_SIZE,
) -> Figure:
    """Draw risk and skill against model size, from the tables of experiments.capacity.

    Left: survival curves of the true risk, a line for each model. Middle: exposed patients. Right:
    AUROC on patients that a model has not seen and on those that it has.
    """
    from matplotlib import colormaps

    drawing, axes = new_figure(DOUBLE, 65 * MM, 1, 3)
    ordered = variants.sort_values("parameters")
    shades = colormaps["cividis"](np.linspace(0.85, 0, len(ordered)))
    for number, (_, row) in enumerate(ordered.iterrows()):
        curve = curves[row["variant"]]
        curve = curve[(curve["auc"] > 0.5) & (curve["patients"] >= smallest)]
        axes[0].plot(
            curve["auc"],
            curve["share"],
            color=shades[number],
            linewidth=0.8 + 0.8 * number / max(1, len(ordered) - 1),
            label=f"{row['variant']} ({_shorten(row['parameters'])})",
        )
    scale_log(axes[0], "y")
    scale_log(axes[1], "x")
    scale_log(axes[2], "x")
    axes[0].set(
        xlabel=f"True {unit} risk (AUC)",
        ylabel=f"Share of {unit}s at or above",
        xlim=(0.4, 1.005),
    )
    axes[0].legend(loc="lower left", fontsize=5)
    few = [smallest > min(e, n - e) > 0 for e, n in ordered[["exposed", "patients"]].to_numpy()]
    share = np.where(few, np.nan, 100 * ordered["exposed_share"])
    axes[1].plot(ordered["parameters"], share, "-o", color=EXPOSED, markersize=4)
    axes[1].set(
        xlabel="Parameters of the model",
        ylabel=f"Exposed {unit}s (%)",
        ylim=(0, None),
    )
    axes[2].errorbar(
        ordered["parameters"],
        ordered["auroc"],
        ordered["auroc_sd"],
        fmt="-o",
        color=NON_MEMBER,
        markersize=4,
        label="not seen in training (SD over targets)",
    )
    axes[2].plot(
        ordered["parameters"],
        ordered["auroc_members"],
        "--s",
        color=MEMBER,
        markersize=4,
        label="seen in training",
    )
    axes[2].set(
        xlabel="Parameters of the model",
        ylabel="AUROC",
        ylim=(None, min(1.005, axes[2].get_ylim()[1])),
    )
    axes[2].legend(loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0)

    first, last = ordered.iloc[0], ordered.iloc[-1]
    exposed = [show_few(row["exposed"], row["patients"], smallest) for row in (first, last)]
    return Figure(
        "capacity",
        drawing,
        alt=f"Three line plots against model size. From {first['parameters']:,} to "
        f"{last['parameters']:,} parameters the exposed {unit}s go from {exposed[0]} to "
        f"{exposed[1]}, and the AUROC on {unit}s not seen from "
        f"{first['auroc']:.3f} to {last['auroc']:.3f}.",
        caption="Patient risk, exposed patients and diagnostic performance against the number of "
        "parameters of the model.",
    )


def _shorten(count: float) -> str:
    """Write a count in three digits: 1467838 -> "1.47 M"."""
    if count >= 1e6:
        return f"{count / 1e6:.3g} M"
    return f"{count / 1e3:.3g} k" if count >= 1e3 else f"{count:.0f}"


@styled
def images(pixels: np.ndarray, titles: list[str], lowest: float) -> Figure:
    """Draw the most exposed records in a row. pixels (n, H, W, C) uint8; lowest: risk of them all.

    Titles are wrapped line by line.
    """
    drawing, axes = new_figure(DOUBLE, 37 * MM, 1, len(pixels), squeeze=False)
    for ax, image, title in zip(axes[0], pixels, titles, strict=True):
        ax.imshow(image[..., 0] if image.shape[-1] == 1 else image, cmap="gray", vmin=0, vmax=255)
        lines = [short for line in title.splitlines() for short in textwrap.wrap(line, 18)]
        ax.set_title("\n".join(lines), fontsize=6)
        ax.set_axis_off()
    return Figure(
        "most_exposed",
        drawing,
        alt=f"{len(pixels)} pictures, one record of each of the most exposed patients; patient AUC "
        f"{lowest:.2f} and above.",
        caption="The most exposed record of each of the most exposed patients, with the patient's "
        "AUC and the record's label.",
    )
