"""Every figure of an audit: a function from arrays to a matplotlib Figure. Nothing here computes a result.

One colour per meaning: members blue, non-members vermillion, noise floor grey, exposed black. Colour never stands alone.
"""

from __future__ import annotations

import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import gaussian_kde

from rollcall import audit as _audit
from rollcall.report import examples
from rollcall.report.style import (
    DOUBLE,
    EXPOSED,
    FLOOR,
    MARKS,
    MEMBER,
    MM,
    NON_MEMBER,
    SINGLE,
    _figure,
    _styled,
)


@_styled
def roc(curves: pd.DataFrame, attacks: pd.DataFrame) -> Figure:
    """ROC of each attack, mean over targets, on linear and on logarithmic axes. Tables as attacks.run_all returns them."""
    figure, axes = _figure(DOUBLE, 75 * MM, 1, 2)
    for key, curve in curves.groupby(["attack", "variant"], sort=False):
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
    low = 1e-4
    for ax in axes:
        ax.plot([low / 10, 1], [low / 10, 1], color=FLOOR, linewidth=0.6, zorder=0)
        ax.set(xlabel="False-positive rate", ylabel="True-positive rate")
    axes[0].set(xlim=(0, 1), ylim=(0, 1))
    axes[1].set(xscale="log", yscale="log", xlim=(low, 1), ylim=(low, 1))
    axes[0].legend(loc="lower right")
    return figure


@_styled
def in_out(panels: list[tuple[str, np.ndarray, np.ndarray]]) -> Figure:
    """Score distributions of records under models that had them and had not. panels: (title, in scores, out scores) each."""
    figure, axes = _figure(DOUBLE, 60 * MM, 1, len(panels), squeeze=False)
    for ax, (title, inside, outside) in zip(axes[0], panels):
        both = np.concatenate([inside, outside])
        grid = np.linspace(
            both.min() - np.ptp(both) * 0.2 - 1e-3, both.max() + np.ptp(both) * 0.2 + 1e-3, 300
        )
        for values, colour, dash, name, height in (
            (inside, MEMBER, "-", "had the record", -0.05),
            (outside, NON_MEMBER, "--", "had it not", -0.1),
        ):
            if np.ptp(values) > 0:
                density = gaussian_kde(values)(grid)
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
    figure.legend(*axes[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


@_styled
def survival(patients: pd.DataFrame, floor: np.ndarray, unit: str = "patient") -> Figure:
    """Share of patients whose risk is at least x, on a log axis, with the noise floor and the exposed patients' threshold."""
    figure, ax = _figure(SINGLE * 1.35, 75 * MM)
    n = len(patients)
    values = np.sort(patients["auc_joint"])[::-1]
    ax.step(values, np.arange(1, n + 1) / n, where="post", color=MEMBER, label=f"{n:,} {unit}s")
    ordered = np.sort(floor)[::-1]
    share = np.arange(1, len(ordered) + 1) / len(ordered)
    keep = share >= 0.1 / n
    thinned = np.unique(np.geomspace(max(keep.argmax(), 0) + 1, len(ordered), 2000).astype(int) - 1)
    ax.plot(
        ordered[thinned],
        share[thinned],
        "--",
        color=FLOOR,
        label=f"noise floor: same models, membership\nredrawn ({len(floor) // n} passes)",
    )
    exposed = patients["exposed"].to_numpy()
    if exposed.any():
        limit = patients.loc[exposed, "auc_joint"].min()
        ax.axvline(
            limit,
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
        ylim=(0.5 / n, 1.5),
    )
    ax.legend(loc="upper right" if values[0] < 0.8 else "lower left")
    return figure


@_styled
def capacity(
    table: pd.DataFrame, patients: dict[str, pd.DataFrame], unit: str = "patient"
) -> Figure:
    """Risk and skill against model size. Tables as capacity.compare returns them.

    Left: survival curves of the risk, a line a model. Middle: exposed patients. Right: AUROC on patients a model has not seen and on those it has.
    """
    figure, axes = _figure(DOUBLE, 65 * MM, 1, 3)
    ordered = table.sort_values("parameters")
    shades = plt.get_cmap("cividis")(np.linspace(0.85, 0, len(ordered)))
    for number, (_, row) in enumerate(ordered.iterrows()):
        values = np.sort(patients[row["variant"]]["auc_joint"])[::-1]
        axes[0].step(
            values,
            np.arange(1, len(values) + 1) / len(values),
            where="post",
            color=shades[number],
            linewidth=0.8 + 0.8 * number / max(1, len(ordered) - 1),
            label=f"{row['variant']} ({_short(row['parameters'])})",
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
    return figure


def _short(count: float) -> str:
    """1467838 -> "1.47 M"."""
    return (
        f"{count / 1e6:.3g} M"
        if count >= 1e6
        else f"{count / 1e3:.3g} k"
        if count >= 1e3
        else f"{count:.0f}"
    )


@_styled
def pictures(images: np.ndarray, titles: list[str]) -> Figure:
    """A row of records as pictures. images (n, H, W, C) uint8."""
    figure, axes = _figure(DOUBLE, 37 * MM, 1, len(images), squeeze=False)
    for ax, image, title in zip(axes[0], images, titles):
        ax.imshow(image[..., 0] if image.shape[-1] == 1 else image, cmap="gray", vmin=0, vmax=255)
        ax.set_title(
            "\n".join(part for line in title.splitlines() for part in textwrap.wrap(line, 18)),
            fontsize=6,
        )
        ax.set_axis_off()
    return figure


@_styled
def forest(table: pd.DataFrame, unit: str = "patient") -> Figure:
    """Risk ratio of each group with its 95% interval, on a log axis, attribute by attribute; intersections are left to the table. Table as
    disparity.disparity returns it."""
    table = table[~table["intersection"]]
    rows = len(table) + table["attribute"].nunique()
    figure, ax = _figure(DOUBLE * 0.8, max(40, 4.6 * rows + 14) * MM)
    ax.axvline(1, color=FLOOR, linewidth=0.6, zorder=0)
    y, ticks, labels = 0, [], []
    low, high = 0.05, 20
    for attribute, part in table.groupby("attribute", sort=False):
        ticks.append(y), labels.append(attribute.upper())
        for _, row in part.iterrows():
            y += 1
            marked = row["p_adjusted"] < 0.05
            ax.plot(
                np.clip([row["ci_low"], row["ci_high"]], low, high),
                [y, y],
                color=EXPOSED if marked else FLOOR,
                linewidth=1.6 if marked else 0.9,
            )
            outside = "<" if row["risk_ratio"] < low else ">" if row["risk_ratio"] > high else ""
            ax.plot(
                np.clip(row["risk_ratio"], low, high),
                y,
                outside or ("D" if marked else "o"),
                color=EXPOSED if marked else FLOOR,
                markerfacecolor=EXPOSED if marked else "white",
                markersize=4,
                clip_on=False,
            )
            if outside:
                ax.annotate(
                    f"{row['risk_ratio']:.2g}"
                    if row["risk_ratio"] < 10
                    else f"{row['risk_ratio']:.0f}",
                    (low if outside == "<" else high, y),
                    (6 if outside == "<" else -6, 2),
                    textcoords="offset points",
                    va="bottom",
                    ha="left" if outside == "<" else "right",
                    fontsize=6,
                )
            ticks.append(y), labels.append(f"{row['group']}  ({row['patients']:,})")
        y += 1
    ax.set(
        xscale="log",
        xlim=(low, high),
        ylim=(y - 0.4, -0.6),
        yticks=ticks,
        yticklabels=labels,
        xlabel=f"Risk ratio: among the most exposed 1%, against all other {unit}s (95% interval)",
    )
    ax.tick_params(axis="y", length=0)
    shown = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20)
    ax.set_xticks(shown, [f"{tick:g}" for tick in shown])
    ax.minorticks_off()
    ax.plot([], [], "D", color=EXPOSED, label="p < 0.05 after Holm")
    ax.plot([], [], "o", color=FLOOR, markerfacecolor="white", label="not significant")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2)
    return figure


@_styled
def shares(table: pd.DataFrame, unit: str = "patient") -> Figure:
    """Share of each group among all patients and among the most exposed 1%, one panel per attribute; intersections are left to the table."""
    table = table[~table["intersection"]]
    parts = list(table.groupby("attribute", sort=False))
    columns = min(3, len(parts))
    lines = -(-len(parts) // columns)
    tallest = [
        max(len(part) for _, part in parts[line * columns : (line + 1) * columns])
        for line in range(lines)
    ]
    figure, axes = _figure(
        DOUBLE,
        sum(14 + 5.5 * count for count in tallest) * MM,
        lines,
        columns,
        squeeze=False,
        gridspec_kw={"height_ratios": [count + 1.5 for count in tallest]},
    )
    for ax in axes.flat[len(parts) :]:
        ax.set_axis_off()
    for number, (ax, (attribute, part)) in enumerate(zip(axes.flat, parts)):
        y = np.arange(len(part))
        ax.barh(
            y - 0.2,
            100 * part["share"],
            0.38,
            color="white",
            edgecolor=FLOOR,
            linewidth=0.7,
            label=f"all {unit}s",
        )
        ax.barh(y + 0.2, 100 * part["share_top"], 0.38, color=EXPOSED, label="most exposed 1%")
        ax.set(title=attribute, yticks=y, yticklabels=part["group"], xlabel=f"Share of {unit}s (%)")
        ax.set_ylim(tallest[number // columns] - 0.4, -0.6)  # bars as thick in every panel of a row
    figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def alt_capacity(result) -> str:
    t = result.table.sort_values("parameters")
    first, last = t.iloc[0], t.iloc[-1]
    return (
        f"Three line plots against model size. From {first['parameters']:,} to {last['parameters']:,} parameters the exposed patients go "
        f"from {first['exposed']:,} to {last['exposed']:,}, and the AUROC on patients not seen from {first['auroc']:.3f} to {last['auroc']:.3f}."
    )


def alt_roc(attacked: _audit.Attacked) -> str:
    areas = attacked.attacks.groupby(["attack", "variant"], sort=False)["auc"].mean()
    return (
        "Two line plots of true- against false-positive rate, linear and logarithmic. AUC: "
        + ", ".join(f"{' '.join(key)} {value:.3f}" for key, value in areas.items())
        + "."
    )


def alt_in_out(plan: _audit.Audit, attacked: _audit.Attacked) -> str:
    return (
        "Two density plots of membership scores, models that had the record against models that had not: "
        + "; ".join(
            f"{title}, medians {np.median(inside):.2f} and {np.median(outside):.2f}"
            for title, inside, outside in examples.examples(plan, attacked)
        )
        + "."
    )


def alt_survival(attacked: _audit.Attacked) -> str:
    patients = attacked.risk.patients
    return (
        f"Line plot on a log axis of the share of {len(patients):,} patients at or above each risk, with its noise floor. "
        f"{int(patients['exposed'].sum()):,} patients are exposed; the highest risk is {patients['auc_joint'].max():.3f}, "
        f"the floor's {attacked.risk.floor.max():.3f}."
    )


def alt_forest(groups: pd.DataFrame) -> str:
    row = groups.loc[groups["p_adjusted"].idxmin()]
    return (
        f"Forest plot of risk ratios of {len(groups)} groups. The clearest: {row['attribute']} {row['group']}, {row['risk_ratio']:.2f} "
        f"({row['ci_low']:.2f} to {row['ci_high']:.2f})."
    )


def alt_shares(groups: pd.DataFrame) -> str:
    row = groups.loc[(groups["share_top"] - groups["share"]).idxmax()]
    return (
        f"Bar charts of each group's share among all patients and among the most exposed 1%. The largest gain: {row['attribute']} "
        f"{row['group']}, from {row['share']:.1%} to {row['share_top']:.1%}."
    )
