"""Who carries the risk: patients of each group among all and among the most exposed.

Units are patients: a patient counts once however many records there are. (rollcall.paper.panel
counts records, as the paper does.)
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import fisher_exact

from rollcall.data.groups import MIN_GROUP_SIZE, iterate_groups, iterate_intersections
from rollcall.risk.odds import estimate_odds_ratio
from rollcall.util.errors import InputError

TOP_SHARE = 0.01  # of the patients: the most exposed
BOOTSTRAP_DRAWS = 20_000
# Attributes that the adjusted odds ratio accounts for, where a cohort has them.
DIAGNOSIS_ATTRIBUTES = ("diagnosis", "label", "finding")


def flag_most_exposed(risk: np.ndarray, share: float = TOP_SHARE) -> np.ndarray:
    """Flag the ceil(share * P) patients of highest risk, bool (P,); ties go by position."""
    order = np.argsort(-np.asarray(risk), kind="stable")
    top = np.zeros(len(risk), bool)
    top[order[: max(1, int(np.ceil(share * len(risk))))]] = True
    return top


def compare_shares(
    group: np.ndarray,
    top: np.ndarray,
    seed: int = 0,
    draws: int = BOOTSTRAP_DRAWS,
    level: float = 0.95,
) -> dict[str, float]:
    """Compare the share of the most exposed in a group with that among all other patients.

    group, top bool (P,), both over the patients whose attribute is known.
    risk_ratio with ci_low, ci_high; difference of the two shares with difference_low,
    difference_high. The intervals are percentile intervals of a Bayesian bootstrap of patients
    (Rubin 1981) of the four counts with Jeffreys' prior, half a patient in each cell: with few or
    no patients of the group at the top a resampling bootstrap collapses to a point, this does not.
    """
    a, b = int((group & top).sum()), int((group & ~top).sum())
    c, d = int((~group & top).sum()), int((~group & ~top).sum())
    inside, outside = a / max(a + b, 1), c / max(c + d, 1)
    rng = np.random.default_rng([seed, 5])
    drawn_inside = rng.beta(a + 0.5, b + 0.5, draws)
    drawn_outside = rng.beta(c + 0.5, d + 0.5, draws)
    tails = [(1 - level) / 2, (1 + level) / 2]
    ratios = np.quantile(drawn_inside / drawn_outside, tails)
    differences = np.quantile(drawn_inside - drawn_outside, tails)
    return {
        "risk_ratio": inside / outside if c else np.inf if a else np.nan,
        "ci_low": float(ratios[0]),
        "ci_high": float(ratios[1]),
        "difference": inside - outside,
        "difference_low": float(differences[0]),
        "difference_high": float(differences[1]),
    }


def adjust_p_values(p: ArrayLike) -> np.ndarray:
    """Adjust p-values for their number, (n,): Holm's step-down method.

    The i-th smallest of n is multiplied by n - i + 1; none is below a smaller one's, none above 1.
    Source: Holm, Scandinavian Journal of Statistics 1979.
    """
    p = np.asarray(p, float)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return np.minimum(adjusted, 1)


def compare_groups(
    patients: pd.DataFrame,
    attributes: pd.DataFrame,
    risk: str = "auc_joint",
    share: float = TOP_SHARE,
    seed: int = 0,
    pairs: list[tuple[str, str]] | None = None,
    adjust: tuple[str, ...] = DIAGNOSIS_ATTRIBUTES,
) -> pd.DataFrame:
    """Compare the groups of every attribute: a row per attribute and group.

    patients as assess_risk returns it; attributes, a row per patient, as patient_attributes
    returns it; risk: the column of patients that is compared; pairs of attributes to cross as in
    iterate_intersections, [] for none; adjust: attributes to account for. InputError if rows do
    not match, or no attribute has two groups that are large enough. Groups of fewer than
    MIN_GROUP_SIZE patients are left out, and groups that leave so few others.

    attribute, group, intersection (bool)
    patients, records        of the group
    share, share_top         of the group among all patients and among the most exposed 1%, both of
                             those whose value is known
    top                      patients of the group among the most exposed
    exposed, exposed_share   exposed patients of the group
    mean_risk                of the group
    risk_ratio, ci_low, ci_high, difference, difference_low, difference_high
                             against all other patients with known value (compare_shares), 95%
    odds_ratio, odds_low, odds_high, odds_p, odds_method
                             adjusted for records per patient and `adjust` (estimate_odds_ratio);
                             an attribute is not adjusted for itself
    p                        exact permutation test of the group against the top (Fisher: every way
                             of handing out the group's labels to patients), two-sided
    p_adjusted               Holm's, over all rows
    """
    if len(patients) != len(attributes):
        raise InputError(
            f"{len(patients)} patients and {len(attributes)} rows of attributes; "
            "expected one row per patient, in the same order"
        )
    value = patients[risk].to_numpy()
    top = flag_most_exposed(value, share)
    exposed, records = patients["exposed"].to_numpy(), patients["records"].to_numpy()
    codes = {
        column: pd.factorize(attributes[column])[0] + 1
        for column in attributes
        if column.partition(": ")[0] in adjust
    }
    groups = [
        *((False, *group) for group in iterate_groups(attributes)),
        *((True, *group) for group in iterate_intersections(attributes, pairs)),
    ]
    rows = []
    for is_intersection, attribute, name, group, known in groups:
        size, known_size = int(group.sum()), known.sum()
        if min(size, known_size - size) < MIN_GROUP_SIZE:
            continue  # a small rest could be had by subtraction
        others = known & ~group
        top_group = int((group & top).sum())
        counts = [
            [top_group, (group & ~top).sum()],
            [(others & top).sum(), (others & ~top).sum()],
        ]
        covariates = [
            code[known]
            for column, code in codes.items()
            if column.partition(": ")[0] not in attribute.split(" x ")
        ]
        rows.append(
            {
                "attribute": attribute,
                "group": name,
                "intersection": is_intersection,
                "patients": size,
                "records": int(records[group].sum()),
                "share": size / known_size,
                "share_top": top_group / max((known & top).sum(), 1),
                "top": top_group,
                "exposed": int((group & exposed).sum()),
                "exposed_share": float(exposed[group].mean()),
                "mean_risk": float(value[group].mean()),
                **compare_shares(group[known], top[known], seed),
                **estimate_odds_ratio(group[known], top[known], records[known], covariates),
                "p": float(fisher_exact(counts)[1]),
            }
        )
    if not rows:
        raise InputError(
            f"no attribute has two groups of at least {MIN_GROUP_SIZE} patients; "
            f"expected at least one, in: {', '.join(attributes)}"
        )
    table = pd.DataFrame(rows)
    table["p_adjusted"] = adjust_p_values(table["p"])
    return table
