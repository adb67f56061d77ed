"""RMIA, the relative membership-inference attack: how many other records a record outdoes.

Source: Zarifzadeh et al., Low-Cost High-Power Membership Inference Attacks, ICML 2024.

With p(x|t) the probability that target t gives the label of record x, and p(x) its mean over
references, the attack score is the share of a population's records z for which

    (p(x|t) / p(x)) / (p(z|t) / p(z)) >= gamma

1. Ratios are kept less 1, as e_x = p(x|t) / p(x) - 1, since most are near 1. Most p are near 1 too,
   so e_x comes from the doubts q = 1 - p: with m the doubt 1 - p(x),

       e_x = (p(x|t) - p(x)) / p(x) = (m - q_t) / (1 - m)

       online    p(x) = (mean_in p + mean_out p) / 2            m = (mean_in q + mean_out q) / 2
       offline   p(x) = ((1 + a) mean_out p + 1 - a) / 2        m = (1 + a) / 2 mean_out q

   and where p(x) is below SMALL_P, from p itself: neither difference then loses digits.
   In complementary pairs a target has as many in as out references, and m is their plain mean.
2. The condition above is e_z <= (1 + e_x) / gamma - 1: one limit for each x, and all z in one
   sorted ladder for each target. The score is a count of rungs.
   Counting the rungs is a search for each x: `ladder.count_at_most`.
3. InfoRMIA (Tao and Shokri, 2025), without gamma or a count: log p(x|t) - log p(x) + mean over z of
   (log p(z) - log p(z|t)), which is log(1 + e_x) - mean over z of log(1 + e_z).
"""

from __future__ import annotations

import numpy as np

from rollcall.attacks.checks import check_inputs
from rollcall.attacks.ladder import count_at_most
from rollcall.attacks.rmia.population import (
    check_numbers,
    choose_population,
    compute_belief,
    compute_log_p,
    count_population,
)
from rollcall.attacks.rmia.tuning import tune
from rollcall.stats.checks import check_finite
from rollcall.util.errors import InputError
from rollcall.util.parallel import make_blocks, map_blocks

SCORES_PER_BLOCK = 2**18  # working arrays stay in cache; memory does not grow with the records
SMALL_P = 0.02  # p(x) below which p is used and not 1 - p
LEAST_EXCESS = np.finfo(np.float32).eps / 2 - 1  # of which a logarithm is taken


def run_rmia(
    scores: np.ndarray,
    members: np.ndarray,
    online: bool = True,
    a: float | np.ndarray | None = None,
    gamma: float = 1.0,
    population: np.ndarray | None = None,
    seed: int = 0,
    targets: np.ndarray | None = None,
    information: bool = False,
) -> np.ndarray:
    """Attack targets by the share of a population's records that each record outdoes.

    scores (M, N) are log p/(1-p) of the record's label, so p = expit(score); or (M, N, L) of L
    labels, p the product over labels. members bool (M, N). targets: the T attacked ones, by default
    all M. Returns (T, N), from 0 to 1.
    Equation 4 of the paper. References are all targets but the attacked one's pair, as in run_lira.
    p(x) online is half the in-mean plus half the out-mean (equation 3), offline
    ((1 + a) mean_out + 1 - a) / 2 (appendix B.2.2), `a` by default the best on references (`tune`).

    The population is up to 10,000 records of the cohort, drawn without regard to who was in the
    target, which an attacker cannot know; or the records `population` (indices); or held-out ones,
    float scores (M, Z) or (M, Z, L). p(z) is the mean over the references that z is a non-member
    of, for held-out records over all. No record is compared with itself. Within one target the
    result rises with p(x|t) / p(x): the population sets the scale on which targets share a
    threshold. information: return InfoRMIA's score (T, N), in nats, and no share.

    Ratios are compared as float32 of the ratio less 1. Two that differ by less than 1e-7 of their
    distance from 1 may count as equal: a fine scale near 1, but ratios below about 1e-7 are all
    alike. A p(x|t) within 32 roundings of p(x) is p(x), or a 1 - p(x|t) of 1 - p(x). Float64 scores
    give the direct computation but for that, float32 scores the same with ratios good to 1e-6.
    InputError as check_inputs, for a gamma, targets or a population that cannot be, or if a score
    is not finite.
    """
    scores, members, paired = check_inputs(scores, members)
    records, real = members.shape[1], scores.dtype.type
    chosen = check_numbers(
        "targets", range(len(scores)) if targets is None else targets, len(scores)
    )
    if not gamma > 0:
        raise InputError(f"gamma is {gamma}; expected a number above 0")
    if a is None and not online:
        chosen_a = tune(scores, members, chosen, seed)
    else:
        chosen_a = 1.0 if a is None else a
    each_a = np.broadcast_to(chosen_a, len(chosen)).astype(real)[:, None]
    rungs, held_out = choose_population(scores, population, seed)
    out = np.empty((len(chosen), records), scores.dtype)
    ladders = np.empty((len(chosen), count_population(rungs, held_out)), np.float32)
    none = np.arange(0)
    if held_out:
        everyone = np.ones(rungs.shape[:2], bool)
        ladders[:], _ = _excess(rungs, everyone, paired, chosen, False, real(1), none, 0)

    def relate(slices):  # e_x of every record to `out`, e_z of the population's to `ladders`
        for block in slices:
            if held_out:
                of_block, columns = slice(0, 0), none
            else:
                of_block = slice(*np.searchsorted(rungs, (block.start, block.stop)))
                columns = rungs[of_block] - block.start
            out[:, block], ladders[:, of_block] = _excess(
                scores[:, block],
                ~members[:, block],
                paired,
                chosen,
                online,
                each_a,
                columns,
                block.start,
            )

    def rank(slices):  # in place: `out` holds e_x and becomes the score
        for row in (block.start for block in slices):
            ladder = ladders[row]
            if information:
                for excess in (out[row], ladder):
                    np.log1p(np.maximum(excess, LEAST_EXCESS), out=excess)
                out[row] -= ladder.mean(dtype=np.float64).astype(real)
                continue
            limit = (out[row] + real(1 - gamma)) / real(gamma)
            limit = limit.astype(np.float32, copy=False)
            outdone = count_at_most(np.sort(ladder), limit)
            np.divide(outdone, len(ladder), out=out[row], casting="same_kind")
            if not held_out:
                itself = limit[rungs] >= ladder
                out[row, rungs] = (outdone[rungs] - itself) / (len(ladder) - 1)

    map_blocks(relate, make_blocks(records, max(SCORES_PER_BLOCK // len(scores), 1)))
    map_blocks(rank, make_blocks(len(chosen), 1))
    return out


def _excess(scores, out, paired, chosen, online, a, rungs, first):
    """Return e_x of a block of records, and e_z of its columns `rungs`, for each chosen target.

    scores (M, C) or (M, C, L); out bool (M, C): who had not the record; first: the block's first
    record. Returns (T, C) and (T, len(rungs)).
    Works on q = 1 - p, or on p where p(x) < SMALL_P, so that no digits cancel.
    """
    with np.errstate(over="ignore"):
        q = _doubt(scores, first)

    def relate(columns, online, a):
        kind = None if online and paired else out[:, columns]
        excess, mean = _relate(q[:, columns], kind, False, paired, chosen, online, a)
        small = np.flatnonzero(mean.max(0) > 1 - SMALL_P)
        if len(small):
            numbers = np.arange(q.shape[1])[columns][small]
            from_p, _ = _relate(
                compute_belief(scores[:, numbers]), out[:, numbers], True, paired, chosen, online, a
            )
            excess[:, small] = np.where(mean[:, small] > 1 - SMALL_P, from_p, excess[:, small])
        return excess

    return relate(slice(None), online, a), relate(rungs, False, q.dtype.type(1))


def _doubt(scores, first):
    """Return 1 - p of each record's label, (M, C), of the scores' precision."""
    check_finite(scores, scores.sum(), first)
    if scores.ndim == 3:
        return -np.expm1(compute_log_p(scores)).astype(scores.dtype)
    q = scores.copy()
    np.exp(q, out=q)
    q += 1
    return np.divide(1, q, out=q)


def _relate(values, out, are_p, paired, chosen, online, a):
    """Return (e_x, (T, C), and the mean p(x), (T, C)) from p; or from 1 - p, and then 1 - p(x).

    values (M, C): p if are_p, else 1 - p; out bool (M, C), or None for all references of pairs.
    """
    if online:
        mean = (
            _mean(values, None, paired, chosen)
            if paired
            else (_mean(values, out, paired, chosen) + _mean(values, ~out, paired, chosen)) / 2
        )
    else:
        mean = (1 + a) / 2 * _mean(values, out, paired, chosen)
        if are_p:
            mean = mean + (1 - a) / 2
    excess = values[chosen] - mean if are_p else mean - values[chosen]
    excess[np.abs(excess) <= 32 * np.finfo(values.dtype).eps * mean] = 0
    excess /= np.maximum(mean if are_p else 1 - mean, np.finfo(values.dtype).tiny)
    return np.minimum(excess, 1e30, out=excess), mean


def _mean(values, kind, paired, chosen):
    """Average `values` (M, C) over the references of each chosen target, (T, C).

    kind: bool (M, C), the references that count; None for all of them, of pairs.
    A target's pair is left out by subtraction, which is good to a rounding of the sum over all: the
    mean of others that are 1e15 times smaller than the pair's own p is lost.
    """
    left_out = [chosen, chosen ^ 1] if paired else [chosen]
    if kind is None:
        return (values.sum(0) - sum(values[rows] for rows in left_out)) / values.dtype.type(
            len(values) - 2
        )
    weight = kind.astype(values.dtype)
    values = values * weight
    return (values.sum(0) - sum(values[rows] for rows in left_out)) / (
        weight.sum(0) - sum(weight[rows] for rows in left_out)
    )
