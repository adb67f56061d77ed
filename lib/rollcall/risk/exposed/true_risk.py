"""What lies behind the estimates: true risks above a threshold, who is named again, what is missed.

The estimates of a cohort are deconvolved within each stratum (rollcall.risk.deconvolution); what
follows from the true risks does not depend on how many models an audit could afford.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rollcall.risk.deconvolution import (
    Kernel,
    count_bins,
    deconvolve,
    find_bins,
    make_kernel,
    share_above,
)
from rollcall.risk.exposed.interval import scaled_poisson_interval, to_d
from rollcall.risk.exposed.naming import Naming
from rollcall.risk.leave_out import leave_out_pairs
from rollcall.risk.record import PooledShape, pool_shape
from rollcall.stats.moments import Moments

AUCS = np.round(np.arange(0.5, 0.995, 0.01), 2)  # at which patients are counted
MOST_FOLDS = 10  # groups of pairs of the jackknife
POWER = 0.8
LEAST_MASS = 1e-6  # of a true d that nobody has: power is then the mean over all patients
PATIENTS_PER_CHUNK = 2048


@dataclass(frozen=True)
class TrueRisk:
    """True risks of a cohort.

    survival     a row per AUC: patients (estimated number with a true AUC of at least that), low,
                 high: a 95% interval over as many new models of the same patients
    named_again  (P,): the chance of the exposed to be named by as many new models, else NaN
    power        (len(AUCS),): the chance that a patient with that true AUC is named, as the cohort
                 has them: those who leak more are often those whose records foretell it
    """

    survival: pd.DataFrame
    named_again: np.ndarray
    power: np.ndarray

    def smallest_named(self) -> float:
        """Return the smallest true AUC that is named with a chance of 80%, NaN if none is."""
        enough = np.flatnonzero(self.power >= POWER)
        return float(AUCS[enough[0]]) if len(enough) else np.nan


def estimate_true_risk(
    statistic: np.ndarray, members: np.ndarray, moments: Moments, naming: Naming
) -> TrueRisk:
    """Estimate true risks from the joint statistic (M, P), its moments, and who is named.

    members bool (M, P), pairs in canonical order (rollcall.risk.canonical).
    """
    folds = np.arange(moments.pairs) % min(moments.pairs, MOST_FOLDS)
    d, without = leave_out_pairs(statistic, members, folds)
    again = np.full(len(d), np.nan)
    reached, there, count = np.zeros((3, len(AUCS)))
    left_out = np.zeros((folds.max() + 1, len(AUCS)))
    for number in range(naming.stratum.max() + 1):
        who = np.flatnonzero(naming.stratum == number)
        shape = pool_shape(moments.take(who))
        kernel = _make_kernel(shape, moments.pairs, moments.pairs)
        mass = deconvolve(count_bins(d[who], kernel), kernel)
        count += len(who) * share_above(mass, kernel, AUCS)
        left = moments.pairs - np.bincount(folds)  # pairs that are left without each fold
        kernels = {
            pairs: _make_kernel(shape, moments.pairs, int(pairs)) for pairs in np.unique(left)
        }
        for fold, estimate in enumerate(without):
            smaller = kernels[left[fold]]
            part = deconvolve(count_bins(estimate[who], smaller), smaller)
            left_out[fold] += len(who) * share_above(part, smaller, AUCS)
        limits, kind = np.unique(to_d(naming.threshold[who]), return_inverse=True)
        exceed, row = kernel.exceed(limits), find_bins(d[who], kernel)
        spread = _masses_by_kind(row, kind, mass, kernel)
        present = np.bincount(kind)[:, None] * (spread + LEAST_MASS)  # patients of each true d
        for part, values in ((reached, present * exceed), (there, present)):
            part += np.interp(to_d(AUCS), kernel.grid, values.sum(0))
        named = np.flatnonzero(naming.exposed[who])
        again[who[named]] = _chance_to_exceed(row[named], kind[named], exceed, spread, kernel)
    return TrueRisk(make_survival(count, left_out, len(d)), again, reached / there)


def make_survival(count: np.ndarray, left_out: np.ndarray, patients: int) -> pd.DataFrame:
    """Make the table TrueRisk.survival from counts (len(AUCS),) and those without each fold."""
    variance = (len(left_out) - 1) * left_out.var(0)
    rows = [scaled_poisson_interval(c, v) for c, v in zip(count, variance, strict=True)]
    low, high = np.array(rows).T
    return pd.DataFrame(
        {"auc": AUCS, "patients": count, "low": low, "high": np.minimum(high, patients)}
    )


def _make_kernel(shape: PooledShape, seen: int, pairs: int) -> Kernel:
    """Make the kernel of estimates from so many pairs, of a shape that was pooled over `seen`."""
    # A correlation estimated from K pairs is too near 0, by about 1 in K.
    correlation = np.clip(shape.correlation * seen / (seen - 1), -1, 0.95)
    return make_kernel(pairs, float(correlation), shape.kurt)


def _masses_by_kind(
    row: np.ndarray, kind: np.ndarray, mass: np.ndarray, kernel: Kernel
) -> np.ndarray:
    """Return the distribution of the true d of each kind of patients, (kinds, G).

    row (n,): bins of the estimates; kind (n,): patients who must reach the same. From the mass of
    all (G,) one step of expectation and maximisation leads towards each kind's own: who has to
    reach less is of those who leak more. (More steps fit the noise of rare kinds.)
    """
    counts = np.zeros((kind.max() + 1, len(kernel.likelihood)))
    np.add.at(counts, (kind, row), 1)
    density = np.maximum(kernel.likelihood @ mass, 1e-300)
    spread = mass * ((counts / density) @ kernel.likelihood)
    return spread / spread.sum(1, keepdims=True)


def _chance_to_exceed(
    row: np.ndarray, kind: np.ndarray, exceed: np.ndarray, spread: np.ndarray, kernel: Kernel
) -> np.ndarray:
    """Return the chance that a new estimate exceeds what its kind must reach, given the old. (n,)

    row, kind (n,); exceed, spread (kinds, G).
    """
    above = (spread * exceed) @ kernel.likelihood.T
    return above[kind, row] / np.maximum((spread @ kernel.likelihood.T)[kind, row], 1e-300)


def share_told(auc: np.ndarray, stratum: np.ndarray) -> tuple[float, float]:
    """Return (estimate, low): the share of patients of whom anything at all can be told, at least.

    Those of whom nothing can be told lie below 0.5 as often as above: the share is 1 less twice
    the share of patients below, within each stratum. low: with 95% confidence, of the lower counts.
    """
    share = lowest = 0.0
    for number in range(stratum.max() + 1):
        values = auc[stratum == number]
        below = (values < 0.5).sum() + (values == 0.5).sum() / 2
        part = below / len(values)
        reach = 1.645 * np.sqrt(len(values) * part * (1 - part)) + 1.35
        share += max(0.0, len(values) - 2 * below)
        lowest += max(0.0, len(values) - 2 * (below + reach))
    return share / len(auc), lowest / len(auc)
