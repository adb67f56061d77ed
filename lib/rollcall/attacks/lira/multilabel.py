"""LiRA on records with several labels: one Gaussian over all of a record's scores.

The multivariate form of Carlini et al. (IEEE S&P 2022, section VI-B, there over queries, here over
labels). One covariance per record is factorised once; those of the targets' references follow.

Of one record and one kind (in or out) let y_1 ... y_n be the scores of the n targets of that kind,
vectors of L labels, less their mean; B = sum of y_i y_i' = R R' (Cholesky); and e one of them, left
out. The others have

    mean              -e / (n - 1)
    sum of squares    B - e e' - (n - 1) (e / (n - 1)) (e / (n - 1))'  =  B - w e e'

with w = n / (n - 1): a rank-one downdate. With z = R^-1 e and g = 1 - w z'z (Sherman and Morrison
1950; matrix determinant lemma), for any vectors x and y:

    x' (B - w e e')^-1 y     = x' B^-1 y + w (x' B^-1 e) (y' B^-1 e) / g
                             = (R^-1 x)' (R^-1 y) + w (R^-1 x)'z (R^-1 y)'z / g
    log det (B - w e e')     = log det B + log g

The references' covariance is S = (B - w e e') / f with f = n - 2 degrees of freedom, so

    y' S^-1 y = f y' (B - w e e')^-1 y,      log det S = log det B + log g - L log f

g near 0 says that e makes up nearly all of B in its direction: digits are lost, and that target's
covariance is computed from its references themselves.
"""

from __future__ import annotations

import numpy as np

from rollcall.stats.checks import check_finite
from rollcall.util.errors import InputError
from rollcall.util.parallel import make_blocks, map_blocks

NUMBERS_PER_BLOCK = 2**17  # working arrays stay small; memory does not grow with the records
# Added to every variance, in squared units of the score: constant labels, and labels that say the
# same, stay finite.
RIDGE_VARIANCE = 1e-6
# Relative cancellation threshold, of g and of a variance: below it the covariance is recomputed.
MIN_SHARE_LEFT = 1e-3


def run_multilabel_lira(
    scores: np.ndarray, members: np.ndarray, paired: bool, online: bool, variance: str
) -> np.ndarray:
    """Attack each target by the multivariate likelihood ratio of its references' Gaussians.

    scores (M, N, L), members bool (M, N), paired: as checks.check_inputs gives them. Returns (M, N)
    of the scores' precision, higher = more like a member; float64 inside. References are all
    targets but the target's pair; without pairs, all but the target.
    Online: log N(s; mean_in, S_in) - log N(s; mean_out, S_out).
    Offline: y' S_out^-1 d / sqrt(d' S_out^-1 d) with y = s - mean_out and d the square roots of
    S_out's diagonal: the likelihood-ratio test of scores raised by as many standard deviations in
    every label, standard normal for non-members, and for one label the z-score of run_lira.
    variance "record": an unbiased covariance of each record, to whose sum of squares RIDGE_VARIANCE
    x the number of all targets of that kind is added; more than L + 1 references of each kind are
    needed. "shared": one of each kind for each target, pooled over records, plus RIDGE_VARIANCE.
    InputError if the references are too few, or a score is not finite.
    """
    targets, records, labels = scores.shape
    _check_references(members, labels, variance)
    out, shared = np.empty(members.shape, scores.dtype), None
    blocks = make_blocks(records, max(NUMBERS_PER_BLOCK // (targets * labels), 1))

    def read(block):  # scores, and who is in and who is out; offline, only who is out
        s = scores[:, block].astype(np.float64)
        s -= s[0].copy()
        check_finite(scores[:, block], s.sum((0, 2)), block.start)
        out_kind = ~members[:, block]
        return s, [members[:, block], out_kind] if online else [out_kind]

    def pool(slices):
        squares, freedom = 0, 0
        for block in slices:
            s, kinds = read(block)
            sums = [_pool_block(s, kind, paired) for kind in kinds]
            squares = squares + np.array([each for each, _ in sums])
            freedom = freedom + np.array([each for _, each in sums])
        return squares, freedom

    def attack(slices):
        for block in slices:
            s, kinds = read(block)
            if shared is None:
                terms = [_evaluate_record(s, kind, paired, online) for kind in kinds]
            else:
                terms = [
                    _evaluate_gaussian(_leave_out(s, kind, paired)[0], covariance, online)
                    for kind, covariance in zip(kinds, shared, strict=True)
                ]
            out[:, block] = terms[0] - terms[1] if online else terms[0]

    if variance == "shared":
        squares, freedom = (sum(parts) for parts in zip(*map_blocks(pool, blocks), strict=True))
        shared = squares / freedom[..., None, None] + RIDGE_VARIANCE * np.eye(labels)
    map_blocks(attack, blocks)
    return out


def _check_references(members: np.ndarray, labels: int, variance: str) -> None:
    """Raise InputError if there are too few references for a covariance of so many labels."""
    targets, records = members.shape
    counts = members.sum(0)
    fewest = min(counts.min(), targets - counts.max()) - 1
    if variance == "record" and fewest <= labels + 1:
        raise InputError(
            f"{fewest} references with a record, or without; expected more than {labels + 1} "
            f"for {labels} labels: use variance shared"
        )
    if variance == "shared" and (fewest - 1) * records <= labels:
        raise InputError(
            f"{records} records of {fewest} references with them, or without; too few for a "
            f"covariance of {labels} labels: add records"
        )


def _left_out(values, kind, paired):
    """Return what each target leaves out of the `values` of one kind, or 0. (M, C, L)."""
    of_kind = np.where(kind[..., None], values, 0)
    return (of_kind[0::2] + of_kind[1::2]).repeat(2, axis=0) if paired else of_kind


def _leave_out(s, kind, paired):
    """Centre scores (M, C, L) on the references of one kind, bool (M, C).

    Returns the scores less the mean of each target's references (M, C, L), and less the mean of all
    (M, C, L); the count of all (C,); how many of them each target leaves out, (M, C).
    """
    n = kind.sum(0)
    centred = s - np.where(kind[..., None], s, 0).sum(0) / n[:, None]
    taken = np.ones(kind.shape, int) if paired else kind.astype(int)
    on_references = centred + _left_out(centred, kind, paired) / (n - taken)[..., None]
    return on_references, centred, n, taken


def _sum_squares(centred, kind):
    """Sum squares and products over the targets of one kind, (C, L, L)."""
    of_kind = np.where(kind[..., None], centred, 0).swapaxes(0, 1)
    return of_kind.swapaxes(1, 2) @ of_kind


def _pool_block(s, kind, paired):
    """Sum each target's references' squares about their mean over records, and degrees of freedom.

    Returns (M, L, L) and (M,).
    """
    _, centred, n, taken = _leave_out(s, kind, paired)
    squares, e = _sum_squares(centred, kind), _left_out(centred, kind, paired)
    weighted = e * (n / (n - taken))[..., None]
    diagonal = np.diagonal(squares, axis1=1, axis2=2)
    lost = (diagonal - weighted * e < MIN_SHARE_LEFT * diagonal).any(2)
    weighted[lost] = 0
    total = squares.sum(0) - weighted.swapaxes(1, 2) @ e
    for target in np.flatnonzero(lost.any(1)):
        columns = np.flatnonzero(lost[target])
        _, direct = _sum_directly(s, kind, paired, target, columns)
        total[target] += (direct - squares[columns]).sum(0)
    return total, (n - taken - 1).sum(1)


def _evaluate_record(s, kind, paired, online):
    """Return _evaluate_gaussian of scores (M, C, L), with covariances of each record. (M, C)."""
    _, centred, n, taken = _leave_out(s, kind, paired)
    squares, freedom, w = _sum_squares(centred, kind), n - taken - 1, n / (n - taken)
    labels = s.shape[2]
    ridge = RIDGE_VARIANCE * n[:, None, None] * np.eye(labels)
    factor = np.linalg.cholesky(squares + ridge)  # R
    whiten = np.linalg.inv(factor).swapaxes(1, 2)
    scores = (centred.swapaxes(0, 1) @ whiten).swapaxes(0, 1)  # R^-1 of each
    z = _left_out(scores, kind, paired)
    y, g = scores + z / (n - taken)[..., None], 1 - w * _dot(z, z)
    lost = g < MIN_SHARE_LEFT
    g[lost], yz = 1, _dot(y, z)
    if online:
        log_det = (
            2 * np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(1)
            + np.log(g)
            - labels * np.log(freedom)
        )
        result = -0.5 * (freedom * (_dot(y, y) + w * yz**2 / g) + log_det)
    else:
        variances = (
            np.diagonal(squares + ridge, axis1=1, axis2=2)
            - w[..., None] * _left_out(centred, kind, paired) ** 2
        )
        d = (np.sqrt(np.maximum(variances, 0)).swapaxes(0, 1) @ whiten).swapaxes(0, 1)
        dz = _dot(d, z)
        result = (
            np.sqrt(freedom) * (_dot(y, d) + w * yz * dz / g) / np.sqrt(_dot(d, d) + w * dz**2 / g)
        )
    for target in np.flatnonzero(lost.any(1)):
        columns = np.flatnonzero(lost[target])
        mean, left = _sum_directly(s, kind, paired, target, columns)
        covariance = (left + ridge[columns]) / freedom[target, columns, None, None]
        result[target, columns] = _evaluate_gaussian(
            (s[target, columns] - mean)[:, None], covariance, online
        )[:, 0]
    return result


def _sum_directly(s, kind, paired, target, columns):
    """Return mean (F, L) and sum of squares (F, L, L) of a target's references at F records."""
    pair = np.arange(len(s)) // (2 if paired else 1)
    references = pair != pair[target]
    of_kind, values = kind[references][:, columns, None], s[references][:, columns]
    mean = np.where(of_kind, values, 0).sum(0) / of_kind.sum(0)
    return mean, _sum_squares(values - mean, of_kind[..., 0])


def _evaluate_gaussian(y, covariance, online):
    """Return the log density of y (G, C, L) under normals of mean 0, without its constant. (G, C).

    covariance (G, L, L). Offline: the statistic of run_multilabel_lira.
    """
    factor = np.linalg.cholesky(covariance)
    whiten = np.linalg.inv(factor).swapaxes(1, 2)
    z = y @ whiten
    if online:
        return -0.5 * _dot(z, z) - np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(1)[:, None]
    d = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))[:, None] @ whiten
    return (z @ (d / np.sqrt(_dot(d, d)[..., None])).swapaxes(1, 2))[..., 0]


def _dot(x, y):
    """Sum products over the last axis."""
    return np.einsum("...l,...l->...", x, y)
