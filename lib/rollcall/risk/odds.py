"""TODO."""

from __future__ import annotations

import warnings

import numpy as np
from scipy.stats import norm


def estimate_odds_ratio(
    group: np.ndarray, top: np.ndarray, records: np.ndarray, covariates: list[np.ndarray] = ()
) -> dict[str, float | str]:
    """Odds ratio of being among the most exposed, group against all others, with as many records and of the same diagnoses: odds_ratio,
    odds_low, odds_high (95%, Wald), odds_p, odds_method. Logistic regression of `top` on the group, log records and covariates.

    group, top bool (P,); records int (P,); covariates: (P,) integer codes each, one indicator for each level. odds_method: "logit", maximum
    likelihood (statsmodels); "Firth", penalised by Jeffreys' prior (Firth 1993; Heinze and Schemper 2002), where the group separates: it or its
    rest has none or all of the top; "not identified", with NaN, where group and covariates say the same. Levels of which nobody (or
    everybody) is at the top say nothing of the group and are left out.
    """
    none = {"odds_ratio": np.nan, "odds_low": np.nan, "odds_high": np.nan, "odds_p": np.nan}
    keep = np.ones(len(group), bool)
    for codes in covariates:
        size, ups = np.bincount(codes), np.bincount(codes, top)
        keep &= ((ups > 0) & (ups < size))[codes]
    group, top, records, covariates = (
        group[keep],
        top[keep],
        records[keep],
        [codes[keep] for codes in covariates],
    )
    if not len(group) or group.all() or not group.any() or top.all() or not top.any():
        return none | {"odds_method": "not identified"}
    cell = np.zeros(len(group), np.int64)
    for codes in (group, records, *covariates):  # patients who are alike make one row
        cell = np.unique(cell * (int(codes.max()) + 1) + codes, return_inverse=True)[1]
    first = np.unique(cell, return_index=True)[1]
    columns = [
        group,
        np.log(records),
        *(codes == level for codes in covariates for level in np.unique(codes)[1:]),
    ]
    x = np.column_stack(
        [
            np.ones(len(first)),
            *(column[first] for column in columns if np.ptp(column[first].astype(float)) > 0),
        ]
    )
    n, y = np.bincount(cell).astype(float), np.bincount(cell, top)
    if np.linalg.matrix_rank(x) < x.shape[1]:
        return none | {"odds_method": "not identified"}
    separated = not all(
        (group == side).any() and 0 < top[group == side].sum() < (group == side).sum()
        for side in (False, True)
    )
    found = None if separated else _logit(x, y, n)
    method = "Firth" if found is None else "logit"
    beta, se = found or _firth(x, y, n)
    with np.errstate(over="ignore"):
        low, middle, high = np.exp([beta - norm.ppf(0.975) * se, beta, beta + norm.ppf(0.975) * se])
    return {
        "odds_ratio": float(middle),
        "odds_low": float(low),
        "odds_high": float(high),
        "odds_p": float(2 * norm.sf(abs(beta) / se)),
        "odds_method": method,
    }


def _logit(x, y, n) -> tuple[float, float] | None:
    """(coefficient, standard error) of column 1 by maximum likelihood; None if it does not converge to something finite."""
    from statsmodels.genmod import families
    from statsmodels.genmod.generalized_linear_model import GLM

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # perfect separation and overflow are looked for below
        try:
            fit = GLM(np.column_stack([y, n - y]), x, family=families.Binomial()).fit(maxiter=50)
        except (ValueError, np.linalg.LinAlgError):
            return None
    fine = (
        fit.converged
        and np.isfinite(fit.bse).all()
        and (np.abs(fit.params) < 20).all()
        and fit.bse[1] < 20
    )
    return (float(fit.params[1]), float(fit.bse[1])) if fine else None


def _firth(x, y, n, steps: int = 200) -> tuple[float, float]:
    """(coefficient, standard error) of column 1, Firth's penalised likelihood for y of n in each row of x, by Newton's method with short steps."""
    beta = np.zeros(x.shape[1])
    for _ in range(steps):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        w = n * p * (1 - p)
        covariance = np.linalg.pinv((x * w[:, None]).T @ x)
        leverage = w * np.einsum("ij,jk,ik->i", x, covariance, x)
        step = covariance @ (x.T @ (y - n * p + leverage * (0.5 - p)))
        beta = beta + step / max(1.0, np.abs(step).max() / 2)
        if np.abs(step).max() < 1e-8:
            break
    return float(beta[1]), float(np.sqrt(covariance[1, 1]))
