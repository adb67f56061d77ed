"""Who stands at the top: a score whose null law is the same for everybody, and cuts that share."""

from __future__ import annotations

import numpy as np

from rollcall.risk.singly.redrawing import make_sets, score_members
from rollcall.stats.design import estimate_rates, is_paired
from rollcall.stats.moments import MIN_VARIANCE, pair_signs
from rollcall.util.parallel import make_blocks, map_blocks

PATIENTS_PER_BLOCK = 4096
TIE = 1e-6  # scores that differ by less are equal: sums of other order differ by rounding


# Why groups are compared by the pair score and not by the AUC:
#
# In pair k a patient has the in score less the out score D_k. Its AUC is Phi(d) with
# d = mean(D) / sqrt(var_in + var_out). Without leakage the sign of each D_k is a fair coin, so that
# mean(D) has the variance mean(D^2) / K, but var_in + var_out is mean(D^2) / (1 - r), with r the
# correlation of the patient's two scores within a pair. So d spreads by sqrt((1 - r) / K): patients
# with a very negative r are at the top, and at the bottom, more often than others though nothing
# leaks. The pair score
#     z = mean(D) / sqrt(mean(D^2)),    -1 <= z <= 1
# is the score test of the coins. Its null mean is 0 and its null variance 1 / K, whatever r is.


def pair_differences(statistic: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Return the in score less the out score of each pair, (K, P) float32.

    statistic (2K, P); members bool (2K, P), paired.
    """
    out = np.subtract(statistic[0::2], statistic[1::2], dtype=np.float32, casting="same_kind")
    out *= pair_signs(members)
    return out


def pair_score(statistic: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Compute each patient's pair score z, (P,): mean over root mean square of in minus out.

    statistic (2K, P); members bool (2K, P), paired. 0 where all differences are 0.
    """
    return score_differences(pair_differences(statistic, members))


def rank_score(statistic: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Compute the score by which patients are ranked, (P,): of pairs the pair score.

    Of targets that come one by one the score test of membership (risk.singly.redrawing), whose null
    mean is 0 and whose null variance is 1 / M, however many had the patient.
    """
    if is_paired(members):
        return pair_score(statistic, members)
    sets = make_sets(estimate_rates(members), members.sum(0))
    return score_members(sets, statistic, members)


def score_differences(difference: np.ndarray) -> np.ndarray:
    """Compute the pair scores of differences (K, n), (n,)."""
    columns = difference.shape[1]
    score = np.zeros(columns)

    def work(slices: list[slice]) -> None:
        for c in slices:
            block = difference[:, c].astype(np.float64)
            square = np.einsum("kn,kn->n", block, block) / len(block)
            score[c] = block.mean(0) / np.sqrt(np.maximum(square, MIN_VARIANCE))

    map_blocks(work, make_blocks(columns, PATIENTS_PER_BLOCK))
    return score


def share_top(score: np.ndarray, count: int) -> np.ndarray:
    """Return what part of each patient is among the `count` highest scores, (P,) in [0, 1].

    1 above the cut and 0 below; patients whose scores are equal at the cut share the places that
    are left, each the same part. The parts sum to count.
    """
    count = min(max(int(count), 0), len(score))
    if not count:
        return np.zeros(len(score))
    cut = np.partition(score, len(score) - count)[len(score) - count]
    above = score > cut + TIE
    tied = np.abs(score - cut) <= TIE
    return np.where(above, 1.0, np.where(tied, (count - above.sum()) / tied.sum(), 0.0))


def draw_places(key: np.ndarray, *seed: int) -> np.ndarray:
    """Draw a random order of n things, (n,), that goes with the things and not with their rows.

    key (n,): a number of each. The same things in other rows get the same places.
    """
    rank = np.empty(len(key), int)
    rank[np.argsort(key, kind="stable")] = np.arange(len(key))
    return np.random.default_rng(seed).permutation(len(key))[rank]
