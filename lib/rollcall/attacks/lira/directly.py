"""LiRA by the text-book formula, in float64: any members, and records that lose digits in pairs."""

from __future__ import annotations

import numpy as np

from rollcall.attacks.lira.pairs import MIN_SHARE_LEFT
from rollcall.attacks.lira.prior import MIN_VARIANCE, Prior, log_constant, sum_logs
from rollcall.stats.checks import check_finite


def pool_directly(scores, members, paired, numbers) -> np.ndarray:
    """Return what pairs.pool_block sums, (6, 2, M), of the records `numbers`, scores (M, C)."""
    _, *kinds = compute_moments(scores, members, paired, numbers)
    total = np.empty((6, 2, len(scores)))
    for kind, (_, squares, n) in enumerate(kinds):
        variances = squares / (n - 1)
        total[0, kind], total[1, kind] = squares.sum(1), (n - 1).sum(1)
        total[2:, kind] = sum_logs(variances, n - 1, variances > MIN_VARIANCE)
    return total


def attack_directly(scores, members, paired, online, prior, numbers) -> np.ndarray:
    """Return the statistic of some records by the text-book formula, in float64.

    scores, members (M, C): of the records `numbers`; prior as pairs.attack_block takes it.
    """
    s, (mean_in, squares_in, n_in), (mean_out, squares_out, n_out) = compute_moments(
        scores, members, paired, numbers
    )
    if isinstance(prior, Prior):
        sides = [
            _moderate(s - mean, squares, n, freedom[:, None], of_prior[:, None])
            for mean, squares, n, freedom, of_prior in (
                (mean_in, squares_in, n_in, prior.freedom[0], prior.squares[0]),
                (mean_out, squares_out, n_out, prior.freedom[1], prior.squares[1]),
            )
        ]
        return sides[0][1] - sides[1][1] if online else sides[1][0]
    if prior is None:
        var_in = np.maximum(squares_in / (n_in - 1), MIN_VARIANCE)
        var_out = np.maximum(squares_out / (n_out - 1), MIN_VARIANCE)
    else:
        var_in, var_out = prior[..., None]
    if online:
        return 0.5 * (
            (s - mean_out) ** 2 / var_out - (s - mean_in) ** 2 / var_in + np.log(var_out / var_in)
        )
    return (s - mean_out) / np.sqrt(var_out)


def _moderate(distance, squares, n, prior_freedom, prior_squares):
    """Return distance over its predictive scale, and the log density of Student's t there.

    distance from the mean of n references, of sum of squares `squares`, (M, C).
    """
    freedom = prior_freedom + n - 1
    scale2 = (prior_squares + squares) / freedom * (1 + 1 / n)
    z2 = distance * distance / scale2
    log_density = (
        log_constant(freedom)
        - 0.5 * np.log(freedom * scale2)
        - (freedom + 1) / 2 * np.log1p(z2 / freedom)
    )
    return distance / np.sqrt(scale2), log_density


def compute_moments(scores, members, paired, numbers):
    """Return scores less the first target's, and the moments of each target's references.

    First (M, C) the scores; then for the in and for the out references (mean, sum of squares about
    it, count), (M, C) each. With n scores of a kind, of sum of squares A about their mean, and e
    the one that a target leaves out, less that mean:
        mean - e / (n - 1),      A - e^2 n / (n - 1)
    or, where that difference is a small share of A, the sum over the references themselves.
    """
    s = scores.astype(np.float64)
    s -= s[0].copy()
    check_finite(scores, s.sum(0), numbers)
    result = [s]
    for kind in (members, ~members):
        n = kind.sum(0)
        mean = np.where(kind, s, 0).sum(0) / n
        centred = np.where(kind, s - mean, 0)
        squares = (centred * centred).sum(0)
        if paired:  # one of a pair is of this kind, the other is 0
            e = (centred[0::2] + centred[1::2]).repeat(2, axis=0)
            left_out = np.ones(kind.shape, np.int64)
        else:
            e, left_out = centred, kind.astype(np.int64)
        left = squares - e * e * (n / (n - left_out))
        lost = np.flatnonzero((left < MIN_SHARE_LEFT * squares).any(0))
        pair = np.arange(len(s)) // (2 if paired else 1)
        for target in range(len(s) if len(lost) else 0):
            references = pair != pair[target]
            of_kind, values = kind[references][:, lost], s[references][:, lost]
            middle = np.where(of_kind, values, 0).sum(0) / of_kind.sum(0)
            left[target, lost] = (np.where(of_kind, values - middle, 0) ** 2).sum(0)
        result.append((mean - e / (n - left_out), left, n - left_out))
    return result
