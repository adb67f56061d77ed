"""The paper's own numbers, to set beside ours: record AUC, its standard error, and the subgroup panel with its chi-square on records.

Knolle et al., Nature 656, 192-198 (2026), doi:10.1038/s41586-026-10688-0. Units of the panel are records, as if records of one patient were
independent: with many records per patient the chi-square names groups that do not differ (tests/paper/test_panel.py). Compare `disparity`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtr
from scipy.stats import chi2

from rollcall.data.groups import MIN_GROUP_SIZE, iterate_groups
from rollcall.risk.disparity import TOP_SHARE
from rollcall.stats.moments import Moments
from rollcall.util.errors import InputError

CAP = 1 - 1e-10  # the largest AUC


def compute_record_auc(*views: Moments) -> np.ndarray:
    """Phi((mean_in - mean_out) / sqrt(sd_in^2 + sd_out^2)), population standard deviations, 1e-10 added to the in one, clipped to
    [0.5, 1 - 1e-10]. (n,). Means and standard deviations are averaged over the `views` of a record, whose noise so stays in them. Clipped, it
    averages above 0.5 where nothing leaks: 0.516 with 100 models in and 100 out."""
    shrink = np.sqrt((views[0].pairs - 1) / views[0].pairs)
    mean_in, mean_out = (
        np.mean([getattr(found, name) for found in views], axis=0)
        for name in ("mean_in", "mean_out")
    )
    inside, outside = (
        shrink * np.mean([np.sqrt(getattr(found, name)) for found in views], axis=0)
        for name in ("var_in", "var_out")
    )
    return np.clip(
        ndtr((mean_in - mean_out) / np.sqrt((inside + 1e-10) ** 2 + outside**2)), 0.5, CAP
    )


def compute_standard_error(auc: np.ndarray, inside: int, outside: int) -> np.ndarray:
    """Hanley and McNeil's (Radiology 1982) standard error of AUCs, which takes the `inside` + `outside` models as independent."""
    a = np.asarray(auc, float)
    q0, q1 = a / (2 - a), 2 * a * a / (1 + a)
    return np.sqrt(
        (a * (1 - a) + (inside - 1) * (q0 - a * a) + (outside - 1) * (q1 - a * a))
        / (inside * outside)
    )


def compute_chi_square(
    observed: np.ndarray, share: np.ndarray, factor: int = 1
) -> tuple[float, float, float]:
    """(chi2, p, p after Bonferroni) of goodness of fit: `observed` counts against `share` of each group times their sum; factor tests were made."""
    expected = np.asarray(share, float) * np.sum(observed)
    statistic = float(((observed - expected) ** 2 / expected).sum())
    p = float(chi2.sf(statistic, len(expected) - 1))
    return statistic, p, min(1.0, p * factor)


def compute_panel(
    auc: np.ndarray,
    attributes: pd.DataFrame,
    share: float = TOP_SHARE,
    factor: int | None = None,
    values: dict[str, list[str]] | None = None,
) -> pd.DataFrame:
    """The subgroup panel: one row per attribute and group. auc (N,) of records; attributes (N rows) by record: categorical columns, or bool
    ones "attribute: group", which may overlap and are not tested.

    `values` restricts an attribute to some of its values, as the paper leaves out other and unknown; missing ones are always out, and
    groups under 10 records. factor: tests that Bonferroni's correction is for, by default the attributes that are tested.
    attribute, group; records; share of the records whose value counts; observed among the int(share * n) of highest AUC (ties by position,
    where the published code stops); expected; residual, Pearson's (observed - expected) / sqrt(expected); relative, (observed - expected) /
    expected; chi2, p, p_bonferroni of the attribute and stars (*, **, *** for 0.05, 0.01, 0.001 after correction, else "n.s.").
    """
    auc = np.asarray(auc, float)
    if len(auc) != len(attributes):
        raise InputError(
            f"{len(auc)} AUCs and {len(attributes)} rows of attributes; expected one row per record, in the same order"
        )
    tested = {column for column in attributes if attributes[column].dtype != bool}
    factor = factor or max(1, len(tested))
    rows = []
    found: dict[str, list] = {}
    for attribute, group, inside, _ in iterate_groups(attributes):
        if inside.sum() >= MIN_GROUP_SIZE and (
            not values or attribute not in values or group in values[attribute]
        ):
            found.setdefault(attribute, []).append((group, inside))
    for attribute, members in found.items():
        alone = attribute in tested
        pool = (
            np.any([inside for _, inside in members], axis=0) if alone else np.ones(len(auc), bool)
        )
        where = np.flatnonzero(pool)
        top = np.zeros(len(auc), bool)
        top[where[np.argsort(-auc[where], kind="stable")[: int(share * len(where))]]] = True
        sizes, observed = (
            np.array([(inside & chosen).sum() for _, inside in members]) for chosen in (pool, top)
        )
        expected = sizes / len(where) * top.sum()
        testable = alone and len(members) > 1 and top.any()
        chi, p, corrected = (
            compute_chi_square(observed, sizes / len(where), factor) if testable else (np.nan,) * 3
        )
        stars = (
            ""
            if np.isnan(p)
            else next(
                (
                    mark
                    for limit, mark in ((0.001, "***"), (0.01, "**"), (0.05, "*"))
                    if corrected <= limit
                ),
                "n.s.",
            )
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            residual, relative = (
                (observed - expected) / np.sqrt(expected),
                (observed - expected) / expected,
            )
        for row, (group, _) in enumerate(members):
            rows.append(
                {
                    "attribute": attribute,
                    "group": group,
                    "records": int(sizes[row]),
                    "share": sizes[row] / len(where),
                    "observed": int(observed[row]),
                    "expected": expected[row],
                    "residual": residual[row],
                    "relative": relative[row],
                    "chi2": chi,
                    "p": p,
                    "p_bonferroni": corrected,
                    "stars": stars,
                }
            )
    if not rows:
        raise InputError(
            f"no group of at least {MIN_GROUP_SIZE} records; expected one, in: {', '.join(attributes)}"
        )
    return pd.DataFrame(rows)
