"""Odds of being among the most exposed, a group's against all others', adjusted for covariates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri

Z_975 = float(ndtri(0.975))
MAX_LOG_ODDS = 20  # a larger coefficient or standard error has not converged to anything finite
NEWTON_STEPS = 50
LEAST_CHANGE = 1e-8  # of the deviance, by which maximum likelihood goes on
MAX_NEWTON_STEP = 2.0  # of a coefficient, in Firth's fit
HALVINGS = 30  # of a step of it, at most
LEAST_EIGENVALUE = 1e-11  # of columns that do not repeat each other
MAX_KEY = 2**62  # below it whole numbers of 64 bits cannot overflow


@dataclass(frozen=True)
class Strata:
    """S strata: patients alike in records and covariates, in ascending order of these.

    code       (P,): twice a patient's stratum, and 1 more at the top; 2 S for patients left out
    x          (S, k): 1, log records, and an indicator for every level but a covariate's lowest
    size, top  (S,): patients, and patients at the top
    """

    code: np.ndarray
    x: np.ndarray
    size: np.ndarray
    top: np.ndarray


def stratify_patients(
    top: np.ndarray,
    records: np.ndarray,
    covariates: Sequence[np.ndarray] = (),
    known: np.ndarray | None = None,
) -> Strata:
    """Put patients who are alike in records and covariates together.

    top bool (P,); records int (P,); covariates: (P,) integer codes each; known bool (P,): the
    others are left out. Levels of which nobody (or everybody) is at the top say nothing of any
    group and are left out too.
    """
    known = np.ones(len(top), bool) if known is None else known
    keep = known.copy()
    for codes in covariates:
        count, top_count = (
            np.bincount(codes[chosen], minlength=codes.max() + 1) for chosen in (known, known & top)
        )
        keep &= ((top_count > 0) & (top_count < count))[codes]
    kept = np.flatnonzero(keep)
    key = records[kept].astype(np.int64)
    for codes in covariates:
        width = int(codes.max()) + 1
        if int(key.max(initial=0)) >= MAX_KEY // width:
            key = np.unique(key, return_inverse=True)[1]
        key = key * width + codes[kept]
    _, first, stratum = np.unique(key, return_index=True, return_inverse=True)
    first = kept[first]
    log_records = np.log(records[first])
    columns = [np.ones(len(first))]
    if (log_records != log_records[:1]).any():
        columns.append(log_records)
    for codes in covariates:
        levels = np.unique(codes[first])[1:]
        columns.extend(codes[first] == level for level in levels)
    code = np.full(len(top), 2 * len(first))
    code[kept] = 2 * stratum + top[kept]
    size, top_size = _count_strata(code, len(first))
    return Strata(code, np.column_stack(columns), size, top_size)


def _count_strata(code: np.ndarray, strata: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (patients, patients at the top) of each stratum; code as in Strata."""
    counts = np.bincount(code, minlength=2 * strata + 1)[:-1].reshape(strata, 2)
    return counts.sum(1), counts[:, 1]


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
    odds_method  "logit": maximum likelihood; "Firth": penalised by Jeffreys' prior (Firth 1993;
                 Heinze and Schemper 2002), where the group separates: it or its rest has none or
                 all of the top; "not identified", with NaN, where group and covariates say the same
    """
    return estimate_in_strata(group, stratify_patients(top, records, covariates))


def estimate_in_strata(group: np.ndarray, strata: Strata) -> dict[str, float | str]:
    """Estimate as estimate_odds_ratio does; group bool (P,), of known patients."""
    nothing = {
        "odds_ratio": np.nan,
        "odds_low": np.nan,
        "odds_high": np.nan,
        "odds_p": np.nan,
        "odds_method": "not identified",
    }
    size, top = _count_strata(strata.code[group], len(strata.size))
    n, y = np.stack([strata.size - size, size]), np.stack([strata.top - top, top])
    if not n.sum(1).all() or not 0 < y.sum() < n.sum():
        return nothing
    if not _is_identified(strata.x, n):
        return nothing
    separates = bool(((y.sum(1) == 0) | (y.sum(1) == n.sum(1))).any())
    estimate, method = None if separates else _fit_logit(strata.x, y, n), "logit"
    if estimate is None:
        estimate, method = _fit_firth(strata.x, y, n), "Firth"
    beta, se = estimate
    reach = Z_975 * se
    with np.errstate(over="ignore"):
        low, middle, high = np.exp([beta - reach, beta, beta + reach])
    return {
        "odds_ratio": float(middle),
        "odds_low": float(low),
        "odds_high": float(high),
        "odds_p": float(2 * ndtr(-abs(beta) / se)),
        "odds_method": method,
    }


# The fits below have a row for the others and one for the group in each stratum, and a coefficient
# for the group before those of the k columns of x, which the two rows share. So n, y, weights and
# linear predictors are arrays (2, S), and the information X'WX, (k + 1, k + 1), needs one product
# of x with itself.


def _information(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return X'WX, the group's row and column first; x (S, k), weight (2, S)."""
    information = np.empty((x.shape[1] + 1,) * 2)
    root = x * np.sqrt(weight.sum(0))[:, None]
    information[1:, 1:] = root.T @ root
    information[0, 0] = weight[1].sum()
    information[0, 1:] = information[1:, 0] = weight[1] @ x
    return information


def _score(x: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """Return X'r, the group's first; x (S, k), residual (2, S)."""
    return np.append(residual[1].sum(), residual.sum(0) @ x)


def _predict(x: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Return X beta, (2, S)."""
    return x @ beta[1:] + beta[0] * np.array([[0.0], [1.0]])


def _is_identified(x: np.ndarray, n: np.ndarray) -> bool:
    """Return whether neither the group nor a column of x is a sum of multiples of the others.

    By the eigenvalues of X'X, columns scaled to length 1: where a column repeats others, the
    smallest is of the order of rounding, 1e-16.
    """
    if np.count_nonzero(n) <= x.shape[1]:
        return False  # fewer rows than columns
    products = _information(x, (n > 0).astype(float))
    length = np.sqrt(np.diag(products))
    return bool(np.linalg.eigvalsh(products / length / length[:, None])[0] > LEAST_EIGENVALUE)


def _fit_logit(x: np.ndarray, y: np.ndarray, n: np.ndarray) -> tuple[float, float] | None:
    """Fit by maximum likelihood: (coefficient, standard error) of the group; None if it diverges.

    y of n patients are at the top. Newton's method, as reweighted least squares, from the same
    start to the same end as in statsmodels' GLM.
    """
    p = (y / np.maximum(n, 1) + 0.5) / 2
    predictor, deviance = logit(p), np.inf
    first = np.eye(x.shape[1] + 1)[0]
    for _ in range(NEWTON_STEPS):
        weight = n * p * (1 - p)
        right = np.column_stack([_score(x, weight * predictor + y - n * p), first])
        try:
            beta, covariance = np.linalg.solve(_information(x, weight), right).T
        except np.linalg.LinAlgError:
            return None
        predictor = _predict(x, beta)
        p = expit(predictor)
        last, deviance = deviance, 2 * (n * np.logaddexp(0, predictor) - y * predictor).sum()
        if abs(last - deviance) <= LEAST_CHANGE:
            is_finite = (np.abs(beta) < MAX_LOG_ODDS).all() and 0 < covariance[0] < MAX_LOG_ODDS**2
            return (float(beta[0]), float(np.sqrt(covariance[0]))) if is_finite else None
    return None


def _fit_firth(
    x: np.ndarray, y: np.ndarray, n: np.ndarray, steps: int = 200
) -> tuple[float, float]:
    """Fit by Firth's penalised likelihood: (coefficient, standard error) of the group.

    y of n patients are at the top; Newton's method with short steps, halved till the penalised
    likelihood rises.
    """

    def look(beta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        predictor = np.clip(_predict(x, beta), -30, 30)
        p = expit(predictor)
        information = _information(x, n * p * (1 - p))
        likelihood = (y * predictor - n * np.logaddexp(0, predictor)).sum()
        return likelihood + np.linalg.slogdet(information)[1] / 2, p, information

    beta = np.zeros(x.shape[1] + 1)
    value, p, information = look(beta)
    for _ in range(steps):
        covariance = np.linalg.inv(information)
        others = ((x @ covariance[1:, 1:]) * x).sum(1)
        group = others + 2 * (x @ covariance[0, 1:]) + covariance[0, 0]
        leverage = n * p * (1 - p) * np.stack([others, group])
        step = covariance @ _score(x, y - n * p + leverage * (0.5 - p))
        if np.abs(step).max() < 1e-8:
            break
        step /= max(1.0, np.abs(step).max() / MAX_NEWTON_STEP)
        for _ in range(HALVINGS):
            ahead, p_ahead, information_ahead = look(beta + step)
            if ahead >= value - 1e-12 * abs(value):
                break
            step /= 2
        beta, value, p, information = beta + step, ahead, p_ahead, information_ahead
    return float(beta[0]), float(np.sqrt(np.linalg.inv(information)[0, 0]))
