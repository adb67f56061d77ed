"""Odds of being among the most exposed, a group's against all others', adjusted for covariates."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from scipy.stats import norm

MAX_LOG_ODDS = 20  # a larger coefficient or standard error has not converged to anything finite
MAX_NEWTON_STEP = 2.0  # of a coefficient


def estimate_odds_ratio(
    group: np.ndarray,
    top: np.ndarray,
    records: np.ndarray,
    covariates: Sequence[np.ndarray] = (),
) -> dict[str, float | str]:
    """Estimate the odds ratio of a group, at equal numbers of records and equal covariates.

    Logistic regression of `top` on the group, log records and covariates. group, top bool (P,);
    records int (P,); covariates: (P,) integer codes each, one indicator for each level. Levels of
    which nobody (or everybody) is at the top say nothing of the group and are left out.

    odds_ratio, odds_low, odds_high (95%, Wald), odds_p
    odds_method  "logit": maximum likelihood (statsmodels); "Firth": penalised by Jeffreys' prior
                 (Firth 1993; Heinze and Schemper 2002), where the group separates: it or its rest
                 has none or all of the top; "not identified", with NaN, where group and covariates
                 say the same
    """
    nothing = {
        "odds_ratio": np.nan,
        "odds_low": np.nan,
        "odds_high": np.nan,
        "odds_p": np.nan,
        "odds_method": "not identified",
    }
    keep = np.ones(len(group), bool)
    for codes in covariates:
        size, top_count = np.bincount(codes), np.bincount(codes, top)
        keep &= ((top_count > 0) & (top_count < size))[codes]
    group, top, records = group[keep], top[keep], records[keep]
    covariates = [codes[keep] for codes in covariates]
    if not len(group) or group.all() or not group.any() or top.all() or not top.any():
        return nothing
    x, y, n = _tabulate(group, top, records, covariates)
    if np.linalg.matrix_rank(x) < x.shape[1]:
        return nothing
    sides = (top[group], top[~group])
    separates = any(side.all() or not side.any() for side in sides)
    estimate, method = None if separates else _fit_logit(x, y, n), "logit"
    if estimate is None:
        estimate, method = _fit_firth(x, y, n), "Firth"
    beta, se = estimate
    reach = norm.ppf(0.975) * se
    with np.errstate(over="ignore"):
        low, middle, high = np.exp([beta - reach, beta, beta + reach])
    return {
        "odds_ratio": float(middle),
        "odds_low": float(low),
        "odds_high": float(high),
        "odds_p": float(2 * norm.sf(abs(beta) / se)),
        "odds_method": method,
    }


def _tabulate(
    group: np.ndarray, top: np.ndarray, records: np.ndarray, covariates: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (x, y, n): patients who are alike make one row, y of n at the top.

    Columns of x: 1, group, log records and indicators, but those that are constant.
    """
    cell = np.zeros(len(group), np.int64)
    for codes in (group, records, *covariates):
        cell = np.unique(cell * (int(codes.max()) + 1) + codes, return_inverse=True)[1]
    first = np.unique(cell, return_index=True)[1]
    columns = [
        group,
        np.log(records),
        *(codes == level for codes in covariates for level in np.unique(codes)[1:]),
    ]
    varying = [column[first] for column in columns if np.ptp(column[first].astype(float)) > 0]
    x = np.column_stack([np.ones(len(first)), *varying])
    return x, np.bincount(cell, top), np.bincount(cell).astype(float)


def _fit_logit(x: np.ndarray, y: np.ndarray, n: np.ndarray) -> tuple[float, float] | None:
    """Fit by maximum likelihood: (coefficient, standard error) of column 1; None if it diverges."""
    from statsmodels.genmod import families
    from statsmodels.genmod.generalized_linear_model import GLM

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # perfect separation and overflow are looked for below
        try:
            fit = GLM(np.column_stack([y, n - y]), x, family=families.Binomial()).fit(maxiter=50)
        except (ValueError, np.linalg.LinAlgError):
            return None
    converged = (
        fit.converged
        and np.isfinite(fit.bse).all()
        and (np.abs(fit.params) < MAX_LOG_ODDS).all()
        and fit.bse[1] < MAX_LOG_ODDS
    )
    return (float(fit.params[1]), float(fit.bse[1])) if converged else None


def _fit_firth(
    x: np.ndarray, y: np.ndarray, n: np.ndarray, steps: int = 200
) -> tuple[float, float]:
    """Fit by Firth's penalised likelihood: (coefficient, standard error) of column 1.

    y of n patients in each row of x are at the top; Newton's method with short steps.
    """
    beta = np.zeros(x.shape[1])
    covariance = np.zeros((len(beta), len(beta)))
    for _ in range(steps):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        w = n * p * (1 - p)
        covariance = np.linalg.pinv((x * w[:, None]).T @ x)
        leverage = w * np.einsum("ij,jk,ik->i", x, covariance, x)
        step = covariance @ (x.T @ (y - n * p + leverage * (0.5 - p)))
        beta = beta + step / max(1.0, np.abs(step).max() / MAX_NEWTON_STEP)
        if np.abs(step).max() < 1e-8:
            break
    return float(beta[1]), float(np.sqrt(covariance[1, 1]))
