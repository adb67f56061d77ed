"""Record risk: moments, signed AUCs and their intervals of each record over the target models. Every column stands alone.

Targets come in complementary pairs, so each pair gives a record one score with it (in) and one without (out). The two models of a pair
are not independent: who was kept from one was shown to the other, and their scores of one record correlate (about -0.4 on
`diabetes130`, -0.17 on the simulated cohort). An error that takes the models as independent is 18% too small at -0.4; these are not.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from scipy.special import ndtr, ndtri, owens_t
from scipy.stats import rankdata

from rollcall.stats.moments import CHUNK, LONG, TINY, Moments, compute_moments
from rollcall.util.parallel import make_blocks, map_blocks

Z = float(ndtri(0.975))
PRIOR_PAIRS = (
    100  # pairs that the cohort's correlation within pairs counts for, against a record's own
)
OWN_SHAPE = 0.5  # weight of a record's own skewness and kurtosis, against the cohort's
SIMULATED = 4000  # normal records behind the test of normality


@dataclass(frozen=True)
class PooledShape:
    """What the records of a cohort share, means over records: correlation of in and out score within a pair, skewness of in and of out
    scores, excess kurtosis."""

    correlation: float
    skew_in: float
    skew_out: float
    kurt: float


def pool_shape(found: Moments) -> PooledShape:
    """The PooledShape of a cohort, over those records of an even sample of 25,000 to 50,000 whose scores vary."""
    step = max(1, len(found.cov) // 25_000)
    v1, v0, cov, skew_in, skew_out, kurt_in, kurt_out = (
        getattr(found, name)[::step]
        for name in ("var_in", "var_out", "cov", "skew_in", "skew_out", "kurt_in", "kurt_out")
    )
    varies = v1 + v0 > TINY
    if not varies.any():
        return PooledShape(0.0, 0.0, 0.0, 0.0)
    total = np.where(varies, v1 + v0, 1)
    u1, u0 = (v1 / total) ** 2, (v0 / total) ** 2
    ratio = (kurt_in * u1 + kurt_out * u0)[varies].sum() / (u1 + u0)[
        varies
    ].sum()  # a mean of the records' kurtoses would be too small
    ratio = min(ratio, found.pairs / 2)
    return PooledShape(
        float((2 * cov / total)[varies].mean()),
        float(skew_in[varies].mean()),
        float(skew_out[varies].mean()),
        float(ratio * (1 + 2 / (found.pairs - 1)) / (1 - ratio / found.pairs)),
    )


def share_not_normal(found: Moments, seed: int = 0) -> float:
    """Share of the records whose scores vary that are not normal at the 5% level: K (G1^2 / 6 + G2^2 / 24), summed over in and out (Jarque
    and Bera 1987), above its 95% quantile over 4,000 simulated normal records, exact with few models where the chi-square is not."""

    def bend(of):
        return of.pairs * (
            (of.skew_in**2 + of.skew_out**2) / 6 + (of.kurt_in**2 + of.kurt_out**2) / 24
        )

    normal = np.random.default_rng([seed, 6]).standard_normal(
        (2 * found.pairs, SIMULATED), np.float32
    )
    limit = np.quantile(
        bend(compute_moments(normal, np.tile([[True], [False]], (found.pairs, SIMULATED)))), 0.95
    )
    varies = found.var_in + found.var_out > TINY
    return float((bend(found)[varies] > limit).mean()) if varies.any() else 0.0


def binormal_auc(
    found: Moments, pooled: PooledShape
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(auc, se, low, high), each (n,): auc = Phi(d), signed; low and high its 95% interval, made on the scale of d, where it is even.

    var d = (1 - r)/K + d^2 q - 2 d g with V = var_in + var_out and r the correlation within pairs, (in: v1, k1, s1; out: v0, k0, s0)
      q = sum_j v_j^2 (2/(K-1) + k_j/K) / 4V^2 + r^2 / 4(K-1)    the variance of sqrt(V) / sqrt(V),
      g = (s1 v1^1.5 - s0 v0^1.5) / (2 K V^1.5)                  its covariance with the difference of means,
    and the interval d sqrt(1 - q) +- 1.96 sd(d): Johnson and Welch's normal approximation to the noncentral t (Biometrika 1940), with
    skewness s and excess kurtosis k half the record's own, half the cohort's, and r the cohort's but for K/(K + 100). auc +- 1.96 se is
    no 95% interval with few models or near 1. Coverage (tests/test_coverage.py): 94 to 97% from 8 models on, for AUCs of 0.5 to 0.99, skewed and long-tailed
    scores included.
    """
    k = found.pairs
    own = k / (k + PRIOR_PAIRS)
    out = np.empty((4, len(found.cov)))

    def work(slices):
        for c in slices:
            m1, m0, v1, v0, s1, s0, k1, k0, cov = (
                getattr(found, field.name)[c] for field in fields(found)[1:]
            )
            total = np.maximum(v1 + v0, TINY)
            root = np.sqrt(total)
            d = (m1 - m0) / root
            d2 = d * d
            r = np.clip((1 - own) * pooled.correlation + (2 * own) * cov / total, -1, 0.8)
            s1, s0, k1, k0 = (
                OWN_SHAPE * mine + (1 - OWN_SHAPE) * theirs
                for mine, theirs in (
                    (s1, pooled.skew_in),
                    (s0, pooled.skew_out),
                    (k1, pooled.kurt),
                    (k0, pooled.kurt),
                )
            )
            u1, u0 = v1 / total, v0 / total
            normal = (u1 * u1 + u0 * u0) / (2 * (k - 1))
            q = np.clip(
                normal + (u1 * u1 * k1 + u0 * u0 * k0) / (4 * k), 0.3 * normal, 0.5
            ) + r * r / (4 * (k - 1))
            g = (s1 * u1 * np.sqrt(u1) - s0 * u0 * np.sqrt(u0)) / (2 * k)
            even = (1 - r) / k + d2 * q
            spread = np.sqrt(np.maximum(even - 2 * d * g, 0.25 * even))
            centre = d * np.sqrt(1 - q)
            spread_of_area = np.exp(d2 * -0.5) * spread / np.sqrt(2 * np.pi)
            out[:, c] = (
                ndtr(d),
                spread_of_area,
                ndtr(centre - Z * spread),
                ndtr(centre + Z * spread),
            )

    map_blocks(work, make_blocks(out.shape[1], LONG))
    return tuple(out)


def rank_auc(
    scores: np.ndarray, members: np.ndarray, index: np.ndarray | None = None
) -> np.ndarray:
    """Mann-Whitney AUC of each column, ties half. scores (M, n), compared as float32; members (M, P), paired; index as in `moments`. (n,) float64."""
    targets, columns = scores.shape
    had = np.ascontiguousarray(members.T)
    area = np.empty(columns)
    place = np.arange(1, targets + 1, dtype=np.float32)
    half = targets // 2

    def work(slices):
        for c in slices:
            value = np.ascontiguousarray(scores[:, c].T, np.float32) + np.float32(0)  # -0 becomes 0
            kind = had[c] if index is None else had[index[c]]
            bits = value.view(np.int32)
            key = np.where(bits < 0, bits ^ np.int32(0x7FFFFFFF), bits).astype(
                np.int64
            )  # integers in the order of the floats
            key <<= 1
            key |= kind
            key.sort(axis=1)
            area[c] = (
                ((key & 1).astype(np.float32) @ place).astype(np.float64) - half * (half + 1) / 2
            ) / half**2  # whole numbers: exact
            key >>= 1
            tied = np.flatnonzero((key[:, 1:] == key[:, :-1]).any(1))
            if len(tied):
                ranks = rankdata(value[tied], axis=1)
                area[c.start + tied] = (
                    (ranks * kind[tied]).sum(1) - half * (half + 1) / 2
                ) / half**2

    map_blocks(work, make_blocks(columns, CHUNK // 4))
    return area


def rank_interval(
    area: np.ndarray, pairs: int, correlation: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(se, low, high) of rank AUCs, (n,) each: a score interval, the AUCs t with |area - t| <= 1.96 sd(t).

    sd(t)^2 = (1 - r) (t(1-t) + 2(K-1)(Q - t^2)) / K^2, the variance of the Mann-Whitney statistic of normal scores, where Q = t - 2 T(Phi^-1(t), 3^-1/2),
    T Owen's, is the chance that two in scores exceed one out score; r is the correlation within pairs. (Hanley and McNeil 1982 with
    normal scores in place of exponential ones; Newcombe 2006 for turning it into an interval.)
    """
    truth = ndtri(np.linspace(0, 1, 4003)[1:-1])
    truth = np.unique(np.concatenate([ndtr(truth), ndtr(np.linspace(-6, 6, 2001))]))
    q = truth - 2 * owens_t(ndtri(truth), 3**-0.5)
    sd = (
        np.sqrt(
            np.maximum(
                (1 - correlation) * (truth * (1 - truth) + 2 * (pairs - 1) * (q - truth**2)), 0
            )
        )
        / pairs
    )
    low = np.interp(area, np.maximum.accumulate(truth + Z * sd), truth)
    high = np.interp(area, np.minimum.accumulate((truth - Z * sd)[::-1])[::-1], truth)
    least = 0.5 / pairs**2  # an AUC of 1 is not without error
    return np.interp(np.clip(area, least, 1 - least), truth, sd), low, high
