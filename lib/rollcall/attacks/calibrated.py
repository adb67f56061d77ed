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
NEAR, FARTHEST = 8, 1e5  # Student's t with knots at equal distances, and that is told apart
KNOTS_PER_UNIT, FAR_KNOTS = 1024, 4001
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
            if paired:
                result[:, block] = to_normal(z, int(n[0]) - 1)
                continue
            for each in np.unique(n):
                here = n == each
                z[here] = to_normal(z[here], int(each) - 1)

    map_blocks(work, make_blocks(scores.shape[1], max(SCORES_PER_BLOCK // len(scores), 1)))
    return result


def to_normal(t: np.ndarray, freedom: int) -> np.ndarray:
    """Return the standard normal quantile of Student's t of so many degrees of freedom, same shape.

    Interpolated, to 1e-5: up to NEAR from knots at equal distances, which need no search. The tails
    end at probabilities of LEAST_P.
    """
    distance = np.abs(t)
    near = _quantiles(np.arange(NEAR * KNOTS_PER_UNIT + 1) / KNOTS_PER_UNIT, freedom)
    near = near.astype(t.dtype)
    place = np.minimum(distance, NEAR) * t.dtype.type(KNOTS_PER_UNIT)
    knot = np.minimum(place.astype(np.int32), len(near) - 2)
    place -= knot.astype(t.dtype)
    result = np.diff(near).take(knot)
    result *= place
    result += near.take(knot)
    far = np.flatnonzero(distance > NEAR)
    if len(far):
        knots = np.geomspace(NEAR, FARTHEST, FAR_KNOTS)
        result.flat[far] = np.interp(distance.flat[far], knots, _quantiles(knots, freedom))
    return np.copysign(result, t, out=result)


def _quantiles(t, freedom):
    """Return the normal quantiles of Student's t >= 0 (n,), exactly."""
    return -ndtri(np.maximum(stdtr(freedom, -t), LEAST_P))


def combine_labels(scores: np.ndarray) -> np.ndarray:
    """Return the log odds of all labels together, (M, N), from those of each, (M, N, L)."""
    log_p = -np.logaddexp(0, -scores).sum(2, dtype=np.float64)
    least = np.finfo(np.float64).tiny
    return (log_p - np.log(np.maximum(-np.expm1(log_p), least))).astype(scores.dtype)
