"""How many patients truly lie above a risk: the noise of the estimates taken out of their spread.

An estimated d = Phi^-1(AUC) is the true one and noise. Counting the estimates above a threshold
counts patients whom noise lifted over it, more of them the fewer the models. Deconvolved, the count
is the same, within its interval, however many models were trained.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaincinv, ndtr, ndtri

LOWEST_D, HIGHEST_D = -4.0, 8.0  # estimates beyond share the first and the last bin
BIN_WIDTH = 0.025  # of estimates
LOWEST_TRUE_D = -1.5
GRID_STEP = 0.05  # of true values
QUADRATURE_NODES = 48  # over the estimated standard deviation
STEPS = 400  # of the EM algorithm
LEAST_FREEDOM = 2.0


# How an estimate strays from the truth:
#
# d^ = D / sqrt(V^), D the difference of the means of in and out scores, V^ the sum of their two
# estimated variances (rollcall.risk.record). With K pairs whose scores correlate r:
# 1. D / sqrt(V) is normal about the true d with variance (1 - r) / K.
# 2. V^ / V has mean 1 and variance (1 + r^2) / (K - 1) + kurt / (2 K): as a chi-square over its
#    degrees of freedom f = 2 / that variance. Few models have small V^, and thus large d^, often.
# 3. P(d^ <= x | d) is the mean of Phi((x s - d) / sqrt((1 - r) / K)) over s = sqrt(chi^2_f / f),
#    by Gauss and Legendre's rule over the probability of s.


@dataclass(frozen=True)
class Kernel:
    """The probability of each bin of estimates given each true value of d.

    edges       (B + 1,): of the bins; the first is -inf, the last inf
    grid        (G,): true values of d
    likelihood  (B, G): columns sum to 1
    """

    edges: np.ndarray
    grid: np.ndarray
    likelihood: np.ndarray


def make_kernel(pairs: int, correlation: float, kurtosis: float = 0.0) -> Kernel:
    """Make the kernel of estimates from K pairs of targets, as derived above.

    correlation: of in and out score within a pair; kurtosis: excess, of the scores.
    """
    edges = np.arange(LOWEST_D, HIGHEST_D + BIN_WIDTH / 2, BIN_WIDTH)
    edges = np.concatenate([[-np.inf], edges, [np.inf]])
    grid = np.arange(LOWEST_TRUE_D, HIGHEST_D + GRID_STEP / 2, GRID_STEP)
    of_mean, relative = (
        np.sqrt((1 - correlation) / pairs),
        relative_variance(pairs, correlation, kurtosis),
    )
    freedom = max(2 / relative, LEAST_FREEDOM)
    nodes, weights = np.polynomial.legendre.leggauss(QUADRATURE_NODES)
    scale = np.sqrt(2 * gammaincinv(freedom / 2, (nodes + 1) / 2) / freedom)
    below = np.zeros((len(edges), len(grid)))
    for s, weight in zip(scale, weights / 2, strict=True):
        below += weight * ndtr((edges[:, None] * s - grid) / of_mean)
    return Kernel(edges, grid, np.diff(below, axis=0))


def relative_variance(pairs: int, correlation: float, kurtosis: float = 0.0) -> float:
    """Return the variance of V^ / V, step 2 above; at least 0.3 times that of normal scores."""
    normal = (1 + correlation**2) / (pairs - 1)
    return max(normal + kurtosis / (2 * pairs), 0.3 * normal)


def count_bins(d: np.ndarray, kernel: Kernel) -> np.ndarray:
    """Count the estimates d (P,) in each bin, (B,) float."""
    inner = kernel.edges[1:-1]
    return np.bincount(np.searchsorted(inner, d, side="right"), minlength=len(inner) + 1) * 1.0


def deconvolve(counts: np.ndarray, kernel: Kernel, steps: int = STEPS) -> np.ndarray:
    """Estimate the distribution of the true d, mass (G,) of sum 1, from counts of estimates (B,).

    The nonparametric maximum-likelihood estimate (Kiefer and Wolfowitz 1956; Laird 1978) by the EM
    algorithm from an even start. counts (B, J) of J groups at once gives (G, J). Columns without
    anybody stay even.
    """
    counts = np.asarray(counts, float)
    one = counts.ndim == 1
    counts = counts.reshape(len(counts), -1)
    size = np.maximum(counts.sum(0), 1)
    mass = np.full((len(kernel.grid), counts.shape[1]), 1 / len(kernel.grid))
    for _ in range(steps):
        ratio = counts / np.maximum(kernel.likelihood @ mass, 1e-300)
        mass = mass * (kernel.likelihood.T @ ratio) / size
    mass[:, counts.sum(0) == 0] = 1 / len(kernel.grid)
    return mass[:, 0] if one else mass


def share_above(mass: np.ndarray, kernel: Kernel, auc: ArrayLike) -> np.ndarray:
    """Return the share of patients whose true AUC is at least `auc`, of the shape of auc.

    mass (G,) as deconvolve returns it; each grid point's mass is spread evenly over its cell. Of
    (G, J): an auc's shape and (J,).
    """
    limit = ndtri(np.clip(np.asarray(auc, float), 1e-12, 1 - 1e-12))
    upper = np.append(np.cumsum(mass[::-1], axis=0)[::-1], np.zeros_like(mass[:1]), axis=0)
    place = np.clip((limit - (kernel.grid[0] - GRID_STEP / 2)) / GRID_STEP, 0, len(kernel.grid))
    first = np.minimum(place.astype(int), len(kernel.grid) - 1)
    part = place - first
    if mass.ndim == 2:
        part = part[..., None]
    return upper[first] * (1 - part) + upper[first + 1] * part
