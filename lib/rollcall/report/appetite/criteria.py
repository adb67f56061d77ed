"""Every criterion by its name, and those on averages, groups and models."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rollcall.report.appetite import counts
from rollcall.report.appetite.results import (
    FAIL,
    NOT_APPLICABLE,
    NOT_EVALUABLE,
    PASS,
    UPPER,
    Evidence,
    Result,
    count_lacking,
    without_control,
    without_models,
)
from rollcall.report.words.comparing import SIGNIFICANT, list_comparable


def judge_lira_auc(evidence: Evidence, most: float) -> Result:
    """Hold the upper limit of LiRA's AUC over all records and targets against the largest."""
    if evidence.findings.control == "failed":
        return without_control("lira_auc", most)
    if not np.isfinite(evidence.lira + evidence.lira_error):
        return Result("lira_auc", NOT_EVALUABLE, most, "LiRA was not run, or has no error.")
    auc, high = evidence.lira, min(evidence.lira + 1.96 * evidence.lira_error, 1.0)
    auc, high = round(auc, 4), round(high, 4)
    outcome = PASS if high <= most else FAIL
    of_all = f"LiRA has an AUC of {auc:.4f}, all models together"
    reason = f"{of_all}, at most {high:.4f}; accepted: {most:g}."
    return Result("lira_auc", outcome, most, reason, auc, high, UPPER)


def judge_group_ratio(evidence: Evidence, most: float) -> Result:
    """Hold the lower limit of each group's ratio to all others against the largest accepted.

    Of the groups that the gate shows, within label, at a Holm-adjusted p below 0.05; neither
    outcomes nor crossed groups.
    """
    name, findings = "group_ratio", evidence.findings
    unit = f"{findings.unit}s"
    if findings.control == "failed":
        return without_control(name, most)
    if not evidence.has_groups:
        return Result(name, NOT_APPLICABLE, most, "The data have no groups to compare.")
    exposed, needed = findings.risk["exposed"], count_lacking(findings)
    if exposed == 0 and not needed:
        return Result(name, NOT_APPLICABLE, most, f"No {findings.unit} is exposed in any group.")
    if needed and exposed < findings.smallest:
        return without_models(name, most, findings, needed)
    groups = findings.groups
    if groups is None:
        return Result(name, NOT_EVALUABLE, most, "Groups were not compared.")
    if exposed < findings.smallest:
        reason = f"Fewer than {findings.smallest} {unit} are exposed: too few to compare groups."
        return Result(name, NOT_EVALUABLE, most, reason)
    known = list_comparable(groups) if len(groups) else groups
    if not len(known):
        reason = f"No group can be compared: too few {unit} are exposed inside or outside of each."
        return Result(name, NOT_EVALUABLE, most, reason)
    clear = known[known["p_adjusted"] < SIGNIFICANT]
    over = clear[clear["within_low"] > most]
    row = (over if len(over) else known).sort_values("within_low").iloc[-1]
    hidden = int((~groups["intersection"].astype(bool) & ~groups["is_outcome"].astype(bool)).sum())
    hidden -= len(known)
    more = f" Nothing can be said of {hidden} more groups that are too small." if hidden else ""
    ratio, low, high = (float(row[key]) for key in ("ratio_within", "within_low", "within_high"))
    reason = (
        f"Of {len(known)} groups {row['attribute']} {row['group']!r} has the largest lower limit: "
        f"{ratio:.2f} times as often as all others ({low:.2f} to {high:.2f}, Holm-adjusted p "
        f"{row['p_adjusted']:.2g}); accepted: {most:g}.{more}"
    )
    outcome = FAIL if len(over) else PASS
    return Result(name, outcome, most, reason, ratio, low, "lower limit of the 95% interval")


def judge_models(evidence: Evidence, least: float) -> Result:
    """Say whether there are as many target models as were asked for."""
    targets, reason = evidence.findings.targets, f"models; asked for: {least:,.0f}."
    if targets >= least:
        return Result("models", PASS, least, f"{targets:,} {reason}", targets, targets)
    reason = f"Only {targets:,} {reason} Train more."
    return Result("models", NOT_EVALUABLE, least, reason, targets, targets, models=int(least))


CRITERIA: dict[str, Callable[[Evidence, float], Result]] = {
    "exposed_patients": counts.judge_exposed_patients,
    "exposed_share": counts.judge_exposed_share,
    "worst_auc": counts.judge_worst_auc,
    "worst_tpr": counts.judge_worst_tpr,
    "lira_auc": judge_lira_auc,
    "group_ratio": judge_group_ratio,
    "false_discovery_rate": counts.judge_false_discovery_rate,
    "chance_share": counts.judge_chance_share,
    "models": judge_models,
}
