"""How well scores separate two groups. Scores are higher for positives (members)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import beta, rankdata

FPRS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
PRIORS = (0.01, 0.1)  # shares of members among those that an attacker looks at
PRECISION_FPR = 1e-3  # false-positive rate at which precision is reported


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Return the area under the ROC curve: P(positive score > negative score), ties half.

    scores, positive (n,). NaN unless both kinds are present. (Mann and Whitney.)
    """
    n1 = int(positive.sum())
    n0 = len(positive) - n1
    if not n1 or not n0:
        return float("nan")
    return float((rankdata(scores)[positive].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))


@dataclass(frozen=True)
class RankedScores:
    """Scores in ascending order, and the placement of each.

    order      (n,): positions from the lowest score to the highest
    values     (n,): the scores in that order
    positive   (n,) bool in that order
    placement  (n,) in the original order: of a positive the share of negatives below it, of a
               negative the share of positives above it, ties half
    """

    order: np.ndarray
    values: np.ndarray
    positive: np.ndarray
    placement: np.ndarray


def rank_scores(scores: np.ndarray, positive: np.ndarray) -> RankedScores:
    """Sort once; ROC, thresholds and errors are read from the result.

    scores (n,), positive (n,) bool, both kinds present.
    """
    order = np.argsort(scores)
    values, kind = scores[order], positive[order]
    positives = np.cumsum(kind, dtype=np.int64)  # up to and with each score
    negatives = np.arange(1, len(order) + 1) - positives
    n1, n0 = positives[-1], negatives[-1]
    new = np.flatnonzero(values[1:] != values[:-1])
    if len(new) < len(values) - 1:
        # Ties: the mean of the counts before the tied group and at its end.
        length = np.diff(np.concatenate([[-1], new, [len(values) - 1]]))
        ends = np.cumsum(length) - 1
        positives, negatives = (
            np.repeat(count[ends] - np.diff(count[ends], prepend=0) / 2, length)
            for count in (positives, negatives)
        )
    else:
        positives, negatives = positives - kind / 2, negatives - ~kind / 2
    placement = np.empty(len(order))
    placement[order] = np.where(kind, negatives / n0, 1 - positives / n1)
    return RankedScores(order, values, kind, placement)


def auc_from_placements(
    placement: np.ndarray, positive: np.ndarray, cluster: np.ndarray
) -> tuple[float, float]:
    """Return AUC and standard error where records of one patient are not independent.

    placement (n,) as in RankedScores, positive (n,) bool, cluster (n,) int: the patient of each
    record. A patient is all positive or all negative. Source: Obuchowski, Biometrics 1997
    (DeLong's placements summed by cluster), for clusters of one kind.
    """
    n1 = int(positive.sum())
    area = float(placement[positive].mean())
    sums = np.bincount(cluster, placement - area)
    is_positive = np.bincount(cluster, positive) > 0
    has_records = np.bincount(cluster) > 0
    variance = 0.0
    for clusters, n in (
        (is_positive, n1),
        (has_records & ~is_positive, len(positive) - n1),
    ):
        count = int(clusters.sum())
        variance += count / max(count - 1, 1) * (sums[clusters] ** 2).sum() / n**2
    return area, float(np.sqrt(variance))


def threshold_at_fpr(negatives: np.ndarray, fprs: np.ndarray, n: int | None = None) -> np.ndarray:
    """Return the lowest thresholds that at most a share `fprs` of the negatives exceeds.

    negatives: ascending, all n of them, or the highest of n. (len(fprs),); -inf where all may be
    exceeded.
    """
    n = len(negatives) if n is None else n
    allowed = np.floor(np.asarray(fprs) * n + 1e-9).astype(int)  # false positives we may make
    return np.where(allowed >= n, -np.inf, negatives[np.maximum(len(negatives) - 1 - allowed, 0)])


def tpr_at_fpr(scores: np.ndarray, positive: np.ndarray, fprs: np.ndarray) -> np.ndarray:
    """Return the true-positive rate at each false-positive rate of `fprs`, (len(fprs),).

    The best that a threshold can do without exceeding the rate.
    """
    negatives, positives = np.sort(scores[~positive]), np.sort(scores[positive])
    thresholds = threshold_at_fpr(negatives, fprs)
    return 1 - np.searchsorted(positives, thresholds, side="right") / len(positives)


def rate_interval(
    hits: np.ndarray, tries: np.ndarray, level: float = 0.95
) -> tuple[float, float, float]:
    """Return (rate, low, high) of hits among tries, where tries of one patient are not independent.

    hits, tries (P,), each patient's. The exact interval (Clopper and Pearson 1934) of as many
    independent tries as give the variance between patients (Korn and Graubard, Survey Methodology
    1998); with one try each, the plain interval. Where the rate is 0 or 1 every patient counts as
    one try.
    """
    hits, tries = np.asarray(hits, float), np.asarray(tries, float)
    total, rate = tries.sum(), hits.sum() / tries.sum()
    variance = ((hits - rate * tries) ** 2).sum() / total**2
    n = min(total, rate * (1 - rate) / variance) if variance > 0 else float((tries > 0).sum())
    low = beta.ppf((1 - level) / 2, rate * n, n - rate * n + 1)
    high = beta.ppf((1 + level) / 2, rate * n + 1, n - rate * n)
    return float(rate), 0.0 if rate == 0 else float(low), 1.0 if rate == 1 else float(high)


def precision_at_prior(tpr: ArrayLike, fpr: ArrayLike, prior: float) -> np.ndarray:
    """Return the share of members among those called members, if a share `prior` are members.

    prior TPR / (prior TPR + (1 - prior) FPR); NaN where nobody is called a member.
    """
    true, false = prior * np.asarray(tpr, float), (1 - prior) * np.asarray(fpr, float)
    return np.divide(
        true,
        true + false,
        out=np.full(np.broadcast(true, false).shape, np.nan),
        where=true + false > 0,
    )
