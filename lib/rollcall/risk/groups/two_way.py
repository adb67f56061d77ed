"""Intervals over patients and models at once: of shares, of their ratios, of mean shifts.

A number of a group would be another one with other patients, and with other models. One model moves
many patients at once, so that the second part does not shrink with the number of patients.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from rollcall.stats.design import is_paired
from rollcall.stats.moments import MIN_VARIANCE, split_in_out
from rollcall.stats.unpaired import estimate_moves

SLOPE_STEP = 0.02  # of d, on which the chance to be named is smoothed
MOST_FREEDOM = 1e6
PATIENTS_PER_BLOCK = 8192


# How a variance is taken apart:
#
# An estimate is a sum over patients T = sum_p c_p y_p, and y_p moves by move_pk if pair k of the
# targets counted a little more (infinitesimal jackknife). With K pairs
# 1. patients:  V_p = sum_p c_p^2 (y_p - mean of its kind)^2. It holds each patient's chance, the
#    part of it that the patient's models make included.
# 2. models:    V_k = sum_k (sum_p c_p move_pk)^2 / (K (K - 1)). It holds what patients share
#    through the models, and, once more, what each has alone:
# 3. both:      V_pk = sum_pk c_p^2 move_pk^2 / (K (K - 1)).
# The two-way variance is V_p + V_k - V_pk, at least V_p (Cameron, Gelbach and Miller 2011); its
# degrees of freedom for Student's t are Satterthwaite's: K - 1 belong to V_k - V_pk.


@dataclass(frozen=True)
class Moves:
    """How K pairs of targets move n patients: move (K, n) float32, square (n,): sum of squares.

    Or K targets, where they come one by one.
    """

    move: np.ndarray
    square: np.ndarray

    def variance(self, coefficients: np.ndarray) -> np.ndarray:
        """Return V_k - V_pk, at least 0, of the sums with coefficients (n, J), (J,)."""
        pairs = len(self.move)
        together = ((self.move @ coefficients.astype(np.float32)) ** 2).sum(0, dtype=float)
        alone = self.square @ coefficients**2
        return np.maximum(together - alone, 0) / (pairs * (pairs - 1))


def make_moves(
    statistic: np.ndarray, members: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (d, move, error) of d = Phi^-1 of the binormal AUC: (P,), (K, P) float32, (P,).

    move: how each pair moves d; error: standard error of d. statistic (2K, P); members bool (2K,
    P), paired, or else each target moves d.
    """
    paired, patients = is_paired(members), statistic.shape[1]
    pairs = len(statistic) // 2 if paired else len(statistic)
    d, move = np.empty(patients), np.empty((pairs, patients), np.float32)
    for start in range(0, patients, PATIENTS_PER_BLOCK):
        c = slice(start, start + PATIENTS_PER_BLOCK)
        if not paired:
            d[c], move[:, c] = estimate_moves(statistic[:, c], members[:, c], pooled=False)
            continue
        inside, outside = split_in_out(statistic[:, c].astype(np.float64), members[:, c])
        mean = inside.mean(0) - outside.mean(0)
        inside, outside = inside - inside.mean(0), outside - outside.mean(0)
        square = inside**2 + outside**2
        total = np.maximum(square.sum(0) / (pairs - 1), MIN_VARIANCE)
        d[c] = mean / np.sqrt(total)
        excess = square / total * (pairs / (pairs - 1)) - 1
        move[:, c] = (inside - outside) / np.sqrt(total) - d[c] / 2 * excess
    error = np.sqrt(np.einsum("kn,kn->n", move, move, dtype=np.float64) / (pairs * (pairs - 1)))
    return d, move, error


def naming_slope(
    d: np.ndarray, exposed: np.ndarray, stratum: np.ndarray, error: np.ndarray
) -> np.ndarray:
    """Estimate how much likelier each patient would be exposed for a rise of d, (P,), per unit.

    The share of patients of like d and the same stratum who are exposed, smoothed by a normal
    kernel of half a patient's standard error, differentiated. Where one threshold rules, this is
    the kernel at the distance from it; where thresholds differ, their density.
    """
    slope = np.zeros(len(d))
    width = max(float(np.median(error)) / 2, SLOPE_STEP)
    for code in np.unique(stratum[exposed]):
        inside = np.flatnonzero(stratum == code)
        low = d[inside].min() - 4 * width
        cell = ((d[inside] - low) / SLOPE_STEP).astype(int)
        cells = int(cell.max() + 4 * width / SLOPE_STEP) + 2
        reach = np.arange(-int(4 * width / SLOPE_STEP), int(4 * width / SLOPE_STEP) + 1)
        kernel = np.exp(-((reach * SLOPE_STEP / width) ** 2) / 2)
        everybody, named = (
            np.convolve(np.bincount(cell, weights, cells), kernel, "same")
            for weights in (np.ones(len(inside)), exposed[inside].astype(float))
        )
        chance = named / np.maximum(everybody, 1e-12)
        slope[inside] = np.maximum(np.gradient(chance, SLOPE_STEP), 0)[cell]
    return slope


def student_reach(
    patients: np.ndarray, models: np.ndarray, pairs: int, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Return (variance, quantile) of V_p and V_k - V_pk, (J,) each: Satterthwaite's t."""
    variance = patients + models
    freedom = (pairs - 1) * (variance / np.maximum(models, 1e-9 * variance + 1e-300)) ** 2
    return variance, stdtrit(np.minimum(freedom, MOST_FREEDOM), (1 + level) / 2)


def share_interval(
    count: np.ndarray, size: np.ndarray, models: np.ndarray, pairs: int, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Return (low, high) of the share count / size, (J,): Wilson's (1927) of an effective size.

    models (J,): V_k - V_pk of the share. The effective size is that of independent patients with
    the two-way variance.
    """
    share = count / size
    binomial = np.maximum(share * (1 - share) / size, 1e-12)
    models = np.where((count > 0) & (count < size), models, 0)
    variance, quantile = student_reach(binomial, models, pairs, level)
    effective = size * binomial / variance
    square = quantile**2
    middle = (share + square / (2 * effective)) / (1 + square / effective)
    reach = np.sqrt(share * (1 - share) / effective + square / (4 * effective**2))
    reach = quantile * reach / (1 + square / effective)
    return np.maximum(middle - reach, 0), np.minimum(middle + reach, 1)
