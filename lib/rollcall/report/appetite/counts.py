"""Thresholds on counts of patients: the exposed, the worst, those there by chance.

Every function decides by what the report shows of a number, and by the numbers of patients and
models: a count that is hidden is taken as the largest it could be by what is shown. So a verdict
says hardly more than the report does; docs/appetite.md says where it does.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from rollcall.report.appetite.resolution import models_to_tell
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
from rollcall.risk.exposed import EXPOSED_FDR
from rollcall.risk.exposed.interval import scaled_poisson_interval

WORST_FPR = 0.001  # false alarms at which the worst patient is recognised
ROUND_LIMITS = (3, 10, 30, 100, 300, 1_000)  # smallest cells, up to which a hidden limit is taken


def judge_exposed_patients(evidence: Evidence, most: float) -> Result:
    """Hold the upper limit of the number of exposed patients against the most that is accepted."""
    return _judge_exposed("exposed_patients", evidence, most, int(most), 1.0)


def judge_exposed_share(evidence: Evidence, most: float) -> Result:
    """Hold the upper limit of the share of exposed patients against the most that is accepted."""
    total = evidence.findings.patients
    return _judge_exposed(
        "exposed_share", evidence, most, int(np.floor(most * total + 1e-9)), total
    )


def judge_worst_auc(evidence: Evidence, most: float) -> Result:
    """Hold the true risks of the worst patients against an AUC that none should reach.

    Fails where surely the smallest cell or more have one, by the lower limit of their number;
    passes where fewer have, by the upper. The risk of a single patient is not looked at.
    """
    return _judge_worst("worst_auc", evidence, most, most)


def judge_worst_tpr(evidence: Evidence, most: float) -> Result:
    """Hold the same against the share of memberships told at one false alarm in 1,000.

    By the AUC that it stands for: mu = Phi^-1(tpr) - Phi^-1(fpr), AUC = Phi(mu / sqrt 2).
    """
    auc = float(ndtr((ndtri(most) - ndtri(WORST_FPR)) / np.sqrt(2)))
    return _judge_worst("worst_tpr", evidence, most, auc)


def judge_false_discovery_rate(evidence: Evidence, most: float) -> Result:
    """Hold the estimated share of the exposed who are there by chance against the largest."""
    return _judge_chance(
        "false_discovery_rate", evidence, most, "by_chance", "expected", "estimate"
    )


def judge_chance_share(evidence: Evidence, most: float) -> Result:
    """Hold the share of the exposed whom chance may have named, at most, against the largest."""
    return _judge_chance(
        *("chance_share", evidence, most, "at_most_false", "at most, with 95% confidence"),
        "upper 95% limit",
    )


def limit_exposed(risk: dict, total: int, smallest: int) -> int:
    """Return the upper limit of the number of exposed patients, as far as the report shows it.

    risk: numbers of rollcall.risk.Risk.cohort. Where nobody is exposed: the largest that "fewer
    than `smallest`" may stand for. Where 1 to smallest - 1 are: the first that the limit does not
    exceed of the upper limit of smallest - 1 independent patients, and 3, 10, 30, ... smallest
    cells. Where all but so few are: everybody.
    """
    exposed = int(risk["exposed"])
    high = float(np.clip(np.round(risk["exposed_high"]), 0, total))
    if exposed == 0 and high < smallest:
        return min(smallest - 1, total)
    if 0 < exposed < smallest:
        independent = int(np.ceil(scaled_poisson_interval(smallest - 1, smallest - 1)[1]))
        steps = (independent, *(times * smallest for times in ROUND_LIMITS))
        return min(next((step for step in steps if high <= step), total), total)
    return total if 0 < total - exposed < smallest else int(high)


def _judge_exposed(
    name: str, evidence: Evidence, threshold: float, most: int, unit_of_value: float
) -> Result:
    """Judge the number of exposed patients, at most `most`; of so many patients is a unit."""
    findings = evidence.findings
    risk, total, smallest = findings.risk, findings.patients, findings.smallest
    if findings.control == "failed":
        return without_control(name, threshold)
    if most >= total:
        reason = f"There are only {total:,} {findings.unit}s: the threshold cannot be exceeded."
        return Result(name, NOT_APPLICABLE, threshold, reason)
    exposed, limit = int(risk["exposed"]), limit_exposed(risk, total, smallest)
    few, left = 0 < exposed < smallest, 0 < total - exposed < smallest
    value = np.nan if few or left else exposed / unit_of_value
    shown = {True: f"fewer than {smallest}"}.get(few, f"{exposed:,}")
    shown = f"all but fewer than {smallest}" if left else shown
    hidden = few or (exposed == 0 and limit < smallest)
    untold = few or exposed == 0 or (left and total - smallest + 1 <= most)
    seen = " as far as is shown" if hidden else ""
    text = f"{shown} of {total:,} exposed, at most {limit:,}{seen}; accepted: {most:,}."
    text = text[0].upper() + text[1:]
    common = {"value": value, "limit": limit / unit_of_value, "end": UPPER}
    if limit <= most:
        if needed := count_lacking(findings):
            return without_models(name, threshold, findings, needed)
        return Result(name, PASS, threshold, text, **common)
    if untold:
        text += " No smaller number is shown, so this threshold cannot be judged."
        return Result(name, NOT_EVALUABLE, threshold, text, **common)
    if exposed <= most:
        text += " More models would narrow the interval."
    return Result(name, FAIL, threshold, text, **common)


def _judge_worst(name: str, evidence: Evidence, threshold: float, auc: float) -> Result:
    """Judge whether patients reach a true AUC, by the limits of their number."""
    findings, curve = evidence.findings, evidence.survival
    smallest, unit = findings.smallest, f"{findings.unit}s"
    if findings.control == "failed":
        return without_control(name, threshold)
    aucs = curve["auc"].to_numpy(float)
    below = curve.iloc[max(int(np.searchsorted(aucs, auc + 1e-9, side="right")) - 1, 0)]
    above = curve.iloc[min(int(np.searchsorted(aucs, auc - 1e-9)), len(curve) - 1)]
    as_auc = (
        "" if name == "worst_auc" else f" (what {threshold:.1%} of memberships told stands for)"
    )
    what = f"a true AUC of {auc:.2f} or more{as_auc}"
    if above["low"] >= smallest:
        reason = f"Surely {smallest} {unit} or more have {what}."
        return Result(name, FAIL, threshold, reason, end="lower limit of their number")
    if needed := count_lacking(findings):
        return without_models(name, threshold, findings, needed)
    if below["high"] < smallest:
        reason = f"At most fewer than {smallest} {unit} have {what}."
        return Result(name, PASS, threshold, reason, end="upper limit of their number")
    needed = max(models_to_tell(findings.patients, auc, smallest), 2 * findings.targets)
    reason = (
        f"Whether {smallest} {unit} have {what} cannot be told with {findings.targets} models; "
        f"about {needed:,} are needed."
    )
    return Result(name, NOT_EVALUABLE, threshold, reason, models=needed)


def _judge_chance(
    name: str, evidence: Evidence, threshold: float, column: str, words: str, end: str
) -> Result:
    """Judge how large a share of the exposed are there by chance, in whole numbers as shown."""
    findings = evidence.findings
    risk, total, smallest = findings.risk, findings.patients, findings.smallest
    if findings.control == "failed":
        return without_control(name, threshold)
    exposed = int(risk["exposed"])
    if exposed == 0:
        if needed := count_lacking(findings):
            return without_models(name, threshold, findings, needed)
        return Result(name, NOT_APPLICABLE, threshold, f"No {findings.unit} is exposed.")
    if exposed < smallest:
        return _judge_chance_of_few(name, smallest, threshold)
    left = 0 < total - exposed < smallest
    least = total - smallest + 1 if left else exposed
    number = int(np.round(risk[column]))
    share = number / least
    of_all = f"{'at least ' if left else ''}{least:,}"
    reason = f"{number:,} of {of_all} exposed there by chance, {words} ({share:.1%})"
    reason += f"; accepted: {threshold:.1%}."
    outcome = PASS if share <= threshold else FAIL
    return Result(name, outcome, threshold, reason, share, share, end)


def _judge_chance_of_few(name: str, smallest: int, threshold: float) -> Result:
    """Judge the same where 1 to smallest - 1 are exposed, of whom no number is shown.

    Their expected share by the rate at which patients are named, whoever they are. The most that
    chance may have named is not said; the number of the exposed is held against its threshold as if
    it had named none.
    """
    reason = f"Fewer than {smallest} are exposed; "
    if name == "chance_share":
        reason += "how many of them chance may have named is not said."
        return Result(name, NOT_APPLICABLE, threshold, reason)
    reason += f"patients are named at a rate of {EXPOSED_FDR:g}; accepted: {threshold:g}."
    outcome = PASS if threshold >= EXPOSED_FDR else NOT_EVALUABLE
    return Result(name, outcome, threshold, reason, np.nan, EXPOSED_FDR, "rate of naming")
