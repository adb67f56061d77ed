"""How many patients truly lie above a risk: the noise of the estimates taken out of their spread.

An estimated d = Phi^-1(AUC) is the true one and noise. Counting the estimates above a threshold
counts patients whom noise lifted over it, more of them the fewer the models. Deconvolved, the count
is the same, within its interval, however many models were trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaincinv, ndtr, ndtri

LOWEST_D, HIGHEST_D = -4.0, 8.0  # estimates beyond share the first and the last bin
BIN_WIDTH = 0.05  # of estimates
LOWEST_TRUE_D = -1.5
GRID_STEP = 0.05  # of true values
QUADRATURE_NODES = 48  # over the estimated standard deviation
LEAST_FREEDOM = 2.0
KNOTS = (-0.5, 0.0, 0.5, 1.0, 2.0, 4.0)  # of the spline in d
PENALTY = 1.0  # of its squared coefficients
STARTS = (6.0, 0.0)  # log height of the point mass at 0, from which the best fit is sought
NEWTON_STEPS = 60
LEAST_DAMPING, MOST_DAMPING = 1e-3, 1e8  # of a step that would make the fit worse
MOST_TRIES = 600
LEAST_GAIN = 1e-9  # of a log likelihood, by which a fit goes on


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

    edges        (B + 1,): of the bins; the first is -inf, the last inf
    grid         (G,): true values of d
    likelihood   (B, G): columns sum to 1
    sd           of an estimate if V were known, step 1 above
    nodes, odds  (J,): values of s, step 3, and their probabilities
    """

    edges: np.ndarray
    grid: np.ndarray
    likelihood: np.ndarray
    sd: float
    nodes: np.ndarray
    odds: np.ndarray

    def exceed(self, limit: np.ndarray) -> np.ndarray:
        """Return the probability that an estimate exceeds each limit (n,), given each d: (n, G)."""
        above = np.zeros((len(limit), len(self.grid)))
        for s, chance in zip(self.nodes, self.odds, strict=True):
            above += chance * ndtr((self.grid - limit[:, None] * s) / self.sd)
        return above


def make_kernel(pairs: int, correlation: float, kurtosis: float = 0.0) -> Kernel:
    """Make the kernel of estimates from K pairs of targets, as derived above.

    correlation: of in and out score within a pair; kurtosis: excess, of the scores.
    """
    sd = float(np.sqrt((1 - correlation) / pairs))
    return kernel_of_noise(sd, relative_variance(pairs, correlation, kurtosis))


def kernel_of_noise(sd: float, relative: float) -> Kernel:
    """Make the kernel of estimates of this standard deviation, if V were known.

    relative: the variance of V^ / V, step 2 above.
    """
    edges = np.arange(LOWEST_D, HIGHEST_D + BIN_WIDTH / 2, BIN_WIDTH)
    edges = np.concatenate([[-np.inf], edges, [np.inf]])
    grid = np.arange(LOWEST_TRUE_D, HIGHEST_D + GRID_STEP / 2, GRID_STEP)
    freedom = max(2 / relative, LEAST_FREEDOM)
    nodes, odds = np.polynomial.legendre.leggauss(QUADRATURE_NODES)
    scale = np.sqrt(2 * gammaincinv(freedom / 2, (nodes + 1) / 2) / freedom)
    kernel = Kernel(edges, grid, np.empty((0, 0)), sd, scale, odds / 2)
    return replace(kernel, likelihood=-np.diff(kernel.exceed(edges), axis=0))


def relative_variance(pairs: int, correlation: float, kurtosis: float = 0.0) -> float:
    """Return the variance of V^ / V, step 2 above; at least 0.3 times that of normal scores."""
    normal = (1 + correlation**2) / (pairs - 1)
    return max(normal + kurtosis / (2 * pairs), 0.3 * normal)


def mix_kernels(kernels: Sequence[Kernel], shares: np.ndarray) -> Kernel:
    """Return the kernel of patients of whom shares, (k,) of sum 1, have each of the kernels.

    Its `exceed` is that of one of them, of whoever is meant, and is not to be asked of the mixture.
    """
    parts = (share * kernel.likelihood for share, kernel in zip(shares, kernels, strict=True))
    return replace(kernels[0], likelihood=sum(parts))


def find_bins(d: np.ndarray, kernel: Kernel) -> np.ndarray:
    """Find the bin of each estimate d (P,), int (P,)."""
    return np.searchsorted(kernel.edges[1:-1], d, side="right")


def count_bins(d: np.ndarray, kernel: Kernel) -> np.ndarray:
    """Count the estimates d (P,) in each bin, (B,) float."""
    return np.bincount(find_bins(d, kernel), minlength=len(kernel.edges) - 1) * 1.0


def deconvolve(counts: np.ndarray, kernel: Kernel) -> np.ndarray:
    """Estimate the distribution of the true d, mass (G,) of sum 1, from counts of estimates (B,).

    The logarithm of its density is a natural cubic spline, beside a point mass at 0: the patients
    of whom nothing can be told. Fitted by penalised maximum likelihood. counts (B, J) of J groups
    gives (G, J). Nobody at all gives a point mass at 0.
    Source: Efron, Empirical Bayes deconvolution estimates, Biometrika 2016.
    """
    counts = np.asarray(counts, float)
    columns = counts.reshape(len(counts), -1)
    basis = _spline_basis(kernel.grid)
    mass = np.tile(basis[:, -1:], columns.shape[1])
    somebody = columns.any(axis=0)
    mass[:, somebody] = _fit(columns[:, somebody], kernel.likelihood, basis)
    return mass[:, 0] if counts.ndim == 1 else mass


def _spline_basis(grid: np.ndarray) -> np.ndarray:
    """Return the columns of the model, (G, p): an orthogonal natural spline, the point mass."""
    knots = np.array(KNOTS)
    cubes = np.maximum(grid[:, None] - knots, 0) ** 3
    bend = (cubes[:, :-1] - cubes[:, -1:]) / (knots[-1] - knots[:-1])
    columns = np.column_stack([grid, bend[:, :-1] - bend[:, -1:]])
    columns = (columns - columns.mean(0)) / columns.std(0)
    even = np.linalg.svd(columns, full_matrices=False)[0] * np.sqrt(len(grid))
    return np.column_stack([even, np.abs(grid) < GRID_STEP / 2])


def _fit(counts: np.ndarray, likelihood: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Fit J groups: mass (G, J), the better of the fits from both starts."""
    used = counts.any(axis=1)
    counts, likelihood = counts[used], likelihood[used]
    penalty = np.append(np.full(basis.shape[1] - 1, PENALTY), 0.0)
    fits = []
    for start in STARTS:
        beta = np.zeros((basis.shape[1], counts.shape[1]))
        beta[-1] = start
        fits.append(climb(counts, likelihood, basis, penalty, beta))
    (value, mass), (other, other_mass) = fits
    return np.where(other > value, other_mass, mass)


def climb(
    counts: np.ndarray,
    likelihood: np.ndarray,
    basis: np.ndarray,
    penalty: np.ndarray,
    beta: np.ndarray,
    offset: ArrayLike = 0.0,
    most: int = MOST_TRIES,
    least_damping: float = LEAST_DAMPING,
) -> tuple[np.ndarray, np.ndarray]:
    """Fit J densities by damped Fisher scoring: (penalised log likelihoods (J,), masses (G, J)).

    counts (B, J); likelihood (B, G); the log density is offset, (G, J), and basis (G, p) times
    beta (p, J), which is where it starts; penalty (p,) of the squares of beta. A fit ends when a
    step is to gain less than 1e-9 of its log likelihood, or after so many steps and tries of one.
    """
    columns, (points, width) = counts.shape[1], basis.shape
    offset = np.broadcast_to(np.asarray(offset, float), (points, columns))
    values, masses = np.empty(columns), np.empty((points, columns))
    at, damping, steps = np.arange(columns), np.zeros(columns), np.zeros(columns, int)
    ridge = np.diag(penalty + 1e-9)

    def look(beta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        height = offset + basis @ beta
        mass = np.exp(height - height.max(0))
        mass /= mass.sum(0)
        density = np.maximum(likelihood @ mass, 1e-300)
        fit = np.einsum("bj,bj->j", counts, np.log(density))
        return fit - penalty @ beta**2 / 2, mass, density

    value, mass, density = look(beta)
    while len(at):
        weighted = basis[:, :, None] * mass[:, None]
        move = (likelihood @ weighted.reshape(points, -1)).reshape(-1, width, len(at))
        move = move / density[:, None] - weighted.sum(0)  # of log density
        score = np.einsum("bj,bpj->jp", counts, move) - penalty * beta.T
        by_column = move.transpose(2, 1, 0)
        damped = (by_column * counts.T[:, None]) @ by_column.transpose(0, 2, 1) + ridge
        np.einsum("jpp->jp", damped)[:] *= 1 + damping[:, None]
        step = np.linalg.solve(damped, score[:, :, None])[:, :, 0].T
        ahead = beta + step
        new_value, new_mass, new_density = look(ahead)
        better = new_value > value
        gain = np.where(better, new_value - value, (score.T * step).sum(0) / 2)
        steps += better
        most -= 1
        is_end = (gain < LEAST_GAIN * np.maximum(1, np.abs(value))) | (steps >= NEWTON_STEPS)
        is_end |= (~better & (damping >= MOST_DAMPING)) | (most <= 0)
        damping = np.where(better, damping / 10, np.maximum(10 * damping, least_damping))
        beta, value = np.where(better, ahead, beta), np.where(better, new_value, value)
        mass = np.where(better, new_mass, mass)
        density = np.where(better, new_density, density)
        values[at[is_end]], masses[:, at[is_end]] = value[is_end], mass[:, is_end]
        left = ~is_end
        at, damping, steps, value = at[left], damping[left], steps[left], value[left]
        counts, offset, beta = counts[:, left], offset[:, left], beta[:, left]
        mass, density = mass[:, left], density[:, left]
    return values, masses


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
