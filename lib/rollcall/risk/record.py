"""Risk of a record: the binormal AUC of its scores over the targets, with error and interval.

Targets come in complementary pairs, so each pair gives a record one score with it (in) and one
without (out). The two models of a pair are not independent: who was kept from one was shown to the
other, and their scores of one record correlate (about -0.4 on `diabetes130`, -0.17 on the simulated
cohort). An error that takes the models as independent is 18% too small at -0.4; these are not.

The same functions serve a patient's statistic, which is one score per target too. Every column
stands alone, but for the few numbers that a cohort shares (PooledShape).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from scipy.special import ndtr, ndtri, psi

from rollcall.stats.moments import (
    MIN_VARIANCE,
    NUMBERS_PER_BLOCK,
    Moments,
    compute_moments,
)
from rollcall.util.parallel import make_blocks, map_blocks

Z_975 = float(ndtri(0.975))
PRIOR_PAIRS = 100  # pairs that the cohort's correlation counts for, against a record's own
OWN_SHAPE_WEIGHT = 0.5  # of a record's own skewness and kurtosis, against the cohort's
PRIOR_SHARE = 20.0  # degrees of freedom that the cohort's share of the in variance counts for
PRIOR_SHAPE = 8.0  # scores that the cohort's shape counts for, where either kind may be few
NORMAL_RECORDS = 4000  # simulated normal records behind the test of normality


@dataclass(frozen=True)
class PooledShape:
    """What the records of a cohort share: means over records.

    correlation        of in and out score within a pair
    skew_in, skew_out  skewness of the in and of the out scores
    kurt               excess kurtosis
    share_in           of the in variance in the sum of both, where targets come one by one
    """

    correlation: float
    skew_in: float
    skew_out: float
    kurt: float
    share_in: float = 0.5


def pool_shape(moments: Moments) -> PooledShape:
    """Pool the shape over the records whose scores vary.

    The kurtosis is a ratio of sums, not a mean of the records' kurtoses, which would be too small
    with few pairs; what remains of that bias is taken out.
    """
    v1, v0, cov, skew_in, skew_out, kurt_in, kurt_out = (
        getattr(moments, name)
        for name in ("var_in", "var_out", "cov", "skew_in", "skew_out", "kurt_in", "kurt_out")
    )
    varies = v1 + v0 > MIN_VARIANCE
    if not varies.any():
        return PooledShape(0.0, 0.0, 0.0, 0.0)
    total = np.where(varies, v1 + v0, 1)
    if moments.n_in is not None:
        return _pool_counts(moments, varies)
    u1, u0 = (v1 / total) ** 2, (v0 / total) ** 2
    ratio = (kurt_in * u1 + kurt_out * u0)[varies].sum() / (u1 + u0)[varies].sum()
    ratio = min(ratio, moments.pairs / 2)
    return PooledShape(
        float((2 * cov / total)[varies].mean()),
        float(skew_in[varies].mean()),
        float(skew_out[varies].mean()),
        float(ratio * (1 + 2 / (moments.pairs - 1)) / (1 - ratio / moments.pairs)),
    )


def _pool_counts(moments: Moments, varies: np.ndarray) -> PooledShape:
    """Pool the shape of targets that come one by one, over the records whose scores vary.

    Kurtosis: of each kind, a ratio of sums as in pairs, weighted by scores. The share of the in
    variance: of the mean logarithms of both, less their bias with few scores.
    """
    logs, kurt = [], []
    for n, v, k in (
        (np.asarray(moments.n_in), moments.var_in, moments.kurt_in),
        (np.asarray(moments.n_out), moments.var_out, moments.kurt_out),
    ):
        use = varies & (v > MIN_VARIANCE)
        half = (n - 1) / 2
        logs.append(np.where(use, np.log(np.where(use, v, 1)) - psi(half) + np.log(half), np.nan))
        use &= n > 3
        if use.any():
            weight = n[use] * (v[use] / (moments.var_in + moments.var_out)[use]) ** 2
            size = float(np.average(n[use], weights=weight)) if weight.sum() > 0 else 4.0
            ratio = min(float(np.average(k[use], weights=weight)), size / 2)
            kurt.append((ratio * (1 + 2 / (size - 1)) / (1 - ratio / size), float(n[use].sum())))
    both = np.isfinite(logs[0]) & np.isfinite(logs[1])
    odds = float(np.exp((logs[0] - logs[1])[both].mean())) if both.any() else 1.0
    return PooledShape(
        0.0,
        float(moments.skew_in[varies].mean()),
        float(moments.skew_out[varies].mean()),
        sum(k * n for k, n in kurt) / sum(n for _, n in kurt) if kurt else 0.0,
        odds / (1 + odds),
    )


def share_not_normal(moments: Moments, seed: int = 0) -> float:
    """Return the share of records (whose scores vary) that are not normal at the 5% level.

    The statistic is K (G1^2 / 6 + G2^2 / 24), summed over in and out (Jarque and Bera 1987), its
    critical value the 95% quantile over 4,000 simulated normal records: right with few models too,
    where the chi-square is not.
    """
    rng = np.random.default_rng([seed, 6])
    if moments.n_in is None or moments.n_out is None:
        targets = 2 * moments.pairs
        members = np.tile([[True], [False]], (moments.pairs, NORMAL_RECORDS))
    else:  # as many in as the cohort's records have, by their order of size
        places = np.linspace(0, len(moments.n_in) - 1, NORMAL_RECORDS).astype(int)
        count = np.sort(moments.n_in)[places]
        targets = int(moments.n_in[0] + moments.n_out[0])
        members = np.arange(targets)[:, None] < count
    normal = rng.standard_normal((targets, NORMAL_RECORDS), np.float32)
    limit = np.quantile(_jarque_bera(compute_moments(normal, members)), 0.95)
    varies = moments.var_in + moments.var_out > MIN_VARIANCE
    return float((_jarque_bera(moments)[varies] > limit).mean()) if varies.any() else 0.0


def _jarque_bera(moments: Moments) -> np.ndarray:
    if moments.n_in is not None and moments.n_out is not None:
        return moments.n_in * (moments.skew_in**2 / 6 + moments.kurt_in**2 / 24) + (
            moments.n_out * (moments.skew_out**2 / 6 + moments.kurt_out**2 / 24)
        )
    skew = (moments.skew_in**2 + moments.skew_out**2) / 6
    return moments.pairs * (skew + (moments.kurt_in**2 + moments.kurt_out**2) / 24)


# Where the error and the interval of the binormal AUC come from:
#
# Of normal in and out scores, P(in > out) = Phi(d) with d = D / sqrt(V), D = mean_in - mean_out and
# V = var_in + var_out. Both are estimated from K pairs, so both contribute to the error of d. With
# v variance, s skewness, k excess kurtosis of the in (1) and out (0) scores and r = 2 cov / V:
# 1. var D = (v1 + v0 - 2 cov) / K = V (1 - r) / K: what the pair shares cancels or adds.
# 2. var v = v^2 (2/(K-1) + k/K) for each, and 2 cov^2 / (K-1) between them; relative to V,
#        q = var V / (4 V^2) = sum_j v_j^2 (2/(K-1) + k_j/K) / (4 V^2) + r^2 / (4 (K-1))
# 3. Mean and variance of a skewed sample move together: cov(D, V) = (s1 v1^1.5 - s0 v0^1.5) / K,
#        g = cov(D, V) / (2 V^1.5)
# 4. d moves by dD / sqrt(V) - d dV / (2 V), hence (delta method)
#        var d = (1 - r)/K + d^2 q - 2 d g
# 5. The AUC is Phi(d), so SE(AUC) = phi(d) sd(d), phi the normal density. AUC +- 1.96 SE would be a
#    wrong interval near 1 and with few models. d is a noncentral t, for which Johnson and Welch
#    (Biometrika 1940) give d sqrt(1 - q) +- 1.96 sd(d) as limits; Phi makes them limits of the AUC.
# 6. Where targets come one by one, with n1 in and n0 out scores, r = 0, K is n1 or n0 wherever v1
#    or v0 stands, and (1 - r) / K becomes u1/n1 + u0/n0 with u_j = v_j / V. With few scores of a
#    kind its own share u_j is noise: it counts as its degrees of freedom, the cohort's as 20.
# Skewness, kurtosis and correlation of one record are noisy with few pairs: s and k are half the
# record's own, half the cohort's; r is the cohort's but for a share K / (K + 100).


def binormal_auc(
    moments: Moments, pooled: PooledShape
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Compute (auc, se, low, high), (n,) each: signed AUC, standard error, 95% interval.

    The AUC is Phi(d), below 0.5 where members score lower. The interval is formed on the scale of
    d, as derived above. auc +- 1.96 se is no 95% interval with few models or near 1.
    Coverage (tests/statistics/test_coverage.py): 94 to 97% from 8 models on, for AUCs of 0.5 to
    0.99, skewed and long-tailed scores included.
    """
    if moments.n_in is not None:
        return _binormal_of_counts(moments, pooled)
    k = moments.pairs
    own_weight = k / (k + PRIOR_PAIRS)
    out = np.empty((4, len(moments.cov)))
    columns = [getattr(moments, field.name) for field in fields(moments)[1:10]]

    def blend(record: np.ndarray, cohort: float) -> np.ndarray:
        return OWN_SHAPE_WEIGHT * record + (1 - OWN_SHAPE_WEIGHT) * cohort

    def work(slices: list[slice]) -> None:
        for c in slices:
            m1, m0, v1, v0, s1, s0, k1, k0, cov = (column[c] for column in columns)
            total = np.maximum(v1 + v0, MIN_VARIANCE)
            root = np.sqrt(total)
            d = (m1 - m0) / root
            d2 = d * d
            r = (1 - own_weight) * pooled.correlation + (2 * own_weight) * cov / total
            r = np.clip(r, -1, 0.8)
            s1, s0 = blend(s1, pooled.skew_in), blend(s0, pooled.skew_out)
            k1, k0 = blend(k1, pooled.kurt), blend(k0, pooled.kurt)
            u1, u0 = v1 / total, v0 / total
            normal = (u1 * u1 + u0 * u0) / (2 * (k - 1))
            q = normal + (u1 * u1 * k1 + u0 * u0 * k0) / (4 * k)
            q = np.clip(q, 0.3 * normal, 0.5) + r * r / (4 * (k - 1))
            g = (s1 * u1 * np.sqrt(u1) - s0 * u0 * np.sqrt(u0)) / (2 * k)
            symmetric = (1 - r) / k + d2 * q
            sd = np.sqrt(np.maximum(symmetric - 2 * d * g, 0.25 * symmetric))
            centre = d * np.sqrt(1 - q)
            se = np.exp(d2 * -0.5) * sd / np.sqrt(2 * np.pi)
            out[:, c] = ndtr(d), se, ndtr(centre - Z_975 * sd), ndtr(centre + Z_975 * sd)

    map_blocks(work, make_blocks(out.shape[1], NUMBERS_PER_BLOCK))
    auc, se, low, high = out
    return auc, se, low, high


def signed_auc(moments: Moments) -> np.ndarray:
    """Compute the binormal AUC alone, (n,), with the shape pooled over all columns."""
    return binormal_auc(moments, pool_shape(moments))[0]


def _binormal_of_counts(
    moments: Moments, pooled: PooledShape
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Compute binormal_auc where targets come one by one, step 6 above."""
    n1, n0 = np.asarray(moments.n_in), np.asarray(moments.n_out)
    v1, v0 = moments.var_in, moments.var_out
    total = np.maximum(v1 + v0, MIN_VARIANCE)
    d = (moments.mean_in - moments.mean_out) / np.sqrt(total)
    freedom = 2 / (1 / (n1 - 1) + 1 / (n0 - 1))
    weight = freedom / (freedom + PRIOR_SHARE)
    u1 = weight * v1 / total + (1 - weight) * pooled.share_in
    u0 = 1 - u1

    def blend(record: np.ndarray, cohort: float, n: np.ndarray) -> np.ndarray:
        trust = OWN_SHAPE_WEIGHT * n / (n + PRIOR_SHAPE)
        return trust * record + (1 - trust) * cohort

    s1, s0 = (
        blend(moments.skew_in, pooled.skew_in, n1),
        blend(moments.skew_out, pooled.skew_out, n0),
    )
    k1, k0 = blend(moments.kurt_in, pooled.kurt, n1), blend(moments.kurt_out, pooled.kurt, n0)
    normal = (u1 * u1 / (n1 - 1) + u0 * u0 / (n0 - 1)) / 2
    q = normal + (u1 * u1 * k1 / n1 + u0 * u0 * k0 / n0) / 4
    q = np.clip(q, 0.3 * normal, 0.5)
    g = (s1 * u1 * np.sqrt(u1) / n1 - s0 * u0 * np.sqrt(u0) / n0) / 2
    symmetric = u1 / n1 + u0 / n0 + d * d * q
    sd = np.sqrt(np.maximum(symmetric - 2 * d * g, 0.25 * symmetric))
    centre = d * np.sqrt(1 - q)
    se = np.exp(d * d * -0.5) * sd / np.sqrt(2 * np.pi)
    return ndtr(d), se, ndtr(centre - Z_975 * sd), ndtr(centre + Z_975 * sd)
