"""RMIA of a whole patient: the mean over the patient's records."""

from __future__ import annotations

import numpy as np

from rollcall.attacks.rmia.attack import run_rmia
from rollcall.risk.patient import group_records, mean_by_patient


def score_patients(
    scores: np.ndarray, members: np.ndarray, index: np.ndarray, seed: int = 0
) -> np.ndarray:
    """Return the mean of online RMIA's scores over each patient's records, (M, P) float32.

    scores (M, N) or (M, N, L) as run_rmia takes them; members bool (M, P); index (N,), the patient
    of each record. In complementary pairs the references' mean asks nobody's membership, so that
    where nothing leaks either target of a pair could as well have been the one with the patient:
    the noise floor is drawn as that of the joint statistic.
    """
    result = run_rmia(scores, members[:, index], seed=seed)
    order, first, count = group_records(index)
    means = [mean_by_patient(row[order].astype(np.float64), first, count) for row in result]
    return np.array(means, np.float32)
