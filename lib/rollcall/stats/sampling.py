"""A sample of the records that is the same in whatever order records and targets come."""

from __future__ import annotations

import numpy as np


def sample_evenly(scores: np.ndarray, size: int, seed) -> np.ndarray:
    """Return `size` record numbers, or all: every so-many-th by mean score over all targets.

    scores (M, N) or (M, N, L). Blind to membership, and the same records in whatever order records
    and targets come.
    """
    order = np.argsort(sum_exactly(scores, 0), kind="stable")
    if len(order) <= size:
        return order
    place = np.random.default_rng(seed).random() + np.arange(size)
    return order[(place * len(order) / size).astype(int)]


def sum_exactly(scores: np.ndarray, axis: int) -> np.ndarray:
    """Sum scores (M, N) or (M, N, L) over targets (axis 0) or records (1), and over labels."""
    total = scores.sum(axis, dtype=np.float64)
    return total if total.ndim == 1 else total.sum(1)
