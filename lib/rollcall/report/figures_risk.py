"""Figures of patient risk: its survival curve, its growth with model size, the exposed images."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd

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
    styled,
)

FLOOR_POINTS = 2000  # of the noise floor's curve, at most


@styled
def survival(patients: pd.DataFrame, floor: np.ndarray, unit: str = "patient") -> Figure:
    """Draw the share of patients whose risk is at least x, the noise floor and who is exposed.

    patients: the table of rollcall.risk; floor: draws of auc_joint where nothing leaks.
    """
    drawing, ax = new_figure(SINGLE * 1.35, 75 * MM)
    count = len(patients)
    values = np.sort(patients["auc_joint"])[::-1]
    ax.step(
        values,
        np.arange(1, count + 1) / count,
        where="post",
        color=MEMBER,
        label=f"{count:,} {unit}s",
    )
    ordered = np.sort(floor)[::-1]
    share = np.arange(1, len(ordered) + 1) / len(ordered)
    first = (share >= 0.1 / count).argmax()
    thinned = np.unique(np.geomspace(max(first, 0) + 1, len(ordered), FLOOR_POINTS).astype(int) - 1)
    ax.plot(
        ordered[thinned],
        share[thinned],
        "--",
        color=FLOOR,
        label=f"noise floor: same models, membership\nredrawn ({len(floor) // count} passes)",
    )
    exposed = patients["exposed"].to_numpy()
    if exposed.any():
        ax.axvline(
            patients.loc[exposed, "auc_joint"].min(),
            color=EXPOSED,
            linestyle=":",
            linewidth=0.8,
            label=f"{int(exposed.sum()):,} exposed {unit}s\n(q ≤ 0.05) to the right",
        )
    ax.set(
        xlabel=f"{unit.capitalize()} risk (AUC; 0.5 = nothing can be told)",
        ylabel=f"Share of {unit}s at or above",
        yscale="log",
        xlim=(0.4, 1.005),
        ylim=(0.5 / count, 1.5),
    )
    ax.legend(loc="upper right" if values[0] < 0.8 else "lower left")
    return Figure(
        "survival",
        drawing,
        alt=f"Line plot on a log axis of the share of {count:,} patients at or above each risk, "
        f"with its noise floor. {int(exposed.sum()):,} patients are exposed; the highest risk is "
        f"{patients['auc_joint'].max():.3f}, the floor's {floor.max():.3f}.",
        caption="Share of patients whose risk is at least the value on the x axis, with the noise "
        "floor. Read where the curves part.",
    )


@styled
def capacity(
    variants: pd.DataFrame, patients: dict[str, pd.DataFrame], unit: str = "patient"
) -> Figure:
    """Draw risk and skill against model size, from the tables of experiments.capacity.

    Left: survival curves of the risk, a line for each model. Middle: exposed patients. Right:
    AUROC on patients that a model has not seen and on those that it has.
    """
    from matplotlib import colormaps

    drawing, axes = new_figure(DOUBLE, 65 * MM, 1, 3)
    ordered = variants.sort_values("parameters")
    shades = colormaps["cividis"](np.linspace(0.85, 0, len(ordered)))
    for number, (_, row) in enumerate(ordered.iterrows()):
        values = np.sort(patients[row["variant"]]["auc_joint"])[::-1]
        axes[0].step(
            values,
            np.arange(1, len(values) + 1) / len(values),
            where="post",
            color=shades[number],
            linewidth=0.8 + 0.8 * number / max(1, len(ordered) - 1),
            label=f"{row['variant']} ({_shorten(row['parameters'])})",
        )
    axes[0].set(
        xlabel=f"{unit.capitalize()} risk (AUC)",
        ylabel=f"Share of {unit}s at or above",
        yscale="log",
        xlim=(0.4, 1.005),
    )
    axes[0].legend(loc="lower left", fontsize=5)
    axes[1].plot(
        ordered["parameters"], 100 * ordered["exposed_share"], "-o", color=EXPOSED, markersize=4
    )
    axes[1].set(
        xscale="log",
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
        xscale="log",
        xlabel="Parameters of the model",
        ylabel="AUROC",
        ylim=(None, min(1.005, axes[2].get_ylim()[1])),
    )
    axes[2].legend(loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0)

    first, last = ordered.iloc[0], ordered.iloc[-1]
    return Figure(
        "capacity",
        drawing,
        alt=f"Three line plots against model size. From {first['parameters']:,} to "
        f"{last['parameters']:,} parameters the exposed patients go from {first['exposed']:,} to "
        f"{last['exposed']:,}, and the AUROC on patients not seen from {first['auroc']:.3f} to "
        f"{last['auroc']:.3f}.",
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
