"""The paper's statistics of records: AUC, its standard error, and the subgroup panel.

Knolle et al., Nature 656, 192-198 (2026), doi:10.1038/s41586-026-10688-0, to set beside ours. Units
of the panel are records, as if records of one patient were independent: with many records per
patient its chi-square names groups that do not differ (tests/paper/test_panel.py). Compare
`rollcall.risk.groups.disparity`, and see docs/deviations.md.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import chdtrc, ndtr

from rollcall.data.groups import MIN_GROUP_SIZE, iterate_groups
from rollcall.stats.moments import Moments
from rollcall.util.errors import InputError

TOP_SHARE = 0.01  # of the records: those with the highest AUC
LARGEST_AUC = 1 - 1e-10
STARS = ((0.001, "***"), (0.01, "**"), (0.05, "*"))  # (largest corrected p, mark)


def compute_record_auc(*views: Moments) -> np.ndarray:
    """Compute the published AUC of each record, (n,), from the moments of each view.

    Phi((mean_in - mean_out) / sqrt(sd_in^2 + sd_out^2)) with population standard deviations, 1e-10
    added to the in one, clipped to [0.5, 1 - 1e-10]. Means and standard deviations are averaged
    over the `views` of a record, whose noise so stays in them. Clipped, it averages above 0.5 where
    nothing leaks: 0.516 with 100 models in and 100 out.
    """
    to_population = np.sqrt((views[0].pairs - 1) / views[0].pairs)
    mean_in, mean_out = (
        np.mean([getattr(moments, name) for moments in views], axis=0)
        for name in ("mean_in", "mean_out")
    )
    sd_in, sd_out = (
        to_population * np.mean([np.sqrt(getattr(moments, name)) for moments in views], axis=0)
        for name in ("var_in", "var_out")
    )
    z = (mean_in - mean_out) / np.sqrt((sd_in + 1e-10) ** 2 + sd_out**2)
    return np.clip(ndtr(z), 0.5, LARGEST_AUC)


def compute_standard_error(auc: np.ndarray, models_in: int, models_out: int) -> np.ndarray:
    """Compute the standard error of AUCs, taking all models in and out as independent.

    Source: Hanley and McNeil, Radiology 1982.
    """
    a = np.asarray(auc, float)
    q0, q1 = a / (2 - a), 2 * a * a / (1 + a)
    return np.sqrt(
        (a * (1 - a) + (models_in - 1) * (q0 - a * a) + (models_out - 1) * (q1 - a * a))
        / (models_in * models_out)
    )


def compute_chi_square(
    observed: np.ndarray, share: np.ndarray, factor: int = 1
) -> tuple[float, float, float]:
    """Test the goodness of fit: return (chi2, p, p after Bonferroni for `factor` tests).

    observed: counts by group, against the share of each group times their sum.
    """
    expected = np.asarray(share, float) * np.sum(observed)
    statistic = float(((observed - expected) ** 2 / expected).sum())
    p = float(chdtrc(len(expected) - 1, statistic))
    return statistic, p, min(1.0, p * factor)


def compute_panel(
    auc: np.ndarray,
    attributes: pd.DataFrame,
    share: float = TOP_SHARE,
    factor: int | None = None,
    values: dict[str, list[str]] | None = None,
    patient_index: np.ndarray | None = None,
) -> pd.DataFrame:
    """Make the subgroup panel: one row per attribute and group.

    auc (N,) of records; attributes (N rows) by record: categorical columns, or bool ones
    "attribute: group", which may overlap and are not tested. values: restricts an attribute to some
    of its values, as the paper leaves out other and unknown; missing ones are always out, and
    groups under 10 patients. factor: tests that Bonferroni's correction is for, by default the
    attributes that are tested. patient_index (N,): the patient of each record, by default one each.
    InputError if there is not one row per AUC, or no group is large enough.

    attribute, group
    records          of the group
    patients         who have these records
    top_patients     who have those of them that are in the top
    share            of the records whose value counts
    observed         in the top: the int(share * n) records of highest AUC, ties by position, where
                     the published code stops
    expected         share times the size of the top
    residual         Pearson's, (observed - expected) / sqrt(expected)
    relative         (observed - expected) / expected
    chi2, p, p_bonferroni    of the attribute
    stars            *, **, *** for 0.05, 0.01, 0.001 after correction, else "n.s."
    """
    auc = np.asarray(auc, float)
    if len(auc) != len(attributes):
        raise InputError(
            f"{len(auc)} AUCs and {len(attributes)} rows of attributes; "
            "expected one row per record, in the same order"
        )
    index = np.arange(len(auc)) if patient_index is None else np.asarray(patient_index)
    tested = {column for column in attributes if attributes[column].dtype != bool}
    factor = factor or max(1, len(tested))
    rows: list[dict] = []
    for attribute, groups in _list_groups(attributes, values or {}, index).items():
        rows += _compare(auc, attribute, groups, index, attribute in tested, share, factor)
    if not rows:
        raise InputError(
            f"no group of at least {MIN_GROUP_SIZE} patients; "
            f"expected one, in: {', '.join(attributes)}"
        )
    return pd.DataFrame(rows)


def find_tops(
    auc: np.ndarray,
    attributes: pd.DataFrame,
    panel: pd.DataFrame,
    share: float = TOP_SHARE,
) -> dict[str, np.ndarray]:
    """Find the records that are in the top of each attribute of a panel, bool (N,).

    auc and attributes as compute_panel took them.
    """
    tops = {}
    tested = {column for column in attributes if attributes[column].dtype != bool}
    for attribute, rows in panel.groupby("attribute", sort=False):
        pool = np.full(len(auc), True)
        if attribute in tested:
            pool = attributes[attribute].astype(str).isin(rows["group"]).to_numpy()
        tops[str(attribute)] = _take_top(np.asarray(auc, float), pool, share)
    return tops


def _list_groups(
    attributes: pd.DataFrame, values: dict[str, list[str]], index: np.ndarray
) -> dict[str, list[tuple[str, np.ndarray]]]:
    """Return each attribute's groups that are large enough: name, and which records, bool (N,)."""
    groups: dict[str, list] = {}
    for attribute, group, inside, _ in iterate_groups(attributes):
        counts = attribute not in values or group in values[attribute]
        if counts and _count_patients(index, inside) >= MIN_GROUP_SIZE:
            groups.setdefault(attribute, []).append((group, inside))
    return groups


def _count_patients(index: np.ndarray, records: np.ndarray) -> int:
    return len(np.unique(index[records]))


def _take_top(auc: np.ndarray, pool: np.ndarray, share: float) -> np.ndarray:
    """Return the top of a pool of records, bool (N,)."""
    records = np.flatnonzero(pool)
    top = np.zeros(len(auc), bool)
    top[records[np.argsort(-auc[records], kind="stable")[: int(share * len(records))]]] = True
    return top


def _compare(
    auc: np.ndarray,
    attribute: str,
    groups: list[tuple[str, np.ndarray]],
    index: np.ndarray,
    tested: bool,
    share: float,
    factor: int,
) -> list[dict]:
    """Return the rows of one attribute: its groups among all records and among the top."""
    pool = np.any([inside for _, inside in groups], axis=0) if tested else np.full(len(auc), True)
    top = _take_top(auc, pool, share)
    sizes, observed = (
        np.array([(inside & chosen).sum() for _, inside in groups]) for chosen in (pool, top)
    )
    number = np.count_nonzero(pool)
    expected = sizes / number * top.sum()
    chi = p = corrected = np.nan
    stars = ""
    if tested and len(groups) > 1 and top.any():
        chi, p, corrected = compute_chi_square(observed, sizes / number, factor)
    if not np.isnan(p):
        stars = next((mark for limit, mark in STARS if corrected <= limit), "n.s.")
    with np.errstate(invalid="ignore", divide="ignore"):
        residual = (observed - expected) / np.sqrt(expected)
        relative = (observed - expected) / expected
    return [
        {
            "attribute": attribute,
            "group": group,
            "records": int(sizes[row]),
            "patients": _count_patients(index, inside),
            "top_patients": _count_patients(index, inside & top),
            "share": sizes[row] / number,
            "observed": int(observed[row]),
            "expected": expected[row],
            "residual": residual[row],
            "relative": relative[row],
            "chi2": chi,
            "p": p,
            "p_bonferroni": corrected,
            "stars": stars,
        }
        for row, (group, inside) in enumerate(groups)
    ]
