"""What one criterion gives, what all of them look at, and the two reasons to say nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rollcall.report.appetite.resolution import models_to_name
from rollcall.report.words.sentences import ENOUGH_POWER, FEWEST_TARGETS, Findings

PASS, FAIL = "pass", "fail"
NOT_EVALUABLE, NOT_APPLICABLE = "not evaluable", "not applicable"
UPPER = "upper limit of the 95% interval"


@dataclass(frozen=True)
class Evidence:
    """What an audit has measured, as the criteria need it.

    findings: of the run; survival: columns auc, patients, low, high, as assess_risk returns it;
    lira, lira_error: AUC of the attack over all targets, its error for other patients and models,
    NaN if it was not made; has_groups: whether the cohort has attributes.
    """

    findings: Findings
    survival: pd.DataFrame
    lira: float
    lira_error: float
    has_groups: bool


@dataclass(frozen=True)
class Result:
    """What one criterion gives.

    outcome: PASS, FAIL, NOT_EVALUABLE or NOT_APPLICABLE. threshold: as it was stated, NaN if not.
    value: as the report shows it, limit: what was held against the threshold, end: which end of
    which interval that is; NaN and "" where nothing can be shown. reason: a sentence.
    models: how many an evaluation needs, about; 0 where that is not what is lacking.
    """

    criterion: str
    outcome: str
    threshold: float
    reason: str
    value: float = np.nan
    limit: float = np.nan
    end: str = ""
    models: int = 0


def count_lacking(findings: Findings) -> int:
    """Return how many models it takes till silence says something; 0 if there are enough.

    Where the chance to name a patient with an AUC of 0.99 is shown, by that; else by the numbers
    of patients and models alone.
    """
    needed = max(models_to_name(findings.patients), FEWEST_TARGETS)
    if 0 < findings.risk["exposed"] < findings.smallest:
        return needed if findings.targets < needed else 0
    if findings.risk["power_99"] >= ENOUGH_POWER and findings.targets >= FEWEST_TARGETS:
        return 0
    return max(needed, findings.targets + 2)


def without_models(name: str, threshold: float, findings: Findings, needed: int) -> Result:
    """Return the result of a criterion for which there are too few models."""
    reason = (
        f"{findings.targets} models are too few to tell: even a {findings.unit} with an AUC of "
        f"0.99 would probably be missed; about {needed:,} are needed."
    )
    return Result(name, NOT_EVALUABLE, threshold, reason, models=needed)


def without_control(name: str, threshold: float) -> Result:
    """Return the result of a criterion where the blind control failed."""
    reason = "The control failed: membership can be told without any model, and no number counts."
    return Result(name, NOT_EVALUABLE, threshold, reason)
