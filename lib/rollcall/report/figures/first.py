"""The two figures of the first page: how many of 1,000 patients, and which groups, as rates."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.report.gate import show_few
from rollcall.report.style import EXPOSED, FLOOR, MM, SINGLE, Figure, new_figure, styled
from rollcall.report.typeface import wrap
from rollcall.report.words.comparing import SIGNIFICANT, list_comparable
from rollcall.report.words.one_model import OneModel, find_case_of_one
from rollcall.report.words.opening import CONTROL, FEW, FOUND, NONE, TRIAL, UNDECIDED, find_case
from rollcall.report.words.sentences import Findings

HEIGHT = 56 * MM
COLUMNS = {1_000: 50, 10_000: 200}  # of icons in a row, by how many there are
MOST_GROUPS = 5
LIGHT = "#D0D0D0"


def draw_icons(findings: Findings) -> Figure | None:
    """Draw 1,000 (or 10,000) patients, of whom as many are dark as are exposed of so many.

    Hollow: those expected there by chance; or, where none or few are exposed, the most there may
    be as far as is shown. None where nothing was found out: there is nothing to draw.
    """
    case, risk, total = find_case(findings), findings.risk, findings.patients
    limit = round(risk["exposed_high"]) if case == NONE else 0
    exposed, chance = (risk["exposed"], risk["by_chance"]) if case == FOUND else (0, 0)
    return _draw_icons(case, findings.unit, total, exposed, chance, limit, findings.smallest)


def draw_icons_of_one(model: OneModel) -> Figure | None:
    """Draw the same of a check of one model: of those asked about, at its false-discovery rate."""
    case = find_case_of_one(model)
    named = model.named if case == FOUND else 0
    counts = model.asked, named, named * model.fdr
    return _draw_icons(case, model.unit, *counts, 0, model.smallest)


@styled
def _draw_icons(
    case: str, unit: str, total: int, exposed: float, chance: float, limit: int, smallest: int
) -> Figure | None:
    """Draw icons; limit: the most that may be exposed where none is, at least the hidden ones."""
    if case in (CONTROL, TRIAL, UNDECIDED):
        return None
    if 0 < total - exposed < smallest:
        exposed, chance = total, 0
    most = 0
    if case in (NONE, FEW):
        most = min(limit if limit >= smallest else smallest - 1, total)
    size = 10_000 if 0 < max(exposed, most) < total / 1_000 else 1_000
    dark, hollow = (round(size * number / total) for number in (exposed, chance or most))
    if exposed:
        dark, hollow = dark - min(hollow, dark), min(hollow, dark)
    elif most:
        hollow = max(hollow, 1)
    drawing, ax = new_figure(SINGLE, HEIGHT)
    _draw_field(ax, size, dark, hollow)
    number, few = dark + hollow, show_few(1, total, smallest)
    if exposed:
        words = f"{number:,} of every {size:,} {unit}s can be picked out"
        legend = [(EXPOSED, EXPOSED, f"{dark:,} picked out, and not by chance")]
        legend += [("white", EXPOSED, f"{hollow:,} expected by chance")] if hollow else []
        more = " A ring: as many as chance alone would name." if hollow else ""
    else:
        words = f"at most {number:,} of every {size:,} {unit}s can be picked out"
        legend = [("white", EXPOSED, f"at most {number:,}")]
        count = (
            f"None of {total:,} was" if case == NONE else f"{few.capitalize()} of {total:,} were"
        )
        more = f" {count} picked out; the rings are the most that this audit can exclude no better."
    legend.append((LIGHT, LIGHT, f"{size - number:,} others"))
    handles = [
        ax.plot([], [], "o", color=edge, markerfacecolor=face, markersize=4, label=label)[0]
        for face, edge, label in legend
    ]
    place = {"loc": "upper left", "bbox_to_anchor": (-0.02, -0.02), "borderaxespad": 0}
    ax.legend(handles=handles, fontsize=7, handletextpad=0.2, **place)
    ax.set_title(f"Of every {size:,} {unit}s", loc="left", fontweight="bold")
    return Figure(
        "first_icons",
        drawing,
        alt=f"Icon array of {size:,} {unit}s: {words}"
        + (f", {hollow or 'fewer than 1'} of these by chance." if exposed else "."),
        caption=f"{words[0].upper()}{words[1:]}, rounded to whole {unit}s.{more}",
        title=f"Of every {size:,} {unit}s, how many can be picked out",
        data=pd.DataFrame(
            {"icons": [text for *_, text in legend], "of": size}
            | {"number": [count for count in (dark, hollow) if count] + [size - number]}
        ),
    )


def _draw_field(ax, size: int, dark: int, hollow: int) -> None:
    """Draw `size` dots in rows: dark ones first, then hollow ones, then light ones."""
    columns = COLUMNS[size]
    places = np.arange(size)
    x, y = places // (size // columns), places % (size // columns)
    area = 6.5 if size == 1_000 else 0.6
    parts = ((0, dark, EXPOSED), (dark, dark + hollow, "white"), (dark + hollow, size, LIGHT))
    for first, end, colour in parts:
        ax.scatter(
            x[first:end],
            y[first:end],
            s=area,
            c=colour,
            edgecolors=EXPOSED if colour == "white" else colour,
            linewidths=0.5 if colour == "white" else 0,
        )
    ax.set(xlim=(-1, columns), ylim=(size // columns - 0.2, -0.8))
    ax.set_axis_off()


def list_rates(findings: Findings) -> pd.DataFrame:
    """List the groups that the first page shows: name, patients, share, low, high, clear.

    Those of which a rate may be shown and which are neither the outcome nor crossed: the ones that
    differ beyond chance first, then by how far. Empty if there is none, or nobody is exposed.
    """
    nothing = pd.DataFrame(columns=["name", "patients", "share", "low", "high", "clear"])
    groups = findings.groups
    if groups is None or not len(groups) or find_case(findings) != FOUND:
        return nothing
    known = list_comparable(groups)
    known = known[known[["exposed_share", "exposed_low", "exposed_high"]].notna().all(axis=1)]
    if not len(known):
        return nothing
    overall = findings.risk["exposed"] / findings.patients
    rates = pd.DataFrame(
        {
            "name": [f"{row.attribute}: {row.group}" for row in known.itertuples()],
            "patients": known["patients"].to_numpy(),
            "share": known["exposed_share"].to_numpy(float),
            "low": known["exposed_low"].to_numpy(float),
            "high": known["exposed_high"].to_numpy(float),
            "clear": (known["p_adjusted"] < SIGNIFICANT).to_numpy(),
            "distance": np.abs(np.log(known["exposed_share"].clip(lower=1e-9) / overall)),
        }
    ).sort_values(["clear", "distance"], ascending=False, kind="stable")
    shown = rates.head(MOST_GROUPS).sort_values("share", ascending=False, kind="stable")
    return shown.drop(columns="distance").reset_index(drop=True)


@styled
def draw_rates(findings: Findings) -> Figure | None:
    """Draw the share of exposed patients of the groups that differ most; None if there is none."""
    rates = list_rates(findings)
    if not len(rates):
        return None
    unit, overall = findings.unit, findings.risk["exposed"] / findings.patients
    drawing, ax = new_figure(SINGLE, HEIGHT)
    places = np.arange(len(rates))
    shares = 100 * rates[["share", "low", "high"]].to_numpy(float)
    ax.axvline(100 * overall, color=FLOOR, linestyle="--", linewidth=0.8)
    ax.hlines(places, shares[:, 1], shares[:, 2], color=EXPOSED, linewidth=1)
    for place, (share, *_), clear in zip(places, shares, rates["clear"], strict=True):
        face = EXPOSED if clear else "white"
        ax.plot(share, place, "D", color=EXPOSED, markerfacecolor=face, markersize=4)
    end = max(shares[:, 2].max(), 100 * overall) * 1.05
    for place, row in zip(places, shares, strict=True):
        ax.annotate(
            _write_rate(*row),
            (1.02, place),
            xycoords=("axes fraction", "data"),
            va="center",
            annotation_clip=False,
        )
    ax.annotate(
        f"all {unit}s: {_show(100 * overall)}",
        (100 * overall, -0.62),
        xytext=(2, 0),
        textcoords="offset points",
        color="#595959",
        va="center",
    )
    ax.set(
        xlim=(0, end),
        ylim=(len(rates) - 0.5, -0.95),
        xlabel=f"Picked out of 100 {unit}s of the group",
        yticks=places,
        yticklabels=["\n".join(wrap(name, 23, 6.5, 2)) for name in rates["name"]],
    )
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    drawing.suptitle("Groups that differ most", x=0.015, ha="left", fontweight="bold")
    words = "; ".join(
        f"{name} {_write_rate(*row)}" for name, row in zip(rates["name"], shares, strict=True)
    )
    clear = f"filled: beyond chance, beside {unit}s with the same label (Holm-adjusted p < 0.05)"
    return Figure(
        "first_rates",
        drawing,
        alt=f"Dot plot of how many of 100 {unit}s of each group can be picked out, with 95% "
        f"intervals: {words}; of all {unit}s {_show(100 * overall)}.",
        caption=f"How many of 100 {unit}s of a group can be picked out, with 95% intervals, in the "
        f"groups that differ most; {clear}.",
        title="Groups that differ most, as rates",
        data=rates,
    )


def _write_rate(share: float, low: float, high: float) -> str:
    return f"{_show(share)} ({_show(low)} to {_show(high)})"


def _show(percent: float) -> str:
    """Write a number of 100: one decimal below 10."""
    return f"{percent:.0f}" if percent >= 10 else f"{percent:.1f}"
