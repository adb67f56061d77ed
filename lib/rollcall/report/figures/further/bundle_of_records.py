"""The bundle of all records' ROC curves, one of them picked, beside what the models say of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.figures.attacks import BELL
from rollcall.report.figures.further.by_definition import safe_record_curve
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
    styled,
)

CURVES = 150  # records that are drawn, evenly by rank
NEAR = np.geomspace(1e-3, 0.4, 14)  # of either end, where curves bend
RATES = np.unique(np.concatenate([[0, 0.5, 0.75, 1], NEAR, 1 - NEAR]))
SMALLEST_SD = 1e-6


@styled
def bundle(
    records: pd.DataFrame,
    rank: int = 1,
    restricted: bool = False,
    smallest: int = MIN_GROUP_SIZE,
) -> Figure:
    """Draw the ROC curve of each record over the target models, the `rank`-th highest picked out.

    records: the table `records` of rollcall.risk.assess_risk. Curves are smooth: of the normal
    curves fitted to a record's scores in and out. restricted: no record's own, but of made-up
    records at the risks that shares of all records reach, `smallest` patients or more apart, of
    equal spread in and out; nor is a single one picked, but the highest of those.
    """
    shapes = _make_shapes(records, smallest) if restricted else _take_shapes(records, rank)
    curves = _curve_of(shapes)
    average = _average(records)
    drawing, (ax, bells) = new_figure(DOUBLE, 76 * MM, 1, 2, width_ratios=[1.3, 1.1])
    for curve in curves[:-1]:
        ax.plot(RATES, curve, color=FLOOR, linewidth=0.35, alpha=0.45)
    ax.plot(RATES, average, "--", color=MEMBER, linewidth=1.4)
    ax.plot(RATES, curves[-1], color=EXPOSED, linewidth=1.6)
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="False-positive rate", ylabel="True-positive rate")
    ax.set_aspect("equal", anchor="W")
    picked = shapes.iloc[-1]
    mean_auc = float(records["auc"].mean())
    name = f"the highest, AUC {picked['auc']:.2f}"
    if not restricted and rank > 1:
        name = f"rank {rank:,}, AUC {picked['auc']:.2f}"
    many = "made-up records" if restricted else f"{len(curves) - 1:,} other records"
    labels = (
        (name.replace(", ", "\n"), curves[-1], 0.75, 0.93),
        (f"the average\nAUC {mean_auc:.2f}", average, 0.85, 0.7),
        (many.replace(" ", "\n", 1), curves[len(curves) // 4], 0.7, 0.45),
    )
    for text, curve, rate, height in labels:
        at = int(np.abs(RATES - rate).argmin())
        point_at(ax, text, (RATES[at], curve[at]), (1.06, height))
    _draw_bells(bells, picked, restricted)
    letter([ax, bells], ["Each line: one record over all models", "The picked one: its scores"])
    kind = "made-up record" if restricted else "record"
    return Figure(
        "bundle",
        drawing,
        alt=f"Left: ROC curves of {len(curves)} {kind}s over the target models, AUC from "
        f"{shapes['auc'].min():.2f} to {shapes['auc'].max():.2f}, with their average, AUC "
        f"{mean_auc:.2f}. Right: normal curves of the scores of {name}, with the record and "
        "without it.",
        caption="What the average hides: each record has an ROC curve of its own, over the models "
        "that had it and had it not. Grey: records evenly by rank of their AUC; dashed: the mean "
        "over all; black: the picked one, whose scores stand at the right. Curves are smooth, of "
        "the normal curves that fit a record's scores."
        + (
            f" This cohort is restricted: the records are made up, at risks that {smallest} "
            "patients or more set apart, of the same spread in and out."
            if restricted
            else ""
        ),
        title="One ROC curve a record, and their average",
        data=_list_numbers(shapes, curves, average, kind),
    )


def _take_shapes(records: pd.DataFrame, rank: int) -> pd.DataFrame:
    """Take the means and spreads of records evenly by rank, the picked one last."""
    ordered = records.sort_values("auc", kind="stable").reset_index(drop=True)
    chosen = np.unique(np.linspace(0, len(ordered) - 1, CURVES).astype(int))
    picked = len(ordered) - min(max(rank, 1), len(ordered))
    names = ["auc", "mean_in", "std_in", "mean_out", "std_out"]
    table = ordered.loc[[*chosen[chosen != picked], picked], names]
    return table.assign(rank=len(ordered) - table.index).reset_index(drop=True)


def _make_shapes(records: pd.DataFrame, smallest: int) -> pd.DataFrame:
    """Make up records at the risks of a safe curve, evenly by rank, the highest last."""
    patient = pd.factorize(records["patient_id"])[0]
    risks, counts = safe_record_curve(records["auc"].to_numpy(), patient, smallest)
    risks, counts = risks[1:], counts[1:]
    if not len(risks):
        risks, counts = np.array([0.5]), np.array([len(records)])
    wanted = np.linspace(counts.min(), counts.max(), min(CURVES, len(counts)))
    at = np.unique([int(np.abs(counts - number).argmin()) for number in wanted])
    auc = np.round(risks[at], 2)
    shift = np.sqrt(2) * ndtri(np.clip(auc, 0.005, 0.995))
    shapes = {"auc": auc, "mean_in": shift, "std_in": 1.0, "mean_out": 0.0, "std_out": 1.0}
    rank = smallest * np.round(counts[at] / smallest)  # a step of another curve may be near
    return pd.DataFrame(shapes | {"rank": rank}).sort_values("auc", ignore_index=True)


def _curve_of(shapes: pd.DataFrame) -> np.ndarray:
    """Return the true-positive rates at RATES of normal scores, (records, rates)."""
    m1, s1, m0, s0 = (
        shapes[name].to_numpy(float)[:, None]
        for name in ("mean_in", "std_in", "mean_out", "std_out")
    )
    limit = m0 + np.maximum(s0, SMALLEST_SD) * ndtri(1 - RATES)
    with np.errstate(invalid="ignore"):
        curve = ndtr((m1 - limit) / np.maximum(s1, SMALLEST_SD))
    curve[:, RATES == 0], curve[:, RATES == 1] = 0, 1
    return curve


def _average(records: pd.DataFrame) -> np.ndarray:
    total = np.zeros(len(RATES))
    for start in range(0, len(records), 20_000):
        total += _curve_of(records.iloc[start : start + 20_000]).sum(0)
    return total / len(records)


def _draw_bells(ax, picked: pd.Series, restricted: bool) -> None:
    """Draw the normal curves of the picked record's scores."""
    spreads = [max(float(picked[f"std_{kind}"]), SMALLEST_SD) for kind in ("in", "out")]
    tallest = 1 / min(spreads)
    for kind, sd, colour, dash, words in (
        ("in", spreads[0], MEMBER, "-", "models\nwith it"),
        ("out", spreads[1], NON_MEMBER, "--", "models\nwithout it"),
    ):
        mean = float(picked[f"mean_{kind}"])
        curve = np.exp(-0.5 * BELL**2) / (sd * tallest)
        ax.plot(mean + sd * BELL, curve, dash, color=colour)
        ax.fill_between(mean + sd * BELL, curve, color=colour, alpha=0.12, linewidth=0)
        ax.text(mean, curve.max() + 0.03, words, ha="center", va="bottom", fontsize=6.5)
    ax.set(ylim=(0, 1.25), yticks=[])
    unit = "standard deviations" if restricted else "log odds of the record's own label"
    ax.set_xlabel(f"Membership score ({unit})")
    ax.spines["left"].set_visible(False)


def _list_numbers(
    shapes: pd.DataFrame, curves: np.ndarray, average: np.ndarray, kind: str
) -> pd.DataFrame:
    """List every curve: the picked one with its means and spreads, the average, all others."""
    lines = [
        pd.DataFrame({"curve": kind, "rank": rank, "auc": auc, "fpr": RATES, "tpr": curve})
        for rank, auc, curve in zip(shapes["rank"], shapes["auc"], curves, strict=True)
    ]
    names = ["mean_in", "std_in", "mean_out", "std_out"]
    lines[-1] = lines[-1].assign(curve="picked", **shapes.iloc[-1][names].to_dict())
    lines.append(pd.DataFrame({"curve": "average", "fpr": RATES, "tpr": average}))
    return pd.concat(lines[::-1], ignore_index=True)
