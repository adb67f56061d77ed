"""Ratios of shares and shifts of scores, a group's against all others', within strata."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rollcall.risk.groups.two_way import Moves, student_reach

MOST_CLASSES = 12  # of records per patient: 1, 2-3, 4-7, ...


@dataclass(frozen=True)
class Contrast:
    """Estimates of J groups, (J,) each, and what moves them.

    estimate      a log ratio, or a shift; middle: the same with half a patient more on either side
    patients      V_p, the variance over patients
    coefficients  (P, J): how much of the estimate is each patient's outcome
    """

    estimate: np.ndarray
    middle: np.ndarray
    patients: np.ndarray
    coefficients: np.ndarray

    def interval(self, moves: Moves, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Return (low, high), (J,) each, over patients and models; moves of the outcome."""
        variance, quantile = student_reach(
            self.patients, moves.variance(self.coefficients), len(moves.move), level
        )
        reach = quantile * np.sqrt(variance)
        return self.middle - reach, self.middle + reach


def make_strata(label: np.ndarray, records: np.ndarray) -> np.ndarray:
    """Return the stratum of each patient, int (P,): training label and class of records.

    label int (P,), records int (P,). Classes double: 1, 2-3, 4-7, 8-15 records, and so on.
    """
    size = np.minimum(np.log2(np.maximum(records, 1)).astype(int), MOST_CLASSES - 1)
    return np.unique(np.asarray(label) * MOST_CLASSES + size, return_inverse=True)[1]


def compare_within(
    outcome: np.ndarray, groups: np.ndarray, known: np.ndarray, strata: np.ndarray
) -> Contrast:
    """Compare shares of an outcome: the log ratio of each group's to all others', within strata.

    outcome (P,) in [0, 1]; groups bool (P, J); known bool (P, J): patients who are looked at;
    strata int (P,), zeros for the crude ratio. NaN where nobody of either has the outcome, or no
    stratum has patients of both.

    Mantel and Haenszel's ratio, with the variance of Greenland and Robins (Biometrics 1985); the
    interval has half a patient more with the outcome on either side (middle).
    """
    count = int(strata.max(initial=0)) + 1
    estimates = np.full((3, groups.shape[1]), np.nan)
    coefficients = np.zeros(groups.shape)
    for j in range(groups.shape[1]):
        inside, others = groups[:, j], known[:, j] & ~groups[:, j]
        (a, n1), (c, n0) = (
            (
                np.bincount(strata[side], outcome[side], count),
                np.bincount(strata[side], minlength=count),
            )
            for side in (inside, others)
        )
        n = np.maximum(n1 + n0, 1)
        of_group, of_others = a @ (n0 / n), c @ (n1 / n)
        both = (n1 * n0 / n).sum()
        if not both or not of_group + of_others:
            continue
        half, other_half = both / n1.sum() / 2, both / n0.sum() / 2
        spread = ((a + c) * n1 * n0 / n**2 - a * c / n).sum() + 4 * half * other_half
        top, bottom = of_group + half, of_others + other_half
        with np.errstate(divide="ignore"):
            estimates[0, j] = np.log(of_group) - np.log(of_others)
        estimates[1, j] = np.log(top / bottom)
        estimates[2, j] = spread / (top * bottom)
        coefficients[inside, j] = (n0 / n)[strata[inside]] / top
        coefficients[others, j] = -(n1 / n)[strata[others]] / bottom
    return Contrast(*estimates, coefficients)


def shift_within(
    values: np.ndarray, groups: np.ndarray, known: np.ndarray, strata: np.ndarray
) -> Contrast:
    """Compare means: each group's less that of all others, within strata.

    values (P,); groups, known bool (P, J); strata int (P,). A stratum of n1 and n0 patients weighs
    n1 n0 / (n1 + n0). NaN where no stratum has patients of both.
    """
    count = int(strata.max(initial=0)) + 1
    estimate, patients = np.full(groups.shape[1], np.nan), np.full(groups.shape[1], np.nan)
    coefficients = np.zeros(groups.shape)
    for j in range(groups.shape[1]):
        inside, others = groups[:, j], known[:, j] & ~groups[:, j]
        n1, n0 = (np.bincount(strata[side], minlength=count) for side in (inside, others))
        weight = n1 * n0 / np.maximum(n1 + n0, 1)
        if not weight.sum():
            continue
        weight = weight / weight.sum()
        total, variance = 0.0, 0.0
        for side, n, sign in ((inside, n1, 1), (others, n0, -1)):
            of_side, size = strata[side], np.maximum(n, 1)
            mean = np.bincount(of_side, values[side], count) / size
            rest = np.bincount(of_side, (values[side] - mean[of_side]) ** 2, count)
            pooled = rest.sum() / max(n.sum() - (n > 0).sum(), 1)  # of patients alone in theirs
            spread = np.where(n > 1, rest / np.maximum(n - 1, 1), pooled)
            total += sign * (weight @ mean)
            variance += weight**2 @ (spread / size)
            coefficients[side, j] = sign * (weight / size)[of_side]
        estimate[j], patients[j] = total, variance
    return Contrast(estimate, estimate, patients, coefficients)
