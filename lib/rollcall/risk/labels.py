"""TODO."""

from __future__ import annotations

import numpy as np

from rollcall.risk import patient as patient_risk
from rollcall.stats import moments
from rollcall.stats.moments import TINY, check_finite
from rollcall.util.parallel import make_blocks, map_blocks

SAMPLE = 20_000  # records from which the correlation of labels is estimated


def combine_labels(
    scores: np.ndarray, members: np.ndarray, patient_index: np.ndarray
) -> np.ndarray:
    """One score of each record from its labels' scores, float32 (M, N) of (M, N, L): sum_l w_nl s_nl / sd_nl. members (M, P); patient_index (N,).

    w_n = R^-1 e_n, negative weights set to 0: e_nl is the shift expected of label l of record n (patient_risk.estimate_shift, each half of the
    patients from the other), R the correlation of labels within a record, pooled over the cohort. No membership of a patient enters its
    weights: without leakage the AUC stays 0.5.
    """
    targets, records, labels = scores.shape
    expected, mean, sd = (np.empty((records, labels)) for _ in range(3))
    half = patient_risk.in_first_half(patient_index)
    for label in range(labels):
        found = moments.compute_moments(scores[:, :, label], members, patient_index)
        check_finite(found, scores[:, :, label])
        mean[:, label], sd[:, label] = found.mean, found.sd
        expected[:, label] = patient_risk.estimate_shift(found, half)
    varies = sd**2 > 2 * TINY  # a constant label weighs nothing
    chosen = np.random.default_rng([0, 8]).permutation(records)[:SAMPLE]
    together = 1e-3 * len(chosen) * np.eye(labels)
    for part in np.array_split(chosen, -(-len(chosen) // 500)):
        standard = np.where(varies[part], (scores[:, part] - mean[part]) / sd[part], 0).reshape(
            -1, labels
        )
        together += standard.T @ standard / targets
    size = np.sqrt(np.diag(together))
    weight = np.linalg.solve(together / size / size[:, None], expected.T).T
    weight = np.where(varies, (np.maximum(weight, 0) + 1e-6 * expected) / sd, 0).astype(np.float32)
    out = np.empty((targets, records), np.float32)

    def work(slices):
        for c in slices:
            out[:, c] = np.einsum("mnl,nl->mn", scores[:, c], weight[c])

    map_blocks(work, make_blocks(records, 1024))
    return out
