"""ROC curves of finished runs, by LiRA and by RMIA, beside the published averages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rollcall.paper import published
from rollcall.report.figures.attacks import draw_curve
from rollcall.report.gallery.looks import looks_of, wrap_label, write_key
from rollcall.report.gallery.runs import FinishedRun, FinishedRuns
from rollcall.report.style import DOUBLE, FLOOR, MM, Figure, letter, new_figure, styled

ATTACKS = ("LiRA", "RMIA")
OURS, PAPERS = "roc", "paper_roc"
SCORES = {OURS: "our scores, online", PAPERS: "the paper's scores"}


@styled
def roc(finished: FinishedRuns) -> Figure:
    """Draw the ROC of each run by our scores, LiRA above RMIA, linear and logarithmic axes."""
    return _make("roc_all", finished, OURS)


@styled
def paper_roc(finished: FinishedRuns) -> Figure:
    """Draw the same by the paper's scores and attacks."""
    return _make("roc_paper", finished, PAPERS)


def _make(name: str, finished: FinishedRuns, table: str) -> Figure:
    areas = list_areas(finished, table)
    drawing = None
    if finished.having(table):
        drawing, axes = new_figure(
            *(DOUBLE, 128 * MM, 2, 3), squeeze=False, width_ratios=[1, 1, 0.74]
        )
        draw_roc(axes, finished, table)
    words = "; ".join(
        f"{row['run']} {row['attack']} {row['auc']:.3f}"
        + (f" (published {row['published']:.3f})" if row["published"] > 0 else "")
        for _, row in areas.iterrows()
    )
    return Figure(
        name,
        drawing,
        alt=f"Four line plots of true- against false-positive rate by {SCORES[table]}, LiRA above "
        f"RMIA, linear and logarithmic axes. AUC: {words or 'no run has it'}.",
        caption=f"ROC by {SCORES[table]}, mean over target models; bands: a standard deviation "
        "over them. Grey: guessing. Published AUCs are of LiRA alone, by the paper's scores.",
        title=f"ROC of every run, by {SCORES[table]}",
        data=list_curves(finished, table),
    )


def list_curves(finished: FinishedRuns, table: str) -> pd.DataFrame:
    """List the curves that are drawn: run, attack, fpr, tpr, tpr_sd."""
    curves = [
        curve.assign(run=entry.label, attack=attack)
        for entry in finished.having(table)
        for attack, curve in _curves_of(entry, table)
    ]
    columns = ["run", "attack", "fpr", "tpr", "tpr_sd"]
    return pd.concat([pd.DataFrame(columns=columns), *curves])[columns].reset_index(drop=True)


def _curves_of(entry: FinishedRun, table: str) -> list[tuple[str, pd.DataFrame]]:
    """Return the curve of each attack, from the rate on at which a model has 10 false alarms.

    The paper's go further down, where a run of its size may have records enough; a smaller one has
    not a single false alarm there. Our own table begins at that rate.
    """
    curves = entry.tables[table]
    if OURS in entry.tables:
        rates = entry.tables[OURS]["fpr"]
        curves = curves[(curves["fpr"] == 0) | (curves["fpr"] >= rates[rates > 0].min())]
    if "variant" in curves:
        curves = curves[curves["variant"] == "online"]
    parts = [(attack, curves[curves["attack"] == attack]) for attack in ATTACKS]
    return [(attack, curve) for attack, curve in parts if len(curve)]


def list_areas(finished: FinishedRuns, table: str) -> pd.DataFrame:
    """List the mean AUC of each run and attack, beside the published one: run, attack, auc."""
    known = published.aggregate().set_index("dataset")["aggregate_lira_auc"]
    rows = []
    for entry in finished.having("attacks" if table == OURS else "paper_attacks"):
        attacks = entry.tables["attacks" if table == OURS else "paper_attacks"]
        if "variant" in attacks:
            attacks = attacks[attacks["variant"] == "online"]
        means = attacks.groupby("attack")["auc"].mean().to_dict()
        for attack in ATTACKS:
            if attack in means:
                beside = known.get(entry.dataset, np.nan) if attack == "LiRA" else np.nan
                row = {"run": entry.label, "name": entry.name, "attack": attack}
                rows.append(row | {"auc": means[attack], "published": beside})
    return pd.DataFrame(rows, columns=["run", "name", "attack", "auc", "published"])


def draw_roc(axes: Any, finished: FinishedRuns, table: str, first: str = "a") -> None:
    """Draw into axes (2, 3): LiRA above RMIA; linear, logarithmic, and a key with the AUCs."""
    looks, areas = looks_of(finished), list_areas(finished, table)
    curves = list_curves(finished, table)
    lowest = curves.loc[curves["fpr"] > 0, "fpr"].min()
    for row, attack in zip(axes, ATTACKS, strict=True):
        lines: list[tuple[str, dict]] = [("AUC, mean over models", {})]
        for entry in finished.having(table):
            for name, curve in _curves_of(entry, table):
                if name == attack:
                    draw_curve(row[0], curve, 0.12, looks[entry.name])
                    draw_curve(row[1], curve[curve["fpr"] > 0], 0.12, looks[entry.name])
            of_run = areas[(areas["name"] == entry.name) & (areas["attack"] == attack)]
            for _, area in of_run.iterrows():
                beside = f"\npublished {area['published']:.3f}" if area["published"] > 0 else ""
                words = f"{wrap_label(entry, 30)}  {area['auc']:.3f}{beside}"
                lines.append((words, looks[entry.name]))
        for ax, scale in zip(row[:2], ("linear", "log"), strict=True):
            ends = [1e-9, 1]
            ax.plot(ends, ends, color=FLOOR, linewidth=0.6, zorder=0)
            ax.set(xlabel="False-positive rate", ylabel="True-positive rate")
            ax.set(xlim=(0 if scale == "linear" else lowest, 1), xscale=scale, yscale=scale)
            ax.set(ylim=(0 if scale == "linear" else lowest / 2, 1))
        _label_decades(row[1], lowest)
        write_key(row[2], lines)
    titles = [f"{attack}, {scale} axes" for attack in ATTACKS for scale in ("linear", "log")]
    letter([ax for row in axes for ax in row[:2]], titles, first)


def _label_decades(ax: Any, lowest: float) -> None:
    decades = [10.0**power for power in range(int(np.ceil(np.log10(lowest))), 1)]
    names = [f"{decade:.6f}".rstrip("0").rstrip(".") for decade in decades]
    ax.set_xticks(decades, names)
    ax.set_yticks(decades, names)
    ax.minorticks_off()
