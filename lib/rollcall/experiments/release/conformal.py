"""Whom a score may name: conformal p-values against outsiders, and the false discovery rate.

Under the null hypothesis a patient is to the model as an outsider is: its statistic is one more
draw from where theirs came from. So its rank among them is uniform, whatever that law is, and no
model of the scores is needed. The p-values of several patients depend on each other through the
outsiders, in the way that Benjamini and Hochberg's procedure allows, with the share of true nulls
estimated or not (Bates, Candes, Lei, Romano and Sesia, Annals of Statistics 2023).
"""

from __future__ import annotations

import math

import numpy as np

from rollcall.risk.exposed.q_values import UNREMARKABLE_P

FDR = 0.05


def compute_p_values(
    tested: np.ndarray, outsiders: np.ndarray, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Compare statistics with those of outsiders: p-values of the tested (m,), of outsiders (n,).

    tested (m,), outsiders (n,), higher = more like a member.
        p of a tested patient  (1 + number of outsiders above it) / (n + 1)
        p of an outsider       (1 + number of other outsiders above it) / n
    Who is above whom among equals is drawn from `seed`.
    """
    values = np.concatenate([tested, outsiders])
    key = np.random.default_rng([seed, 7]).random(len(values))
    order = np.lexsort((key, values))
    is_outsider = np.arange(len(values)) >= len(tested)
    above = np.empty(len(values), int)
    above[order] = np.cumsum(is_outsider[order][::-1])[::-1]
    n = len(outsiders)
    return (1 + above[: len(tested)]) / (n + 1), above[len(tested) :] / n


def bound_null_share(p: np.ndarray, outsiders: int) -> float:
    """Return the upper 95% limit of the share of true nulls, over patients of both kinds."""
    share = np.mean(p > UNREMARKABLE_P)
    variance = share * (1 - share) / len(p) + UNREMARKABLE_P * (1 - UNREMARKABLE_P) / outsiders
    return min(1.0, float((share + 1.645 * np.sqrt(variance)) / (1 - UNREMARKABLE_P)))


def adjust_for_discoveries(p: np.ndarray, null_share: float = 1.0) -> np.ndarray:
    """Return q-values, (m,): the lowest false discovery rate at which each patient is named.

    min over larger p of  null_share m p / rank  (Benjamini and Hochberg, J. R. Stat. Soc. B 1995).
    """
    order = np.argsort(p, kind="stable")[::-1]
    ranks = np.arange(len(p), 0, -1)
    q = np.empty(len(p))
    q[order] = np.minimum.accumulate(null_share * len(p) * p[order] / ranks)
    return np.minimum(q, 1.0)


def count_least_outsiders(fdr: float = FDR) -> int:
    """Return the smallest number of outsiders with which anybody could be named.

    With fewer, not even patients who are all above every outsider: 1 / (n + 1) is over the FDR.
    """
    return math.ceil(1 / fdr - 1e-9) - 1


def count_fewest_named(tested: int, outsiders: int, fdr: float = FDR) -> int:
    """Return how many patients there must be above all outsiders for any of them to be named."""
    return math.ceil(tested / (fdr * (outsiders + 1)) - 1e-9)
