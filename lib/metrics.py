"""How well scores tell two groups apart. Scores are higher for positives (members)."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

FPRS = (1e-1, 1e-2, 1e-3, 1e-4)


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve = P(positive scores above negative), ties half (Mann-Whitney). scores, positive (n,); NaN without both."""
    n1 = int(positive.sum())
    n0 = len(positive) - n1
    if not n1 or not n0:
        return float("nan")
    return float((rankdata(scores)[positive].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))


def auc_clustered(scores: np.ndarray, positive: np.ndarray, cluster: np.ndarray) -> tuple[float, float]:
    """AUC and its standard error when records of one patient are not independent: DeLong's placements summed by patient.

    scores (n,), positive (n,) bool, cluster (n,) int patient of each record; a patient is all positive or all negative.
    Source: Obuchowski, Biometrics 1997 (clustered DeLong), for clusters of one kind.
    """
    n1, n0 = int(positive.sum()), int((~positive).sum())
    if not n1 or not n0:
        return float("nan"), float("nan")
    ranks = rankdata(scores)
    placement = np.empty(len(scores))
    placement[positive] = (ranks[positive] - rankdata(scores[positive])) / n0       # share of negatives below
    placement[~positive] = 1 - (ranks[~positive] - rankdata(scores[~positive])) / n1  # share of positives above
    area = float(placement[positive].mean())
    variance = 0.0
    for kind, n in ((positive, n1), (~positive, n0)):
        members = cluster[kind]
        sums = np.bincount(members, placement[kind] - area)
        clusters = len(np.unique(members))
        variance += clusters / max(clusters - 1, 1) * (sums**2).sum() / n**2
    return area, float(np.sqrt(variance))


def roc(scores: np.ndarray, positive: np.ndarray, fprs: np.ndarray) -> np.ndarray:
    """True-positive rate at each false-positive rate of `fprs`: the best a threshold can do without exceeding it. (len(fprs),)."""
    negatives = np.sort(scores[~positive])
    positives = np.sort(scores[positive])
    allowed = np.floor(np.asarray(fprs) * len(negatives) + 1e-9).astype(int)  # false positives we may make
    threshold = np.where(allowed >= len(negatives), -np.inf, negatives[np.maximum(len(negatives) - 1 - allowed, 0)])
    return 1 - np.searchsorted(positives, threshold, side="right") / len(positives)
