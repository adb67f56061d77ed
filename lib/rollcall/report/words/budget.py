"""What a report says of an audit's budget: who was looked at closely, how many targets, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rollcall.report.gate import show_few, show_limit


def write_budget(
    budget: Mapping[str, Any] | None,
    risk: Mapping[str, float],
    targets: int,
    unit: str,
    smallest: int,
) -> list[str]:
    """Write what was screened, how many targets were trained, and why it stopped.

    budget: of run.json, None if there is none; risk: the cohort's numbers. No count of 1 to 9
    patients, and no two counts that differ by so few.
    """
    if not budget:
        return []
    return [
        *_write_stop(budget, targets, unit),
        *(_write_screened(risk, targets, unit, smallest) if "screened" in risk else []),
    ]


def _write_stop(budget: Mapping[str, Any], targets: int, unit: str) -> list[str]:
    if not budget.get("why"):
        return []
    wanted, last = budget["precision"], budget["looks"][-1]
    who = f"exposed {unit}s" + (" among those looked at closely" if budget["screened"] else "")
    trained = f"{targets} target models were trained, of {budget['most']} at the most"
    if budget["why"] == "narrow":
        return [f"{trained}: then the number of {who} was known to within {wanted:.0%}."]
    width = (last["high"] - last["low"]) / 2 / max(last["exposed"], 1)
    reached = "" if not last["exposed"] or width >= 1 else f" (within {width:.0%} it is)"
    return [f"{trained}: the number of {who} is not yet known to within {wanted:.0%}{reached}."]


def _write_screened(risk: Mapping[str, float], targets: int, unit: str, smallest: int) -> list[str]:
    picked, exposed = int(risk["screened"]), int(risk["screened_exposed"])
    opening = (
        f"Looked at closely were the {picked:,} {unit}s of whom 8 target models foretold most: "
    )
    if exposed == 0:
        return [f"{opening}none of them is exposed with {targets} models."]
    if picked - exposed < smallest or abs(exposed - int(risk["exposed"])) < smallest:
        named = "nearly all" if picked - exposed < smallest else "about as many as of all"
        return [f"{opening}{named} are exposed with {targets} models."]
    low, high = (
        show_limit(risk[f"screened_exposed_{end}"], picked, smallest) for end in ("low", "high")
    )
    chance = show_few(float(np.round(risk["screened_by_chance"])), np.inf, smallest)
    return [
        f"{opening}{show_few(exposed, picked, smallest)} of them are exposed with {targets} models "
        f"(95% interval {low} to {high}), {chance} of these by chance."
    ]
