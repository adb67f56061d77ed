"""Risk of a patient: one statistic on all of a patient's records (joint), mean and maximum of AUCs.

No weight of the joint statistic uses the patient's own membership, so that without leakage its AUC
over models has mean 0.5 whatever the number of records. (A likelihood ratio fitted on the patient's
own models is biased below 0.5, even when the pair is left out.)
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

from rollcall.risk.canonical import Order, patient_levels, split_in_halves
from rollcall.risk.exposed.interval import to_d
from rollcall.risk.noise_floor import permuted_auc, random_signs
from rollcall.stats.moments import MIN_VARIANCE, Moments, pair_signs
from rollcall.stats.rank import average_ranks
from rollcall.util.parallel import make_blocks, map_blocks

RECORDS_PER_BLOCK = 256  # of whole patients, who are never split between blocks
PATIENTS_PER_BLOCK = 256  # of the joint statistic
CORRELATION_PATIENTS = 4000  # at most, from whom the correlation of their records is estimated
PATIENTS_PER_CHUNK = 100  # of those, looked at together
RIDGE_RECORDS = 50.0  # records' worth of belief that a record's shift cannot be predicted
LEAST_WEIGHT = 1e-6  # of a record whose weight would be 0 or less, as a share of its shift


def group_records(index: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (order, first, count) of records by patient.

    index (N,): the patient of each record. order (N,) sorts records by patient, first (P,) is where
    each patient begins in it, count (P,) the number of records.
    """
    count = np.bincount(index)
    is_sorted = (np.diff(index) >= 0).all()
    order = np.arange(len(index)) if is_sorted else np.argsort(index, kind="stable")
    return order, np.cumsum(count) - count, count


def normal_scores(values: np.ndarray) -> np.ndarray:
    """Replace values by the normal quantiles of their ranks, (n,); ties share one."""
    return ndtri((average_ranks(values) - 0.5) / len(values))


# Why the weights of the joint statistic are blind to the patient's own membership:
#
# The statistic of patient p under model m is T_p(m) = sum_i w_i z_i(m) over the records i of p, z
# the record's score standardised over all models. Its AUC compares models that had p with models
# that had not. Suppose nothing leaks. Then scores do not depend on who was a member: in every pair
# of models either one could as well have been the one with p. Swapping the two turns the difference
# of T within the pair around, so the mean AUC is 0.5 - but only if w stays as it is in the swap. A
# weight fitted on which models had p would change with it, and be fitted to noise. Hence:
# 1. Mean, standard deviation and the correlation of records are taken over all models: a swap
#    leaves them as they are.
# 2. The shift that a record is expected to have is predicted from its level and spread over all
#    models, by a regression whose coefficients come from the other half of the patients.
# 3. Weights: of all w, R^-1 s separates best, s the expected shifts in standard deviations and R
#    the correlation of the records. With one correlation r for all pairs of n records, R^-1 is
#    known (Sherman and Morrison 1950):
#        w_i = (s_i - r sum_j s_j / (1 + (n - 1) r)) / (1 - r)
#    A factor common to all records of a patient changes no AUC; it is left out.


def estimate_shift(moments: Moments, half: np.ndarray) -> np.ndarray:
    """Estimate the shift of records like each one, (n,), positive, blind to its own membership.

    The shift is the mean score of members less that of non-members, in standard deviations. half
    (n,) bool: each half of the patients is estimated from the other.

    An empirical-Bayes estimate: cubic regression on the normal scores of two things that are blind
    to membership, the level and the spread of a record's scores over all models (hard records are
    remembered). Slopes are shrunk as a whole by what noise alone would give (James and Stein 1961),
    and no estimate is below its own standard error, so that weights are nearly equal where nothing
    can be learnt. On `diabetes130` it explains three quarters of how records' shifts differ. (How
    little the two models of a pair agree predicts shifts too, but a sum of records so chosen has a
    noise floor that is wider for patients with many records.)
    """
    shift, terms = (moments.mean_in - moments.mean_out) / moments.sd, make_terms(moments)
    expected = np.empty(len(shift))
    for other in (False, True):
        use = half == other
        expected[use] = fit_shift(terms[~use], shift[~use], terms[use])
    return expected


def make_terms(moments: Moments) -> np.ndarray:
    """Return what estimate_shift regresses on, (n, terms), blind to each record's membership."""
    return _cubic_terms([normal_scores(values) for values in (moments.mean, moments.sd)])


def fit_shift(x: np.ndarray, y: np.ndarray, terms: np.ndarray) -> np.ndarray:
    """Fit shifts y (n,) to terms x (n, k); return what is expected at others, (m,) of (m, k)."""
    if len(y) < 2:
        return np.ones(len(terms))
    middle, level, size = x.mean(0), y.mean(), x.shape[1]
    slope = np.linalg.solve(
        (x - middle).T @ (x - middle) + RIDGE_RECORDS * np.eye(size),
        (x - middle).T @ (y - level),
    )
    fitted = (x - middle) @ slope
    noise = max(((y - level - fitted) ** 2).mean(), MIN_VARIANCE)
    trust = max(0.0, 1 - (size + 2) * noise / max((fitted**2).sum(), MIN_VARIANCE))
    error = np.sqrt(noise * (1 + size * trust**2) / len(y))
    return np.maximum(level + trust * ((terms - middle) @ slope), error)


def _cubic_terms(columns: list[np.ndarray]) -> np.ndarray:
    """All products of Hermite polynomials of the columns up to degree 3, but the constant."""
    powers = [(np.ones_like(x), x, x * x - 1, x * (x * x - 3)) for x in columns]
    combinations = product(range(4), repeat=len(columns))
    terms = [
        np.prod([power[degree] for power, degree in zip(powers, degrees, strict=True)], axis=0)
        for degrees in combinations
        if 0 < sum(degrees) <= 3
    ]
    return np.stack(terms, axis=1)


def joint_weights(
    scores: np.ndarray,
    moments: Moments,
    index: np.ndarray,
    expected: np.ndarray | None = None,
) -> np.ndarray:
    """Compute the weight of each record in its patient's joint statistic, (N,), not negative.

    scores (M, N), moments of them, index (N,) the patient of each record, expected (N,) of
    estimate_shift, made here if None. Inverse correlation times expected shift, per standard
    deviation of the record's scores; below 0 set to 0. Derived above.
    """
    if expected is None:
        expected = estimate_shift(moments, split_in_halves(scores, index))
    _, _, count = group_records(index)
    if count.max() < 2:
        return expected
    r = _record_correlation(scores, moments, index)
    total = np.bincount(index, expected)
    weight = expected - r * (total / (1 + (count - 1) * r))[index]
    return np.maximum(weight, 0) + LEAST_WEIGHT * expected


def _record_correlation(scores: np.ndarray, moments: Moments, index: np.ndarray) -> float:
    """Return the correlation over models of two records of a patient, pooled over patients.

    0 to 0.99. It is the total correlation, blind to membership; the weights that it gives differ
    only by a factor from those of the correlation within members and within non-members.
    """
    mean, sd = moments.mean, moments.sd
    order, first, count = group_records(index)
    several = np.flatnonzero(count > 1)
    level = patient_levels(scores, index)  # the sample is the same in whatever order they come
    several = several[np.argsort(level[several], kind="stable")]
    sample = several[:: -(-len(several) // CORRELATION_PATIENTS)]
    covariance = comparisons = 0.0
    for chosen in np.array_split(sample, -(-len(sample) // PATIENTS_PER_CHUNK)):
        columns = order[np.concatenate([np.arange(first[p], first[p] + count[p]) for p in chosen])]
        standard = (scores[:, columns] - mean[columns]) / sd[columns]
        summed = np.add.reduceat(standard, np.cumsum(count[chosen]) - count[chosen], axis=1)
        # The square of a sum less the sum of squares is twice the sum of products.
        covariance += float((summed * summed).mean(0).sum() - (standard * standard).mean(0).sum())
        comparisons += float((count[chosen] * (count[chosen] - 1)).sum())
    return float(np.clip(covariance / comparisons, 0, 0.99))


def foretell_shift(weight: np.ndarray, expected: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Return the shift that a patient's records foretell, (P,), blind to the patient's membership.

    weight, expected (N,) of joint_weights and estimate_shift: the expected difference of the joint
    statistic in and out, over the root of the sum of squared weights.
    """
    size = np.sqrt(np.bincount(index, weight * weight))
    return np.bincount(index, weight * expected) / np.maximum(size, 1e-12)


def joint_statistic(
    scores: np.ndarray, moments: Moments, index: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """Sum w_i (s_i - mean_i) / sd_i over each patient's records i, for each model: (M, P) float32.

    scores (M, N); index, weight (N,).
    """
    order, first, count = group_records(index)
    out = np.empty((len(scores), len(count)), np.float32)
    mean = moments.mean.astype(np.float32)[order]
    factor = (weight / moments.sd).astype(np.float32)[order]
    is_sorted = (order == np.arange(len(order))).all()

    def work(slices: list[slice]) -> None:
        for c in slices:
            begin, end = first[c.start], first[c.stop - 1] + count[c.stop - 1]
            block = scores[:, begin:end] if is_sorted else scores[:, order[begin:end]]
            block = np.subtract(block, mean[begin:end], dtype=np.float32)
            block *= factor[begin:end]
            np.add.reduceat(block, first[c] - begin, axis=1, out=out[:, c])

    map_blocks(work, make_blocks(len(count), PATIENTS_PER_BLOCK))
    return out


def summarise_records(
    scores: np.ndarray,
    members: np.ndarray,
    index: np.ndarray,
    auc: np.ndarray,
    rounds: int,
    seed: int = 0,
    progress: Callable = iter,
    order: Order | None = None,
) -> dict[str, np.ndarray]:
    """Summarise the records' AUCs of each patient by their mean and their maximum.

    scores (M, N), members bool (M, P), index (N,), auc (N,) of the records; order: in which the
    floors are drawn, as they come if None.

    auc_mean, auc_max              (P,)
    auc_mean_se, auc_max_se        (P,), jackknife over pairs of targets
    auc_mean_low, auc_mean_high    (P,), 95%, on the scale of Phi^-1 with Student's t of K - 1
                                   degrees. No interval for the maximum: it is biased upwards, and
                                   an interval would be centred on the biased value.
    floor_auc_mean, floor_auc_max  (rounds, P) float32, noise floors: a patient's membership is
                                   redrawn for all records at once. The maximum grows with the
                                   number of records though nothing leaks, and so does its floor.
    """
    pairs, patients = len(scores) // 2, members.shape[1]
    order = order or Order(np.arange(patients), np.arange(2 * pairs))
    place = np.empty(patients, np.intp)
    place[order.patients] = np.arange(patients)
    index, sign = place[index], pair_signs(order.arrange(members))
    by_patient, first, count = group_records(index)
    out = {
        name: np.empty(patients) for name in ("auc_mean", "auc_mean_se", "auc_max", "auc_max_se")
    }
    out |= {
        name: np.empty((rounds, patients), np.float32)
        for name in ("floor_auc_mean", "floor_auc_max")
    }

    even_rows, odd_rows = order.targets[0::2], order.targets[1::2]

    def work(slices: list[slice]) -> None:
        for c in slices:
            columns = by_patient[first[c.start] : first[c.stop - 1] + count[c.stop - 1]]
            starts, sizes = first[c] - first[c.start], count[c]
            even, odd = (scores[np.ix_(rows, columns)] for rows in (even_rows, odd_rows))
            difference = np.subtract(even, odd, dtype=np.float32)
            pair_sum = np.add(even, odd, dtype=np.float32)
            pair_sum -= pair_sum.mean(0)
            total = np.einsum("kn,kn->n", pair_sum, pair_sum)
            total = (total + np.einsum("kn,kn->n", difference, difference)) / 2
            null = permuted_auc(difference, total, random_signs(rounds, pairs, seed, 5, c.start))
            difference *= sign[:, index[columns]]
            without = _auc_without_each_pair(pair_sum, difference, total)
            for name, summarise in (("auc_mean", mean_by_patient), ("auc_max", maximum_by_patient)):
                out[f"floor_{name}"][:, c] = summarise(null, starts, sizes)
                out[name][c] = summarise(auc[columns], starts, sizes)
                spread = summarise(without, starts, sizes).std(0, dtype=np.float64)
                out[f"{name}_se"][c] = spread * np.sqrt(pairs - 1)

    map_blocks(work, cut_patients(first + count), progress)
    out = {name: order.restore(values) for name, values in out.items()}
    d = to_d(out["auc_mean"])
    reach = stdtrit(pairs - 1, 0.975) * out["auc_mean_se"] * np.sqrt(2 * np.pi) * np.exp(d * d / 2)
    return out | {"auc_mean_low": ndtr(d - reach), "auc_mean_high": ndtr(d + reach)}


def mean_by_patient(values: np.ndarray, starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return the mean over each patient's records, which stand together, (..., P)."""
    return np.add.reduceat(values, starts, axis=-1) / sizes


def maximum_by_patient(values: np.ndarray, starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return the maximum over each patient's records, which stand together, (..., P)."""
    return np.maximum.reduceat(values, starts, axis=-1)


def cut_patients(last: np.ndarray) -> list[slice]:
    """Return slices of patients of about RECORDS_PER_BLOCK records; last (P,): where each ends."""
    limits = np.arange(RECORDS_PER_BLOCK, last[-1], RECORDS_PER_BLOCK)
    ends = np.unique(np.append(np.searchsorted(last, limits) + 1, len(last)))
    return [slice(a, b) for a, b in zip(np.append(0, ends[:-1]), ends, strict=True)]


def _auc_without_each_pair(
    pair_sum: np.ndarray, difference: np.ndarray, total: np.ndarray
) -> np.ndarray:
    """Return the binormal AUCs of the records without pair k, for all k: (K, n) float32.

    pair_sum, difference (K, n): sum and difference of in and out score, the sum about its mean;
    total (n,): sum of squares of all scores about their mean. A pair is left out by taking its
    share from the sums: no pass over the others.
    """
    n = np.float32(len(pair_sum) - 1)
    inside, outside = (pair_sum + difference) / 2, (pair_sum - difference) / 2
    rest = total - inside * inside - outside * outside
    mean_in, mean_out = (inside.sum(0) - inside) / n, (outside.sum(0) - outside) / n
    rest = (rest - n * (mean_in * mean_in + mean_out * mean_out)) / (n - 1)
    return ndtr((mean_in - mean_out) / np.sqrt(np.maximum(rest, np.float32(MIN_VARIANCE))))
