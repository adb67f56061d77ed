"""The likelihood-ratio attack on records with several labels: one Gaussian over all of a record's scores in place of one for each.

The multivariate form of Carlini et al. (IEEE S&P 2022, section VI-B, there over queries, here over labels). All a record's models
are factorised once; each target's references, all but its own pair, follow by a rank-one update (Sherman and Morrison 1950; matrix
determinant lemma). With B = R R' the sum of squares of n scores about their mean, e the left-out score less that mean,
w = n / (n - 1), z = R^-1 e and g = 1 - w z'z:

    x' (B - w e e')^-1 y = x' B^-1 y + w (x' B^-1 e) (y' B^-1 e) / g,    log det (B - w e e') = log det B + log g.
"""

from __future__ import annotations

import numpy as np

from rollcall.stats.checks import check_finite
from rollcall.util.errors import InputError
from rollcall.util.parallel import make_blocks, map_blocks

CELLS = (
    2**17
)  # numbers at a time: the working arrays stay small and memory does not grow with the records
RIDGE = 1e-6  # added to every variance, in squared units of the score: constant labels, and labels that say the same, stay finite
LOST = 1e-3  # g, or a variance's share of what it was subtracted from, below which a target is computed anew without the difference


def run_multilabel_lira(
    scores: np.ndarray, members: np.ndarray, pairs: bool, online: bool, variance: str
) -> np.ndarray:
    """The multivariate statistic of every target's scores, (M, N), of the scores' precision; float64 inside. Higher = more like a member.

    scores (M, N, L), members bool (M, N), pairs: as checks.check_inputs gives them. References: all targets but the target's pair; without
    pairs, all but the target. Online: log N(s; mean_in, S_in) - log N(s; mean_out, S_out). Offline: y' S_out^-1 d / sqrt(d' S_out^-1 d)
    with y = s - mean_out and d the square roots of S_out's diagonal: the likelihood-ratio test of scores raised by as many standard
    deviations in every label, standard normal for non-members, and for one label the z-score of run_lira.
    variance "record": an unbiased covariance of each record, to whose sum of squares RIDGE x the number of all targets of that kind is added;
    more than L + 1 references of each kind are needed. "shared": one of each kind for each target, pooled over records, plus RIDGE.
    InputError if the references are too few, or a score is not finite.
    """
    targets, records, size = scores.shape
    had = members.sum(0)
    fewest = min(had.min(), targets - had.max()) - 1
    if variance == "record" and fewest <= size + 1:
        raise InputError(
            f"{fewest} references with a record, or without; expected more than {size + 1} for {size} labels: use variance shared"
        )
    if variance == "shared" and (fewest - 1) * records <= size:
        raise InputError(
            f"{records} records of {fewest} references with them, or without; too few for a covariance of {size} labels: add records"
        )
    out, chunk, shared = (
        np.empty(members.shape, scores.dtype),
        max(CELLS // (targets * size), 1),
        None,
    )

    def kinds(c):  # a block's scores, who is in and who is out of them; offline, only who is out
        s = scores[:, c].astype(np.float64)
        s -= s[0].copy()
        check_finite(scores[:, c], s.sum((0, 2)), c.start)
        return s, ([members[:, c]] if online else []) + [~members[:, c]]

    def pool(slices):
        total = [0, 0]
        for c in slices:
            s, sides = kinds(c)
            found = [_pooled(s, kind, pairs) for kind in sides]
            total = [
                total[0] + np.array([squares for squares, _ in found]),
                total[1] + np.array([freedom for _, freedom in found]),
            ]
        return total

    def attack(slices):
        for c in slices:
            s, sides = kinds(c)
            terms = [
                _record(s, kind, pairs, online)
                if shared is None
                else _gaussian(_moments(s, kind, pairs)[0], covariance, online)
                for kind, covariance in zip(sides, sides if shared is None else shared)
            ]
            out[:, c] = terms[0] - terms[1] if online else terms[0]

    if variance == "shared":
        squares, freedom = (
            sum(part) for part in zip(*map_blocks(pool, make_blocks(records, chunk)))
        )
        shared = squares / freedom[..., None, None] + RIDGE * np.eye(size)
    map_blocks(attack, make_blocks(records, chunk))
    return out


def _left_out(values, kind, pairs):
    """For each target the one of `values` (M, C, L), of targets of this kind, that is not among its references; 0 where none. (M, C, L)."""
    own = np.where(kind[..., None], values, 0)
    return (own[0::2] + own[1::2]).repeat(2, axis=0) if pairs else own


def _moments(s, kind, pairs):
    """Of scores (M, C, L) and one kind, bool (M, C): scores less the mean of each target's references (M, C, L), and less the mean of all
    (M, C, L); the count of all (C,); how many of them each target leaves out, (M, C)."""
    n = kind.sum(0)
    about = s - np.where(kind[..., None], s, 0).sum(0) / n[:, None]
    taken = np.ones(kind.shape, int) if pairs else kind.astype(int)
    return about + _left_out(about, kind, pairs) / (n - taken)[..., None], about, n, taken


def _squares(about, kind):
    """Sum of squares and products over the targets of one kind, (C, L, L)."""
    own = np.where(kind[..., None], about, 0).swapaxes(0, 1)
    return own.swapaxes(1, 2) @ own


def _pooled(s, kind, pairs):
    """Sums over a block's records of each target's references' squares about their mean (M, L, L), and of their degrees of freedom (M,)."""
    _, about, n, taken = _moments(s, kind, pairs)
    squares, e = _squares(about, kind), _left_out(about, kind, pairs)
    weighted = e * (n / (n - taken))[..., None]
    diagonal = np.diagonal(squares, axis1=1, axis2=2)
    lost = (diagonal - weighted * e < LOST * diagonal).any(2)
    weighted[lost] = 0
    total = squares.sum(0) - weighted.swapaxes(1, 2) @ e
    for target in np.flatnonzero(lost.any(1)):
        columns = np.flatnonzero(lost[target])
        total[target] += (_anew(s, kind, pairs, target, columns)[1] - squares[columns]).sum(0)
    return total, (n - taken - 1).sum(1)


def _record(s, kind, pairs, online):
    """_gaussian of every target's scores (M, C, L) under the covariance of its own references, (M, C)."""
    _, about, n, taken = _moments(s, kind, pairs)
    squares, freedom, weight = _squares(about, kind), n - taken - 1, n / (n - taken)
    ridge = RIDGE * n[:, None, None] * np.eye(s.shape[2])
    factor = np.linalg.cholesky(squares + ridge)
    whiten = np.linalg.inv(factor).swapaxes(1, 2)
    z = (about.swapaxes(0, 1) @ whiten).swapaxes(0, 1)
    e = _left_out(z, kind, pairs)
    y, g = z + e / (n - taken)[..., None], 1 - weight * _dot(e, e)
    lost = g < LOST
    g[lost], ye = 1, _dot(y, e)
    if online:
        determinant = (
            2 * np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(1)
            + np.log(g)
            - s.shape[2] * np.log(freedom)
        )
        result = -0.5 * (freedom * (_dot(y, y) + weight * ye**2 / g) + determinant)
    else:
        variances = (
            np.diagonal(squares + ridge, axis1=1, axis2=2)
            - weight[..., None] * _left_out(about, kind, pairs) ** 2
        )
        d = (np.sqrt(np.maximum(variances, 0)).swapaxes(0, 1) @ whiten).swapaxes(0, 1)
        de = _dot(d, e)
        result = (
            np.sqrt(freedom)
            * (_dot(y, d) + weight * ye * de / g)
            / np.sqrt(_dot(d, d) + weight * de**2 / g)
        )
    for target in np.flatnonzero(lost.any(1)):
        columns = np.flatnonzero(lost[target])
        mean, left = _anew(s, kind, pairs, target, columns)
        covariance = (left + ridge[columns]) / freedom[target, columns, None, None]
        result[target, columns] = _gaussian(
            (s[target, columns] - mean)[:, None], covariance, online
        )[:, 0]
    return result


def _anew(s, kind, pairs, target, columns):
    """Mean (F, L) and sum of squares about it (F, L, L) of one target's references of one kind, for some records, without differences."""
    group = np.arange(len(s)) // (2 if pairs else 1)
    references = group != group[target]
    inside, values = kind[references][:, columns, None], s[references][:, columns]
    mean = np.where(inside, values, 0).sum(0) / inside.sum(0)
    return mean, _squares(values - mean, inside[..., 0])


def _gaussian(y, covariance, online):
    """Log density of y (G, C, L) under normals of mean 0 and `covariance` (G, L, L), without the constant; offline the statistic in lira. (G, C)."""
    factor = np.linalg.cholesky(covariance)
    whiten = np.linalg.inv(factor).swapaxes(1, 2)
    z = y @ whiten
    if online:
        return -0.5 * _dot(z, z) - np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(1)[:, None]
    d = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))[:, None] @ whiten
    return (z @ (d / np.sqrt(_dot(d, d)[..., None])).swapaxes(1, 2))[..., 0]


def _dot(x, y):
    """Products summed over the last axis."""
    return np.einsum("...l,...l->...", x, y)
