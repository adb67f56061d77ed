"""Patient risk: one statistic on all of a patient's records per model (joint), and the mean and maximum of its records' AUCs.

No weight of a patient's joint statistic has seen that patient's membership, so that without leakage its AUC over models has mean 0.5
whatever the number of records. A likelihood ratio fitted on the patient's own models has not, even with the pair left out.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit
from scipy.stats import rankdata

from rollcall.risk.noise_floor import permuted_auc, random_signs
from rollcall.stats.moments import TINY, Moments, pair_signs
from rollcall.util.parallel import make_blocks, map_blocks

CHUNK = 256  # records at a time
SAMPLE = 4000  # patients from which the correlation of a patient's records is estimated
RIDGE = 50.0  # records' worth of belief that nothing can be learnt of a record's shift


def group_records(index: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(order, first, count) of records by patient: order (N,) sorts them by patient, first (P,) is where each patient begins."""
    count = np.bincount(index)
    order = (
        np.arange(len(index)) if (np.diff(index) >= 0).all() else np.argsort(index, kind="stable")
    )
    return order, np.cumsum(count) - count, count


def normal_scores(values: np.ndarray) -> np.ndarray:
    """Values by their rank, as normal quantiles; ties share one. (n,)."""
    return ndtri((rankdata(values) - 0.5) / len(values))


def estimate_shift(found: Moments, half: np.ndarray) -> np.ndarray:
    """The shift (members' mean score less non-members', in standard deviations) that records like this one have, (n,), positive: an
    empirical-Bayes estimate that has not seen the record's own membership. half (n,) bool: each half of the patients is estimated from the other.

    Cubic regression on the normal scores of two things that are blind to membership: level and spread of a record's scores over all models
    (hard records are remembered). Slopes are shrunk as a whole by what noise alone would give (James and Stein 1961), and no estimate is
    below its own standard error, so that weights are nearly equal where nothing can be learnt. On `diabetes130` it foretells three
    quarters of how records' shifts differ. (How little the two models of a pair agree foretells shifts too, but a sum of records so
    chosen has a noise floor that is wider for patients with many records.)
    """
    mean, sd = found.mean, found.sd
    shift = (found.mean_in - found.mean_out) / sd
    terms = _cubic([normal_scores(values) for values in (mean, sd)])
    expected, size = np.empty(len(shift)), terms.shape[1]
    for other in (False, True):
        learn, use = half != other, half == other
        x, y = terms[learn], shift[learn]
        if len(y) < 2:
            expected[use] = 1.0
            continue
        middle, level = x.mean(0), y.mean()
        slope = np.linalg.solve(
            (x - middle).T @ (x - middle) + RIDGE * np.eye(size), (x - middle).T @ (y - level)
        )
        fitted = (x - middle) @ slope
        noise = max(((y - level - fitted) ** 2).mean(), TINY)
        trust = max(0.0, 1 - (size + 2) * noise / max((fitted**2).sum(), TINY))
        error = np.sqrt(noise * (1 + size * trust**2) / len(y))
        expected[use] = np.maximum(level + trust * ((terms[use] - middle) @ slope), error)
    return expected


def _cubic(columns: list[np.ndarray]) -> np.ndarray:
    """All products of Hermite polynomials of the columns up to degree 3, but the constant. (n, terms)."""
    powers = [(np.ones_like(x), x, x * x - 1, x * (x * x - 3)) for x in columns]
    degrees = [each for each in product(range(4), repeat=len(columns)) if 0 < sum(each) <= 3]
    return np.stack(
        [
            np.prod([power[degree] for power, degree in zip(powers, each)], axis=0)
            for each in degrees
        ],
        axis=1,
    )


def in_first_half(index: np.ndarray) -> np.ndarray:
    """bool (n,): every second patient."""
    return index % 2 == 0


def joint_weights(scores: np.ndarray, found: Moments, index: np.ndarray) -> np.ndarray:
    """Weight of each record in its patient's joint statistic, per standard deviation, (N,), not negative.

    Inverse covariance times expected shift, where the scores of two records of a patient correlate r, pooled over the cohort:
    w_i = s_i - r sum_j s_j / (1 + (n - 1) r), below 0 set to 0. r, like the rest, is blind to membership: the total covariance points the
    same way as the one within members and non-members (Sherman and Morrison 1950).
    """
    mean, sd = found.mean, found.sd
    expected = estimate_shift(found, in_first_half(index))
    order, first, count = group_records(index)
    several = np.flatnonzero(count > 1)
    if not len(several):
        return expected
    several = np.random.default_rng([0, 7]).permutation(several)[:SAMPLE]
    cross = held = 0.0
    for chosen in np.array_split(several, -(-len(several) // 100)):
        columns = order[
            np.concatenate(
                [np.arange(first[patient], first[patient] + count[patient]) for patient in chosen]
            )
        ]
        standard = (scores[:, columns] - mean[columns]) / sd[columns]
        summed = np.add.reduceat(standard, np.cumsum(count[chosen]) - count[chosen], axis=1)
        cross += float((summed * summed).mean(0).sum() - (standard * standard).mean(0).sum())
        held += float((count[chosen] * (count[chosen] - 1)).sum())
    r = float(np.clip(cross / held, 0, 0.99))
    total = np.bincount(index, expected)
    return np.maximum(expected - r * (total / (1 + (count - 1) * r))[index], 0) + 1e-6 * expected


def joint_statistic(
    scores: np.ndarray, found: Moments, index: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """sum_i w_i (s_i - mean_i) / sd_i over each patient's records i, for each model: (M, P) float32. scores (M, N); index, weight (N,)."""
    order, first, count = group_records(index)
    out = np.empty((len(scores), len(count)), np.float32)
    mean, factor = (
        found.mean.astype(np.float32)[order],
        (weight / found.sd).astype(np.float32)[order],
    )
    straight = (order == np.arange(len(order))).all()

    def work(slices):
        for c in slices:
            begin, end = first[c.start], first[c.stop - 1] + count[c.stop - 1]
            part = scores[:, begin:end] if straight else scores[:, order[begin:end]]
            part = np.subtract(part, mean[begin:end], dtype=np.float32)
            part *= factor[begin:end]
            np.add.reduceat(part, first[c] - begin, axis=1, out=out[:, c])

    map_blocks(work, make_blocks(len(count), CHUNK))
    return out


def summarise_records(
    scores: np.ndarray,
    members: np.ndarray,
    index: np.ndarray,
    auc: np.ndarray,
    rounds: int,
    seed: int = 0,
    progress=iter,
) -> dict[str, np.ndarray]:
    """Mean and maximum of the records' AUCs `auc` (N,) of each patient: auc_mean, auc_max (P,); auc_mean_se, auc_max_se (P,), jackknife over
    pairs of targets; auc_mean_low, auc_mean_high (P,), 95%, on the scale of Phi^-1 with Student's t of K - 1 degrees (the maximum has none: it
    is too high by chance, and its interval would be of that); floor_auc_mean, floor_auc_max (rounds, P) float32, noise floors, a patient's
    membership redrawn for all records at once.

    scores (M, N), members bool (M, P), index (N,). One pass: a pair is left out by taking its part from the sums. The maximum grows with the
    number of records though nothing leaks, and so does its floor.
    """
    pairs, sign = len(scores) // 2, pair_signs(members)
    order, first, count = group_records(index)
    last, patients = first + count, len(count)
    ends = np.unique(
        np.append(np.searchsorted(last, np.arange(CHUNK, len(index), CHUNK)) + 1, patients)
    )  # patients are never split
    out = {
        name: np.empty(patients) for name in ("auc_mean", "auc_mean_se", "auc_max", "auc_max_se")
    }
    out |= {
        name: np.empty((rounds, patients), np.float32)
        for name in ("floor_auc_mean", "floor_auc_max")
    }

    def work(slices):
        for c in slices:
            columns = order[first[c.start] : last[c.stop - 1]]
            starts = first[c] - first[c.start]
            mean = lambda values: np.add.reduceat(values, starts, axis=-1) / count[c]
            highest = lambda values: np.maximum.reduceat(values, starts, axis=-1)
            even, odd = scores[0::2, columns], scores[1::2, columns]
            lead, both = (
                np.subtract(even, odd, dtype=np.float32),
                np.add(even, odd, dtype=np.float32),
            )
            both -= both.mean(0)
            total = (np.einsum("kn,kn->n", both, both) + np.einsum("kn,kn->n", lead, lead)) / 2
            null = permuted_auc(lead, total, random_signs(rounds, pairs, seed, 5, c.start))
            out["floor_auc_mean"][:, c], out["floor_auc_max"][:, c] = mean(null), highest(null)
            lead *= sign[:, index[columns]]
            inside, outside, n = (both + lead) / 2, (both - lead) / 2, np.float32(pairs - 1)
            rest = total - inside * inside - outside * outside
            inside, outside = (
                (inside.sum(0) - inside) / n,
                (outside.sum(0) - outside) / n,
            )  # means without each pair
            rest = np.maximum(
                (rest - n * (inside * inside + outside * outside)) / (n - 1), np.float32(TINY)
            )
            without = ndtr((inside - outside) / np.sqrt(rest))
            for name, of in (("auc_mean", mean), ("auc_max", highest)):
                out[name][c] = of(auc[columns])
                out[f"{name}_se"][c] = of(without).std(0, dtype=np.float64) * np.sqrt(pairs - 1)

    map_blocks(work, [slice(a, b) for a, b in zip(np.append(0, ends[:-1]), ends)], progress)
    d = ndtri(np.clip(out["auc_mean"], 1e-9, 1 - 1e-9))
    reach = stdtrit(pairs - 1, 0.975) * out["auc_mean_se"] * np.sqrt(2 * np.pi) * np.exp(d * d / 2)
    return out | {"auc_mean_low": ndtr(d - reach), "auc_mean_high": ndtr(d + reach)}
