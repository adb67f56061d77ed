"""LiRA calibrated record by record: the same false-positive rate for everyone.

Under one threshold for all records, most false alarms are raised on a few: those whose scores vary
most, or are the lowest. Here a record's score is set against what *that record* gives when it is no
member, over the references that had it not:

    t = (s - mean_out) / (sd_out sqrt(1 + 1/n)),     p = P[T > t],     T Student's t, n - 1 degrees

p is uniform for a non-member whose scores are normal, whatever their mean and spread and however
few the references, so a threshold p <= f has the false-positive rate f for every record, and the
true-positive rate is the mean of the records' true-positive rates.

The variance is each record's own. Moderated ones (lira.prior) tell more, but shrink the widest
records' spread, which then get several times their share of the false alarms. One calibrated
attack serves for all: within one record every attack here rises with the target's score, so that
RMIA's shares, calibrated in this way, are the same test but for how skewed they are.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri, stdtr

from rollcall.attacks.checks import check_inputs
from rollcall.attacks.lira import run_lira
from rollcall.util.parallel import make_blocks, map_blocks

SCORES_PER_BLOCK = 2**18
FARTHEST, KNOTS = 1e5, 4001  # Student's t that is told apart; points of the table of quantiles
LEAST_P = 1e-300


def run_calibrated(scores: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Attack each target by the tail probability of each score among the record's out scores.

    scores (M, N), or (M, N, L) of L labels, of which the log odds of all together are taken;
    members bool (M, N). Returns (M, N) of the scores' precision, higher = more like a member: the
    normal quantile of 1 - p, standard normal for non-members, from -37 to 37. A threshold of 3.09
    is a false-positive rate of 0.1%. InputError as run_lira.
    """
    scores, members, paired = check_inputs(scores, members)
    if scores.ndim == 3:
        scores = combine_labels(scores)
    result = run_lira(scores, members, online=False, variance="record")
    without = (~members).sum(0)

    def work(slices) -> None:
        for block in slices:
            z = result[:, block]
            n = without[block] - (1 if paired else ~members[:, block])  # references without
            z /= np.sqrt(1 + 1 / n).astype(z.dtype)
            freedom = np.broadcast_to(n - 1, z.shape)
            for each in np.unique(freedom):
                here = freedom == each if freedom.min() < freedom.max() else ...
                z[here] = to_normal(z[here], int(each))

    map_blocks(work, make_blocks(scores.shape[1], max(SCORES_PER_BLOCK // len(scores), 1)))
    return result


def to_normal(t: np.ndarray, freedom: int) -> np.ndarray:
    """Return the standard normal quantile of Student's t of so many degrees of freedom, same shape.

    Interpolated, to 1e-5; the tails end at probabilities of LEAST_P.
    """
    half = np.sinh(np.linspace(0, np.arcsinh(FARTHEST), KNOTS))
    quantiles = -ndtri(np.maximum(stdtr(freedom, -half), LEAST_P))
    return (np.sign(t) * np.interp(np.abs(t), half, quantiles)).astype(t.dtype)


def combine_labels(scores: np.ndarray) -> np.ndarray:
    """Return the log odds of all labels together, (M, N), from those of each, (M, N, L)."""
    log_p = -np.logaddexp(0, -scores).sum(2, dtype=np.float64)
    least = np.finfo(np.float64).tiny
    return (log_p - np.log(np.maximum(-np.expm1(log_p), least))).astype(scores.dtype)
