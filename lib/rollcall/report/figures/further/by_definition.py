"""The risks of records, and of patients by each definition, beside what nothing leaking gives."""

from __future__ import annotations

import textwrap
from collections.abc import Collection

import numpy as np
import pandas as pd
from scipy.special import ndtr

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.figures.risk import (
    BAND,
    FLOOR_POINTS,
    GRID,
    count_floor,
    draw_floor,
    find_height,
    set_risk_axes,
)
from rollcall.report.gate import (
    count_public,
    count_several,
    keep_apart,
    keep_inside,
    safe_curve,
)
from rollcall.report.style import (
    DOUBLE,
    EXPOSED,
    MM,
    Figure,
    letter,
    new_figure,
    point_at,
    styled,
)
from rollcall.risk import Risk

SIMULATED = 200_000  # records of which nothing leaks
DEFINITIONS = {
    "auc_joint": "joint: one statistic of all records",
    "auc_mean": "mean of the records",
    "auc_max": "largest of the records",
}


@styled
def definitions(risk: Risk, unit: str = "patient", smallest: int = MIN_GROUP_SIZE) -> Figure:
    """Draw the survival curves of records and of patients by each definition, beside its floor.

    One scale for all. No step stands for fewer than `smallest` patients, of records neither. The
    floor of records is what as many normal scores give when nothing leaks; its band is of as many
    records as there are patients, since those of one patient move together.
    """
    count, records = len(risk.patients), risk.records
    people = pd.factorize(records["patient_id"])[0]
    if count_several(people) < smallest:
        nothing = f"Nearly every {unit} has one record: the definitions of risk are one."
        return Figure("definitions", None, nothing, "")
    drawing, axes = new_figure(DOUBLE, 62 * MM, 1, 4, sharex=True, sharey=True)
    values, number = safe_record_curve(records["auc"].to_numpy(), people, smallest)
    by_floor = _simulate_floor(records, count, risk.cohort["pair_correlation"])
    curves = {"record": (values, number, len(records), by_floor)}
    public = count_public(risk.patients, risk.floors, smallest).values()
    for name in DEFINITIONS:
        values, number = _count_above(risk, name, public, smallest)
        curves[name] = (values, number, count, count_floor(risk.floors[name].to_numpy(), count, 0))
    tables, words = [], []
    titles = {"record": f"records ({len(records):,})"} | DEFINITIONS
    for ax, (name, (values, number, total, floor)) in zip(axes, curves.items(), strict=True):
        draw_floor(ax, floor, total)
        ax.step(values, number / total, where="post", color=EXPOSED, linewidth=0.8)
        set_risk_axes(ax, count, smallest / count, unit)
        ax.set_xticks([0.5, 0.7, 0.9])
        shared = {"panel": name, "of": total}
        tables += [
            pd.DataFrame({"curve": "estimates", "auc": values, "number": number}).assign(**shared),
            floor.rename(columns={"patients": "number"}).assign(
                curve="if nothing leaked", **shared
            ),
        ]
        high = number[values >= 0.9 - 1e-9].max(initial=0)
        null = floor.loc[floor["auc"] >= 0.9 - 1e-9, "patients"].max()
        words.append(
            f"{titles[name]}, {_show_share(high / total)} at 0.9 or more "
            f"(if nothing leaked {_show_share(null / total)})"
        )
    letter(axes, [textwrap.fill(title, 26) for title in titles.values()])
    axes[0].set_ylabel("Share at or above")
    drawing.supxlabel("Risk (AUC; 0.5: nothing can be told)", fontsize=7)
    values, number, total, floor = curves["record"]
    at = find_height(floor["patients"].to_numpy() / total, smallest / count, 2.5)
    point = floor["auc"].iloc[at], floor["patients"].iloc[at] / total
    point_at(axes[0], "if nothing\nleaked", point, (0.03, 0.1), "left", "center", (1.0, 0.5))
    at = find_height(number / total, smallest / count, 5)
    point = values[at], number[at] / total
    point_at(axes[0], "estimates", point, (0.99, 0.99), "right", "top")
    return Figure(
        "definitions",
        drawing,
        alt="Four line plots on one log scale, the share at or above each risk, beside the band of "
        f"redrawn membership: {'; '.join(words)}.",
        caption=f"Risks of records, and of {unit}s by three definitions (black), each beside its "
        "noise floor (dashed; band: 5th to 95th of the passes). A mean or a maximum of a few "
        f"records wobbles more than the joint statistic. No step stands for fewer than {smallest} "
        f"{unit}s.",
        title=f"Risks of records and of {unit}s, by definition",
        data=pd.concat(tables, ignore_index=True)[
            ["panel", "curve", "auc", "number", "low", "high", "of"]
        ],
    )


def _count_above(
    risk: Risk, name: str, public: Collection[float], smallest: int
) -> tuple[np.ndarray, np.ndarray]:
    """Count the patients at or above each risk by a definition; of a mean, beside the largest."""
    curve = keep_apart(safe_curve(risk.patients[name].to_numpy(), smallest), public, smallest)
    if name != "auc_mean":
        return curve
    return keep_inside(curve, _count_above(risk, "auc_max", public, smallest), smallest)


def _show_share(share: float) -> str:
    return f"{share:.1%}" if share >= 0.0005 or share == 0 else "less than 0.05%"


def safe_record_curve(
    aucs: np.ndarray, patient: np.ndarray, smallest: int
) -> tuple[np.ndarray, np.ndarray]:
    """Count the records at or above each risk, as safe_curve, steps of `smallest` patients each.

    aucs (N,), patient int (N,): the patient of each record. Where fewer than `smallest` patients
    have several records, the patients by their largest: so few would be told apart by both.
    """
    if count_several(patient) < smallest:
        largest = np.full(patient.max(initial=-1) + 1, -np.inf)
        np.maximum.at(largest, patient, aucs)
        return safe_curve(largest[np.isfinite(largest)], smallest)
    order = np.argsort(-aucs, kind="stable")
    grid = np.floor(aucs[order] * 1000 + 1e-9) / 1000
    ends = np.flatnonzero(np.append(grid[1:] != grid[:-1], True))  # the last record of each step
    risks, counts, begin = [], [], 0
    people: set[int] = set()
    for end in ends:
        people.update(patient[order[begin : end + 1]].tolist())
        begin = end + 1
        if len(people) >= smallest:
            risks.append(grid[end])
            counts.append(end + 1)
            people = set()
    if len(people) and risks:  # fewer than `smallest` remain below the last step
        risks.pop()
        counts.pop()
    risks, counts = [*risks, 0.0], [*counts, len(aucs)]
    return np.array(risks[::-1]), np.array(counts[::-1])


def _simulate_floor(records: pd.DataFrame, patients: int, correlation: float) -> pd.DataFrame:
    """Return what count_floor gives, of records of normal scores of which nothing leaks.

    correlation: of a record's two scores within a pair of models.
    """
    rng = np.random.default_rng(0)
    pairs = records[["n_in", "n_out"]].drop_duplicates().to_numpy()
    weight = records.groupby(["n_in", "n_out"]).size().to_numpy() / len(records)
    pairs = pairs[np.lexsort(pairs.T[::-1])]
    share = np.zeros(len(GRID))
    for (inside, outside), part in zip(pairs[:FLOOR_POINTS], weight, strict=False):
        draws = max(2000, int(SIMULATED * part))
        shift = rng.normal(size=draws) * np.sqrt((1 - correlation) * (1 / inside + 1 / outside))
        spread = rng.chisquare(inside - 1, draws) / (inside - 1)
        spread += rng.chisquare(outside - 1, draws) / (outside - 1)
        auc = np.sort(ndtr(shift / np.sqrt(spread)))
        share += part * (1 - np.searchsorted(auc, GRID - 1e-9) / draws)
    low, high = np.quantile(rng.binomial(patients, share, (500, len(GRID))), BAND, axis=0)
    number = len(records)
    return pd.DataFrame(
        {"auc": GRID, "patients": share * number}
        | {"low": low * number / patients, "high": high * number / patients}
    )
