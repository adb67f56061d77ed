"""What a risk means for one person: memberships told, alarms that are right.

An AUC over models is Phi(mu / sqrt 2) of two unit normals mu apart: mu is the parameter of Gaussian
differential privacy of this one attack (Dong, Roth and Su, J. R. Stat. Soc. B 2022), a lower bound
of the model's. All follow from it, for an attacker who knows the patient's own spread of scores.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import log_ndtr, ndtr, ndtri

from rollcall.risk.exposed.interval import to_d

FPRS = (0.01, 0.001)  # false alarms among those who were not in the training set
PRIORS = (0.01, 0.1, 0.5)  # shares of members among those an attacker asks about


def compute_mu(auc: ArrayLike) -> np.ndarray:
    """Return mu = sqrt 2 Phi^-1(auc), of the shape of auc; negative below 0.5."""
    return np.sqrt(2) * to_d(auc)


def share_recognised(auc: ArrayLike, fpr: float) -> np.ndarray:
    """Return the share of memberships that are told at a false-positive rate, Phi(mu + z_fpr)."""
    return ndtr(compute_mu(auc) + ndtri(fpr))


def share_of_alarms_right(auc: ArrayLike, fpr: float, prior: float) -> np.ndarray:
    """Return how often an alarm is right where a share `prior` are members (Bayes)."""
    true = prior * share_recognised(auc, fpr)
    return true / (true + (1 - prior) * fpr)


def convert_to_epsilon(mu: float, delta: float) -> float:
    """Return the epsilon at `delta` that Gaussian differential privacy of mu has; 0 if none.

    By halving of delta(epsilon) = Phi(-epsilon/mu + mu/2) - e^epsilon Phi(-epsilon/mu - mu/2)
    (Dong, Roth and Su, corollary 2.13).
    """
    if not mu > 0 or ndtr(mu / 2) - ndtr(-mu / 2) <= delta:
        return 0.0
    low, high = 0.0, 1.0
    while _compute_delta(mu, high) > delta:
        low, high = high, 2 * high
    while high - low > 1e-6 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if _compute_delta(mu, middle) > delta else (low, middle)
    return high


def _compute_delta(mu: float, epsilon: float) -> float:
    # e^epsilon Phi(x) as one exponential: either may be out of range alone
    second = np.exp(epsilon + log_ndtr(-epsilon / mu - mu / 2))
    return float(ndtr(-epsilon / mu + mu / 2) - second)


def describe_risk(auc: ArrayLike, low: ArrayLike) -> pd.DataFrame:
    """Describe AUCs (n,) and their lower limits (n,) in units a person can read, a row each.

    mu, mu_low; recognised_F and recognised_F_low: the share of memberships told at false-positive
    rate F (0.01, 0.001); right_F_P: how often an alarm at F is right at a prior of P (0.01, 0.1,
    0.5).
    """
    columns = {"mu": compute_mu(auc), "mu_low": compute_mu(low)}
    for fpr in FPRS:
        columns[f"recognised_{fpr:g}"] = share_recognised(auc, fpr)
        columns[f"recognised_{fpr:g}_low"] = share_recognised(low, fpr)
        for prior in PRIORS:
            columns[f"right_{fpr:g}_{prior:g}"] = share_of_alarms_right(auc, fpr, prior)
    return pd.DataFrame({name: np.atleast_1d(values) for name, values in columns.items()})
