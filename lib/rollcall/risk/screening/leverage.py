"""Leverage: how far a patient's records pull the last layer of a model towards their labels."""

from __future__ import annotations

import numpy as np

from rollcall.risk.patient import group_records
from rollcall.util.errors import InputError

RIDGE = 1e-3  # times the mean eigenvalue of the Hessian, where none is given


def measure_leverage(
    features: np.ndarray,
    index: np.ndarray,
    weights: np.ndarray | None = None,
    ridge: float | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Measure the leverage of records (N,) and of patients (P,), 0 to 1.

    features X (N, d), of the last layer with a column of ones for its bias; index (N,); weights
    (N,): p (1 - p) of a classifier, None for a linear model; ridge: lambda. With each row of X
    times the root of its weight, H = X'X + lambda I. A record's is x' H^-1 x. A patient's is the
    largest eigenvalue of the block h = X_P H^-1 X_P': in a ridge regression the fitted values of
    its records with it less those without it are exactly h times (y - fitted without it), so that
    it is the largest share of their error that the model takes away by having had the patient.
    For a classifier this is one step of Newton's method on the last layer, to first order.
    InputError for features that are not finite or do not fit index.
    """
    x = np.asarray(features, np.float64)
    if x.ndim != 2 or len(x) != len(index) or not np.isfinite(x).all():
        raise InputError(
            f"features {x.shape} of {len(index)} records; expected finite numbers, (records, d)"
        )
    if weights is not None:
        x = x * np.sqrt(np.maximum(weights, 0))[:, None]
    hessian = x.T @ x
    added = RIDGE * np.trace(hessian) / len(hessian) if ridge is None else ridge
    hessian[np.diag_indices_from(hessian)] += added
    root = np.linalg.solve(np.linalg.cholesky(hessian), x.T).T  # its rows' products are h
    of_records = np.einsum("nd,nd->n", root, root)
    order, first, count = group_records(index)
    of_patients = np.empty(len(count))
    for number in np.unique(count):
        who = np.flatnonzero(count == number)
        rows = root[order[first[who][:, None] + np.arange(number)]]
        blocks = rows @ rows.transpose(0, 2, 1)
        of_patients[who] = np.linalg.eigvalsh(blocks)[:, -1]
    return of_records, of_patients
