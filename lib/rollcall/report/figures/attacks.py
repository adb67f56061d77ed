"""Figures of the attacks on records: ROC curves, one record's scores in and out, pictures."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd

from rollcall.report.style import (
    DOUBLE,
    FLOOR,
    MARKS,
    MEMBER,
    MM,
    NON_MEMBER,
    SINGLE,
    Figure,
    letter,
    new_figure,
    scale_log,
    spread,
    styled,
)

LABELS = 0.3  # of the logarithmic panel's width, for the names of the curves
TOP = 1.42  # of a panel of normal curves, the tallest of which is 1
KINDS = (  # colour, dash, name and height of the ticks of both kinds of models
    (MEMBER, "-", "with the record", -0.09),
    (NON_MEMBER, "--", "without it", -0.21),
)
BELL = np.linspace(-3.5, 3.5, 141)  # standard deviations over which a normal curve is drawn


@styled
def roc(curves: pd.DataFrame, attacks: pd.DataFrame) -> Figure:
    """Draw the ROC of each attack, mean over targets, on logarithmic and on linear axes.

    curves and attacks: the tables `roc` and `attacks` of rollcall.attacks.run_all. The curves begin
    where the data do, at 10 false alarms a model; bands: a standard deviation over targets, where
    the table has it. Attacks without a mark of style.MARKS are left out.
    """
    drawing, axes = new_figure(DOUBLE, 78 * MM, 1, 2, width_ratios=[2.1, 1])
    curves = curves if "tpr_sd" in curves else curves.assign(tpr_sd=0.0)
    is_marked = [key in MARKS for key in zip(curves["attack"], curves["variant"], strict=True)]
    curves = curves.loc[np.array(is_marked, bool)]
    lowest = curves.loc[curves["fpr"] > 0, "fpr"].min()
    areas = attacks.groupby(["attack", "variant"], sort=False)["auc"].agg(["mean", "std"])
    starts, names, first = [], [], []
    for key, curve in curves.groupby(["attack", "variant"], sort=False):
        colour, dash = MARKS[key]
        look = {"color": colour, "linestyle": dash, "label": " ".join(key)}
        draw_curve(axes[0], curve[curve["fpr"] > 0], 0.13, look)
        draw_curve(axes[1], curve, 0.13, look)
        start = curve[curve["fpr"] > 0].iloc[0]
        starts.append(max(start["tpr"], lowest / 10))
        names.append(f"{' '.join(key)}, AUC {areas.loc[key, 'mean']:.3f}")
        first.append(f"{' '.join(key)} {areas.loc[key, 'mean']:.3f} and {100 * start['tpr']:.2g}%")
    for ax in axes:
        ax.plot([lowest, 1], [lowest, 1], color=FLOOR, linewidth=0.6, zorder=0)
        ax.set_xlabel("False-positive rate")
    axes[0].set_ylabel("True-positive rate (band: SD over models)")
    scale_log(axes[0], "xy")
    bottom = min([lowest, *starts]) * 0.6
    axes[0].set(xlim=(lowest ** (1 / (1 - LABELS)), 1), ylim=(bottom, 1))
    decades = 10.0 ** np.arange(np.ceil(np.log10(lowest)), 1)
    axes[0].set_xticks(decades)
    minor = (decades[:, None] * np.arange(2, 10) / 10).ravel()
    axes[0].set_xticks(minor[minor >= lowest], minor=True)
    axes[0].spines["bottom"].set_bounds(lowest, 1)
    axes[1].set(xlim=(0, 1), ylim=(0, 1))
    axes[1].set_aspect("equal", anchor="N")
    _name_curves(axes[0], lowest, starts, names)
    letter(axes, ["Few false alarms: where attackers look", "Linear axes"])
    order = ["attack", "variant", "fpr", "tpr", "tpr_sd"]
    return Figure(
        "roc",
        drawing,
        alt="Two line plots of true- against false-positive rate, logarithmic and linear. AUC, and "
        f"true-positive rate at a false-positive rate of {100 * lowest:.2g}%: {'; '.join(first)}.",
        caption="ROC curves, mean over all target models, with a standard deviation over them. "
        "Beside each name: its AUC. Curves begin at 10 false alarms a model; the grey diagonal is "
        "guessing.",
        title="How well attacks tell members from non-members",
        data=curves[order].reset_index(drop=True),
    )


def draw_curve(ax, curve: pd.DataFrame, opacity: float, look: dict) -> None:
    """Draw a ROC curve, fpr and tpr, with a band of tpr_sd to either side of that opacity."""
    low, high = (curve["tpr"] + sign * curve["tpr_sd"] for sign in (-1, 1))
    band = {"color": look["color"], "alpha": opacity, "linewidth": 0}
    ax.fill_between(curve["fpr"], np.maximum(low, 1e-9), np.minimum(high, 1), **band)
    ax.plot(curve["fpr"], curve["tpr"], **look)


def _name_curves(ax, lowest: float, starts: list[float], names: list[str]) -> None:
    """Write each curve's name left of where it begins, with a hairline to it."""
    bottom, top = np.log(ax.get_ylim())
    heights = (np.log(starts) - bottom) / (top - bottom)
    places = spread(heights, 0.065)
    places += max(0.0, 0.04 - places.min())
    for name, start, place in zip(names, starts, places, strict=True):
        ax.annotate(
            name,
            (lowest, start),
            (0.015, place),
            textcoords="axes fraction",
            va="center",
            fontsize=6.5,
            arrowprops={"arrowstyle": "-", "linewidth": 0.4, "color": FLOOR, "relpos": (1, 0.5)}
            | {"shrinkA": 1, "shrinkB": 0},
        )


@styled
def in_out(panels: list[tuple[str, np.ndarray, np.ndarray]]) -> Figure:
    """Draw the scores of records under models that had them and under models that had not.

    panels: (title, in scores, out scores) of each record, as examples.pick_examples gives them. A
    tick for each model, and the normal curves that LiRA fits; one scale of scores for all.
    """
    drawing, axes = new_figure(
        SINGLE, (16 + 27 * len(panels)) * MM, len(panels), 1, squeeze=False, sharex=True
    )
    tables = [
        draw_strip(ax, *both).assign(panel=title)
        for ax, (title, *both) in zip(axes[:, 0], panels, strict=True)
    ]
    letter(axes[:, 0], [title for title, *_ in panels])
    axes[-1, 0].set_xlabel("Membership score (log odds of the record's own label)")
    _name_kinds(axes[0, 0], panels[0])
    words = "; ".join(
        f"{title}, with the record {np.mean(inside):.2f} (SD {_spread_of(inside):.2f}) under "
        f"{len(inside)} models, without it {np.mean(outside):.2f} (SD {_spread_of(outside):.2f}) "
        f"under {len(outside)}"
        for title, inside, outside in panels
    )
    return Figure(
        "in_out",
        drawing,
        alt="Normal curves over ticks, one tick for each model's membership score: scores under "
        f"models that had the record against models that had not. {words}.",
        caption="Scores of one record under all target models: a tick for each model, and the "
        "normal curves that LiRA fits to them (blue: models that had the record; dashed: that had "
        "not). One scale for both records, areas are equal within each.",
        title="What models betray about one record",
        data=pd.concat(tables, ignore_index=True),
    )


def draw_strip(ax, inside: np.ndarray, outside: np.ndarray) -> pd.DataFrame:
    """Draw one record's scores: a tick for each model, and the two normal curves; list them.

    inside, outside: scores under models that had the record, and that had not.
    """
    both = (inside, outside)
    fits = [(float(np.mean(each)), _spread_of(each)) for each in both]
    tallest = max((1 / sd for _, sd in fits if sd > 0), default=1.0)
    tables = []
    for values, (mean, sd), (colour, dash, name, height) in zip(both, fits, KINDS, strict=True):
        if sd > 0:
            curve = np.exp(-0.5 * BELL**2) / (sd * tallest)
            ax.plot(mean + sd * BELL, curve, dash, color=colour)
            ax.fill_between(mean + sd * BELL, curve, color=colour, alpha=0.12, linewidth=0)
        ax.plot(
            *(values, np.full(len(values), height), "|"),
            color=colour,
            markersize=4.5,
            markeredgewidth=0.6,
        )
        fitted = {"models": name, "score": np.sort(values), "mean": mean, "sd": sd}
        tables.append(pd.DataFrame({"panel": ""} | fitted))
    ax.set(ylim=(-0.3, TOP), yticks=[])
    ax.spines["left"].set_visible(False)
    return pd.concat(tables)


def _spread_of(values: np.ndarray) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def _name_kinds(ax, panel: tuple[str, np.ndarray, np.ndarray]) -> None:
    """Write which models each curve is of, above it; beside it where the other one is near."""
    _, inside, outside = panel
    low, high = ax.get_xlim()
    places = [(float(np.mean(each)) - low) / (high - low) for each in (inside, outside)]
    words = [f"{len(inside)} models\nwith the record", f"{len(outside)} models\nwithout it"]
    left = int(places[1] < places[0])
    for number, (place, text) in enumerate(zip(places, words, strict=True)):
        x, y, ha, va = float(np.clip(place, 0.15, 0.85)), 1.05, "center", "bottom"
        if abs(places[0] - places[1]) < 0.3:
            x, y, ha, va = (place - 0.06, 0.9, "right", "top")
            if number != left:
                x, ha = (place + 0.06, "left") if place < 0.75 else (1.0, "right")
                y, va = (0.9, "top") if place < 0.75 else (1.05, "bottom")
        ax.text(
            x, (y + 0.3) / (TOP + 0.3), text, ha=ha, va=va, fontsize=6.5, transform=ax.transAxes
        )


@styled
def images(
    pixels: list[np.ndarray], titles: list[list[str]], rows: pd.DataFrame, unit: str = "patient"
) -> Figure:
    """Draw the most exposed records in a row, over records taken at random.

    pixels (n, H, W, C) uint8 and n titles of each row, wrapped line by line; rows: what is written,
    `patient AUC` a row per picture.
    """
    columns = max(map(len, pixels))
    drawing, axes = new_figure(DOUBLE, 39 * len(pixels) * MM, len(pixels), columns, squeeze=False)
    for line, some, names in zip(axes, pixels, titles, strict=True):
        for ax in line:
            ax.set_axis_off()
        for ax, image, title in zip(line, some, names, strict=False):
            shown = image[..., 0] if image.shape[-1] == 1 else image
            ax.imshow(shown, cmap="gray", vmin=0, vmax=255)
            lines = [short for part in title.splitlines() for short in textwrap.wrap(part, 17)]
            ax.text(0, -0.06, "\n".join(lines), va="top", fontsize=6.5, transform=ax.transAxes)
    letter([line[0] for line in axes], ["highest risk", "at random"][: len(axes)])
    risks = rows["patient AUC"].to_numpy()
    first, rest = risks[: len(pixels[0])], risks[len(pixels[0]) :]
    beside = ""
    if len(rest):
        beside = f", above {len(rest)} at random, {unit} AUC {np.median(rest):.2f} in the median"
    return Figure(
        "most_exposed",
        drawing,
        alt=f"{len(pixels[0])} pictures, one record of each of the most exposed {unit}s, {unit} "
        f"AUC {first.min():.2f} and above{beside}.",
        caption=f"One record of each of the most exposed {unit}s, and below, to compare, records "
        f"taken at random; with the {unit}'s AUC and the record's label.",
        title=f"Records of the most exposed {unit}s, and records at random",
        data=rows,
    )
