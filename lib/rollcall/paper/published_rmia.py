"""RMIA as it was published: ratios of confidences, and the share of 500 records that each outdoes.

What is doubtful stays, as `reproduce` says: negative records the wrong way round, trimmed means.
"""

from __future__ import annotations

import numpy as np

from rollcall.stats.moments import split_in_out
from rollcall.util.parallel import make_blocks

TARGETS_HELD_OUT = 10  # the last ones, which are attacked; all others are their references
POPULATION_SIZE = 500  # records that each record is compared with
TRIMMED_SHARE = 0.01  # cut off at either end of the means
RECORDS_PER_BLOCK = 8192


def compute_ratios(
    p: np.ndarray, members: np.ndarray, held_out: int = TARGETS_HELD_OUT
) -> tuple[np.ndarray, np.ndarray]:
    """Compute (p(x|t) / p(x), p(z|t) / p(z)) of each record as x and as z. (held_out, n) each.

    p (M, n) of `compute_confidence`, members (M, n). Online: p(x) is the mean of the trimmed means
    over in and over out references; p(z) that over out references. 1e-10 is added below.
    """
    inside, outside = split_in_out(p[:-held_out], members[:-held_out])
    mean_in, mean_out = _trimmed_mean(inside), _trimmed_mean(outside)
    attacked = p[-held_out:]
    return attacked / ((mean_in + mean_out) / 2 + 1e-10), attacked / (mean_out + 1e-10)


def _trimmed_mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over (K, n) without TRIMMED_SHARE of the K values at either end. (n,)."""
    cut = int(TRIMMED_SHARE * len(values))
    return np.partition(values, (cut, len(values) - cut - 1), 0)[cut : len(values) - cut].mean(0)


def draw_pool(records: int, seed: int) -> np.ndarray:
    """Draw the records that others are compared with, at most 2,500; ascending."""
    return np.sort(np.random.default_rng([seed, 9]).permutation(records)[: 5 * POPULATION_SIZE])


def run_published_rmia(
    x: np.ndarray, z: np.ndarray, seed: int = 0, gamma: float = 1.0
) -> np.ndarray:
    """Return the share of 500 other records that each outdoes by more than gamma. (T, n).

    x (T, n), z (T, pool): the ratios of `compute_ratios`, z of the records of `draw_pool`; x is
    written over. The 500 are drawn for each block of records; the published code draws them for
    each record, from 2,500 of the attacked ones.
    """
    rng, records = np.random.default_rng([seed, 9]), x.shape[1]
    pool = rng.permutation(records)[: 5 * POPULATION_SIZE]
    places = np.argsort(np.argsort(pool))  # of each in z
    for block in make_blocks(records, RECORDS_PER_BLOCK):
        chosen = rng.permutation(len(pool))[:POPULATION_SIZE]
        chosen, columns = pool[chosen], places[chosen]
        within = (chosen >= block.start) & (chosen < block.stop)
        inside = chosen[within] - block.start
        others = np.full(block.stop - block.start, len(chosen))
        others[inside] -= 1
        for target, ratio in enumerate(x[:, block]):
            ladder = z[target, columns]
            outdone = np.searchsorted(np.sort(ladder) * gamma, ratio, side="left")  # strictly above
            outdone[inside] -= ratio[inside] > gamma * ladder[within]
            x[target, block] = outdone / others
    return x
