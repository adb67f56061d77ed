"""The relative membership-inference attack (Zarifzadeh et al., Low-Cost High-Power Membership Inference Attacks, ICML 2024)."""

from __future__ import annotations

import numpy as np

from rollcall.attacks.checks import check_inputs
from rollcall.stats import metrics
from rollcall.stats.checks import check_finite
from rollcall.util.errors import InputError
from rollcall.util.parallel import make_blocks, map_blocks

CELLS = (
    2**18
)  # scores at a time: the working arrays stay in cache and memory does not grow with the records
POPULATION = 10_000  # records that every record is set against
GRID = np.linspace(0, 1, 11)  # values of a to choose from
TRIED_ON, SAMPLE = 4, 2_000  # references, and records of each, that a value of a is tried on
SMALL = 0.02  # p(x) below which p is used and not 1 - p
BUCKETS = 4  # buckets for each value of the ladder, in `count`


def run_rmia(
    scores: np.ndarray,
    members: np.ndarray,
    online: bool = True,
    a: float | None = None,
    gamma: float = 1.0,
    population: np.ndarray | None = None,
    seed: int = 0,
    targets: np.ndarray | None = None,
) -> np.ndarray:
    """Share of a population's records z that x outdoes: P_z[ (p(x|t) / p(x)) / (p(z|t) / p(z)) >= gamma ]. (T, N), in [0, 1].

    scores (M, N) are log p/(1-p) of the record's label, so p = expit(score); or (M, N, L) of L labels, p the product over labels. members
    bool (M, N). targets: the T attacked ones, all M by default. Equation 4 of the paper; p(x) is a mean over the target's references
    (all but its pair, as in lira): online half the in-mean plus half the out-mean (equation 3); offline ((1 + a) mean_out + 1 - a) / 2
    (appendix B.2.2), `a` by default the best on references (`tune`).

    The population is up to 10,000 records of the cohort, drawn without regard to who was in the target, which an attacker cannot know;
    or the records `population` (indices); or held-out ones, float scores (M, Z) or (M, Z, L). p(z) is the mean over the references z is a
    non-member of, for held-out records all. No record is compared with itself. Within one target the result rises with p(x|t) / p(x):
    the population sets the scale on which targets share a threshold.

    Ratios are compared as float32 of ratio - 1, and one within 32 roundings of 1 is 1. Float64 scores give the direct computation,
    float32 scores the same with ratios good to about 1e-6.
    """
    scores, members, pairs = check_inputs(scores, members)
    records, real = members.shape[1], scores.dtype.type
    chosen = _numbers("targets", range(len(scores)) if targets is None else targets, len(scores))
    if not gamma > 0:
        raise InputError(f"gamma is {gamma}; expected a number above 0")
    if a is None:
        a = 1.0 if online else tune(scores, members, chosen, seed)
    a = np.broadcast_to(a, len(chosen)).astype(real)[:, None]
    place, held_out = _population(scores, population, seed)
    out, chunk = np.empty((len(chosen), records), scores.dtype), max(CELLS // len(scores), 1)
    z = np.empty((len(chosen), place.shape[held_out]), np.float32)
    if held_out:
        z[:], _ = _excess(
            place, np.ones(place.shape[:2], bool), pairs, chosen, False, real(1), np.arange(0), 0
        )

    def relate(slices):
        for c in slices:
            part = slice(*(0, 0) if held_out else np.searchsorted(place, (c.start, c.stop)))
            columns = np.arange(0) if held_out else place[part] - c.start
            out[:, c], z[:, part] = _excess(
                scores[:, c], ~members[:, c], pairs, chosen, online, a, columns, c.start
            )

    def rank(slices):
        for row in (c.start for c in slices):
            limit = ((out[row] + real(1 - gamma)) / real(gamma)).astype(
                np.float32, copy=False
            )  # the ratio over gamma, less 1
            beaten = count(np.sort(z[row]), limit)
            np.divide(beaten, z.shape[1], out=out[row], casting="same_kind")
            if not held_out:
                out[row, place] = (beaten[place] - (limit[place] >= z[row])) / (z.shape[1] - 1)

    map_blocks(relate, make_blocks(records, chunk))
    map_blocks(rank, make_blocks(len(chosen), 1))
    return out


def _population(scores, population, seed):
    """(record numbers in order, False), or (scores of held-out records, True)."""
    if population is None:
        population = np.random.default_rng(seed).permutation(scores.shape[1])[:POPULATION]
    population = np.asarray(population)
    if population.dtype.kind != "f":
        population = np.unique(_numbers("population", population, scores.shape[1]))
    held_out = population.dtype.kind == "f"
    if held_out and (len(population), *population.shape[2:]) != (len(scores), *scores.shape[2:]):
        raise InputError(
            f"population {population.shape}; expected scores {(len(scores), 'Z', *scores.shape[2:])} or record numbers"
        )
    if population.shape[held_out] < 2:
        raise InputError(
            f"population holds {population.shape[held_out]} records; expected at least 2"
        )
    return (population.astype(scores.dtype), True) if held_out else (population, False)


def _numbers(name, numbers, size):
    """`numbers` (n,) int, or InputError if they are not whole numbers from 0 to size - 1."""
    numbers = np.asarray(numbers)
    if (
        numbers.ndim != 1
        or numbers.dtype.kind not in "iu"
        or not ((numbers >= 0) & (numbers < size)).all()
    ):
        raise InputError(
            f"{name}: {numbers.dtype} {numbers.shape}; expected whole numbers from 0 to {size - 1}"
        )
    return numbers


def _excess(scores, out, pairs, chosen, online, a, also, first):
    """p(x|t) / p(x) - 1 of a block of records for each chosen target, (T, C), and of its columns `also` as records of the population.

    scores (M, C) or (M, C, L); out bool (M, C): who had not the record; first: the block's first record.
    Of q = 1 - p, whose mean over references is taken, and where p(x) is SMALL of p: differences keep the digits of what is near 0.
    """
    with np.errstate(over="ignore"):
        q = _doubt(scores, first)

    def relate(columns, online, a):
        part, kind = q[:, columns], None if online and pairs else out[:, columns]
        found, mean = _difference(part, kind, False, pairs, chosen, online, a)
        here = np.flatnonzero(mean.max(0) > 1 - SMALL)
        if len(here):
            at = np.arange(q.shape[1])[columns][here]
            again, _ = _difference(
                _belief(scores[:, at]), out[:, at], True, pairs, chosen, online, a
            )
            found[:, here] = np.where(mean[:, here] > 1 - SMALL, again, found[:, here])
        return found

    return relate(slice(None), online, a), relate(also, False, q.dtype.type(1))


def _doubt(scores, first):
    """1 - p of each record's label, (M, C), of the scores' precision."""
    if scores.ndim == 3:
        return -np.expm1(_log_p(scores)).astype(scores.dtype)
    q = scores.copy()
    if not np.isfinite(q.sum()):
        check_finite(scores, np.array(np.nan), first)
    np.exp(q, out=q)
    q += 1
    return np.divide(1, q, out=q)


def _belief(scores):
    """p of each record's label, (M, C) float64."""
    return np.exp(_log_p(scores if scores.ndim == 3 else scores[..., None]))


def _log_p(scores):
    """log p of each record's label, the sum over labels of log expit. (M, C) float64."""
    return (np.minimum(scores, 0) - np.log1p(np.exp(-np.abs(scores, dtype=np.float64)))).sum(2)


def _difference(part, out, belief, pairs, chosen, online, a):
    """(p(x|t) / p(x) - 1, (T, C), and p(x), (T, C)) from `part` (M, C): p (belief); or 1 - p, and then 1 - p(x)."""
    if online:
        mean = (
            _mean(part, None, pairs, chosen)
            if pairs
            else (_mean(part, out, pairs, chosen) + _mean(part, ~out, pairs, chosen)) / 2
        )
    else:
        mean = (1 + a) / 2 * _mean(part, out, pairs, chosen)
        if belief:
            mean = mean + (1 - a) / 2
    found = part[chosen] - mean if belief else mean - part[chosen]
    found[np.abs(found) <= 32 * np.finfo(part.dtype).eps * mean] = 0
    found /= np.maximum(mean if belief else 1 - mean, np.finfo(part.dtype).tiny)
    return np.minimum(found, 1e30, out=found), mean


def _mean(values, kind, pairs, chosen):
    """Mean of `values` (M, C) over the references of each chosen target, (T, C): those of one kind, bool (M, C), or None for all, of pairs."""
    left_out = [chosen, chosen ^ 1] if pairs else [chosen]
    if kind is None:
        return (values.sum(0) - sum(values[rows] for rows in left_out)) / values.dtype.type(
            len(values) - 2
        )
    weight = kind.astype(values.dtype)
    values = values * weight
    return (values.sum(0) - sum(values[rows] for rows in left_out)) / (
        weight.sum(0) - sum(weight[rows] for rows in left_out)
    )


def count(ladder: np.ndarray, values: np.ndarray) -> np.ndarray:
    """How many of `ladder`, (Z,) float32 sorted, are at most each of `values`, (N,) float32. int64 (N,). searchsorted from the right, in an
    eighth of the time.

    A table of buckets of |x| / (1 + |x|), x in spreads about the median, says where to start; two steps up the ladder, and whoever is
    not there then is searched for. Buckets decide the time, never the result.
    """
    size = len(ladder)
    low, middle, high = ladder[[size // 8, size // 2, size - 1 - size // 8]]
    spread, half = max(high - low, np.float32(1e-30)), np.float32(BUCKETS * size // 2)

    def bucket(x):
        with np.errstate(over="ignore"):
            x = (x - middle) / spread
        np.clip(x, -1e30, 1e30, out=x)
        x /= np.abs(x) + 1
        x *= half
        x += half
        return x.astype(np.int64)

    filled = np.bincount(bucket(ladder), minlength=2 * int(half) + 1)
    start = np.cumsum(filled) - filled
    padded = np.concatenate([[-np.inf], ladder, np.full(4, np.inf)]).astype(
        np.float32
    )  # the i-th smallest at i
    found = np.empty(len(values), np.int64)
    for first in range(0, len(values), 2**14):
        x = values[first : first + 2**14]
        at = start.take(bucket(x))
        for _ in range(2):
            at += padded.take(at + 1) <= x
        wrong = np.flatnonzero((padded.take(at) > x) | (padded.take(at + 1) <= x))
        at[wrong] = np.searchsorted(ladder, x[wrong], side="right")
        found[first : first + 2**14] = at
    return found


def tune(scores: np.ndarray, members: np.ndarray, targets: np.ndarray, seed: int = 0) -> np.ndarray:
    """The `a` of the offline attack for each of `targets`, (T,), of GRID: the one with which their references are best told members from not.

    scores, members as rmia takes them. For each target, TRIED_ON references drawn at random are attacked as if they were the target, on
    SAMPLE records, with neither their own pair nor the target's among the references: nothing of the target enters. The highest mean
    AUC wins, the smaller a of equals. The two targets of a pair have the same references, hence the same a.
    """
    scores, members, pairs = check_inputs(scores, members)
    targets = _numbers("targets", targets, len(scores))
    sample = np.random.default_rng([seed, 1]).permutation(members.shape[1])[:SAMPLE]
    p = _belief(scores[:, sample])
    member, group = members[:, sample], np.arange(len(scores)) // (2 if pairs else 1)
    out = np.where(member, 0, p)
    total, number = out.sum(0), (~member).sum(0)
    best = {}
    for own in np.unique(group[targets]):
        others = np.flatnonzero(group != own)
        areas = np.zeros(len(GRID))
        for row in np.random.default_rng([seed, 2, own]).permutation(others)[:TRIED_ON]:
            left = (group == own) | (group == group[row])
            mean = (total - out[left].sum(0)) / np.maximum(number - (~member[left]).sum(0), 1)
            ratio = p[row] / np.maximum(
                ((1 + GRID[:, None]) * mean + 1 - GRID[:, None]) / 2, np.finfo(float).tiny
            )
            areas += [metrics.auc(line, member[row]) for line in ratio.astype(np.float32)]
        best[own] = GRID[np.argmax(np.round(areas, 9))]
    return np.array([best[own] for own in group[targets]])
