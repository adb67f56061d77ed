"""How well scores tell two groups apart. Scores are higher for positives (members)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import beta, rankdata

FPRS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
PRIORS = (0.01, 0.1)  # shares of members among those that an attacker looks at
PRECISION_FPR = 1e-3  # false-positive rate at which precision is given


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve = P(positive scores above negative), ties half (Mann-Whitney). scores, positive (n,); NaN without both."""
    n1 = int(positive.sum())
    n0 = len(positive) - n1
    if not n1 or not n0:
        return float("nan")
    return float((rankdata(scores)[positive].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))


@dataclass(frozen=True)
class Ranked:
    """Scores in order. order (n,): positions from the lowest score to the highest; values (n,): the scores so ordered; positive (n,) likewise;
    placement (n,), in the original order: of a positive the share of negatives below it, of a negative the share of positives above, ties half."""

    order: np.ndarray
    values: np.ndarray
    positive: np.ndarray
    placement: np.ndarray


def rank_scores(scores: np.ndarray, positive: np.ndarray) -> Ranked:
    """One sort, from which everything else is read. scores (n,), positive (n,) bool, both kinds present."""
    order = np.argsort(scores)
    values, kind = scores[order], positive[order]
    above = np.cumsum(kind, dtype=np.int64)  # positives up to and with each
    below = np.arange(1, len(order) + 1) - above  # negatives
    n1, n0 = above[-1], below[-1]
    new = np.flatnonzero(values[1:] != values[:-1])
    if (
        len(new) < len(values) - 1
    ):  # ties: half of those before the group, half of those up to its end
        length = np.diff(np.concatenate([[-1], new, [len(values) - 1]]))
        ends = np.cumsum(length) - 1
        above, below = (
            np.repeat(count[ends] - np.diff(count[ends], prepend=0) / 2, length)
            for count in (above, below)
        )
    else:
        above, below = above - kind / 2, below - ~kind / 2
    placement = np.empty(len(order))
    placement[order] = np.where(kind, below / n0, 1 - above / n1)
    return Ranked(order, values, kind, placement)


def auc_clustered(
    scores: np.ndarray, positive: np.ndarray, cluster: np.ndarray
) -> tuple[float, float]:
    """AUC and its standard error when records of one patient are not independent: DeLong's placements summed by patient.

    scores (n,), positive (n,) bool, cluster (n,) int patient of each record; a patient is all positive or all negative.
    Source: Obuchowski, Biometrics 1997 (clustered DeLong), for clusters of one kind.
    """
    if positive.all() or not positive.any():
        return float("nan"), float("nan")
    return auc_from_placements(rank_scores(scores, positive).placement, positive, cluster)


def auc_from_placements(
    placement: np.ndarray, positive: np.ndarray, cluster: np.ndarray
) -> tuple[float, float]:
    """auc_clustered from the placements of `rank_scores`."""
    n1 = int(positive.sum())
    area = float(placement[positive].mean())
    sums = np.bincount(cluster, placement - area)
    kind = np.bincount(cluster, positive) > 0
    held = np.bincount(cluster) > 0
    variance = 0.0
    for mine, n in ((kind, n1), (held & ~kind, len(positive) - n1)):
        count = int(mine.sum())
        variance += count / max(count - 1, 1) * (sums[mine] ** 2).sum() / n**2
    return area, float(np.sqrt(variance))


def threshold_at_fpr(negatives: np.ndarray, fprs: np.ndarray, n: int | None = None) -> np.ndarray:
    """Thresholds that no more than a share `fprs` of negatives exceed, and that are the lowest such. negatives ascending: all n of them, or the
    highest of n. (len(fprs),); -inf where all may be exceeded."""
    n = len(negatives) if n is None else n
    allowed = np.floor(np.asarray(fprs) * n + 1e-9).astype(int)  # false positives we may make
    return np.where(allowed >= n, -np.inf, negatives[np.maximum(len(negatives) - 1 - allowed, 0)])


def tpr_at_fpr(scores: np.ndarray, positive: np.ndarray, fprs: np.ndarray) -> np.ndarray:
    """True-positive rate at each false-positive rate of `fprs`: the best a threshold can do without exceeding it. (len(fprs),)."""
    negatives, positives = np.sort(scores[~positive]), np.sort(scores[positive])
    return 1 - np.searchsorted(positives, threshold_at_fpr(negatives, fprs), side="right") / len(
        positives
    )


def rate_interval(
    hits: np.ndarray, tries: np.ndarray, level: float = 0.95
) -> tuple[float, float, float]:
    """(rate, low, high): hits of tries, by patient, with the exact interval of Clopper and Pearson (1934) for as many independent tries as
    give the variance between patients (Korn and Graubard, Survey Methodology 1998); with one try each, the plain interval.

    hits, tries (P,), each patient's. Where the rate is 0 or 1 every patient counts as one try.
    """
    hits, tries = np.asarray(hits, float), np.asarray(tries, float)
    total, rate = tries.sum(), hits.sum() / tries.sum()
    variance = ((hits - rate * tries) ** 2).sum() / total**2
    n = min(total, rate * (1 - rate) / variance) if variance > 0 else float((tries > 0).sum())
    low, high = (
        beta.ppf((1 - level) / 2, rate * n, n - rate * n + 1),
        beta.ppf((1 + level) / 2, rate * n + 1, n - rate * n),
    )
    return float(rate), 0.0 if rate == 0 else float(low), 1.0 if rate == 1 else float(high)


def precision_at_prior(tpr, fpr, prior: float):
    """Share of members among those called members, where a share `prior` of those looked at are: prior TPR / (prior TPR + (1 - prior) FPR)."""
    true, false = prior * np.asarray(tpr, float), (1 - prior) * np.asarray(fpr, float)
    return np.divide(
        true,
        true + false,
        out=np.full(np.broadcast(true, false).shape, np.nan),
        where=true + false > 0,
    )
