"""What the lessons count over models and patients, in a few lines each."""

from __future__ import annotations

import numpy as np

from rollcall.stats.rank import average_ranks


def auc_over_models(statistic: np.ndarray, had: np.ndarray) -> np.ndarray:
    """Return for each column the AUC over models: with against without. (M, C) each, to (C,)."""
    ranks, n = average_ranks(statistic.T).T, had.sum(0)
    return ((ranks * had).sum(0) - n * (n + 1) / 2) / (n * (len(had) - n))


def redraw(members: np.ndarray, seed: int) -> np.ndarray:
    """Toss a coin for each patient and pair of models over which of the two had the patient."""
    coins = np.random.default_rng(seed).random((len(members) // 2, members.shape[1])) < 0.5
    return members ^ coins.repeat(2, axis=0)


def name_patients(p: np.ndarray, rate: float = 0.05) -> np.ndarray:
    """Name patients at a false-discovery rate, bool, by their p-values.

    Source: Benjamini and Hochberg, J. R. Stat. Soc. B 1995.
    """
    order = np.sort(p)
    passed = np.flatnonzero(order <= rate * np.arange(1, len(p) + 1) / len(p))
    return p <= (order[passed[-1]] if len(passed) else -1)


def sum_by_patient(values: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Sum over each patient's films, (M, N) to (M, P)."""
    return np.add.reduceat(values, np.flatnonzero(np.diff(owner, prepend=-1)), axis=1)


def maximum_by_patient(values: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Take the maximum over each patient's films, (M, N) to (M, P)."""
    return np.maximum.reduceat(values, np.flatnonzero(np.diff(owner, prepend=-1)), axis=1)
