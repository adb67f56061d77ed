"""What a setting costs and what is left of the risk: AUROC of each group, the worst patients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from rollcall.data.cohort import Cohort
from rollcall.data.groups import iterate_groups, patient_attributes, patient_labels
from rollcall.report.gate import list_shown
from rollcall.risk.groups import NothingToCompareError, list_groups
from rollcall.risk.units import FPRS, share_recognised
from rollcall.stats import metrics

WORST_FPR = FPRS[-1]  # 0.1%: no audit of fewer than thousands of models counts one false alarm
ALL = ("all", "all")  # attribute and group of the row of everybody

Group = tuple[str, str, np.ndarray]


class Measured(NamedTuple):
    """Hold groups and each target's AUROC on their patients that it has not seen, (M, groups)."""

    groups: list[Group]
    aurocs: np.ndarray


def worst_tpr(survival: pd.DataFrame, smallest: int) -> tuple[float, float]:
    """Return (estimate, at least): memberships told of the `smallest` worst, at 0.1% false alarms.

    From the largest true AUC that so many patients have, the noise of the estimates taken out, and
    that they have by the lower limit of their number. NaN where so many do not reach 0.5. It is
    read off the AUC for normal scores (risk.units), never counted: 32 models show no false alarm in
    1,000. Nor is it of one patient: the largest of many estimates is mostly luck.
    """
    values = []
    for column in ("patients", "low"):
        reached = survival.loc[survival[column] >= smallest, "auc"]
        auc = reached.max() if len(reached) else np.nan
        values.append(float(share_recognised(auc, WORST_FPR)))
    return values[0], values[1]


def list_measurable(cohort: Cohort, smallest: int) -> list[Group]:
    """List (attribute, group, patients bool (P,)) whose AUROC may be shown, everybody first.

    Those whose size the gate shows, with `smallest` patients who have each class or label, and as
    many who have records without it. Groups that are the outcome are left out: among those who had
    it an AUROC says nothing of how well it is foretold.
    """
    attributes, index = patient_attributes(cohort), cohort.patient_index
    shown = list_shown(attributes, smallest)
    everybody = np.ones(len(cohort.patients), bool)
    groups: list[Group] = [(*ALL, everybody)]
    positive, outcomes = _mark_labels(cohort), _find_outcomes(attributes, cohort)
    for attribute, group, inside, _ in iterate_groups(attributes):
        if group not in shown.get(attribute, []) or (attribute, group) in outcomes:
            continue
        fewest = len(inside)
        for column in positive.T:
            for kind in (column, ~column):
                having = np.bincount(index, kind, len(inside)) > 0
                fewest = min(fewest, int((having & inside).sum()))
        if fewest >= smallest:
            groups.append((attribute, group, inside))
    return groups


def _find_outcomes(attributes: pd.DataFrame, cohort: Cohort) -> set[tuple[str, str]]:
    """Find the groups that are nearly the patients of one training label."""
    try:
        table = list_groups(attributes, patient_labels(cohort), []).table
    except NothingToCompareError:
        return set()
    rows = table[table["is_outcome"]]
    return set(zip(rows["attribute"], rows["group"], strict=True))


def _mark_labels(cohort: Cohort) -> np.ndarray:
    """Return whether each record is of each class or label, bool (N, classes)."""
    labels = np.asarray(cohort.labels)
    if cohort.task == "multiclass":
        return labels[:, None] == np.arange(len(cohort.classes))
    return labels.reshape(len(labels), -1) == 1


def measure_groups(
    outputs: Iterable[np.ndarray], members: np.ndarray, cohort: Cohort, groups: list[Group]
) -> np.ndarray:
    """Return each target's AUROC on the patients of each group that it has not seen, (M, groups).

    outputs: of each target in turn, (N, outputs); members bool (M, P).
    """
    index = cohort.patient_index

    def measure_each() -> Iterator[list[float]]:
        for target, shown in enumerate(outputs):
            unseen = ~members[target]
            rows = [np.flatnonzero((unseen & inside)[index]) for _, _, inside in groups]
            yield [metrics.mean_auc(shown[r], cohort.labels[r], cohort.task) for r in rows]

    return np.array(list(measure_each()))


def compare_groups(measured: Measured, plain: Measured, paired: bool) -> pd.DataFrame:
    """Compare the AUROC of each group of both with that of the plain models, a row each.

    paired: the targets of both had the same members. attribute, group, patients, auroc (mean over
    targets), change, low, high: the 95% interval over pairs of targets, for as many new models of
    these patients (not for other patients).
    """
    keys = [[group[:2] for group in each.groups] for each in (measured, plain)]
    both = [key for key in keys[0] if key in keys[1]]
    columns = [[each.index(key) for key in both] for each in keys]
    aurocs = measured.aurocs[:, columns[0]], plain.aurocs[:, columns[1]]
    pairs = [each.reshape(-1, 2, len(both)).mean(1) for each in aurocs]
    differences = [pairs[0] - pairs[1]] if paired else pairs
    variance = sum(each.var(0, ddof=1) / len(each) for each in differences)
    freedom = sum(len(each) - 1 for each in differences)
    reach = stdtrit(freedom, 0.975) * np.sqrt(variance)
    change = pairs[0].mean(0) - pairs[1].mean(0)
    return pd.DataFrame(
        {
            "attribute": [attribute for attribute, _ in both],
            "group": [group for _, group in both],
            "patients": [int(measured.groups[number][2].sum()) for number in columns[0]],
            "auroc": aurocs[0].mean(0),
            "change": change,
            "low": change - reach,
            "high": change + reach,
        }
    )
