"""Who carries the risk: patients of each group among all and among the most exposed.

Units are patients: a patient counts once however many records there are. (rollcall.paper.panel
counts records, as the paper does.)
"""

from __future__ import annotations

from itertools import chain

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rollcall.data.groups import MIN_GROUP_SIZE, iterate_groups, iterate_intersections
from rollcall.risk.groups.odds import estimate_in_strata, stratify_patients
from rollcall.util.errors import InputError
from rollcall.util.parallel import make_blocks, map_blocks

TOP_SHARE = 0.01  # of the patients: the most exposed
BOOTSTRAP_DRAWS = 20_000
GROUPS_PER_BLOCK = 8  # whose shares are compared at a time
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
    counts = [[int((side & kind).sum()) for kind in (top, ~top)] for side in (group, ~group)]
    return _compare_counts(counts, seed, draws, level)


def _compare_counts(
    table: list[list[int]], seed: int, draws: int = BOOTSTRAP_DRAWS, level: float = 0.95
) -> dict[str, float]:
    """Compare as compare_shares does; table: at the top and not, of the group and of the others."""
    (a, b), (c, d) = table
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


def fisher_p_value(table: ArrayLike) -> float:
    """Return the two-sided p-value of Fisher's exact test of a table of counts (2, 2).

    The probability, given the margins, of all tables that are no likelier than this one; those
    within a relative 1e-10 count as equal. From the likeliest table on, each probability is a
    multiple of its neighbour's.
    """
    (a, b), (c, d) = np.asarray(table, int).tolist()
    row, column, total = a + b, a + c, a + b + c + d
    counts = np.arange(max(0, row + column - total), min(row, column) + 1)  # that a could be
    up = (row - counts[:-1]) * (column - counts[:-1])
    down = counts[1:] * (total - row - column + counts[1:])
    mode = int((up > down).sum())  # ratios fall: before it they are above 1
    rising = np.cumprod((down[:mode] / up[:mode])[::-1])[::-1]
    falling = np.cumprod(up[mode:] / down[mode:])
    likelihood = np.concatenate([rising, [1.0], falling])
    unlikely = likelihood <= likelihood[a - counts[0]] * (1 + 1e-10)
    return float(min(1.0, likelihood[unlikely].sum() / likelihood.sum()))


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

    codes = [
        (column.partition(": ")[0], pd.factorize(attributes[column])[0] + 1)
        for column in attributes
        if column.partition(": ")[0] in adjust
    ]
    groups = chain(
        ((False, *group) for group in iterate_groups(attributes)),
        ((True, *group) for group in iterate_intersections(attributes, pairs)),
    )
    rows, tables, odds, stratified = [], [], [], None
    for is_intersection, attribute, name, group, known in groups:
        size, known_size = np.count_nonzero(group), np.count_nonzero(known)
        if min(size, known_size - size) < MIN_GROUP_SIZE:
            continue  # a small rest could be had by subtraction
        top_group, top_known = np.count_nonzero(group & top), np.count_nonzero(known & top)
        exposed_group, top_rest = np.count_nonzero(group & exposed), top_known - top_group
        rows.append(
            {
                "attribute": attribute,
                "group": name,
                "intersection": is_intersection,
                "patients": size,
                "records": int(records[group].sum()),
                "share": size / known_size,
                "share_top": top_group / max(top_known, 1),
                "top": top_group,
                "exposed": exposed_group,
                "exposed_share": exposed_group / size,
                "mean_risk": float(value[group].mean()),
            }
        )
        tables.append([[top_group, size - top_group], [top_rest, known_size - size - top_rest]])
        others = set(adjust).difference(attribute.split(" x "))
        if stratified is None or stratified[0] != others or (stratified[1] != known).any():
            covariates = [code for name, code in codes if name in others]
            stratified = others, known, stratify_patients(top, records, covariates, known)
        odds.append(estimate_in_strata(group, stratified[2]))
    if not rows:
        raise InputError(
            f"no attribute has two groups of at least {MIN_GROUP_SIZE} patients; "
            f"expected at least one, in: {', '.join(attributes)}"
        )
    parts = zip(rows, _compare_all_shares(tables, seed), odds, strict=True)
    table = pd.DataFrame([row | shares | adjusted for row, shares, adjusted in parts])
    table["p"] = [fisher_p_value(counts) for counts in tables]
    table["p_adjusted"] = adjust_p_values(table["p"])
    return table


def _compare_all_shares(tables: list, seed: int) -> list[dict[str, float]]:
    """Compare the shares of every group, on every core: drawing takes most of a group's time."""
    compared = [{}] * len(tables)

    def work(slices: list[slice]) -> None:
        for c in slices:
            compared[c] = [_compare_counts(table, seed) for table in tables[c]]

    map_blocks(work, make_blocks(len(tables), GROUPS_PER_BLOCK))
    return compared
