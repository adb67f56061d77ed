"""Several labels of a record made one score, weighted by how much each is expected to leak."""

from __future__ import annotations

import numpy as np

from rollcall.risk.canonical import split_in_halves
from rollcall.risk.patient import estimate_shift
from rollcall.stats.moments import MIN_VARIANCE, check_moments, compute_moments
from rollcall.util.parallel import make_blocks, map_blocks

CORRELATION_RECORDS = 20_000  # at most, from which the correlation of labels is estimated
RECORDS_PER_BLOCK = 1024


def combine_labels(
    scores: np.ndarray, members: np.ndarray, patient_index: np.ndarray
) -> np.ndarray:
    """Combine the labels' scores of each record: sum_l w_nl s_nl / sd_nl, float32 (M, N).

    scores (M, N, L); members bool (M, P), paired; patient_index (N,). InputError if a score is not
    finite.
    w_n = R^-1 e_n, negative weights set to 0: e_nl is the shift expected of label l of record n
    (estimate_shift, each half of the patients from the other), R the correlation of labels within a
    record, pooled over the cohort. No membership of a patient enters its weights: without leakage
    the AUC stays 0.5.
    """
    targets, records, labels = scores.shape
    expected, mean, sd = (np.empty((records, labels)) for _ in range(3))
    half = split_in_halves(scores, patient_index)
    for label in range(labels):
        moments = compute_moments(scores[:, :, label], members, patient_index)
        check_moments(moments, scores[:, :, label])
        mean[:, label], sd[:, label] = moments.mean, moments.sd
        expected[:, label] = estimate_shift(moments, half)
    varies = sd**2 > 2 * MIN_VARIANCE  # a constant label weighs nothing
    correlation = _label_correlation(scores, mean, sd, varies)
    weight = np.linalg.solve(correlation, expected.T).T
    weight = np.where(varies, (np.maximum(weight, 0) + 1e-6 * expected) / sd, 0).astype(np.float32)
    out = np.empty((targets, records), np.float32)

    def work(slices: list[slice]) -> None:
        for c in slices:
            out[:, c] = np.einsum("mnl,nl->mn", scores[:, c], weight[c])

    map_blocks(work, make_blocks(records, RECORDS_PER_BLOCK))
    return out


def _label_correlation(
    scores: np.ndarray, mean: np.ndarray, sd: np.ndarray, varies: np.ndarray
) -> np.ndarray:
    """Return the correlation of labels over targets, pooled over a sample of records, (L, L).

    A thousandth is added to the diagonal, so that it can be inverted.
    """
    targets, records, labels = scores.shape
    # the sample is the same in whatever order they come
    in_order = np.argsort(scores[:, :, 0].sum(0, dtype=np.float64), kind="stable")
    sample = in_order[:: -(-records // CORRELATION_RECORDS)]
    products = 1e-3 * len(sample) * np.eye(labels)
    for chosen in np.array_split(sample, -(-len(sample) // 500)):
        standard = (scores[:, chosen] - mean[chosen]) / sd[chosen]
        standard = np.where(varies[chosen], standard, 0).reshape(-1, labels)
        products += standard.T @ standard / targets
    size = np.sqrt(np.diag(products))
    return products / size / size[:, None]
