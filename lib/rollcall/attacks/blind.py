"""The blind baseline (Das, Zhang and Tramer, Blind Baselines Beat Membership Inference Attacks for Foundation Models, 2024).

It guesses who was in a target from what is known of the records, and never queries a model. Where it does better than 0.5, members
differ from non-members before any training, and an attack on scores must beat it to show that a model leaks.
"""

from __future__ import annotations

import numpy as np

from rollcall.util.errors import InputError
from rollcall.util.parallel import make_blocks

RIDGE = 0.01  # of the records' number, added to the sums of squares of standardised features: features that say the same stay solvable
BLOCK = 16384  # records at a time


def run_blind(
    features: np.ndarray, members: np.ndarray, patient_index: np.ndarray, seed: int = 0
) -> np.ndarray:
    """Membership of each record predicted from its features. (M, N) float32, higher = more like a member.

    features (N, D), finite: labels, attributes as 0 and 1, inputs pooled to few numbers; members bool (M, N) by record;
    patient_index (N,) int. Ridge regression of membership on the features, standardised over all records: w = (X'X + RIDGE n I)^-1 X'y,
    X and y the n records learnt from, less their means; a prediction is X w, X less the mean of the records predicted.
    Cross-fitted by halves of the patients, drawn from `seed`: a record is predicted from the half that its patient is not in, so never from
    its own membership. All means are of one half: over both, members of one half would be missing from the other and push the null below 0.5.
    One factorisation of each half serves all targets; records are read in blocks.
    InputError if shapes differ, a feature is not finite, or patients are fewer than 4.
    """
    features, members, patient_index = (
        np.asarray(features),
        np.asarray(members),
        np.asarray(patient_index),
    )
    if members.dtype != bool or members.ndim != 2:
        raise InputError(
            f"members is {members.dtype} {members.shape}; expected a bool array (targets, records)"
        )
    records = members.shape[1]
    if features.ndim != 2 or len(features) != records or patient_index.shape != (records,):
        raise InputError(
            f"features {features.shape}, members {members.shape} and patient_index {patient_index.shape}; "
            "expected (records, features), (targets, records) and (records,)"
        )
    if features.dtype.kind not in "biuf":
        raise InputError(
            f"features are {features.dtype}; expected numbers, categories as columns of 0 and 1"
        )
    patients, own = np.unique(patient_index, return_inverse=True)
    if len(patients) < 4:
        raise InputError(
            f"{len(patients)} patients; expected at least 4: one half of the patients is predicted from the other"
        )
    slices = make_blocks(records, BLOCK)
    side = (np.random.default_rng([seed, 3]).permutation(len(patients)) < len(patients) // 2)[own]
    mean, spread = _moments(features, slices)
    gram, reach, sums, count = (
        np.zeros((2, *shape))
        for shape in ((len(mean), len(mean)), (len(mean), len(members)), (len(mean),), ())
    )
    had = np.zeros((2, len(members)))
    for block in slices:
        x, y = (features[block] - mean) / spread, members[:, block].T.astype(np.float64)
        for half in (0, 1):
            mine = side[block] == half
            gram[half] += x[mine].T @ x[mine]
            reach[half] += x[mine].T @ y[mine]
            sums[half] += x[mine].sum(0)
            had[half] += y[mine].sum(0)
            count[half] += mine.sum()
    middle = sums / count[:, None]
    weight = [
        np.linalg.solve(
            gram[half]
            - np.outer(sums[half], middle[half])
            + RIDGE * count[half] * np.eye(len(mean)),
            reach[half] - np.outer(middle[half], had[half]),
        )
        for half in (0, 1)
    ]
    out = np.empty(members.shape, np.float32)
    for block in slices:
        x = (features[block] - mean) / spread
        for half in (0, 1):  # each is predicted from the other
            mine = np.flatnonzero(side[block] == half)
            out[:, block.start + mine] = ((x[mine] - middle[half]) @ weight[1 - half]).T
    return out


def _moments(features: np.ndarray, slices: list[slice]) -> tuple[np.ndarray, np.ndarray]:
    """(mean, standard deviation) of each feature, (D,) float64; of a constant one infinity, so that it is 0 when standardised. In blocks: no
    copy of the features is made. InputError for one that is not finite."""
    for block in slices:
        if not np.isfinite(features[block]).all():
            record, feature = np.argwhere(~np.isfinite(features[block]))[0]
            raise InputError(
                f"features: record {block.start + record}, feature {feature} is NaN or infinite; expected finite numbers"
            )
    mean = sum(features[block].sum(0, dtype=np.float64) for block in slices) / len(features)
    spread = np.sqrt(
        sum(((features[block] - mean) ** 2).sum(0) for block in slices) / len(features)
    )
    largest = np.max([abs(features[block].astype(np.float64)).max(0) for block in slices], axis=0)
    return mean, np.where(spread > 1e-9 * largest, spread, np.inf)
