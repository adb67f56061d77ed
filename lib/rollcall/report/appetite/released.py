"""The same thresholds for one model that exists: whom `rollcall release` says that it exposes.

There is one model, so no limit over models and no risk of a patient over models: the number who are
named is held against the threshold as it is, at the false-discovery rate that was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.appetite.criteria import CRITERIA
from rollcall.report.appetite.results import (
    FAIL,
    NOT_APPLICABLE,
    NOT_EVALUABLE,
    PASS,
    UPPER,
    Result,
)
from rollcall.report.appetite.thresholds import Appetite
from rollcall.report.appetite.verdict import NOT_STATED, Verdict, decide, describe_verdict
from rollcall.report.words.comparing import SIGNIFICANT
from rollcall.runs.derived.parts import FILE_OF, VERDICT
from rollcall.util.files import sha256, write_json

OF_ONE = "One model says nothing of that; `rollcall audit` does."


@dataclass(frozen=True)
class Released:
    """What a release check says of one model.

    members, outsiders, references: how many; named: members whom the model exposes, at the rate
    fdr; fewest: how many must score above all outsiders for any to be named; auc_high: upper 95%
    limit of the AUC of members against outsiders; control_failed: whether members can be told
    without the model; groups: columns attribute, group, ratio, ratio_low, ratio_high, p_adjusted,
    of those that may be shown; None: the data have none; smallest: smallest cell.
    """

    members: int
    outsiders: int
    references: int
    named: int
    fewest: int
    fdr: float
    auc: float
    auc_high: float
    control_failed: bool
    groups: pd.DataFrame | None = None
    smallest: int = MIN_GROUP_SIZE


def judge_released(released: Released, appetite: Appetite) -> Verdict:
    """Hold a release check against every threshold."""
    results = []
    for name in CRITERIA:
        if name not in appetite.thresholds:
            results.append(Result(name, NOT_APPLICABLE, np.nan, NOT_STATED))
            continue
        threshold = appetite.thresholds[name]
        if released.control_failed and name in NEEDING_THE_CONTROL:
            reason = "The control failed: members can be told from outsiders without the model."
            results.append(Result(name, NOT_EVALUABLE, threshold, reason))
            continue
        results.append(OF_RELEASE.get(name, _judge_nothing)(name, released, threshold))
    return Verdict(decide(each.outcome for each in results), tuple(results), appetite)


def write_released(folder: Path, verdict: Verdict | None, result: Path) -> None:
    """Write verdict.json beside a release check, with the sha256 of its result; None removes it."""
    path = folder / FILE_OF[VERDICT]
    path.unlink(missing_ok=True)
    if verdict is not None:
        write_json(path, describe_verdict(verdict) | {"made_from": {result.name: sha256(result)}})


def _judge_named(name: str, released: Released, threshold: float) -> Result:
    """Judge how many members are named; of fewer than the smallest cell the most it could be."""
    unit = released.members if name == "exposed_share" else 1
    most = int(np.floor(threshold * unit + 1e-9))
    named, smallest = released.named, released.smallest
    if most >= released.members:
        reason = f"There are only {released.members:,} members: it cannot be exceeded."
        return Result(name, NOT_APPLICABLE, threshold, reason)
    few, left = 0 < named < smallest, 0 < released.members - named < smallest
    limit = smallest - 1 if few else released.members if left else named
    shown = f"fewer than {smallest}" if few else f"{named:,}"
    shown = f"all but fewer than {smallest}" if left else shown
    text = f"Named: {shown} of {released.members:,} members; accepted: {most:,}."
    value = np.nan if few or left else named / unit
    common = {"value": value, "limit": limit / unit, "end": "number named"}
    if limit <= most:
        if named == 0 and released.fewest > most:
            text += (
                f" But with {released.outsiders:,} outsiders nobody is named unless "
                f"{released.fewest:,} members score above all of them: take more outsiders."
            )
            return Result(name, NOT_EVALUABLE, threshold, text, **common)
        return Result(name, PASS, threshold, text, **common)
    if few or (left and released.members - smallest + 1 <= most):
        text += " No smaller number is shown, so this threshold cannot be judged."
        return Result(name, NOT_EVALUABLE, threshold, text, **common)
    return Result(name, FAIL, threshold, text, **common)


def _judge_auc(name: str, released: Released, most: float) -> Result:
    auc, high = round(released.auc, 4), round(released.auc_high, 4)
    if not np.isfinite(high):
        return Result(name, NOT_EVALUABLE, most, "The AUC has no interval.")
    reason = f"Members against outsiders: AUC {auc:.4f}, at most {high:.4f}; accepted: {most:g}."
    return Result(name, PASS if high <= most else FAIL, most, reason, auc, high, UPPER)


def _judge_groups(name: str, released: Released, most: float) -> Result:
    groups = released.groups
    if groups is None:
        return Result(name, NOT_APPLICABLE, most, "The data have no groups to compare.")
    if released.named == 0:
        return Result(name, NOT_APPLICABLE, most, "No member is named in any group.")
    known = groups[groups[["ratio", "ratio_low", "p_adjusted"]].notna().all(axis=1)]
    if released.named < released.smallest or not len(known):
        reason = "No group can be compared: too few members are named inside or outside of each."
        return Result(name, NOT_EVALUABLE, most, reason)
    over = known[(known["p_adjusted"] < SIGNIFICANT) & (known["ratio_low"].round(2) > most)]
    row = (over if len(over) else known).sort_values("ratio_low").iloc[-1]
    ratio, low = round(float(row["ratio"]), 2), round(float(row["ratio_low"]), 2)
    reason = (
        f"Of {len(known)} groups {row['attribute']} {row['group']!r} has the largest lower limit: "
        f"{ratio:.2f} times as often as all others (at least {low:.2f}, Holm-adjusted p "
        f"{row['p_adjusted']:.2g}); accepted: {most:g}."
    )
    outcome = FAIL if len(over) else PASS
    return Result(name, outcome, most, reason, ratio, low, "lower limit of the 95% interval")


def _judge_rate(name: str, released: Released, most: float) -> Result:
    outcome = PASS if released.fdr <= most else FAIL
    reason = f"Named at a false-discovery rate of {released.fdr:g}; accepted: {most:g}."
    return Result(name, outcome, most, reason, released.fdr, released.fdr, "stated rate")


def _judge_references(name: str, released: Released, least: float) -> Result:
    number = released.references
    reason = f"{number:,} reference models; asked for: {least:,.0f}."
    outcome, lacking = (PASS, 0) if number >= least else (NOT_EVALUABLE, int(least))
    return Result(name, outcome, least, reason, number, number, models=lacking)


def _judge_nothing(name: str, released: Released, threshold: float) -> Result:
    return Result(name, NOT_APPLICABLE, threshold, OF_ONE)


NEEDING_THE_CONTROL = ("exposed_patients", "exposed_share", "lira_auc", "group_ratio")
OF_RELEASE = {
    "exposed_patients": _judge_named,
    "exposed_share": _judge_named,
    "lira_auc": _judge_auc,
    "group_ratio": _judge_groups,
    "false_discovery_rate": _judge_rate,
    "models": _judge_references,
}
