"""True risks where targets come one by one: estimates of different patients are not as sure.

Patients are put into classes by how many targets had them. Each class has a kernel of its own
(rollcall.risk.deconvolution); together the estimates have the mixture of these, since who was in
how many targets has nothing to do with how much is leaked.
"""

from __future__ import annotations

import numpy as np

from rollcall.risk.deconvolution import (
    Kernel,
    count_bins,
    deconvolve,
    find_bins,
    kernel_of_noise,
    mix_kernels,
    share_above,
)
from rollcall.risk.exposed.interval import to_d
from rollcall.risk.exposed.naming import Naming
from rollcall.risk.exposed.true_risk import (
    AUCS,
    LEAST_MASS,
    MOST_FOLDS,
    TrueRisk,
    make_survival,
)
from rollcall.risk.record import PooledShape, pool_shape
from rollcall.stats.moments import MIN_VARIANCE, Moments
from rollcall.stats.unpaired import estimate_moves
from rollcall.util.parallel import make_blocks, map_blocks

MOST_CLASSES = 8
LEAST_LEFT = 0.5  # of the scores of a kind, that stay where a part of the targets is left out
PATIENTS_PER_BLOCK = 2048


def classify(n_in: np.ndarray, n_out: np.ndarray) -> np.ndarray:
    """Put patients into at most 8 classes by 1 / (1 / n_in + 1 / n_out), int (P,) from 0."""
    sure = 1 / (1 / n_in + 1 / n_out)
    limits = np.unique(np.quantile(sure, np.arange(1, MOST_CLASSES) / MOST_CLASSES))
    number = np.searchsorted(limits, sure, side="left")
    return np.unique(number, return_inverse=True)[1].ravel()


def make_kernels(
    moments: Moments, shape: PooledShape, number: np.ndarray, left: float = 1.0
) -> list[Kernel]:
    """Make the kernel of each class; number (P,): of classify; left: share of the targets used.

    With u the share of the in variance in the sum, 1 - u of the out variance, and the class's
    harmonic mean counts n: sd^2 = u / n_in + (1 - u) / n_out, and the relative variance of the sum
    is u^2 (2 / (n_in - 1) + kurt / n_in) + (1 - u)^2 (2 / (n_out - 1) + kurt / n_out).
    """
    kernels = []
    for code in range(number.max() + 1):
        variance = relative = least = 0.0
        for n, u in ((moments.n_in, shape.share_in), (moments.n_out, 1 - shape.share_in)):
            n = left / np.mean(1 / np.asarray(n)[number == code])
            variance += u / n
            least += u * u * 2 / max(n - 1, 1)
            relative += u * u * shape.kurt / n
        kernels.append(
            kernel_of_noise(float(np.sqrt(variance)), max(least + relative, 0.3 * least))
        )
    return kernels


def mix_classes(moments: Moments, shape: PooledShape, left: float = 1.0) -> Kernel:
    """Return the kernel of all patients together; left: share of the targets used."""
    number = classify(np.asarray(moments.n_in), np.asarray(moments.n_out))
    kernels = make_kernels(moments, shape, number, left)
    return mix_kernels(kernels, np.bincount(number) / len(number))


def leave_out_targets(
    statistic: np.ndarray, members: np.ndarray, part: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return d = Phi^-1(AUC), binormal, (P,), and without each part, (parts, P).

    part int (M,): of each target. What d would be without a part is d less the moves of its
    targets, each times n / (n - left out) of its kind.
    """
    targets, patients = members.shape
    chosen = np.arange(part.max() + 1)[:, None] == part
    d, without = np.empty(patients), np.empty((len(chosen), patients))
    scale = np.sqrt(targets * (targets - 1))

    def work(slices: list[slice]) -> None:
        for c in slices:
            d[c], move = estimate_moves(statistic[:, c], members[:, c], pooled=False)
            without[:, c] = d[c]
            for kind in (members[:, c], ~members[:, c]):
                n = kind.sum(0)
                left = np.maximum(n - chosen @ kind, np.maximum(LEAST_LEFT * n, 1))
                without[:, c] -= chosen @ np.where(kind, move, 0) / scale * n / left

    map_blocks(work, make_blocks(patients, PATIENTS_PER_BLOCK))
    return d, without


def estimate_true_risk_singly(
    statistic: np.ndarray, members: np.ndarray, moments: Moments, naming: Naming
) -> TrueRisk:
    """Estimate true risks, as rollcall.risk.exposed.true_risk.estimate_true_risk.

    Targets in canonical order.
    """
    targets = len(members)
    folds = np.arange(targets) % min(targets, MOST_FOLDS)
    d, without = leave_out_targets(statistic, members, folds)
    again = np.full(len(d), np.nan)
    reached, there, count = np.zeros((3, len(AUCS)))
    left_out = np.zeros((folds.max() + 1, len(AUCS)))
    to_name = _scale_to_name(moments)
    for number in range(naming.stratum.max() + 1):
        who = np.flatnonzero(naming.stratum == number)
        of_stratum = moments.take(who)
        shape = pool_shape(of_stratum)
        kind = classify(np.asarray(of_stratum.n_in), np.asarray(of_stratum.n_out))
        kernels = make_kernels(of_stratum, shape, kind)
        mixture = mix_kernels(kernels, np.bincount(kind) / len(kind))
        mass = deconvolve(count_bins(d[who], mixture), mixture)
        count += len(who) * share_above(mass, mixture, AUCS)
        smaller = mix_classes(of_stratum, shape, 1 - 1 / len(left_out))
        for fold, estimate in enumerate(without):
            part = deconvolve(count_bins(estimate[who], smaller), smaller)
            left_out[fold] += len(who) * share_above(part, smaller, AUCS)
        limit = to_d(naming.threshold[who]) / to_name[who]
        for code, kernel in enumerate(kernels):
            of_class = np.flatnonzero(kind == code)
            row = find_bins(d[who[of_class]], kernel)
            limits, place = np.unique(np.round(limit[of_class], 2), return_inverse=True)
            exceed = kernel.exceed(limits)
            expected = np.bincount(place, minlength=len(limits))[:, None] * (mass + LEAST_MASS)
            for part, values in ((reached, expected * exceed), (there, expected)):
                part += np.interp(to_d(AUCS), kernel.grid, values.sum(0))
            named = np.flatnonzero(naming.exposed[who[of_class]])
            likely = mass * kernel.likelihood[row[named]]
            chance = (likely * exceed[place.ravel()[named]]).sum(1)
            again[who[of_class[named]]] = chance / np.maximum(likely.sum(1), 1e-300)
    return TrueRisk(make_survival(count, left_out, len(d)), again, reached / there)


def _scale_to_name(moments: Moments) -> np.ndarray:
    """Return what d is multiplied by, about, on the scale of the AUC that names, (P,).

    sqrt(2 n_in n_out) / M times the root of v_in + v_out over the variance within both kinds, the
    latter the cohort's median.
    """
    n1, n0 = np.asarray(moments.n_in), np.asarray(moments.n_out)
    within = ((n1 - 1) * moments.var_in + (n0 - 1) * moments.var_out) / (n1 + n0 - 2)
    total = moments.var_in + moments.var_out
    ratio = np.median(np.sqrt(total / np.maximum(within, MIN_VARIANCE)))
    return np.sqrt(2 * n1 * n0) / (n1 + n0) * max(float(ratio), 1e-3)
