"""How what is seen of a cohort moves with the number of target models, from stored scores alone.

The statistic of each patient is the run's; of it the first pairs of models are taken. With few
models the estimates spread, and so do those of a membership redrawn at random.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.report.explorer.opening import Opened
from rollcall.report.explorer.threshold import (
    LOWEST,
    count_chance,
    find_known,
    list_steps,
    write_false,
    write_share,
)
from rollcall.report.explorer.view import find_nearest
from rollcall.report.gate import safe_curve
from rollcall.risk.noise_floor import draw_noise_floor
from rollcall.risk.record import signed_auc
from rollcall.stats.design import is_paired
from rollcall.stats.moments import compute_moments

FEWEST = 8  # models that are shown; then twice as many, up to all
REDRAWN = 200_000  # patients of a noise floor, at the least


def list_numbers(opened: Opened) -> list[int]:
    """List the numbers of models that are looked at: 8, 16, 32, ... and all of the run.

    All alone where models were not trained in pairs: some of them are no design of their own.
    """
    total = opened.run.targets
    if not is_paired(opened.run.members()):
        return [total]
    return [*(FEWEST << power for power in range(16) if FEWEST << power < total), total]


def count_by_models(opened: Opened) -> dict[int, pd.DataFrame]:
    """Count patients at or above each risk with the first so many models: a table for each number.

    risk, patients, chance, as threshold.count_above has them, each step of the smallest cell or
    more.
    """
    return {number: _count_with(opened, number) for number in list_numbers(opened)}


def _count_with(opened: Opened, number: int) -> pd.DataFrame:
    floor = opened.floor
    if number == opened.run.targets:
        risks, counts = list_steps(opened)
    else:
        statistic, members = opened.statistic[:number], opened.run.members()[:number]
        auc = signed_auc(compute_moments(statistic, members))
        rounds = max(1, -(-REDRAWN // len(auc)))
        floor = np.sort(draw_noise_floor(statistic, rounds, opened.run.seed), axis=None)
        risks, counts = safe_curve(auc, opened.run.smallest_cell)
        risks, counts = risks[risks >= LOWEST], counts[risks >= LOWEST]
    chance = count_chance(floor, risks, len(opened.auc))
    return pd.DataFrame({"risk": risks, "patients": counts, "chance": chance})


def write_number(opened: Opened, number: int, steps: pd.DataFrame, threshold: float) -> str:
    """Say how many are at or above a threshold with so many models, and how many by chance."""
    unit, total = opened.run.unit, len(opened.auc)
    who = "All" if number == opened.run.targets else "The first"
    if steps.empty or steps["risk"].iloc[-1] < threshold - 0.02:
        return (
            f"{who} {number} models put fewer than {opened.run.smallest_cell} {unit}s at a risk of "
            f"{threshold:.2f} or more."
        )
    step = steps.iloc[find_nearest(steps["risk"].to_numpy(), threshold)]
    return (
        f"{who} {number} models put {step['patients']:,.0f} of {total:,} {unit}s "
        f"({write_share(step['patients'] / total)}) at a risk of {step['risk']:.3f} or more. "
        f"Chance alone would put about {step['chance']:,.0f} there: "
        f"{write_false(step['chance'], step['patients'])}."
    )


def show_models(opened: Opened, tables: dict[int, pd.DataFrame], threshold: float) -> dict:
    """Return everything that the picture is drawn from in the browser, as lists and texts."""
    curve = opened.survival[opened.survival["patients"] >= opened.run.smallest_cell]
    curve = curve[curve["auc"] >= find_known(opened)]
    return {
        "unit": opened.run.unit,
        "total": len(opened.auc),
        "least": opened.run.smallest_cell,
        "numbers": list(tables),
        "curves": [table.round(6).to_dict("list") for table in tables.values()],
        "true": curve[["auc", "patients"]].round(6).to_dict("list"),
        "sentences": [
            write_number(opened, number, table, threshold) for number, table in tables.items()
        ],
        "threshold": threshold,
        "short": [f"{number} models" for number in tables],
    }
