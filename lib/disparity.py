"""Who carries the risk: patients of each group among all and among the most exposed, with risk ratios."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import fisher_exact
from statsmodels.stats.multitest import multipletests

from lib.errors import InputError

TOP = 0.01
SMALLEST_GROUP = 10
DRAWS = 20_000


def most_exposed(risk: np.ndarray, share: float = TOP) -> np.ndarray:
    """bool (P,): the ceil(share * P) patients of highest risk; ties are broken by position."""
    order = np.argsort(-np.asarray(risk), kind="stable")
    top = np.zeros(len(risk), bool)
    top[order[: max(1, int(np.ceil(share * len(risk))))]] = True
    return top


def risk_ratio(group: np.ndarray, top: np.ndarray, seed: int = 0, draws: int = DRAWS, level: float = 0.95) -> tuple[float, float, float]:
    """(ratio, low, high): how many times likelier a patient of the group is among the most exposed than any other patient.

    group, top bool (P,), both over the patients whose attribute is known. The interval is the percentile interval of a patient-level
    Bayesian bootstrap (Rubin 1981) of the four counts with Jeffreys' prior, half a patient in each cell: with few or no patients of
    the group at the top a resampling bootstrap collapses to a point, this one does not.
    """
    a, b = int((group & top).sum()), int((group & ~top).sum())
    c, d = int((~group & top).sum()), int((~group & ~top).sum())
    ratio = np.divide(a / max(a + b, 1), c / max(c + d, 1)) if c else np.inf if a else np.nan
    rng = np.random.default_rng([seed, 5])
    draws = rng.beta(a + 0.5, b + 0.5, draws) / rng.beta(c + 0.5, d + 0.5, draws)
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(ratio), float(low), float(high)


def groups(attributes: pd.DataFrame):
    """Yield (attribute, group, in it, known), the latter two bool (P,): the categories of each categorical column, and each bool column
    "attribute: group", one of several overlapping groups, whose value is always known."""
    for column in attributes:
        values = attributes[column]
        if values.dtype == bool:
            attribute, _, group = column.partition(": ")
            yield attribute, group or "yes", values.to_numpy(), np.ones(len(values), bool)
            continue
        values = values.astype("category")
        known = values.notna().to_numpy()
        for group in values.cat.categories:
            yield column, str(group), (values == group).to_numpy(dtype=bool), known


def disparity(patients: pd.DataFrame, attributes: pd.DataFrame, risk: str = "auc_joint", share: float = TOP, seed: int = 0) -> pd.DataFrame:
    """One row per attribute and group. `patients` as risk.assess returns it; `attributes` (P rows) as cohort.patient_attributes does.

    attribute, group; patients, records; share among all patients and share_top among the most exposed 1%, both of those whose value is
    known; top (patients of the group among them); exposed and exposed_share (of the group); mean_risk; risk_ratio against all other
    patients with known value, ci_low, ci_high (95%); p: exact permutation test of the group against the top (Fisher: every way of
    handing out the group's labels to patients), two-sided; p_adjusted: Holm's over all rows. Groups under 10 patients are left out, and groups that leave under 10 others.
    """
    if len(patients) != len(attributes):
        raise InputError(f"{len(patients)} patients and {len(attributes)} rows of attributes; expected one row per patient, in the same order")
    value = patients[risk].to_numpy()
    top = most_exposed(value, share)
    exposed, records = patients["exposed"].to_numpy(), patients["records"].to_numpy()
    rows = []
    for attribute, name, group, known in groups(attributes):
        size = int(group.sum())
        if min(size, known.sum() - size) < SMALLEST_GROUP:  # a small rest could be had by subtraction
            continue
        ratio, low, high = risk_ratio(group[known], top[known], seed)
        counts = [[(group & top).sum(), (group & ~top).sum()], [(known & ~group & top).sum(), (known & ~group & ~top).sum()]]
        rows.append({"attribute": attribute, "group": name, "patients": size, "records": int(records[group].sum()),
                     "share": size / known.sum(), "share_top": (group & top).sum() / max((known & top).sum(), 1), "top": int((group & top).sum()),
                     "exposed": int((group & exposed).sum()), "exposed_share": float(exposed[group].mean()),
                     "mean_risk": float(value[group].mean()), "risk_ratio": ratio, "ci_low": low, "ci_high": high,
                     "p": float(fisher_exact(counts)[1])})
    if not rows:
        raise InputError(f"no attribute has two groups of at least {SMALLEST_GROUP} patients; expected at least one, in: {', '.join(attributes)}")
    table = pd.DataFrame(rows)
    table["p_adjusted"] = multipletests(table["p"], method="holm")[1]
    return table
