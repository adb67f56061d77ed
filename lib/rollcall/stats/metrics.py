"""How well scores separate two groups. Scores are higher for positives (members)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv

from rollcall.stats.rank import ascending_order, average_ranks

FPRS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)  # shown where the data resolve them (stats.tail_rates)
PRIORS = (0.01, 0.1)  # shares of members among those that an attacker looks at
PRECISION_FPR = 1e-3  # false-positive rate at which precision is reported


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Return the area under the ROC curve: P(positive score > negative score), ties half.

    scores, positive (n,). NaN unless both kinds are present. (Mann and Whitney.)
    """
    return float(auc_of_rows(scores[None], positive)[0])


def auc_of_rows(scores: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Return the AUC of each row of scores, (k,).

    scores (k, n), positive (n,). All NaN unless both kinds are present.
    """
    n1 = int(positive.sum())
    n0 = len(positive) - n1
    if not n1 or not n0:
        return np.full(len(scores), np.nan)
    rank_sum = average_ranks(scores)[:, positive].sum(1)
    return (rank_sum - n1 * (n1 + 1) / 2) / (n1 * n0)


def mean_auc(outputs: np.ndarray, labels: np.ndarray, task: str) -> float:
    """Return the AUROC of a model: the mean over its outputs of which there are cases and controls.

    outputs (n, outputs), each higher for its own class or label; labels (n,), multilabel (n,
    outputs). Multiclass: one class against the rest. NaN where there is no such output.
    """
    if task == "multiclass":
        labels = labels[:, None] == np.arange(outputs.shape[1])
    positive = labels.reshape(outputs.shape) == 1
    areas = [auc(column, cases) for column, cases in zip(outputs.T, positive.T, strict=True)]
    known = [area for area in areas if not np.isnan(area)]
    return float(np.mean(known)) if known else float("nan")


@dataclass(frozen=True)
class RankedScores:
    """Scores in ascending order, and the placement of each.

    order      (n,): positions from the lowest score to the highest
    values     (n,): the scores in that order
    positive   (n,) bool in that order
    before     (n + 1,): the number of positives before each in that order, and of all
    placement  (n,) in the original order: of a positive the share of negatives below it, of a
               negative the share of positives above it, ties half
    """

    order: np.ndarray
    values: np.ndarray
    positive: np.ndarray
    before: np.ndarray
    placement: np.ndarray


def rank_scores(scores: np.ndarray, positive: np.ndarray) -> RankedScores:
    """Sort once; ROC, thresholds and errors are read from the result.

    scores (n,), positive (n,) bool, both kinds present.
    """
    order = ascending_order(scores)
    values, kind = scores.take(order), positive.take(order)
    before = np.zeros(len(values) + 1, np.int64)
    np.cumsum(kind, out=before[1:])
    bounds = np.flatnonzero(values[1:] != values[:-1]) + 1
    bounds = np.concatenate([[0], bounds, [len(values)]])  # of groups of equal scores
    # Below a score is what is before its group and half of the group; here twice as many.
    positives = before.take(bounds)
    positives = positives[:-1] + positives[1:]
    negatives = bounds[:-1] + bounds[1:] - positives
    if len(positives) < len(values):
        sizes = np.diff(bounds)
        positives, negatives = positives.repeat(sizes), negatives.repeat(sizes)
    placement = np.empty(len(values))
    of_kind, of_other = np.flatnonzero(kind), np.flatnonzero(~kind)
    placement[order.take(of_kind)] = negatives.take(of_kind) / (2 * len(of_other))
    placement[order.take(of_other)] = 1 - positives.take(of_other) / (2 * len(of_kind))
    return RankedScores(order, values, kind, before, placement)


def auc_from_placements(
    placement: np.ndarray, positive: np.ndarray, cluster: np.ndarray
) -> tuple[float, float]:
    """Return AUC and standard error where records of one patient are not independent.

    placement (n,) as in RankedScores, positive (n,) bool, cluster (n,) int: the patient of each
    record. A patient is all positive or all negative. Source: Obuchowski, Biometrics 1997
    (DeLong's placements summed by cluster), for clusters of one kind.
    """
    area = float(placement.compress(positive).mean())
    sums = np.bincount(cluster, placement - area)
    kind = np.full(len(sums), -1, np.int8)  # of each cluster; -1 has no records
    kind[cluster] = positive.view(np.int8)
    variance = 0.0
    for which in (1, 0):
        moves, n = sums.compress(kind == which), np.count_nonzero(positive == which)
        variance += len(moves) / max(len(moves) - 1, 1) * (moves**2).sum() / n**2
    return area, float(np.sqrt(variance))


def auc_with_limits(score: np.ndarray, positive: np.ndarray) -> tuple[float, float, float]:
    """Return AUC and its 95% limits, within 0 and 1, of independent scores (n,); positive bool."""
    ranked = rank_scores(score, positive)
    area, error = auc_from_placements(ranked.placement, positive, np.arange(len(positive)))
    return area, max(area - 1.96 * error, 0.0), min(area + 1.96 * error, 1.0)


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
    total = tries.sum()
    rate = hits.sum() / total
    moves = rate * tries
    np.subtract(hits, moves, out=moves)
    variance = np.square(moves, out=moves).sum() / total**2
    return float(rate), *exact_limits(rate, variance, total, int((tries > 0).sum()), level)


def exact_limits(
    rate: float, variance: float, tries: float, patients: int, level: float = 0.95
) -> tuple[float, float]:
    """Return (low, high) of a rate, with as many independent tries as its variance says.

    variance: between patients; tries, patients: how many tries of how many patients. Sources as
    rate_interval's.
    """
    n = min(tries, rate * (1 - rate) / variance) if variance > 0 else float(patients)
    low = betaincinv(rate * n, n - rate * n + 1, (1 - level) / 2)
    high = betaincinv(rate * n + 1, n - rate * n, (1 + level) / 2)
    return 0.0 if rate == 0 else float(low), 1.0 if rate == 1 else float(high)


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
