"""The noise floor of patient risk: the AUCs that the same patients give when nothing leaks."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from rollcall.stats.moments import MIN_VARIANCE
from rollcall.util.parallel import make_blocks, map_blocks

# Multiplications of one matrix product, above which OpenBLAS starts threads of its own: beside ours
# they wait for each other, on a busy machine for seconds.
LARGEST_PRODUCT = 2**18
FEWEST_ROUNDS = 8  # of one product
PATIENTS_PER_BLOCK = 32  # they share their random signs, which are fair for each of them

# How many redrawn memberships become one matrix product:
#
# Membership is redrawn as the design drew it: in pair k a fair sign f_k = +-1 says whether the even
# or the odd target had the patient. With the statistics x_even, x_odd of the pair and their
# difference l_k = x_even - x_odd, the in score less the out score is f_k l_k. So
# 1. the difference of the two means is m = sum_k f_k l_k / K: a row of signs times the differences.
#    For all rounds and all patients of a block at once that is signs (rounds, K) @ l (K, patients).
# 2. The two variances need no second look at the scores. Whoever was in, the 2K scores are the
#    same, and their sum of squares about their common mean, S, splits into the parts within in and
#    within out, (K-1)(var_in + var_out), and the part between the two means, K m^2 / 2. Hence
#        var_in + var_out = (S - K m^2 / 2) / (K - 1)
# 3. AUC = Phi(m / sqrt(var_in + var_out)), as for the true membership.


def random_signs(rounds: int, pairs: int, *seed: int) -> np.ndarray:
    """Draw fair +1 and -1, (rounds, pairs) float32: which target of each pair had the patient."""
    signs = np.random.default_rng(seed).integers(0, 2, (rounds, pairs), np.int8)
    return signs.astype(np.float32) * 2 - 1


def permuted_auc(difference: np.ndarray, total: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """Compute the binormal AUC of each column under each redrawn membership, (rounds, n) float32.

    difference (K, n): score of the even target less that of the odd one; total (n,): sum of squares
    of all 2K scores about their mean; signs (rounds, K) of +1 and -1.
    """
    pairs, columns = difference.shape
    d = np.empty((len(signs), columns), np.float32)
    step = max(FEWEST_ROUNDS, LARGEST_PRODUCT // max(difference.size, 1))
    for c in make_blocks(len(signs), step):
        np.matmul(signs[c], difference, out=d[c])
    d /= np.float32(pairs)
    variance = (total.astype(np.float32) - np.float32(pairs / 2) * d * d) / np.float32(pairs - 1)
    d /= np.sqrt(np.maximum(variance, np.float32(MIN_VARIANCE)))
    return ndtr(d, out=d)


def redrawn_auc(statistic: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """Compute the binormal AUCs of patients under redrawn memberships, (rounds, n) float32.

    statistic (2K, n); signs (rounds, K) of random_signs: all patients share them, but for which
    target of each pair they call the first, which the number of the column decides.
    """
    difference = np.subtract(statistic[0::2], statistic[1::2], dtype=np.float32)
    centred = statistic - statistic.mean(0)
    total = np.einsum("kn,kn->n", centred, centred)
    difference *= _column_signs(*difference.shape)
    return permuted_auc(difference, total, signs)


def _column_signs(pairs: int, columns: int) -> np.ndarray:
    """Return fixed fair signs (K, n), so that patients who share random signs redraw unalike."""
    signs = np.random.default_rng([0, 10]).integers(0, 2, (columns, pairs), np.int8).T
    return signs.astype(np.float32) * 2 - 1


def draw_noise_floor(statistic: np.ndarray, rounds: int, seed: int = 0) -> np.ndarray:
    """Draw the binormal AUCs of the same patients when nothing leaks, (rounds, P) float32.

    statistic (M, P), rows 2i and 2i+1 a pair. In each round a fair sign for each pair says which
    target had the patient, all of the patient's records together.
    """
    pairs, patients = len(statistic) // 2, statistic.shape[1]
    floor = np.empty((rounds, patients), np.float32)

    def work(slices: list[slice]) -> None:
        for c in slices:
            signs = random_signs(rounds, pairs, seed, 4, c.start)
            floor[:, c] = redrawn_auc(statistic[:, c], signs)

    map_blocks(work, make_blocks(patients, PATIENTS_PER_BLOCK))
    return floor
