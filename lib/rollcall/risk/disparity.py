"""Who carries the risk: patients of each group among all and among the most exposed, with risk ratios, differences and adjusted odds ratios.

Units are patients: a patient counts once however many records there are. (`paper_panel` counts records, as the paper does.)
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import fisher_exact
from statsmodels.stats.multitest import multipletests

from rollcall.data.groups import MIN_GROUP_SIZE, iterate_groups, iterate_intersections
from rollcall.risk.odds import estimate_odds_ratio
from rollcall.util.errors import InputError

TOP_SHARE = 0.01
BOOTSTRAP_DRAWS = 20_000
DIAGNOSIS_ATTRIBUTES = (
    "diagnosis",
    "label",
    "finding",
)  # attributes that the adjusted odds ratio accounts for, where a cohort has them


def flag_most_exposed(risk: np.ndarray, share: float = TOP_SHARE) -> np.ndarray:
    """bool (P,): the ceil(share * P) patients of highest risk; ties are broken by position."""
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
    """How much likelier a patient of the group is among the most exposed than any other patient: risk_ratio with ci_low, ci_high, and
    difference (of the two shares) with difference_low, difference_high.

    group, top bool (P,), both over the patients whose attribute is known. The intervals are percentile intervals of a patient-level
    Bayesian bootstrap (Rubin 1981) of the four counts with Jeffreys' prior, half a patient in each cell: with few or no patients of
    the group at the top a resampling bootstrap collapses to a point, this one does not.
    """
    a, b = int((group & top).sum()), int((group & ~top).sum())
    c, d = int((~group & top).sum()), int((~group & ~top).sum())
    inside, outside = a / max(a + b, 1), c / max(c + d, 1)
    rng = np.random.default_rng([seed, 5])
    drawn = rng.beta(a + 0.5, b + 0.5, draws), rng.beta(c + 0.5, d + 0.5, draws)
    ends = [(1 - level) / 2, (1 + level) / 2]
    ratios, differences = (
        np.quantile(drawn[0] / drawn[1], ends),
        np.quantile(drawn[0] - drawn[1], ends),
    )
    return {
        "risk_ratio": inside / outside if c else np.inf if a else np.nan,
        "ci_low": float(ratios[0]),
        "ci_high": float(ratios[1]),
        "difference": inside - outside,
        "difference_low": float(differences[0]),
        "difference_high": float(differences[1]),
    }


def compare_groups(
    patients: pd.DataFrame,
    attributes: pd.DataFrame,
    risk: str = "auc_joint",
    share: float = TOP_SHARE,
    seed: int = 0,
    pairs: list[tuple[str, str]] | None = None,
    adjust: tuple[str, ...] = DIAGNOSIS_ATTRIBUTES,
) -> pd.DataFrame:
    """One row per attribute and group. `patients` as assess_risk returns it; `attributes` (P rows) as cohort.patient_attributes does; `pairs`
    of attributes to cross as in `intersections`, [] for none; `adjust`, attributes to account for.

    attribute, group, intersection (bool); patients, records; share among all patients and share_top among the most exposed 1%, both of those whose
    value is known; top (patients of the group among them); exposed and exposed_share (of the group); mean_risk; risk_ratio against all other
    patients with known value, ci_low, ci_high (95%), difference of the two shares and its interval; odds_ratio, adjusted for records per
    patient and `adjust`, its interval, odds_p and odds_method (estimate_odds_ratio; an attribute is not adjusted for itself); p: exact permutation
    test of the group against the top (Fisher: every way of handing out the group's labels to patients), two-sided; p_adjusted: Holm's
    over all rows. Groups under 10 patients are left out, and groups that leave under 10 others.
    """
    if len(patients) != len(attributes):
        raise InputError(
            f"{len(patients)} patients and {len(attributes)} rows of attributes; expected one row per patient, in the same order"
        )
    value = patients[risk].to_numpy()
    top = flag_most_exposed(value, share)
    exposed, records = patients["exposed"].to_numpy(), patients["records"].to_numpy()
    codes = {
        column: pd.factorize(attributes[column])[0] + 1
        for column in attributes
        if column.partition(": ")[0] in adjust
    }
    rows = []
    every = [
        *((False, each) for each in iterate_groups(attributes)),
        *((True, each) for each in iterate_intersections(attributes, pairs)),
    ]
    for crossed, (attribute, name, group, known) in every:
        size = int(group.sum())
        if (
            min(size, known.sum() - size) < MIN_GROUP_SIZE
        ):  # a small rest could be had by subtraction
            continue
        counts = [
            [(group & top).sum(), (group & ~top).sum()],
            [(known & ~group & top).sum(), (known & ~group & ~top).sum()],
        ]
        others = [
            code[known]
            for column, code in codes.items()
            if column.partition(": ")[0] not in attribute.split(" x ")
        ]
        rows.append(
            {
                "attribute": attribute,
                "group": name,
                "intersection": crossed,
                "patients": size,
                "records": int(records[group].sum()),
                "share": size / known.sum(),
                "share_top": (group & top).sum() / max((known & top).sum(), 1),
                "top": int((group & top).sum()),
                "exposed": int((group & exposed).sum()),
                "exposed_share": float(exposed[group].mean()),
                "mean_risk": float(value[group].mean()),
                **compare_shares(group[known], top[known], seed),
                **estimate_odds_ratio(group[known], top[known], records[known], others),
                "p": float(fisher_exact(counts)[1]),
            }
        )
    if not rows:
        raise InputError(
            f"no attribute has two groups of at least {MIN_GROUP_SIZE} patients; expected at least one, in: {', '.join(attributes)}"
        )
    table = pd.DataFrame(rows)
    table["p_adjusted"] = multipletests(table["p"], method="holm")[1]
    return table
