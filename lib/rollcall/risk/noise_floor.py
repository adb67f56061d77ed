"""The noise floor of patient risk, the patients who stand above it, and how sure their number is."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from rollcall.stats.moments import TINY
from rollcall.util.parallel import make_blocks, map_blocks

PATIENTS_PER_BLOCK = (
    32  # patients at a time; they share their redrawn coins, which are fair for each
)


def random_signs(rounds: int, pairs: int, *seed: int) -> np.ndarray:
    """(rounds, pairs) float32 of fair +1 and -1: which target of each pair had the patient, redrawn."""
    return (
        np.random.default_rng(seed).integers(0, 2, (rounds, pairs), np.int8).astype(np.float32) * 2
        - 1
    )


def permuted_auc(lead: np.ndarray, total: np.ndarray, flips: np.ndarray) -> np.ndarray:
    """Binormal AUC of each column under each redraw. lead (K, n): even less odd target's score; total (n,): sum of squares of all 2K scores
    about their mean; flips (rounds, K) of +1 and -1. (rounds, n) float32.

    With m = the difference of the means, var_in + var_out = (total - K m^2 / 2) / (K - 1), whoever was in: one matrix product does it.
    """
    pairs = len(lead)
    m = flips @ lead
    m /= np.float32(pairs)
    rest = np.maximum(
        (total.astype(np.float32) - np.float32(pairs / 2) * m * m) / np.float32(pairs - 1),
        np.float32(TINY),
    )
    m /= np.sqrt(rest)
    return ndtr(m, out=m)


def draw_noise_floor(statistic: np.ndarray, rounds: int, seed: int = 0) -> np.ndarray:
    """The binormal AUCs that the same patients give when nothing leaks, (rounds, P) float32. statistic (M, P), paired.

    Each round redraws who was a member as the design drew it: in each pair of targets a fair coin says which one had the patient, all of
    the patient's records together.
    """
    pairs, patients = len(statistic) // 2, statistic.shape[1]
    floor = np.empty((rounds, patients), np.float32)

    def work(slices):
        for c in slices:
            lead = np.subtract(statistic[0::2, c], statistic[1::2, c], dtype=np.float32)
            centred = statistic[:, c] - statistic[:, c].mean(0)
            floor[:, c] = permuted_auc(
                lead,
                np.einsum("kn,kn->n", centred, centred),
                random_signs(rounds, pairs, seed, 4, c.start),
            )

    map_blocks(work, make_blocks(patients, PATIENTS_PER_BLOCK))
    return floor
