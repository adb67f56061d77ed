"""The figure of experiments.capacity: risk and skill by the size of the model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.paper import published
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
    point_at,
    scale_log,
    spread,
    styled,
)

MOST_LABELLED = 9  # curves with a name at their side
AT = 0.7  # a risk at which the paper's small models are beside
LIGHTEST = 0.6  # of the colour map: lighter ones have too little contrast


@styled
def capacity(
    variants: pd.DataFrame,
    curves: dict[str, pd.DataFrame],
    unit: str = "patient",
    smallest: int = MIN_GROUP_SIZE,
    floor: pd.DataFrame | None = None,
    dataset: str = "",
) -> Figure:
    """Draw risk and skill against model size, from the tables of experiments.capacity.

    Survival curves of the true risk, a line for each model, named at its side, beside the noise
    floor (auc, share) of the smallest; exposed patients with 95% intervals where the table has
    them, and those that chance names; those of a true risk of AT or more, beside the paper's small
    models and, of a data set of the paper, its published curve; AUROC on patients that a model has
    not seen and on those that it has.
    """
    drawing, axes = new_figure(DOUBLE, 78 * MM, 1, 3, width_ratios=[1.35, 1.3, 0.8])
    ordered = variants.sort_values("parameters", kind="stable").reset_index(drop=True)
    tables, ends = _draw_curves(axes[0], ordered, curves, smallest)
    lowest = 0.7 * min([table["share"].min() for table in tables if len(table)], default=1e-3)
    if floor is not None:
        shown = floor.loc[(floor["auc"] >= 0.5) & (floor["share"] >= lowest)]
        axes[0].plot(shown["auc"], shown["share"], "--", color=FLOOR, linewidth=0.9)
        ends.append(_find_label(shown, "if nothing leaked", FLOOR))
        tables.append(shown.assign(variant="if nothing leaked"))
    known = published.survival()
    known = known[(known["dataset"] == dataset) & (known["patients"] >= smallest)]
    if len(known):
        axes[0].plot(known["auc"], known["share"], ":", color=NON_MEMBER, linewidth=1.5)
        size = shorten(published.PARAMETERS[dataset])
        ends.append(_find_label(known, f"published ({size})", NON_MEMBER))
        tables.append(known[["auc", "share"]].assign(variant="published"))
    scale_log(axes[0], "y")
    axes[0].set(xlabel=f"True {unit} risk (AUC)", ylabel=f"Share of {unit}s at or above")
    axes[0].set(xlim=(0.1, 1.005), ylim=(lowest, 1.3))
    axes[0].set_xticks([0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    axes[0].spines["bottom"].set_bounds(0.5, 1.005)
    name_curves(axes[0], ends[-MOST_LABELLED:])
    beside = published.at_or_above(AT)
    above = [_share_at(curves[name]) for name in ordered["variant"]]
    drawn = _draw_exposed(axes[1], ordered, np.array(above), beside, dataset, unit, smallest)
    _draw_skill(axes[2], ordered, unit)
    scale_log(axes[2], "x")
    axes[2].set_xlabel("Parameters of the model")
    _choose_ticks(axes[2], ordered["parameters"])
    letter(axes, ["Risk", "Who is at risk", "Skill"])
    first, last = ordered.iloc[0], ordered.iloc[-1]
    exposed = [show_few(row["exposed"], row["patients"], smallest) for row in (first, last)]
    names = ["variant", "parameters", "auroc", "auroc_sd", "auroc_members"]
    listed = ", ".join(f"{row.dataset} {row.share:.2%}" for row in beside.itertuples())
    return Figure(
        "capacity",
        drawing,
        alt=f"Three line plots against model size. From {first['parameters']:,} to "
        f"{last['parameters']:,} parameters the exposed {unit}s go from {exposed[0]} to "
        f"{exposed[1]}, and the AUROC on {unit}s not seen from "
        f"{first['auroc']:.3f} to {last['auroc']:.3f}. Published, {AT} or more: {listed}.",
        caption=f"Patient risk, exposed {unit}s and diagnostic performance against the number of "
        "parameters of the model. Dashed: the estimates where nothing leaks (left), those whom "
        "chance names (middle). Bars: 95% intervals of the exposed, over as many new models; "
        "standard deviations over targets of the AUROC. Open diamonds: the paper's small model of "
        f"each data set, {unit}s whose largest record AUC is {AT} or more; a largest of noisy "
        "estimates, so more than have such a true risk.",
        title="Risk and skill by the size of the model",
        data=pd.concat(
            [
                ordered[names].assign(**drawn),
                beside.rename(columns={"dataset": "variant", "share": "published"}),
                *tables,
            ],
            ignore_index=True,
        ),
    )


def _draw_curves(
    ax: Any, ordered: pd.DataFrame, curves: dict[str, pd.DataFrame], smallest: int
) -> tuple[list[pd.DataFrame], list[tuple[float, float, str, Any]]]:
    """Draw a curve for each model, darker and thicker the larger it is; (curves, labels)."""
    from matplotlib import colormaps

    shades = colormaps["cividis"](np.linspace(LIGHTEST, 0, len(ordered)))
    tables, ends = [], []
    for number, row in ordered.iterrows():
        curve = curves[row["variant"]]
        curve = curve[(curve["auc"] > 0.5) & (curve["patients"] >= smallest)]
        tables.append(curve[["auc", "share"]].assign(variant=row["variant"]))
        width = 0.8 + 0.8 * int(number) / max(1, len(ordered) - 1)
        ax.plot(curve["auc"], curve["share"], color=shades[number], linewidth=width)
        if len(curve):
            name = f"{row['variant']} ({shorten(row['parameters'])})"
            ends.append(_find_label(curve, name, shades[number]))
    return tables, ends


def _find_label(curve: pd.DataFrame, name: str, colour: Any) -> tuple[float, float, str, Any]:
    """Find the point of a curve that its name is joined to: (auc, share, name, colour)."""
    right = curve[curve["auc"] > 0.5]
    point = right.iloc[len(right) // 8]
    return float(point["auc"]), float(point["share"]), name, colour


def _share_at(curve: pd.DataFrame) -> float:
    """Return the share of patients of a true risk of AT or more."""
    return float(curve.loc[curve["auc"] > AT - 1e-9, "share"].max())


def _draw_exposed(
    ax: Any,
    table: pd.DataFrame,
    above: np.ndarray,
    beside: pd.DataFrame,
    dataset: str,
    unit: str,
    smallest: int,
) -> dict[str, np.ndarray]:
    """Draw who is exposed, by chance, and at AT or more, in percent; return what is drawn."""
    few = [smallest > min(e, n - e) > 0 for e, n in table[["exposed", "patients"]].to_numpy()]
    share = np.where(few, np.nan, 100 * table["exposed_share"])
    drawn = {"exposed": share}
    if {"exposed_low", "exposed_high"} <= set(table):
        for end in ("exposed_low", "exposed_high"):
            drawn[end] = np.where(few, np.nan, 100 * table[end] / table["patients"])
        low = np.maximum(drawn["exposed_low"], 1e-3)
        ax.vlines(table["parameters"], low, drawn["exposed_high"], color=EXPOSED)
    drawn["by_chance"] = np.where(few, np.nan, 100 * table["by_chance"] / table["patients"])
    is_few = above * table["patients"].to_numpy() < smallest
    drawn["true_risk"] = np.where(is_few, np.nan, 100 * above)
    lines = [
        ("exposed", drawn["exposed"], "-o", EXPOSED, EXPOSED),
        (f"{AT} or more", drawn["true_risk"], "-o", MEMBER, "white"),
        ("by chance", drawn["by_chance"], "--", FLOOR, FLOOR),
    ]
    scale_log(ax, "xy")
    labels = []
    for words, values, look, colour, face in lines:
        values = np.where(values > 0, values, np.nan)
        ax.plot(table["parameters"], values, look, color=colour, markerfacecolor=face, markersize=4)
        known = np.flatnonzero(~np.isnan(values))
        if len(known):
            labels.append((table["parameters"][known[0]], values[known[0]], words))
    of_paper = beside[beside["share"] > 0]
    for row in of_paper.itertuples():
        face = NON_MEMBER if row.dataset == dataset else "white"
        look = {"color": NON_MEMBER, "markerfacecolor": face, "markersize": 4}
        ax.plot(row.parameters, 100 * row.share, "D", **look)
    edges = [np.nanmin(np.append(values, 100 * of_paper["share"].min())) for _, values, *_ in lines]
    ax.set_ylim(max(min(edges) * 0.5, 1e-3), 150)
    ax.set(xlabel="Parameters of the model", ylabel=f"{unit.capitalize()}s (%)")
    sizes = pd.concat([table["parameters"], of_paper["parameters"]])
    _choose_ticks(ax, sizes, room=(60, 70))
    _write_beside(ax, labels, "left")
    points = [(row.parameters, 100 * row.share, row.dataset) for row in of_paper.itertuples()]
    _write_beside(ax, points, "right")
    ax.text(
        *(0.99, 0.99, f"published, {AT} or more"),
        ha="right",
        va="top",
        fontsize=6.5,
        transform=ax.transAxes,
    )
    return drawn


def _write_beside(ax: Any, labels: list[tuple[float, float, str]], side: str) -> None:
    """Write names at the left or right edge of a panel, each joined to its point."""
    bottom, top = np.log(ax.get_ylim())
    heights = [(np.log(y) - bottom) / (top - bottom) for _, y, _ in labels]
    places = spread(heights, 0.06)
    places = places - max(0.0, max(places, default=0) - 0.9)
    for (x, y, name), place in zip(labels, places, strict=True):
        left = side == "left"
        where = (0.02, place) if left else (0.99, place)
        point_at(ax, name, (x, y), where, ha=side, leave=(1 if left else 0, 0.5))


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
    for column, words, shift, va in (
        ("auroc_members", f"{unit}s seen", 5, "bottom"),
        ("auroc", "not seen (SD)", -6, "top"),
    ):
        ax.annotate(
            *(words, (last["parameters"], last[column])),
            xytext=(0, shift),
            textcoords="offset points",
            ha="right",
            va=va,
            fontsize=6.5,
        )


def _choose_ticks(ax: Any, parameters: pd.Series, room: tuple[float, float] | None = None) -> None:
    """Label powers of ten, or the two ends where there are fewer than two of them.

    room: factors by which the axis goes on beyond either end.
    """
    low, high = float(parameters.min()), float(parameters.max())
    powers = 10.0 ** np.arange(np.ceil(np.log10(low) - 0.05), np.log10(high) + 0.06)
    ticks = list(powers) if len(powers) > 1 else sorted({low, high})
    ax.minorticks_off()
    ax.set_xticks(ticks, [shorten(tick) for tick in ticks])
    beyond = (high / low) ** 0.1 if high > low else 2
    left, right = room or (beyond, beyond)
    ax.set_xlim(low / left, high * right)


def name_curves(ax: Any, ends: list[tuple[float, float, str, Any]]) -> None:
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


def shorten(count: float) -> str:
    """Write a count in three digits: 1467838 -> "1.47 M"."""
    if count >= 1e6:
        return f"{count / 1e6:.3g} M"
    return f"{count / 1e3:.3g} k" if count >= 1e3 else f"{count:.0f}"
