"""How easily each p-value is believed: weights by what a patient's records foretell.

Patients whose records are hard, as a model sees them, leak more often. A p-value of theirs is
weighted up, and one of all others down, so that more patients are named at the same
false-discovery rate. The weights know p-values of other patients alone.
Source: independent hypothesis weighting (Ignatiadis and Huber, J. R. Stat. Soc. B 2021).
"""

from __future__ import annotations

import numpy as np

LEAST_IN_BIN = 250  # patients
MOST_BINS = 20
EVEN_SHARE = 0.2  # of a weight is 1 whatever was learnt: who leaks alone in a bin is named too
LOWEST_P = 1e-6
P_STEPS = 60  # of the grid of p-values on which densities are estimated
CUTS = np.geomspace(0.5, 300, 80)  # densities of p-values at which all bins may be cut alike


def make_bins(covariate: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Put the patients of either half into bins of equal size by their covariate, int (n,).

    covariate (n,), half (n,) bool; ties share a bin. At least LEAST_IN_BIN patients a bin, at most
    MOST_BINS bins: few patients cannot tell many bins apart. Each half has limits of its own, as
    each is foretold by a fit of its own.
    """
    bins = int(np.clip(len(covariate) // LEAST_IN_BIN, 1, MOST_BINS))
    number = np.zeros(len(covariate), int)
    for which in (False, True):
        values = covariate[half == which]
        if len(values):
            limits = np.quantile(values, np.arange(1, bins) / bins)
            number[half == which] = np.searchsorted(limits, values, side="right")
    return number


def learn_weights(p: np.ndarray, bins: np.ndarray, count: int, level: float) -> np.ndarray:
    """Learn a weight for each bin, (count,) of mean 1 over the patients, from p (n,), bins (n,).

    All bins are cut where the density of their p-values is the same, and so the chance that a
    patient at the cut is named wrongly: of all cuts with an estimated false-discovery rate of at
    most `level` the one that names most. Densities are decreasing (Grenander 1956). Equal weights
    where no cut names anybody.
    """
    grid = _make_grid()
    size = np.bincount(bins, minlength=count)
    share = np.zeros((count, len(grid)))  # of the bin's patients with a p-value up to each
    density = np.zeros((count, len(grid) - 1))
    for number in np.flatnonzero(size):
        share[number], density[number] = _fit_decreasing(p[bins == number], grid)
    best, weights = 0.0, np.ones(count)
    for cut in CUTS:
        steps = (density >= cut).sum(1)  # a decreasing density is above the cut up to here
        limit = grid[steps]
        named = (size * share[np.arange(count), steps]).sum()
        chance = (size * limit).sum()
        if named > best and chance <= level * named:
            best, weights = named, limit
    mean = (size * weights).sum() / max(size.sum(), 1)
    return weights / mean if mean > 0 else np.ones(count)


def estimate_density(p: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Estimate the density of p-values p (n,) at others (k,): decreasing, Grenander's (1956)."""
    grid = _make_grid()
    slope = _fit_decreasing(p, grid)[1]
    return slope[np.clip(np.searchsorted(grid, at, side="left") - 1, 0, len(slope) - 1)]


def _make_grid() -> np.ndarray:
    """Return the p-values between which densities are constant: 0, and even in logarithms."""
    return np.concatenate([[0.0], np.geomspace(LOWEST_P, 1, P_STEPS + 1)])


def _fit_decreasing(p: np.ndarray, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of p (n,) up to each point of the grid, concave, and its density between."""
    below = np.searchsorted(np.sort(p), grid, side="right") / max(len(p), 1)
    below[0] = 0
    share = _concave_majorant(grid, below)
    return share, np.diff(share) / np.diff(grid)


def _concave_majorant(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the least concave function above the points (x, y), at each x; x ascending."""
    corners = [0]
    for i in range(1, len(x)):
        while len(corners) > 1:
            a, b = corners[-2], corners[-1]
            if (y[i] - y[b]) * (x[b] - x[a]) < (y[b] - y[a]) * (x[i] - x[b]):
                break
            corners.pop()
        corners.append(i)
    return np.interp(x, x[corners], y[corners])


def weigh_patients(
    p: np.ndarray, covariate: np.ndarray, half: np.ndarray, level: float
) -> np.ndarray:
    """Compute each patient's weight, (n,), of mean 1 in either half; each learns from the other.

    p (n,) p-values, covariate (n,): what is foretold of each patient, blind to its membership;
    half (n,) bool.
    """
    bins = make_bins(covariate, half)
    weight = np.ones(len(p))
    for other in (False, True):
        learn, use = half != other, half == other
        if not learn.any() or not use.any():
            continue
        chosen = learn_weights(p[learn], bins[learn], bins.max() + 1, level)[bins[use]]
        if chosen.mean() > 0:
            weight[use] = (1 - EVEN_SHARE) * chosen / chosen.mean() + EVEN_SHARE
    return weight
