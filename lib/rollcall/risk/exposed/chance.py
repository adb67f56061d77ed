"""How many of the named are there by chance: expected, at most, and for each of them."""

from __future__ import annotations

import numpy as np

from rollcall.risk.exposed.naming import Naming, is_above, take_draws
from rollcall.risk.exposed.q_values import AUC_TOLERANCE
from rollcall.risk.exposed.weights import EVEN_SHARE, estimate_density
from rollcall.risk.noise_floor import random_signs, redrawn_auc
from rollcall.risk.singly.redrawing import Sets, redraw_auc
from rollcall.util.parallel import make_blocks, map_blocks

BOUND_ROUNDS = 500  # redrawn audits behind the bound
BOUND_CONFIDENCE = 0.95
CUTS = 40  # weighted p-values at which false names are counted, up to the largest of a name,
LEAST_FALSE = 0.02  # from the one at which so many are expected
FEWEST_BELOW = 20  # patients below 0.5 in a stratum that may speak for those of whom nothing shows
PATIENTS_PER_BLOCK = 32


def chance_of_naming(floor: np.ndarray, naming: Naming) -> np.ndarray:
    """Return the chance that each patient would be named if nothing leaked, (P,).

    The share of the patient's own draws (rounds, P) of the floor that would be named; 0 in strata
    that name nobody.
    """
    named = sum(is_above(draws, naming.threshold).astype(int) for draws in floor)
    return named / len(floor) * naming.names[naming.stratum]


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
    statistic: np.ndarray,
    floor: np.ndarray,
    auc: np.ndarray,
    naming: Naming,
    seed: int = 0,
    sets: Sets | None = None,
) -> int:
    """Bound the number of the named who are there by chance, with 95% confidence.

    statistic (M, P), floor (rounds, P), auc (P,), all in one order of patients; sets: theirs, of
    targets that come one by one. In each stratum
    membership is redrawn for 500 audits of the patients below 0.5, each standing for two; an
    envelope holds the counts of their weighted p-values at every cut at once in all but 5% of them
    (shared out among the strata), and at the best cut it bounds the false names (Meinshausen,
    Scand. J. Stat. 2006). The strata's bounds add up.
    """
    bound = 0
    for number in np.flatnonzero(naming.names):
        who = np.flatnonzero(naming.stratum == number)
        below = who[auc[who] < 0.5]
        nulls = 2 * (len(below) + 2 * np.sqrt(len(below)) + 2)  # at most, with 97.5% confidence
        drawn = below if len(below) >= FEWEST_BELOW else who
        cuts = np.geomspace(LEAST_FALSE / len(who), naming.most_p / EVEN_SHARE, CUTS)
        counts = _count_redrawn(
            statistic,
            drawn,
            take_draws(floor, who),
            naming.weight[drawn],
            naming.most_p,
            cuts,
            seed,
            sets,
        )
        counts *= min(nulls, len(who)) / len(drawn)
        envelope = _envelope(counts, (1 - BOUND_CONFIDENCE) / len(naming.names))
        weighted = (naming.p / naming.weight)[who][naming.exposed[who]]
        beyond = (weighted[:, None] > cuts).sum(0)
        bound += int(min(len(weighted), np.floor((beyond + envelope).min())))
    return bound


def _envelope(counts: np.ndarray, miss: float) -> np.ndarray:
    """Return counts (cuts,) that a share `miss` of the rounds (rounds, cuts) exceeds somewhere."""
    ordered = np.sort(counts, axis=0)
    as_many = np.column_stack(
        [np.searchsorted(row, column) for row, column in zip(ordered.T, counts.T, strict=True)]
    )
    tail = 1 - as_many / len(counts)  # share of rounds with at least as many, at each cut
    level = np.sort(tail.min(1))[int(miss * len(counts))]
    kept = tail >= level
    return np.where(kept, counts, 0).max(0)


def _count_redrawn(
    statistic: np.ndarray,
    who: np.ndarray,
    floor: np.ndarray,
    weight: np.ndarray,
    most_p: float,
    cuts: np.ndarray,
    seed: int,
    sets: Sets | None,
) -> np.ndarray:
    """Count weighted p-values up to each cut among patients `who` in each audit, (rounds, cuts).

    floor: draws of their stratum, against which p-values are taken; weight (len(who),); most_p: of
    a name.
    """
    ordered = np.sort(floor, axis=None)
    remarkable = ordered[int((1 - most_p) * len(ordered))]

    def work(slices: list[slice]) -> np.ndarray:
        counted = np.zeros((BOUND_ROUNDS, len(cuts)))
        for c in slices:
            values, numbers = statistic[:, who[c]], (seed, 9, c.start)
            if sets is None:
                signs = random_signs(BOUND_ROUNDS, len(statistic) // 2, *numbers)
                drawn = redrawn_auc(values, signs)
            else:
                drawn = redraw_auc(sets.take(who[c]), values, BOUND_ROUNDS, *numbers)
            rounds, column = np.nonzero(drawn >= remarkable)
            above = len(ordered) - np.searchsorted(ordered, drawn[rounds, column] - AUC_TOLERANCE)
            weighted = (1 + above) / (1 + len(ordered)) / weight[c][column]
            cell = np.searchsorted(cuts, weighted)  # the first cut that counts it
            cells = np.bincount(
                rounds * (len(cuts) + 1) + cell, minlength=BOUND_ROUNDS * (len(cuts) + 1)
            )
            counted += cells.reshape(BOUND_ROUNDS, -1)[:, :-1].cumsum(1)
        return counted

    return sum(map_blocks(work, make_blocks(len(who), PATIENTS_PER_BLOCK)))
