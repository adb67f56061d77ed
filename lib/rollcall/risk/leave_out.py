"""Risks without each part of the models: what jackknives over pairs of targets are made of."""

from __future__ import annotations

import numpy as np

from rollcall.stats.moments import MIN_VARIANCE, split_in_out
from rollcall.util.parallel import make_blocks, map_blocks

PATIENTS_PER_BLOCK = 8192


def leave_out_pairs(
    statistic: np.ndarray, members: np.ndarray, part: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return d = Phi^-1(AUC), binormal, of all pairs, (P,), and without each part, (parts, P).

    statistic (2K, P); members bool (2K, P), paired; part int (K,): of each pair of targets.
    """
    pairs, patients = len(part), statistic.shape[1]
    chosen = np.concatenate([np.ones((1, pairs)), np.arange(part.max() + 1)[:, None] != part])
    count = chosen.sum(1, keepdims=True)
    estimates = np.empty((len(chosen), patients))

    def work(slices: list[slice]) -> None:
        for c in slices:
            values = statistic[:, c].astype(np.float64)
            inside, outside = split_in_out(values - values.mean(0), members[:, c])
            mean_in, mean_out = chosen @ inside / count, chosen @ outside / count
            square = chosen @ (inside**2 + outside**2)
            total = (square - count * (mean_in**2 + mean_out**2)) / (count - 1)
            estimates[:, c] = (mean_in - mean_out) / np.sqrt(np.maximum(total, MIN_VARIANCE))

    map_blocks(work, make_blocks(patients, PATIENTS_PER_BLOCK))
    return estimates[0], estimates[1:]
