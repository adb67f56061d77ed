"""The most that any attack can tell of who was trained on, from what the accountant knows.

Nobody who sees all noisy sums, and so nobody who sees the model, has a higher ROC curve for one
unit's membership than the trade-off curve of the composed privacy losses: TPR <= delta(e) + exp(e)
FPR and TNR <= delta(e) + exp(e) FNR for every e (Wasserman & Zhou 2010; Dong, Roth & Su 2022).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rollcall.stats.accounting.sampled_gaussian import (
    NO_CHANGE,
    NO_CHANGE_TOGETHER,
    check_mechanism,
    refine_losses,
)

EPSILONS = 2000  # at which delta(epsilon) is asked for
LEAST_DELTA = 1e-13  # beyond whose epsilon it is not
LEAST_RATE = 1e-12  # false positives
NO_DELTA = 1e-6  # check_mechanism wants one


@dataclass(frozen=True)
class Ceiling:
    """The highest ROC curve that an attack on one unit, or one patient, can have.

    fpr, tpr  float64 (points,), rising from 0 to 1; fpr even in its logarithm below 0.01
    """

    fpr: np.ndarray
    tpr: np.ndarray

    @property
    def auc(self) -> float:
        """The area under the curve: no attack's AUC is higher."""
        return float(np.trapezoid(self.tpr, self.fpr))

    def find_tpr(self, fpr: np.ndarray | float) -> np.ndarray | float:
        """Return the highest true positive rate at false positive rates."""
        return np.interp(fpr, self.fpr, self.tpr)

    def find_fpr(self, tpr: np.ndarray | float) -> np.ndarray | float:
        """Return the lowest false positive rate at true positive rates."""
        return np.interp(tpr, self.tpr, self.fpr)


def trace_ceiling(noise: float, rate: float, steps: int, records: int = 1) -> Ceiling:
    """Trace the highest ROC curve of an attack on training with Gaussian noise: seconds.

    noise, rate, steps as `compute_epsilon`'s. records: of the patient who is looked for, where the
    unit is a record and a step draws each by itself; 1: one unit, a record or a whole patient.
    """
    check_mechanism(noise, NO_DELTA, rate, steps, records)
    if not steps or not rate or noise == math.inf:
        return Ceiling(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    no_change = NO_CHANGE if records == 1 else NO_CHANGE_TOGETHER
    losses = refine_losses(noise, rate, steps, _area, records, no_change)
    return draw_curve(losses) if losses else Ceiling(np.array([0.0, 1.0]), np.ones(2))


def draw_curve(losses) -> Ceiling:
    """Draw the curve of privacy losses that `refine_losses` gave."""
    fpr = np.unique(np.r_[0, np.geomspace(LEAST_RATE, 1, 3000), np.linspace(0, 1, 2001)])
    return Ceiling(fpr, _bound_tpr(fpr, *_profile(losses)))


def compute_auc_ceiling(noise: float, rate: float, steps: int, records: int = 1) -> float:
    """Return the AUC that no attack exceeds: the area under `trace_ceiling`'s curve."""
    return trace_ceiling(noise, rate, steps, records).auc


def compute_tpr_ceiling(
    fpr: float, noise: float, rate: float, steps: int, records: int = 1
) -> float:
    """Return the true positive rate that no attack exceeds at a false positive rate."""
    return float(trace_ceiling(noise, rate, steps, records).find_tpr(fpr))


def _area(losses) -> float:
    """The AUC's excess over 1/2, roughly: falls as the losses are cut finer."""
    fpr = np.unique(np.r_[0, np.geomspace(1e-6, 1, 100), np.linspace(0, 1, 101)])
    tpr = _bound_tpr(fpr, *_profile(losses, 200))
    return float(np.trapezoid(tpr - fpr, fpr))


def _profile(losses, points: int = EPSILONS) -> tuple[np.ndarray, np.ndarray]:
    """Return epsilons from 0 on, and delta at each: float64 (points,)."""
    most = losses.get_epsilon_for_delta(LEAST_DELTA)
    most = min(most, 700.0) if most > 0 else 1.0
    epsilons = np.linspace(0, most, points)
    return epsilons, np.asarray(losses.get_delta_for_epsilon(epsilons))


def _bound_tpr(fpr: np.ndarray, epsilons: np.ndarray, deltas: np.ndarray) -> np.ndarray:
    """Return the least of all bounds of (epsilon, delta), at each false positive rate."""
    tpr = np.ones_like(fpr)
    for epsilon, delta in zip(epsilons, deltas, strict=True):
        grown = math.exp(epsilon)
        np.minimum(tpr, delta + grown * fpr, out=tpr)
        np.minimum(tpr, 1 - (1 - delta - fpr) / grown, out=tpr)
    return np.clip(tpr, fpr, 1)
