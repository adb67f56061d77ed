"""Membership redrawn where targets come one by one: the score that names, and its null law.

Given how many targets had a patient, each set S of so many had it with a probability in proportion
to the product of the odds of its targets (rollcall.stats.design): conditional Bernoulli sampling.
Where all odds are equal that is a permutation of the targets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr

from rollcall.stats.moments import MIN_VARIANCE
from rollcall.util.parallel import make_blocks, map_blocks

PATIENTS_PER_BLOCK = 32
PATIENTS_SCORED_AT_ONCE = 1024
DRAWS_AT_ONCE = 2**15  # working arrays stay in cache

# How sets are drawn, and what they give:
#
# 1. With e_r(i) the sum over all sets of r of the targets i, i+1, ... of the products of their odds
#    w, target i is in, where r are still to be chosen, with the chance w_i e_{r-1}(i+1) / e_r(i).
#    (Chen, Dempster and Liu, Biometrika 1994.) e is kept as a logarithm.
# 2. pi_i, the chance of target i among n, follows from 1 by summing over what may come before it.
# 3. With m the membership of a patient, x the statistic under each target, h = pi (1 - pi), and x~
#    the statistic less its mean weighted by h,
#        z = sum (m - pi) x~ / sqrt(M sum h x~^2)
#    is the score test of membership: its null mean is 0 and its null variance nearly 1/M, whatever
#    n is and however much the targets' levels differ. With equal odds z is the correlation of m and
#    x over sqrt(M), times sqrt(M).
# 4. t = z sqrt(M - 2) / sqrt(1 - z^2) is then Student's t of two kinds of one variance, and
#        AUC = Phi( t sqrt(2 / M) )
#    is, in a pair design, the binormal AUC that names there: what follows is on one scale.


@dataclass(frozen=True)
class Sets:
    """Hold how sets of targets that had a patient are drawn, for n patients.

    rates   (M,): share of the patients that each target was to have
    count   int (n,): how many targets had each patient
    chance  float32 (M, M + 1): that target i is in where r of the targets i, i+1, ... are to be
    prior   float64 (M + 1, M): pi of each target among r
    """

    rates: np.ndarray
    count: np.ndarray
    chance: np.ndarray
    prior: np.ndarray

    def take(self, which) -> Sets:
        """Return the sets of some patients, by position, mask or slice."""
        return replace(self, count=self.count[which])


def make_sets(rates: np.ndarray, count: np.ndarray) -> Sets:
    """Prepare redrawing; rates (M,), count int (n,) as Sets has them."""
    targets = len(rates)
    log_odds = np.log(rates) - np.log1p(-rates)
    log_odds -= log_odds.mean()
    log_e = np.full((targets + 1, targets + 1), -np.inf)  # (i, r)
    log_e[targets, 0] = 0
    chance = np.zeros((targets, targets + 1))
    for i in range(targets - 1, -1, -1):
        log_e[i] = log_e[i + 1]
        taken = log_odds[i] + log_e[i + 1, :-1]
        log_e[i, 1:] = np.logaddexp(log_e[i, 1:], taken)
        possible = np.isfinite(log_e[i, 1:])
        chance[i, 1:][possible] = np.exp(taken[possible] - log_e[i, 1:][possible])
    prior = np.zeros((targets + 1, targets))
    left = np.eye(targets + 1)  # of n (row): how likely r (column) are still to be chosen
    for i in range(targets):
        taken = left * chance[i]
        prior[:, i] = taken.sum(1)
        left -= taken
        left[:, :-1] += taken[:, 1:]
    return Sets(np.asarray(rates), count, chance.astype(np.float32), prior)


@dataclass(frozen=True)
class Centred:
    """Hold patients ready to be scored: x~ / sqrt(M sum h x~^2), (M, n) float32; its mean (n,)."""

    values: np.ndarray
    mean: np.ndarray


def _centre(sets: Sets, statistic: np.ndarray) -> Centred:
    prior = sets.prior[sets.count].T
    spread = prior * (1 - prior)
    values = statistic.astype(np.float64)
    values -= (spread * values).sum(0) / np.maximum(spread.sum(0), MIN_VARIANCE)
    size = np.maximum(len(values) * (spread * values * values).sum(0), MIN_VARIANCE)
    values /= np.sqrt(size)
    return Centred(values.astype(np.float32), (prior * values).sum(0))


def score_members(sets: Sets, statistic: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Return z of each patient, (P,) float64, step 3. statistic, members (M, P)."""
    out = np.empty(members.shape[1])
    for c in make_blocks(len(out), PATIENTS_SCORED_AT_ONCE):
        centred = _centre(sets.take(c), statistic[:, c])
        out[c] = np.where(members[:, c], centred.values, 0).sum(0, dtype=np.float64) - centred.mean
    return out


def name_auc(sets: Sets, statistic: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Return the AUC by which each patient is named, (P,), step 4. statistic, members (M, P)."""
    return z_to_auc(score_members(sets, statistic, members), len(statistic))


def z_to_auc(z: np.ndarray, targets: int) -> np.ndarray:
    """Return Phi(t sqrt(2 / M)) of scores z, of their shape, step 4."""
    t = z * np.sqrt((targets - 2) / np.maximum(1 - z * z, MIN_VARIANCE))
    return ndtr(t * np.sqrt(2 / targets))


def redraw_scores(sets: Sets, statistic: np.ndarray, rounds: int, *seed: int) -> np.ndarray:
    """Return z of patients under redrawn memberships, (rounds, n) float32. statistic (M, n)."""
    centred, rng = _centre(sets, statistic), np.random.default_rng(seed)
    patients = len(sets.count)
    out = np.empty((rounds, patients), np.float32)
    for c in make_blocks(rounds, max(DRAWS_AT_ONCE // max(patients, 1), 1)):
        total = np.zeros((c.stop - c.start, patients), np.float32)
        for value, take in zip(centred.values, draw_sets(sets, len(total), rng), strict=True):
            total += take * value
        out[c] = total
    return out - centred.mean.astype(np.float32)


def draw_sets(sets: Sets, rounds: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield for each target whether it has each patient, bool (rounds, n), step 1."""
    left = np.repeat(sets.count[None].astype(np.int32), rounds, axis=0)
    for chance in sets.chance:
        take = rng.random(left.shape, np.float32) < chance.take(left)
        left -= take
        yield take


def redraw_auc(sets: Sets, statistic: np.ndarray, rounds: int, *seed: int) -> np.ndarray:
    """Return the AUCs that name, of patients under redrawn memberships, (rounds, n) float32."""
    return z_to_auc(redraw_scores(sets, statistic, rounds, *seed), len(statistic))


def draw_floor(sets: Sets, statistic: np.ndarray, rounds: int, seed: int = 0) -> np.ndarray:
    """Draw the AUCs by which the same patients would be named if nothing leaked, (rounds, P)."""
    floor = np.empty((rounds, len(sets.count)), np.float32)

    def work(slices: list[slice]) -> None:
        for c in slices:
            floor[:, c] = redraw_auc(sets.take(c), statistic[:, c], rounds, seed, 4, c.start)

    map_blocks(work, make_blocks(len(sets.count), PATIENTS_PER_BLOCK))
    return floor
