"""Ratios of deconvolved shares: truly at risk in a group, against all others.

A count of estimates above a threshold depends on how many models were trained, and so does a ratio
of such counts: noise lifts others over it more often than the group, and draws the ratio to 1.
Deconvolved shares, and their ratio, are the same however many models there were, within their
intervals.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from rollcall.risk.deconvolution import (
    KNOTS,
    Kernel,
    climb,
    deconvolve,
    find_bins,
    make_kernel,
    share_above,
)
from rollcall.risk.groups.ranking import draw_places
from rollcall.risk.leave_out import leave_out_pairs
from rollcall.risk.record import pool_shape
from rollcall.risk.singly.true_risk import leave_out_targets, mix_classes
from rollcall.stats.design import is_paired
from rollcall.stats.moments import compute_moments
from rollcall.util.parallel import make_blocks, map_blocks

AT_RISK = 0.7  # a true AUC of at least this
PARTS = 10  # that pairs of targets, and patients, are put into: each is left out once
LEAST_PATIENTS = 10.0  # truly at risk, in the group and all others together
GROUPS_PER_BLOCK = 16
PATIENTS_PER_BLOCK = 8192
MISFIT = 0.07  # of the log ratio
NEWTON_STEPS = 12  # of a fit that starts from one of nearly the same patients
LEAST_DAMPING = 0.1  # of a step that would make such a fit worse
PENALTY = 1.0  # of squared coefficients of columns of mean square 1
LEAST_MASS = 1e-9  # of a grid point that a fit looks at


# How the interval is made. The estimate is the log of the ratio, t. Patients are put into parts at
# random, pairs of targets too, and each part is left out once (delete-a-group jackknife):
# 1. V_p, the variance over patients: of t without each part of the patients. It holds what each
#    patient's models do to this patient alone.
# 2. Without each part of the pairs every patient's d is another one. What patients share through
#    the models moves two halves of the patients alike, what each has alone does not: V_k is the
#    covariance of the two halves' t, at least 0.
# 3. V_b, for what the spline cannot follow: planted ratios were missed by 7% (standard deviation).
# 4. V_p + V_k + V_b, with Student's t of Satterthwaite's degrees of freedom.
# A fit without a part starts from the fit to all: its density is that one's times the exponential
# of a natural spline and of a point at 0, by Fisher scoring, all groups and parts at once.


@dataclass(frozen=True)
class DeconvolvedRatios:
    """Of J groups, (J,) each: share of patients truly at risk, that of all others, their ratio.

    ratio, low, high: NaN where fewer than 10 patients are truly at risk.
    """

    share: np.ndarray
    others: np.ndarray
    ratio: np.ndarray
    low: np.ndarray
    high: np.ndarray


def compare_deconvolved(
    statistic: np.ndarray,
    members: np.ndarray,
    groups: np.ndarray,
    known: np.ndarray,
    auc: float = AT_RISK,
    level: float = 0.95,
) -> DeconvolvedRatios:
    """Compare the share of patients with a true AUC of at least `auc`: each group's to all others'.

    statistic (2K, P); members bool (2K, P), paired or not; groups, known bool (P, J). The interval
    is of the ratio with other patients and as many other models.
    """
    d, without, kernels = _leave_out(statistic, members)
    cells = [find_bins(each, kernel) for kernel, each in zip(kernels, [d, *without], strict=True)]
    place = draw_places(d, len(d), 11)
    of_patient, half = place % PARTS, place // PARTS % 2
    number = groups.shape[1]
    results = np.empty((5, number))

    def work(slices: list[slice]) -> None:
        for c in slices:
            results[:, c] = _compare_block(
                groups[:, c], known[:, c], cells, kernels, of_patient, half, auc, level
            )

    map_blocks(work, make_blocks(number, GROUPS_PER_BLOCK))
    return DeconvolvedRatios(*results)


def _leave_out(
    statistic: np.ndarray, members: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[Kernel]]:
    """Return d (P,), d without each part of the models, (parts, P), and the kernel of each."""
    moments = compute_moments(statistic, members)
    shape = pool_shape(moments)
    if not is_paired(members):
        parts = min(PARTS, len(members))
        part = _part_targets(statistic.astype(float), parts)
        d, without = leave_out_targets(statistic, members, part)
        smaller = mix_classes(moments, shape, 1 - 1 / parts)
        return d, without, [mix_classes(moments, shape), *[smaller] * parts]
    pairs = len(statistic) // 2
    parts = min(PARTS, pairs)
    of_pair = _part_targets(statistic, parts, paired=True)
    d, without = leave_out_pairs(statistic, members, of_pair)
    size = np.bincount(of_pair, minlength=parts)
    left = [pairs, *(pairs - size)]
    of_size = {n: make_kernel(int(n), shape.correlation, shape.kurt) for n in set(left)}
    return d, without, [of_size[n] for n in left]


def _part_targets(statistic: np.ndarray, parts: int, paired: bool = False) -> np.ndarray:
    """Put targets, or pairs, into parts at random, the same in whatever order they come: (K,)."""
    patients = statistic.shape[1]
    key = np.zeros(len(statistic) // (2 if paired else 1))
    for start in range(0, patients, PATIENTS_PER_BLOCK):
        c = slice(start, start + PATIENTS_PER_BLOCK)
        values = statistic[:, c]
        if paired:
            values = (values[0::2] - values[1::2]).astype(float)
        key += (values**2).sum(1)
    return draw_places(key, len(key), 12) % parts


def _compare_block(
    groups: np.ndarray,
    known: np.ndarray,
    cells: list[np.ndarray],
    kernels: list[Kernel],
    of_patient: np.ndarray,
    half: np.ndarray,
    auc: float,
    level: float,
) -> np.ndarray:
    """Return the five fields of DeconvolvedRatios, (5, J), of a few groups."""
    number = groups.shape[1]
    both = np.concatenate([groups, known & ~groups], axis=1)
    first, of_side = _find_distinct(both)
    sides = both[:, first]  # of an attribute of two groups each is the other's others
    by_part = _count_cells(cells[0], sides, of_patient, PARTS, kernels[0])
    total = by_part.sum(1)
    mass, size = deconvolve(total, kernels[0]), total.sum(0)
    share = share_above(mass, kernels[0], auc)
    result = np.full((5, number), np.nan)
    result[:2] = share[of_side].reshape(2, -1)
    sizes = size[of_side].reshape(2, -1)
    enough = ((result[:2] * sizes).sum(0) >= LEAST_PATIENTS) & (sizes > 0).all(0)
    pair = of_side.reshape(2, -1)[:, enough]
    needed, pair = np.unique(pair, return_inverse=True)
    if not len(needed):
        return result
    pair, sides, mass = pair.reshape(2, -1), sides[:, needed], mass[:, needed]
    estimate = _log_ratio(share[needed], size[needed], pair)
    without = total[:, None, needed] - by_part[:, :, needed]
    logs = _log_ratio(_refit(without, mass, kernels[0], auc), without.sum(0), pair)
    patients = _jackknife(logs, logs)
    halves = np.array(
        [
            _log_ratio(_refit(counts, mass, kernel, auc), counts.sum(0), pair)
            for counts, kernel in (
                (_count_cells(cell, sides, half, 2, kernel), kernel)
                for cell, kernel in zip(cells[1:], kernels[1:], strict=True)
            )
        ]
    )
    models = np.maximum(_jackknife(halves[:, 0], halves[:, 1]), 0)
    variance = patients + models + MISFIT**2
    squares = patients**2 / (PARTS - 1) + models**2 / (len(halves) - 1)
    freedom = np.maximum(variance**2 / np.maximum(squares, 1e-300), 1)
    reach = stdtrit(freedom, (1 + level) / 2) * np.sqrt(variance)
    result[2:, enough] = np.exp([estimate, estimate - reach, estimate + reach])
    return result


def _find_distinct(sides: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the sides that differ, of bool (P, S): positions of these, and of each the number."""
    seen: dict[bytes, int] = {}
    packed = np.packbits(sides.T, axis=1)
    of_side = np.array([seen.setdefault(row.tobytes(), len(seen)) for row in packed], int)
    return np.unique(of_side, return_index=True)[1], of_side


def _refit(counts: np.ndarray, mass: np.ndarray, kernel: Kernel, auc: float) -> np.ndarray:
    """Return the shares at risk of counts (B, parts, S), (parts, S); mass (G, S), fitted to all."""
    likely = mass.max(1) > LEAST_MASS  # nearly all there is, at half the work
    basis = _spline_columns(kernel.grid)[likely]
    width = basis.shape[1]
    start = np.log(np.maximum(mass[likely], 1e-300))
    flat = counts.reshape(len(counts), -1)
    used = flat.any(axis=1)
    fitted = climb(
        flat[used],
        kernel.likelihood[used][:, likely],
        basis,
        np.full(width, PENALTY),
        np.zeros((width, flat.shape[1])),
        np.tile(start, counts.shape[1]),
        NEWTON_STEPS,
        LEAST_DAMPING,
    )[1]
    at_risk = share_above(np.eye(len(mass)), kernel, auc)[likely]  # what part of each grid point is
    return (at_risk @ fitted).reshape(counts.shape[1:])


def _spline_columns(grid: np.ndarray) -> np.ndarray:
    """Return a natural cubic spline and a point at 0 on the grid, (G, p), of mean square 1."""
    knots = np.array(KNOTS)
    cubes = np.maximum(grid[:, None] - knots, 0) ** 3
    bend = (cubes[:, :-1] - cubes[:, -1:]) / (knots[-1] - knots[:-1])
    columns = np.column_stack([grid, bend[:, :-1] - bend[:, -1:]])
    columns = np.linalg.svd(columns - columns.mean(0), full_matrices=False)[0]
    return np.column_stack([columns * np.sqrt(len(grid)), np.abs(grid) < 1e-9])


def _log_ratio(share: np.ndarray, size: np.ndarray, pair: np.ndarray) -> np.ndarray:
    """Return log ratios of groups' to others' shares, half a patient more in each: (..., J).

    share, size (..., S); pair int (2, J): the sides that are groups, and those that are others.
    """
    log = np.log((share * size + 0.5) / (size + 1))
    return log[..., pair[0]] - log[..., pair[1]]


def _count_cells(
    cell: np.ndarray, sides: np.ndarray, part: np.ndarray, parts: int, kernel: Kernel
) -> np.ndarray:
    """Count patients by cell and part, (B, parts, sides); cell, part (P,), sides bool (P, S)."""
    bins = len(kernel.likelihood)
    key = cell * parts + part
    counts = [np.bincount(key[side], minlength=bins * parts) for side in sides.T]
    return np.stack(counts, axis=1).reshape(bins, parts, sides.shape[1]).astype(float)


def _jackknife(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the jackknife's covariance of values and others, both (parts, J), (J,)."""
    product = (values - values.mean(0)) * (others - others.mean(0))
    return product.sum(0) * (len(values) - 1) / len(values)
