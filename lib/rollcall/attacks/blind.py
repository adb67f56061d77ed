"""The blind baseline: guess who was in a target without ever asking a model.

It uses what is known of the records alone. Where it does better than 0.5, members differ from
non-members before any training, and an attack on scores must beat it to show that a model leaks.
Source: Das, Zhang and Tramer, Blind Baselines Beat Membership Inference Attacks for Foundation
Models, 2024.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rollcall.stats.checks import check_members
from rollcall.util.errors import InputError
from rollcall.util.parallel import make_blocks

if TYPE_CHECKING:
    import pandas as pd

RIDGE_PER_RECORD = 0.01  # added to the sums of squares: features that say the same stay solvable
RECORDS_PER_BLOCK = 16384
PASSED, FAILED, NOTHING = "passed", "failed", "nothing to predict from"


class Verdict(NamedTuple):
    """Hold what the blind control says, in words, with its AUC and 95% interval, NaN if none."""

    word: str
    auc: float
    low: float
    high: float


def judge_blind(pooled: pd.DataFrame) -> Verdict:
    """Say whether members could be told without a model: PASSED, FAILED or NOTHING.

    pooled: the table of run_all. FAILED if the 95% interval of the blind attack's AUC over all
    targets, of patients and models (1.96 `auc_se_two_way`), lies above 0.5: by chance in 2.5% of
    audits with nothing wrong. NOTHING if no features were given, or if they say the same of every
    record.
    """
    rows = pooled[pooled["attack"] == "blind"]
    error = float(rows["auc_se_two_way"].iloc[0]) if len(rows) else 0.0
    if not error > 0:
        return Verdict(NOTHING, np.nan, np.nan, np.nan)
    area = float(rows["auc"].iloc[0])
    low, high = max(area - 1.96 * error, 0.0), min(area + 1.96 * error, 1.0)
    return Verdict(FAILED if low > 0.5 else PASSED, area, low, high)


def run_blind(
    features: np.ndarray, members: np.ndarray, patient_index: np.ndarray, seed: int = 0
) -> np.ndarray:
    """Predict each record's membership from its features.

    features (N, D), finite: labels, attributes as 0 and 1, inputs pooled to few numbers; members
    bool (M, N), by record; patient_index (N,) int. Returns (M, N) float32, higher = more like a
    member.

    Ridge regression of membership on the features, standardised over all records:
        w = (X'X + RIDGE_PER_RECORD n I)^-1 X'y,     prediction: X w
    with X and y the n records learnt from, less their means; in a prediction X is less the mean of
    the records predicted. Cross-fitted by halves of the patients, every second of them by a sum of
    their features drawn from `seed` (the same in whatever order patients come, but of equals): a
    record is predicted from the half that its patient is not in, never from its own membership.
    Every mean is of one half: over both, members of one half would be missing from the other, and
    the null AUC would fall below 0.5. One factorisation of each half serves all targets; records
    are read in blocks.
    InputError if shapes differ, a feature is not finite, or there are fewer than 4 patients.
    """
    features, members, patient_index = _check(features, members, patient_index)
    patients, patient = np.unique(patient_index, return_inverse=True)
    if len(patients) < 4:
        raise InputError(
            f"{len(patients)} patients; expected at least 4: "
            "one half of the patients is predicted from the other"
        )
    blocks = make_blocks(members.shape[1], RECORDS_PER_BLOCK)
    mean, spread = _moments(features, blocks)
    in_half_1 = _choose_half(features, mean, spread, blocks, patient, seed)[patient]
    targets, size = len(members), len(mean)
    xx, xy = np.zeros((2, size, size)), np.zeros((2, size, targets))  # by half
    x_sum, y_sum, count = np.zeros((2, size)), np.zeros((2, targets)), np.zeros(2)
    for block in blocks:
        x, y = (features[block] - mean) / spread, members[:, block].T.astype(np.float64)
        for half in (0, 1):
            rows = in_half_1[block] == half
            xx[half] += x[rows].T @ x[rows]
            xy[half] += x[rows].T @ y[rows]
            x_sum[half] += x[rows].sum(0)
            y_sum[half] += y[rows].sum(0)
            count[half] += rows.sum()
    x_mean = x_sum / count[:, None]
    weights = [
        np.linalg.solve(
            xx[half]
            - np.outer(x_sum[half], x_mean[half])
            + RIDGE_PER_RECORD * count[half] * np.eye(size),
            xy[half] - np.outer(x_mean[half], y_sum[half]),
        )
        for half in (0, 1)
    ]
    out = np.empty(members.shape, np.float32)
    for block in blocks:
        x = (features[block] - mean) / spread
        for half in (0, 1):  # each is predicted from the other
            rows = np.flatnonzero(in_half_1[block] == half)
            out[:, block.start + rows] = ((x[rows] - x_mean[half]) @ weights[1 - half]).T
    return out


def _choose_half(features, mean, spread, blocks, patient, seed) -> np.ndarray:
    """Put every second patient, by a random sum of the features, in one half: bool (patients,)."""
    direction = np.random.default_rng([seed, 3]).standard_normal(len(mean)) / spread
    value = np.concatenate([(features[block] - mean) @ direction for block in blocks])
    order = np.argsort(np.bincount(patient, value), kind="stable")
    half = np.zeros(len(order), bool)
    half[order[1::2]] = True
    return half


def _check(features, members, patient_index) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the three as arrays; InputError if their shapes or types do not fit."""
    features, members, patient_index = (
        np.asarray(features),
        check_members(members),
        np.asarray(patient_index),
    )
    records = members.shape[1]
    if features.ndim != 2 or len(features) != records or patient_index.shape != (records,):
        raise InputError(
            f"features {features.shape}, members {members.shape} and patient_index "
            f"{patient_index.shape}; "
            "expected (records, features), (targets, records) and (records,)"
        )
    if features.dtype.kind not in "biuf":
        raise InputError(
            f"features are {features.dtype}; expected numbers, categories as columns of 0 and 1"
        )
    return features, members, patient_index


def _moments(features: np.ndarray, blocks: list[slice]) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of each feature, (D,) float64, in blocks, without a copy.

    The standard deviation of a constant feature is infinity, so that it is 0 when standardised.
    InputError for a feature that is not finite.
    """
    for block in blocks:
        if not np.isfinite(features[block]).all():
            record, feature = np.argwhere(~np.isfinite(features[block]))[0]
            raise InputError(
                f"features: record {block.start + record}, feature {feature} is NaN or infinite; "
                "expected finite numbers"
            )
    mean = sum(features[block].sum(0, dtype=np.float64) for block in blocks) / len(features)
    spread = np.sqrt(
        sum(((features[block] - mean) ** 2).sum(0) for block in blocks) / len(features)
    )
    largest = np.max([abs(features[block].astype(np.float64)).max(0) for block in blocks], axis=0)
    return mean, np.where(spread > 1e-9 * largest, spread, np.inf)
