"""How many of the named are there by chance: expected, at most, and for each of them."""

from __future__ import annotations

import numpy as np

from rollcall.risk.exposed.naming import Naming, is_above
from rollcall.risk.exposed.q_values import AUC_TOLERANCE
from rollcall.risk.exposed.weights import estimate_density
from rollcall.risk.noise_floor import random_signs, redrawn_auc
from rollcall.util.parallel import make_blocks, map_blocks

BOUND_ROUNDS = 500  # redrawn audits behind the bound
BOUND_CONFIDENCE = 0.95
CUTS = np.geomspace(1e-3, 1, 25)  # of scaled_p at which false names are counted
FEWEST_BELOW = 20  # patients below 0.5 in a stratum that may speak for those of whom nothing shows
PATIENTS_PER_BLOCK = 32


def chance_of_naming(floor: np.ndarray, naming: Naming) -> np.ndarray:
    """Return the chance that each patient would be named if nothing leaked, (P,).

    The share of the patient's own draws (rounds, P) of the floor that would be named; 0 in strata
    that name nobody.
    """
    return is_above(floor, naming.threshold).mean(0) * naming.names[naming.stratum]


# Who stands for the patients of whom nothing can be told:
#
# Nobody knows which patients those are, but each of them lies below 0.5 or above it by the toss of
# a coin, while those who leak hardly ever lie below. So the patients below 0.5, counted twice, are
# as many as those of whom nothing can be told (and a few more). Their own redrawn draws, counted
# twice, are what chance would name. The draws of patients who leak are wider, and are not used.


def expect_false(chance: np.ndarray, auc: np.ndarray, group: np.ndarray | None = None) -> float:
    """Estimate how many of the named (of a group, bool (P,)) are there by chance.

    chance (P,) of chance_of_naming, 0 where the stratum names nobody; auc (P,).
    """
    below = auc < 0.5 if group is None else (auc < 0.5) & group
    return float(2 * chance[below].sum())


def local_rates(naming: Naming) -> np.ndarray:
    """Estimate the local false-discovery rate of each patient, (P,): 1 unless exposed.

    The chance that nothing can be told of a patient with this p-value: the stratum's null share
    over the density of its weighted p-values there, which is taken to be decreasing (Efron 2010;
    density by Grenander 1956).
    """
    rate = np.ones(len(naming.p))
    weighted = np.minimum(naming.p / naming.weight, 1)
    for number, null_share in enumerate(naming.null_share):
        who = naming.stratum == number
        density = estimate_density(weighted[who], weighted[who])
        rate[who] = np.minimum(1, null_share / np.maximum(density, 1e-12))
    return np.where(naming.exposed, rate, 1.0)


def bound_false(
    statistic: np.ndarray, floor: np.ndarray, auc: np.ndarray, naming: Naming, seed: int = 0
) -> int:
    """Bound the number of the named who are there by chance, with 95% confidence.

    statistic (M, P), floor (rounds, P), auc (P,), all in one order of patients. Membership is
    redrawn for 500 audits of the patients below 0.5, each standing for two; an envelope holds the
    counts of their names at every cut at once in 95% of them (Meinshausen, Scand. J. Stat. 2006),
    and at the best cut it bounds the false names, whichever patients are named.
    """
    names = int(naming.exposed.sum())
    if not names:
        return 0
    counts = np.zeros((BOUND_ROUNDS, len(CUTS)))
    for number in range(naming.stratum.max() + 1):
        who = np.flatnonzero(naming.stratum == number)
        if not naming.names[number]:
            continue
        below = who[auc[who] < 0.5]
        nulls = 2 * (len(below) + 2 * np.sqrt(len(below)) + 2)  # at most, with 97.5% confidence
        drawn = below if len(below) >= FEWEST_BELOW else who
        factor = min(nulls, len(who)) / len(drawn)
        ordered = np.sort(floor[:, who], axis=None)
        largest = naming.largest[number]
        counts += factor * _count_redrawn(statistic, drawn, naming, largest, ordered, seed)
    tail = (counts[None] >= counts[:, None]).mean(1)  # rounds with at least as many, at each cut
    level = np.quantile(tail.min(1), 1 - BOUND_CONFIDENCE, method="lower")
    envelope = np.array(
        [counts[tail[:, cut] >= level, cut].max(initial=0) for cut in range(len(CUTS))]
    )
    scaled = naming.scaled_p[naming.exposed]
    beyond = (scaled[:, None] > CUTS).sum(0)
    return int(min(names, np.floor((beyond + envelope).min())))


def _count_redrawn(
    statistic: np.ndarray,
    who: np.ndarray,
    naming: Naming,
    largest: float,
    ordered: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Count the names at each cut among patients `who` in every redrawn audit, (rounds, cuts).

    largest: p / weight that names in their stratum; ordered: its floor, ascending.
    """
    threshold, weight = naming.threshold[who], naming.weight[who]
    blocks = make_blocks(len(who), PATIENTS_PER_BLOCK)

    def work(slices: list[slice]) -> np.ndarray:
        counted = np.zeros((BOUND_ROUNDS, len(CUTS)))
        for c in slices:
            signs = random_signs(BOUND_ROUNDS, len(statistic) // 2, seed, 9, c.start)
            drawn = redrawn_auc(statistic[:, who[c]], signs)
            rounds, column = np.nonzero(is_above(drawn, threshold[c]))
            above = len(ordered) - np.searchsorted(ordered, drawn[rounds, column] - AUC_TOLERANCE)
            p = (1 + above) / (1 + len(ordered))
            scaled = p / weight[c][column] / largest
            for cut, limit in enumerate(CUTS):
                counted[:, cut] += np.bincount(rounds[scaled <= limit], minlength=BOUND_ROUNDS)
        return counted

    return sum(map_blocks(work, blocks))
