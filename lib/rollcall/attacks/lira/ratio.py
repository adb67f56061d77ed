"""LiRA, the likelihood-ratio attack: a target's score against the scores of its references.

A record's scores under the targets that had it (in) and had it not (out) are two Gaussians; an
attacked target's own score is set against both. Of K centred scores with sum of squares A, all but
the score x have mean -x / (K - 1) and variance (A - x^2 K / (K - 1)) / (K - 2): one pass over the
scores gives every target the exact moments of its references. `pairs` does this for complementary
pairs, fast; `directly` for any members, and for records where the difference loses digits. `prior`
moderates the variances.
Source: Carlini et al., Membership Inference Attacks From First Principles, IEEE S&P 2022.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from rollcall.attacks.checks import check_inputs
from rollcall.attacks.lira.directly import attack_directly, pool_directly
from rollcall.attacks.lira.multilabel import run_multilabel_lira
from rollcall.attacks.lira.pairs import attack_block, make_store, pool_block
from rollcall.attacks.lira.prior import MIN_VARIANCE, Prior, fit_prior
from rollcall.attacks.lira.tuning import choose_strength
from rollcall.stats.checks import check_finite
from rollcall.util.errors import InputError
from rollcall.util.parallel import make_blocks, map_blocks

SCORES_PER_BLOCK = 2**18  # working arrays stay in cache; memory does not grow with the records
VARIANCES = ("moderated", "shared", "record")
# Of labels. With fewer references one covariance for all records beats a noisy one for each
# (Carlini et al., section VI), and so it does with fewer of each kind for each label.
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
    "moderated", each record's, drawn towards the shared one as far as the cohort says and serves
    (choose_strength), times 1 + 1/references, and Student's t in place of the Gaussian (`prior`).
    "auto": moderated; of labels, shared below 64 references, or below 10 of a kind for each label,
    else record.
    Float64 scores give the direct computation to 1e-9 of its larger term, float32 to about 1e-5.
    InputError as check_inputs, if `variance` is another word, or if a score is not finite.
    """
    scores, members, paired = check_inputs(scores, members)
    variance = _choose_variance(scores, members, paired, variance)
    if scores.ndim == 3:
        return run_multilabel_lira(scores, members, paired, online, variance)
    if variance != "moderated":
        return _attack(scores, members, paired, online, variance)
    check_finite(scores, scores.sum(0, dtype=np.float64))
    prepare = partial(prepare_moderated, paired, online)
    strength = choose_strength(prepare, scores, members, paired)
    return prepare(scores, members)(strength)


def prepare_moderated(
    paired: bool, online: bool, scores: np.ndarray, members: np.ndarray
) -> Callable[[np.ndarray], np.ndarray]:
    """Return what attacks with moderated variances of given strengths, (M,), infinite: the shared.

    What is summed over records does not depend on the strengths, and is summed once.
    """
    sums: list[np.ndarray] = []

    def run(strength: np.ndarray) -> np.ndarray:
        shared = np.isinf(strength)
        if shared.all():
            return _attack(scores, members, paired, online, "shared")
        if not sums:
            sums.append(_pool(scores, members, paired, logs=True))
        squares, freedom, *logs = sums[0]
        prior = fit_prior(squares, freedom, np.array(logs), np.where(shared, 1, strength))
        out = _attack(scores, members, paired, online, "moderated", prior)
        if shared.any():
            out[shared] = _attack(scores, members, paired, online, "shared")[shared]
        return out

    return run


def _pool(scores: np.ndarray, members: np.ndarray, paired: bool, logs: bool) -> np.ndarray:
    """Sum over records what pool_block does of a block. (6, in or out, targets)"""
    targets, records = scores.shape
    numbers, size = np.arange(records), max(SCORES_PER_BLOCK // targets, 1)

    def pool(slices):
        store, total = make_store(targets, size, scores.dtype), np.zeros((6, 2, targets))
        for block in slices:
            directly = numbers[block]
            if paired:
                good, sums = pool_block(scores[:, block], members[0::2, block], store, logs)
                directly, total = directly[~good], total + sums
            if len(directly):
                total += pool_directly(scores[:, directly], members[:, directly], paired, directly)
        return total

    return sum(map_blocks(pool, make_blocks(records, size)))


def _attack(
    scores: np.ndarray,
    members: np.ndarray,
    paired: bool,
    online: bool,
    variance: str,
    prior: np.ndarray | Prior | None = None,
) -> np.ndarray:
    """Attack with one of VARIANCES, as run_lira; prior: of "moderated"."""
    targets, records = scores.shape
    out, numbers = np.empty(scores.shape, scores.dtype), np.arange(records)
    size = max(SCORES_PER_BLOCK // targets, 1)
    if variance == "shared":
        squares, freedom, *_ = _pool(scores, members, paired, logs=False)
        prior = np.maximum(squares / freedom, MIN_VARIANCE)

    def attack(slices):
        store = make_store(targets, size, scores.dtype)
        for block in slices:
            directly = numbers[block]
            if paired:
                even = members[0::2, block]
                good = attack_block(scores[:, block], even, online, prior, out[:, block], store)
                directly = directly[~good]
            if len(directly):
                out[:, directly] = attack_directly(
                    scores[:, directly], members[:, directly], paired, online, prior, directly
                )

    map_blocks(attack, make_blocks(records, size))
    return out


def _choose_variance(scores, members, paired: bool, variance: str) -> str:
    """Return one of VARIANCES; InputError if `variance` is none of them and not "auto"."""
    if variance == "auto":
        if scores.ndim == 2:
            return "moderated"
        targets, counts, labels = len(members), members.sum(0), scores.shape[2]
        fewest = min(counts.min(), targets - counts.max()) - 1  # references of a kind
        few = targets - 1 - paired < MIN_REFERENCES or fewest < MIN_REFERENCES_PER_LABEL * labels
        return "shared" if few else "record"
    if variance not in VARIANCES:
        raise InputError(f"variance {variance!r}: expected auto, {', '.join(VARIANCES)}")
    if variance == "moderated" and scores.ndim == 3:
        raise InputError("variance 'moderated' is of one score a record; expected shared or record")
    return variance
