"""Figures of defences: what is left of the risk, what it costs, and whom."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.figures.experiments.scaling import LIGHTEST, name_curves
from rollcall.report.figures.risk import thin_floor
from rollcall.report.gate import show_few
from rollcall.report.style import (
    ACCENT,
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

FLOOR_POINTS = 500
LEAST = 0.48  # where the axis of risks begins
PANELS = {  # kinds of settings that share a panel, and what stands above it
    "record": "Record-level DP",
    "patient": "Patient-level DP",
    "others": "Cheaper measures",
}
MARKS = {  # of kinds of settings: colour, marker, words
    "plain": (EXPOSED, "D", "plain"),
    "record": (NON_MEMBER, "s", "record-level DP"),
    "patient": (MEMBER, "o", "patient-level DP"),
    "training": (ACCENT, "^", "trained otherwise"),
    "patients": (FLOOR, "P", "other number of patients"),
    "outputs": ("#9C4A7F", "v", "coarser outputs"),
}
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 2)))


def panel_of(kind: str) -> str:
    """Return the panel of a kind of setting; plain models are in every one."""
    return kind if kind in PANELS else "others"


@styled
def defence_survival(
    settings: pd.DataFrame,
    curves: dict[str, pd.DataFrame],
    floor: np.ndarray,
    unit: str = "patient",
    smallest: int = MIN_GROUP_SIZE,
) -> Figure:
    """Draw the share of patients at or above each true risk, a line for each setting.

    From the tables of experiments.defence: a panel for DP of records, of patients, and for all
    else, with the plain models and the noise floor in each, and the ceilings of what is promised:
    of a whole patient a vertical line in the colour of the setting, of one record a dotted one.
    """
    from matplotlib import colormaps

    kinds = settings["kind"].map(panel_of)
    is_plain = settings["kind"] == "plain"
    panels = [panel for panel in PANELS if (kinds[~is_plain] == panel).any()] or ["others"]
    drawing, axes = new_figure(
        DOUBLE, 88 * MM, 1, len(panels), squeeze=False, sharey=True, sharex=True
    )
    values, share = thin_floor(floor, points=FLOOR_POINTS)
    values, share = values[values >= LEAST], share[values >= LEAST]
    # nearer 0.5 than an estimate's standard error nobody can say how many there are
    look = {"smallest": smallest, "least": float(np.quantile(floor, 0.84))}
    names, most_hidden = [], 0
    for ax, panel in zip(axes[0], panels, strict=True):
        chosen = settings[(kinds == panel) & ~is_plain]
        if panel != "others":
            chosen = chosen.sort_values("epsilon", ascending=False)
        ax.plot(values, share, "--", color=FLOOR, linewidth=0.8, label="noise floor, plain")
        plain = settings[is_plain].iloc[0]
        labels, hidden = [], []
        point = _draw_curve(ax, curves[plain["setting"]], **look, color=EXPOSED, linewidth=1.6)
        ax.lines[-1].set_label("plain")
        labels += [(*point, "plain", EXPOSED)] if point else []
        shades = colormaps["cividis"](np.linspace(LIGHTEST, 0.05, max(1, len(chosen))))
        for number, (_, row) in enumerate(chosen.iterrows()):
            name, style = row["setting"], DASHES[number % len(DASHES)]
            shade = shades[number]
            words = name.replace(f"{row['unit']}-level DP, ", "")
            drawn = {"color": shade, "linestyle": style, "linewidth": 1.1}
            point = _draw_curve(ax, curves[name], **look, **drawn)
            ax.lines[-1].set_label(words)
            if point:
                labels.append((*point, words, shade))
            else:
                hidden.append(words)
            for kind, dash in (("ceiling_patient", "-"), ("ceiling_record", ":")):
                if row[kind] < 0.999 and (kind == "ceiling_patient" or row["unit"] == "record"):
                    ax.axvline(row[kind], color=shade, linestyle=dash, linewidth=0.6)
                    _name_ceiling(ax, row[kind], f"{row['epsilon']:g}")
        scale_log(ax, "y")
        ax.set(xlabel=f"True {unit} risk (AUC)", xlim=(0.07, 1.005))
        ax.set_xticks([0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
        ax.spines["bottom"].set_bounds(LEAST, 1.005)
        names.append((ax, labels))
        most_hidden = max(most_hidden, len(hidden))
        if hidden:
            words = "\n".join([f"too few {unit}s:", *hidden])
            ax.text(0.01, 0.02, words, va="bottom", fontsize=6.5, transform=ax.transAxes)
    room = 10 ** (-0.17 * (most_hidden + bool(most_hidden)))  # for the words at the bottom
    axes[0][0].set_ylim(0.5 * room * smallest / settings["patients"].max(), 2.6)
    for ax, labels in names:
        name_curves(ax, labels)
    at = int(np.abs(values - 0.56).argmin())
    point_at(
        axes[0][0], "if nothing\nleaked", (values[at], share[at]), (0.01, 0.95), leave=(1, 0.5)
    )
    letter(axes[0], [PANELS[panel] for panel in panels])
    axes[0][0].set_ylabel(f"Share of {unit}s at or above")
    return Figure(
        "defence_survival",
        drawing,
        alt=f"{len(panels)} line plots on a log axis of the share of {unit}s at or above each true "
        f"risk, a line for each of {len(settings)} settings, with the noise floor. "
        + _describe_ends(settings, unit, smallest),
        caption=f"Share of {unit}s whose true risk (the noise of the estimates taken out) is at "
        "least the value on the x axis, with the plain models (black), each defence, and the noise "
        "floor of the plain models (dashed). Vertical lines, with ε above: the highest AUC that "
        f"the promised epsilon allows any attacker, for a whole {unit} with as many records as any "
        f"has (solid) and for one record (dotted); where there is none it is above 0.999. No "
        f"point stands for fewer than {smallest} {unit}s.",
        title="What defences leave of the risk",
        data=_list_curves(settings, curves, (values, share), look),
    )


def _list_curves(settings: pd.DataFrame, curves: dict, floor: tuple, look: dict) -> pd.DataFrame:
    """List what is drawn: setting, auc, share, and the ceilings of each setting."""
    ceilings = settings.set_index("setting")[["ceiling_patient", "ceiling_record"]]
    tables = [pd.DataFrame({"setting": "noise floor, plain", "auc": floor[0], "share": floor[1]})]
    for name, curve in curves.items():
        shown = curve[(curve["auc"] >= look["least"]) & (curve["patients"] >= look["smallest"])]
        tables.append(shown[["auc", "share"]].assign(setting=name, **ceilings.loc[name].to_dict()))
    return pd.concat(tables, ignore_index=True)


def _draw_curve(
    ax, curve: pd.DataFrame, smallest: int, least: float, **look
) -> tuple[float, float] | None:
    """Draw what may be shown of a curve; return where it begins, None if nothing may."""
    shown = curve[(curve["auc"] >= least) & (curve["patients"] >= smallest)]
    ax.plot(shown["auc"], shown["share"], **look)
    if len(shown) < 2:
        return None
    first = shown.iloc[0]
    return float(first["auc"]), float(first["share"])


def _name_ceiling(ax, auc: float, epsilon: str) -> None:
    """Write at the top of a ceiling which epsilon it is of."""
    ax.text(
        *(auc, 1.55, f"ε {epsilon}"),
        ha="center" if auc < 0.95 else "right",
        va="center",
        fontsize=6.5,
        bbox={"facecolor": "white", "linewidth": 0, "pad": 0.4},
    )


def _describe_ends(settings: pd.DataFrame, unit: str, smallest: int) -> str:
    """Say how many have a true AUC of 0.9 or more, of each setting."""
    parts = [
        f"{row['setting']} {show_few(row['above'], np.inf, smallest)}"
        for _, row in settings.iterrows()
    ]
    return f"{unit.capitalize()}s with a true AUC of 0.9 or more: {'; '.join(parts)}."


@styled
def defence_price(
    settings: pd.DataFrame, unit: str = "patient", smallest: int = MIN_GROUP_SIZE
) -> Figure:
    """Draw skill against exposed patients, a point for each setting, those of DP connected.

    settings: of experiments.defence. A setting that exposes fewer than `smallest`, 0 or all but so
    few stands at the left edge, or the right one, as what it is written as.
    """
    drawing, ax = new_figure(DOUBLE, 92 * MM)
    edge = 0.5 * smallest / settings["patients"].max()  # of what is written as few, or none
    few = np.array([count < smallest for count in settings["exposed"]])
    left = settings["patients"] - settings["exposed"]
    x = np.where(few, edge, settings["exposed_share"])
    x = np.where((left > 0) & (left < smallest), 1.0, x)
    for kind, beside in (("record", 0.45), ("patient", 0.85)):  # both left of the dotted line
        x = np.where(few & (settings["kind"] == kind), beside * edge, x)
    for kind, (color, marker, words) in MARKS.items():
        chosen = np.flatnonzero(settings["kind"] == kind)
        if not len(chosen):
            continue
        if kind in ("record", "patient"):
            chosen = chosen[np.argsort(settings["epsilon"].to_numpy()[chosen])]
        ax.errorbar(
            x[chosen],
            settings["auroc"].to_numpy()[chosen],
            settings["auroc_sd"].to_numpy()[chosen],
            fmt=marker + ("-" if kind in ("record", "patient") else ""),
            color=color,
            markersize=4.5,
            linewidth=0.8,
            elinewidth=0.5,
        )
        if kind in ("record", "patient"):
            top = float(settings["auroc"].to_numpy()[chosen].max())
            ax.annotate(
                *(words.replace(" ", "\n"), (x[chosen].max(), top)),
                xytext=(0, 9),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=6.5,
            )
    scale_log(ax, "x")
    ax.axvline(smallest / settings["patients"].max(), color=FLOOR, linestyle=":", linewidth=0.7)
    ax.set(
        xlabel=f"Exposed {unit}s, share (dotted: {smallest} {unit}s; left of it fewer, or none)",
        ylabel=f"AUROC, {unit}s not seen (SD over targets)",
    )
    ax.margins(x=0.1, y=0.1)
    is_private = settings["kind"].isin(["record", "patient"]).to_numpy()
    _write_beside(
        ax,
        x[~is_private],
        settings["auroc"].to_numpy()[~is_private],
        settings["setting"][~is_private].tolist(),
    )
    for kind, side in (("record", "right"), ("patient", "left")):
        _name_epsilons(ax, x, settings, np.flatnonzero(settings["kind"] == kind), side)
    plain = settings[settings["kind"] == "plain"].iloc[0]
    best = settings.loc[~few | (settings["exposed"] == 0)].sort_values("exposed_share").iloc[0]
    return Figure(
        "defence_price",
        drawing,
        alt=f"Scatter plot of AUROC on {unit}s not seen against the share of exposed {unit}s, "
        f"{len(settings)} settings. Plain: {plain['auroc']:.3f} and "
        f"{show_few(plain['exposed'], plain['patients'], smallest)} exposed; fewest where the "
        f"number may be shown: {best['setting']}, {best['auroc']:.3f} and "
        f"{show_few(best['exposed'], best['patients'], smallest)}.",
        caption=f"What each setting costs and what it leaves: AUROC on {unit}s not seen in "
        f"training against the share of {unit}s who are exposed. Upwards and to the left is "
        "better. Lines join the settings of one unit of differential privacy. Diamond: plain; "
        "triangles up: trained otherwise, down: coarser outputs; plus: other number of patients.",
        title="What defences cost and what they leave",
        data=pd.DataFrame(
            {"setting": settings["setting"], "exposed_share": np.where(few, np.nan, x)}
            | {name: settings[name] for name in ("auroc", "auroc_sd")}
        ),
    )


def _name_epsilons(ax, x: np.ndarray, settings: pd.DataFrame, chosen: np.ndarray, side: str):
    """Write the epsilons of points beside them, none over another; side: the end at the points."""
    skills = settings["auroc"].to_numpy()[chosen]
    bottom, top = ax.get_ylim()
    for number, height in zip(chosen, spread(skills, 0.036 * (top - bottom)), strict=True):
        epsilon = settings["epsilon"].iloc[number]
        ax.annotate(
            "no noise" if np.isinf(epsilon) else f"ε {epsilon:.3g}",
            (x[number] * (0.85 if side == "right" else 1.18), height),
            ha=side,
            va="center",
            fontsize=6.5,
        )


def _write_beside(ax, x: np.ndarray, y: np.ndarray, texts: list[str]) -> None:
    """Write the names of points in a column on the right, each joined to its point."""
    bottom, top = ax.get_ylim()
    order = np.lexsort((-x, y))
    heights = spread((y[order] - bottom) / (top - bottom), 0.06)
    heights = heights - max(0.0, heights.max(initial=0) - 0.98)
    for height, number in zip(heights, order, strict=True):
        ax.annotate(
            texts[number],
            (x[number], y[number]),
            xytext=(1.03, height),
            textcoords="axes fraction",
            fontsize=6.5,
            va="center",
            arrowprops={
                "arrowstyle": "-",
                "color": FLOOR,
                "linewidth": 0.3,
                "shrinkB": 3,
                "relpos": (0, 0.5),
            },
        )
