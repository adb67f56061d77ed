"""The blind baseline (Das, Zhang and Tramer, Blind Baselines Beat Membership Inference Attacks for Foundation Models, 2024).

It guesses who was in a target from what is known of the records, and never queries a model. Where it does better than 0.5, members
differ from non-members before any training, and an attack on scores must beat it to show that a model leaks.
"""

from __future__ import annotations

import numpy as np

from lib.errors import InputError

RIDGE = 0.01  # of the records' number, added to the sums of squares of standardised features: features that say the same stay solvable


def blind(features: np.ndarray, members: np.ndarray, patient_index: np.ndarray, seed: int = 0) -> np.ndarray:
    """Membership of each record predicted from its features. (M, N) float32, higher = more like a member.

    features (N, D), finite: labels, attributes as 0 and 1, inputs pooled to few numbers; members bool (M, N) by record;
    patient_index (N,) int. Ridge regression of membership on the features, standardised over all records: w = (X'X + RIDGE n I)^-1 X'y,
    X and y the n records learnt from, less their means; a prediction is X w, X less the mean of the records predicted.
    Cross-fitted by halves of the patients, drawn from `seed`: a record is predicted from the half that its patient is not in, so never from
    its own membership. All means are of one half: over both, members of one half would be missing from the other and push the null below 0.5.
    One factorisation of each half serves all targets.
    InputError if shapes differ, a feature is not finite, or patients are fewer than 4.
    """
    features, members, patient_index = np.asarray(features), np.asarray(members), np.asarray(patient_index)
    if members.dtype != bool or members.ndim != 2:
        raise InputError(f"members is {members.dtype} {members.shape}; expected a bool array (targets, records)")
    records = members.shape[1]
    if features.ndim != 2 or len(features) != records or patient_index.shape != (records,):
        raise InputError(f"features {features.shape}, members {members.shape} and patient_index {patient_index.shape}; "
                         "expected (records, features), (targets, records) and (records,)")
    if features.dtype.kind not in "biuf":
        raise InputError(f"features are {features.dtype}; expected numbers, categories as columns of 0 and 1")
    x = features.astype(np.float64)
    if not np.isfinite(x).all():
        record, feature = np.argwhere(~np.isfinite(x))[0]
        raise InputError(f"features: record {record}, feature {feature} is NaN or infinite; expected finite numbers")
    patients, own = np.unique(patient_index, return_inverse=True)
    if len(patients) < 4:
        raise InputError(f"{len(patients)} patients; expected at least 4: one half of the patients is predicted from the other")
    spread, largest = x.std(0), abs(x).max(0)
    x = (x - x.mean(0)) / np.where(spread > 1e-9 * largest, spread, np.inf)  # a constant feature is 0
    side = (np.random.default_rng([seed, 3]).permutation(len(patients)) < len(patients) // 2)[own]
    out = np.empty(members.shape, np.float32)
    for half in (side, ~side):
        known, other = x[half] - x[half].mean(0), x[~half] - x[~half].mean(0)
        hat = np.linalg.solve(known.T @ known + RIDGE * len(known) * np.eye(x.shape[1]), known.T)  # (D, n); of centred X, so y need not be
        for target, row in enumerate(members):
            out[target, ~half] = other @ (hat @ row[half])
    return out
