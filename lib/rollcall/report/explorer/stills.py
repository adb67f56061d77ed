"""The pictures of a view for print: the same numbers as the moving ones, drawn once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from IPython.display import HTML

from rollcall.report import style
from rollcall.report.explorer import models, overlap, patient, threshold
from rollcall.report.explorer.opening import Listed, Opened, list_others, open_listed
from rollcall.report.explorer.view import View, find_nearest, write_command
from rollcall.report.style import DOUBLE, EXPOSED, FLOOR, MEMBER, MM, NON_MEMBER, Figure
from rollcall.runs.folder import hide_from_git
from rollcall.util.errors import InputError

FOLDER = "views"  # of stills, beside the datasets


class Stills:
    """A view of a run in figures, with the methods of widgets.Explorer; saved in <out>/views/."""

    def __init__(self, listed: Listed, view: View, out: str = "", data: str = ""):
        """Open the run of the view; InputError if it, or what is compared with it, is not there."""
        self.listed, self.view, self._out, self._data = listed, view, out, data
        self.opened: Opened | None = None
        if listed.names:
            self.opened = open_listed(listed, view.run, data)

    def choose(self) -> HTML:
        """Say which run it is, or that there is none."""
        words = [self.opened.describe() if self.opened else "", self.listed.describe()]
        return style.show_sentences(filter(None, words))

    def threshold(self) -> HTML | None:
        """Show the survival curve with the view's threshold."""
        return self.opened and self._show(draw_threshold(self.opened, self.view))

    def models(self) -> HTML | None:
        """Show the curve as so many models give it."""
        return self.opened and self._show(draw_models(self.opened, self.view))

    def patient(self) -> HTML | None:
        """Show the patient of the view's rank, or say why not."""
        if self.opened and self.opened.closed:
            return style.show_sentences([self.opened.closed])
        return self.opened and self._show(draw_patient(self.opened, self.view))

    def runs(self) -> HTML | None:
        """Show the run beside the other one."""
        if self.opened is None:
            return None
        others = list_others(self.listed, self.opened)
        if not self.view.other:
            words = f"Could be set beside: {', '.join(others)}." if others else ""
            return style.show_sentences([words or overlap.explain_none(self.opened)])
        second = open_listed(self.listed, self.view.other, self._data)
        return self._show(draw_runs(overlap.match_runs(self.opened, second), self.view))

    def command(self) -> HTML | None:
        """Show the command that makes these stills."""
        words = write_command(self.view, self._out, self._data)
        return style.show_sentences([words]) if self.opened else None

    def _show(self, figure: Figure) -> HTML:
        return style.show(figure, hide_from_git(self.listed.folder / FOLDER))


@style.styled
def draw_threshold(opened: Opened, view: View) -> Figure:
    """Draw the survival curve, its floor and the true risks, and the groups above a threshold."""
    steps, cuts = threshold.count_above(opened), threshold.list_cuts(opened)
    drawing, (ax, beside) = style.new_figure(
        DOUBLE, 75 * MM, 1, 2, gridspec_kw={"width_ratios": [3, 2]}
    )
    if steps.empty:
        raise InputError(f"{opened.name}: too few {opened.run.unit}s to draw a curve")
    at = threshold.start_at(opened, view.threshold, steps["risk"])
    step, unit = steps.iloc[at], opened.run.unit
    words, rows = threshold.write_step(opened, step), []
    steps = threshold.clip_limits(steps, opened.run.smallest_cell)
    _draw_curves(ax, steps, opened)
    ax.fill_between(steps["risk"], steps["low"], steps["high"], color=MEMBER, alpha=0.2, lw=0)
    ax.plot(steps["risk"], steps["true"], color=MEMBER, label="true risks, noise taken out")
    ax.axvline(step["risk"], color=EXPOSED, linestyle=":", linewidth=0.8)
    ax.annotate(
        f"{step['patients']:,.0f}\n({step['chance']:,.0f} by chance)",
        (step["risk"], step["patients"]),
        (4, 4),
        textcoords="offset points",
    )
    ax.legend(loc="upper right")
    if len(cuts):
        cut = cuts.iloc[threshold.find_cuts(steps, cuts)[at]]
        groups = threshold.list_choices(opened)[threshold.DIFFERENT]
        rows = threshold.tell_groups(opened, groups, cut)
        words += f" Groups are counted among {threshold.name_cut(opened, cut)}."
    is_drawn = _draw_groups(beside, rows)
    style.letter([ax, beside] if is_drawn else [ax])
    return Figure(
        "threshold",
        drawing,
        f"Line plot on a log axis of {unit}s at or above each risk, and chance. {words}",
        f"{words} Grey bars: where 95% of the ratios of groups lie if nothing leaks.",
        title=f"{opened.name}: a risk of {step['risk']:.3f} or more",
        data=_join({"curves": steps, "groups": _list_groups(rows)}),
    )


def _join(parts: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Put the tables behind the panels of a figure into one, which `part` tells apart."""
    full = {name: table for name, table in parts.items() if len(table)}
    return pd.concat(full, names=["part"]).reset_index(level=0)


def _list_groups(rows: list[dict]) -> pd.DataFrame:
    columns = ["name", "ratio", "low", "high"]
    table = pd.DataFrame([{name: row[name] for name in columns} for row in rows], columns=columns)
    table[["floor_low", "floor_high"]] = [row["floor"] for row in rows] or np.empty((0, 2))
    return table[table["ratio"].notna()].rename(columns={"low": "ratio_low", "high": "ratio_high"})


def _list_scores(scores: np.ndarray, members: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
    """List each tick: the row it is in, whether its model had the patient, its place."""
    number, rows = scores.shape
    return pd.DataFrame(
        {
            "name": np.repeat(names, number),
            "had": np.tile(members, rows),
            "score": scores.T.ravel(),
        }
    )


def _draw_curves(ax, steps: pd.DataFrame, opened: Opened) -> None:
    """Draw estimates and chance; the axis ends where fewer than the smallest cell remain."""
    ax.step(
        steps["risk"],
        steps["patients"],
        where="post",
        color=EXPOSED,
        label=f"estimates of {len(opened.auc):,} {opened.run.unit}s",
    )
    ax.plot(steps["risk"], steps["chance"], "--", color=FLOOR, label="chance")
    style.scale_log(ax, "y")
    ax.set(
        xlabel="Risk (AUC; 0.5 = nothing can be told)",
        ylabel=f"{opened.run.unit.capitalize()}s at or above",
        xlim=(0.5, 1.005),
        ylim=(max(opened.run.smallest_cell * 0.7, 1), 1.3 * len(opened.auc)),
    )


def _draw_groups(ax, rows: list[dict]) -> bool:
    """Draw each group's ratio on a log axis, over where it lies if nothing leaks; say if any is."""
    shown = [row for row in rows if np.isfinite(row["ratio"]) and row["ratio"] > 0][::-1]
    if not shown:
        ax.set_axis_off()
        return False
    for place, row in enumerate(shown):
        away = row["low"] > 1 or row["high"] < 1
        ax.plot(row["floor"], [place, place], color=FLOOR, alpha=0.35, linewidth=6, zorder=0)
        ax.plot([row["low"], row["high"]], [place, place], color=EXPOSED if away else FLOOR)
        ax.plot(row["ratio"], place, "D" if away else "o", color=EXPOSED if away else FLOOR)
    style.scale_log(ax, "x")
    ax.axvline(1, color=FLOOR, linewidth=0.6)
    ax.set(xlabel="Times as likely as all others", yticks=range(len(shown)))
    ax.set_yticklabels([row["name"] for row in shown])
    return True


@style.styled
def draw_models(opened: Opened, view: View) -> Figure:
    """Draw the curve and chance for each number of models, a panel each."""
    tables = models.count_by_models(opened)
    numbers = list(tables)
    chosen = threshold.choose_threshold(opened, view.threshold)
    at = find_nearest(numbers, view.models or numbers[-1])
    drawing, axes = style.new_figure(
        DOUBLE, 62 * MM, 1, len(numbers), squeeze=False, sharey=True, sharex=True
    )
    for place, (ax, number) in enumerate(zip(axes[0], numbers, strict=True)):
        _draw_curves(ax, tables[number], opened)
        ax.axvline(chosen, color=EXPOSED, linestyle=":", linewidth=0.8)
        ax.set(xlabel="Risk (AUC)", ylabel=ax.get_ylabel() if not place else "")
        ax.set_title(f"{number} models", loc="left", fontweight="bold" if place == at else "normal")
    axes[0][-1].legend(loc="upper right")
    words = [models.write_number(opened, number, tables[number], chosen) for number in numbers]
    return Figure(
        "models",
        drawing,
        f"Line plots of {opened.run.unit}s at or above each risk, a panel for each number of "
        f"models. {' '.join(words)}",
        f"The same {opened.run.unit}s, measured with more and more models. {words[at]}",
        title=f"{opened.name}: what more models show",
        data=pd.concat(tables, names=["models"]).reset_index(level=0),
    )


@style.styled
def draw_patient(opened: Opened, view: View) -> Figure:
    """Draw one patient's scores in and out, record by record, with LiRA's two Gaussians."""
    numbers = models.list_numbers(opened)
    number = numbers[find_nearest(numbers, view.models or numbers[-1])]
    someone = patient.pick_patient(opened, view.rank)
    fits = patient.fit_gaussians(opened, someone, number)
    measured = patient.measure_patient(opened, someone, number)
    height = min(25 + 11 * len(fits), 170) * MM
    drawing, axes = style.new_figure(DOUBLE, height, len(fits), 1, squeeze=False, sharex=True)
    scores, members = patient.standardise(someone)[:number], someone.members[:number]
    for ax, (row, fit) in zip(axes[:, 0], fits.iterrows(), strict=True):
        for kind, colour, dash, is_in, place in (
            ("in", MEMBER, "-", members, -0.1),
            ("out", NON_MEMBER, "--", ~members, -0.25),
        ):
            spread = max(fit[f"sd_{kind}"], 0.12)
            z = np.linspace(-4, 4, 81)
            label = f"models that {'had' if kind == 'in' else 'had not'} the {opened.run.unit}"
            density = np.exp(-(z**2) / 2) / spread
            tallest = 1 / max(min(fit["sd_in"], fit["sd_out"]), 0.12)
            points = fit[f"mean_{kind}"] + spread * z
            ax.plot(points, density / tallest, dash, color=colour, label=label)
            at = np.full(is_in.sum(), place)
            ax.plot(scores[is_in, row], at, "|", color=colour, markersize=4)
        ax.set(yticks=[], ylim=(-0.4, 1.1), xlim=(-3.5, 3.5))
        ax.spines["left"].set_visible(False)
        ends = "" if np.isnan(fit["low"]) else f" ({fit['low']:.2f} to {fit['high']:.2f})"
        ax.set_title(f"{fit['name']}, AUC {fit['auc']:.2f}{ends}", loc="left", y=0.55)
    axes[-1, 0].set_xlabel("Score under each model, in standard deviations from the mean")
    drawing.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    words = patient.write_patient(opened, someone, number, measured)
    return Figure(
        "patient",
        drawing,
        f"A strip for each record: ticks for each model's score, and two Gaussians. {words}",
        f"{words} Each tick is one model; the curves are the two Gaussians that LiRA fits.",
        title=f"{opened.name}: the {opened.run.unit} of rank {view.rank:,}",
        data=_join({"gaussians": fits, "scores": _list_scores(scores, members, someone.names)}),
    )


@style.styled
def draw_runs(pair: overlap.Pair, view: View) -> Figure:
    """Draw the share of those at the top of two runs who are at the top of both, and chance."""
    table, exposed = overlap.count_tops(pair), overlap.count_exposed(pair)
    drawing, ax = style.new_figure(DOUBLE / 2, 70 * MM)
    share = table.div(table["first"], axis=0)
    ax.fill_between(table["first"], share["low"], share["high"], color=FLOOR, alpha=0.3, lw=0)
    ax.plot(table["first"], share["chance"], "--", color=FLOOR, label="nothing in common")
    ax.plot(table["first"], share["both"], color=EXPOSED, label="in both runs")
    style.scale_log(ax, "x")
    ax.set(
        xlabel=f"{pair.unit.capitalize()}s at the top of either run",
        ylabel="Share of them in both",
        ylim=(0, 1.02),
    )
    words = [overlap.write_exposed(pair, exposed)]
    if len(table):
        top = view.top or int(pair.exposed.sum(1).mean())
        row = table.iloc[find_nearest(table["first"], top)]
        ax.axvline(row["first"], color=EXPOSED, linestyle=":", linewidth=0.8)
        words.append(overlap.write_top(pair, row))
        ax.legend(loc="upper left")
    return Figure(
        "runs",
        drawing,
        f"Line plot of the overlap of two runs against how many are compared. {' '.join(words)}",
        " ".join(words),
        title=f"{pair.names[0]} beside {pair.names[1]}",
        data=table,
    )
