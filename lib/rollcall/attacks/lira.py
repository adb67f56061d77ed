"""LiRA, the likelihood-ratio attack: a target's score against the scores of its references.

A record's scores under the targets that had it (in) and had it not (out) are two Gaussians; an
attacked target's own score is set against both. Of K centred scores with sum of squares A, all but
the score x have mean -x / (K - 1) and variance (A - x^2 K / (K - 1)) / (K - 2): one pass over the
scores gives every target the exact moments of its references. `lira_pairs` does this for
complementary pairs, fast; `_attack_directly` here for any members, and for records where the
difference loses digits.
Source: Carlini et al., Membership Inference Attacks From First Principles, IEEE S&P 2022.
"""

from __future__ import annotations

import numpy as np

from rollcall.attacks.checks import check_inputs
from rollcall.attacks.lira_pairs import (
    MIN_SHARE_LEFT,
    MIN_VARIANCE,
    attack_block,
    make_store,
    pool_block,
)
from rollcall.attacks.multilabel import run_multilabel_lira
from rollcall.stats.checks import check_finite
from rollcall.util.errors import InputError
from rollcall.util.parallel import make_blocks, map_blocks

SCORES_PER_BLOCK = 2**18  # working arrays stay in cache; memory does not grow with the records
# With fewer references one variance for all records beats a noisy one for each (Carlini et al.,
# section VI), and so it does with fewer of each kind for each label.
MIN_REFERENCES = 64
MIN_REFERENCES_PER_LABEL = 10


def run_lira(
    scores: np.ndarray, members: np.ndarray, online: bool = True, variance: str = "auto"
) -> np.ndarray:
    """Attack each target by the likelihood ratio of its references' in and out Gaussians.

    scores (M, N), or (M, N, L) of L labels, which run_multilabel_lira takes; members bool (M, N).
    Returns (M, N), float32 or float64 as the scores are, higher = more like a member.
    Online (algorithm 1): log N(s; in) - log N(s; out). Offline (equation 4): the z-score
    (s - mean_out) / sd_out, which is monotone in the published 1 - P[Z > s] and does not saturate.
    Means and unbiased variances are over the references that had the record and that had it not.
    References are all targets but the target and its partner. Without complementary pairs only the
    target is left out, and the null AUC falls below 0.5 when there are few targets. In and out
    counts may differ, from record to record too.
    variance: "record", one for each record; "shared", one for each target, pooled over records;
    "auto", shared below 64 references, or below 10 with a record, or without it, for each label.
    Float64 scores give the direct computation to 1e-9 of its larger term, float32 to about 1e-5.
    InputError as check_inputs, if `variance` is another word, or if a score is not finite.
    """
    scores, members, paired = check_inputs(scores, members)
    targets, records = members.shape
    variance = _choose_variance(scores, members, paired, variance)
    if scores.ndim == 3:
        return run_multilabel_lira(scores, members, paired, online, variance)
    out, shared, numbers = np.empty(scores.shape, scores.dtype), None, np.arange(records)
    size = max(SCORES_PER_BLOCK // targets, 1)
    blocks = make_blocks(records, size)

    def pool(slices):  # (squares or degrees of freedom, in or out, target), over records
        store, total = make_store(targets, size, scores.dtype), np.zeros((2, 2, targets))
        for block in slices:
            directly = numbers[block]
            if paired:
                good, sums = pool_block(scores[:, block], members[0::2, block], store)
                directly, total = directly[~good], total + sums
            if len(directly):
                _, *kinds = _moments(scores[:, directly], members[:, directly], paired, directly)
                total += [
                    [squares.sum(1) for _, squares, _ in kinds],
                    [(n - 1).sum(1) for _, _, n in kinds],
                ]
        return total

    def attack(slices):
        store = make_store(targets, size, scores.dtype)
        for block in slices:
            directly = numbers[block]
            if paired:
                even = members[0::2, block]
                good = attack_block(scores[:, block], even, online, shared, out[:, block], store)
                directly = directly[~good]
            if len(directly):
                out[:, directly] = _attack_directly(
                    scores[:, directly], members[:, directly], paired, online, shared, directly
                )

    if variance == "shared":
        squares, freedom = sum(map_blocks(pool, blocks))
        shared = np.maximum(squares / freedom, MIN_VARIANCE)
    map_blocks(attack, blocks)
    return out


def _choose_variance(scores, members, paired: bool, variance: str) -> str:
    """Return "record" or "shared"; InputError if `variance` is neither and not "auto"."""
    if variance == "auto":
        targets, counts, labels = len(members), members.sum(0), scores[0, 0].size
        fewest = min(counts.min(), targets - counts.max()) - 1  # references of a kind
        few = targets - 1 - paired < MIN_REFERENCES or fewest < MIN_REFERENCES_PER_LABEL * labels
        return "shared" if few else "record"
    if variance not in ("shared", "record"):
        raise InputError(f"variance {variance!r}: expected auto, record or shared")
    return variance


def _attack_directly(scores, members, paired, online, shared, numbers):
    """Return the statistic of some records by the text-book formula, in float64.

    scores, members (M, C): of the records `numbers`; shared (2, M) in and out variances, or None.
    """
    s, (mean_in, squares_in, n_in), (mean_out, squares_out, n_out) = _moments(
        scores, members, paired, numbers
    )
    if shared is None:
        var_in = np.maximum(squares_in / (n_in - 1), MIN_VARIANCE)
        var_out = np.maximum(squares_out / (n_out - 1), MIN_VARIANCE)
    else:
        var_in, var_out = shared[..., None]
    if online:
        return 0.5 * (
            (s - mean_out) ** 2 / var_out - (s - mean_in) ** 2 / var_in + np.log(var_out / var_in)
        )
    return (s - mean_out) / np.sqrt(var_out)


def _moments(scores, members, paired, numbers):
    """Return scores less the first target's, and the moments of each target's references.

    First (M, C) the scores; then for the in and for the out references (mean, sum of squares about
    it, count), (M, C) each. With n scores of a kind, of sum of squares A about their mean, and e
    the one that a target leaves out, less that mean:
        mean - e / (n - 1),      A - e^2 n / (n - 1)
    or, where that difference is a small share of A, the sum over the references themselves.
    """
    s = scores.astype(np.float64)
    s -= s[0].copy()
    check_finite(scores, s.sum(0), numbers)
    result = [s]
    for kind in (members, ~members):
        n = kind.sum(0)
        mean = np.where(kind, s, 0).sum(0) / n
        centred = np.where(kind, s - mean, 0)
        squares = (centred * centred).sum(0)
        if paired:  # one of a pair is of this kind, the other is 0
            e = (centred[0::2] + centred[1::2]).repeat(2, axis=0)
            left_out = np.ones(kind.shape, np.int64)
        else:
            e, left_out = centred, kind.astype(np.int64)
        left = squares - e * e * (n / (n - left_out))
        lost = np.flatnonzero((left < MIN_SHARE_LEFT * squares).any(0))
        pair = np.arange(len(s)) // (2 if paired else 1)
        for target in range(len(s) if len(lost) else 0):
            references = pair != pair[target]
            of_kind, values = kind[references][:, lost], s[references][:, lost]
            middle = np.where(of_kind, values, 0).sum(0) / of_kind.sum(0)
            left[target, lost] = (np.where(of_kind, values - middle, 0) ** 2).sum(0)
        result.append((mean - e / (n - left_out), left, n - left_out))
    return result
