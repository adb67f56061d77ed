"""How far few references order the patients as a full audit does."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.stats.metrics import auc, auc_with_limits, tpr_at_fpr
from rollcall.stats.rank import average_ranks

DRAWS = 400  # of patients, for an interval
POINTS = 40  # of a curve
SHARES = np.arange(0.01, 1.005, 0.01)  # of the members, from the top


def correlate_ranks(one: np.ndarray, other: np.ndarray) -> float:
    """Return Spearman's correlation of two rows of numbers, (n,) each; ties share their rank."""
    ranks = average_ranks(np.stack([one, other]))
    ranks -= ranks.mean(1, keepdims=True)
    spread = np.sqrt((ranks**2).sum(1).prod())
    return float(ranks[0] @ ranks[1] / spread) if spread > 0 else 0.0


def correlate_with_limits(
    one: np.ndarray, other: np.ndarray, seed: int = 0
) -> tuple[float, float, float]:
    """Return Spearman's correlation and its 95% limits over patients (bootstrap, 400 draws)."""
    rng = np.random.default_rng([seed, 29])
    drawn = (rng.integers(0, len(one), len(one)) for _ in range(DRAWS))
    values = [correlate_ranks(one[rows], other[rows]) for rows in drawn]
    low, high = np.quantile(values, [0.025, 0.975])
    return correlate_ranks(one, other), float(low), float(high)


def find_ceiling(halves: np.ndarray) -> float:
    """Return the correlation that the true order would have with an audit, from its two halves.

    halves (2, n): what either half of its models gives. With r their correlation, the whole repeats
    itself with 2 r / (1 + r) (Spearman 1910; Brown 1910), and the truth correlates with it by the
    root of that.
    """
    agreement = max(correlate_ranks(*halves), 0.0)
    return float(np.sqrt(2 * agreement / (1 + agreement)))


def compare_rankings(
    ranking: np.ndarray, exposure: np.ndarray, exposed: np.ndarray, seed: int = 0
) -> dict[str, float]:
    """Compare a ranking of patients with what an audit gives: a row of numbers.

    ranking, exposure (n,); exposed bool (n,). spearman with spearman_low, spearman_high;
    separation with _low, _high: the AUC by which the ranking tells whom the audit names from
    others, NaN where it names nobody; caught: the share of these in its first twentieth.
    """
    value, low, high = correlate_with_limits(ranking, exposure, seed)
    row = {"spearman": value, "spearman_low": low, "spearman_high": high}
    keys = ("separation", "separation_low", "separation_high")
    if not exposed.any() or exposed.all():
        return row | dict.fromkeys((*keys, "caught"), np.nan)
    limits = (
        auc_with_limits(ranking, exposed) if exposed.sum() > 1 else (auc(ranking, exposed),) * 3
    )
    first = np.argsort(-ranking, kind="stable")[: max(1, len(ranking) // 20)]
    return (
        row
        | dict(zip(keys, limits, strict=True))
        | {"caught": float(exposed[first].sum() / exposed.sum())}
    )


def draw_roc(score: np.ndarray, inside: np.ndarray, smallest: int) -> pd.DataFrame:
    """Return a ROC curve, columns fpr and tpr, at rates of at least `smallest` false alarms.

    score (n,), inside bool (n,). NaN where fewer than `smallest` members, or all but so few, are
    above.
    """
    outsiders, members = int((~inside).sum()), int(inside.sum())
    lowest = min(smallest / outsiders, 1.0)
    fpr = np.geomspace(lowest, 1.0, POINTS)
    tpr = tpr_at_fpr(score, inside, fpr)
    count = np.rint(tpr * members)
    few = ((count > 0) & (count < smallest)) | ((count < members) & (count > members - smallest))
    return pd.DataFrame({"fpr": fpr, "tpr": np.where(few, np.nan, tpr)})


def draw_caught(score: np.ndarray, exposed: np.ndarray, smallest: int) -> pd.DataFrame:
    """Return which share of the exposed the highest scores hold: columns share, caught.

    score (n,), exposed bool (n,). Between two points are at least `smallest` of the exposed; empty
    where these are fewer.
    """
    total, last, rows = int(exposed.sum()), 0, [(0.0, 0.0)]
    if total < smallest:
        return pd.DataFrame({"share": [], "caught": []})
    order = np.cumsum(exposed[np.argsort(-score, kind="stable")])
    for share in SHARES:
        count = int(order[max(0, round(share * len(order)) - 1)])
        left = total - count
        if count - last >= smallest and (left == 0 or left >= smallest):
            rows.append((float(share), count / total))
            last = count
    rows += [] if rows[-1][1] == 1 else [(1.0, 1.0)]
    return pd.DataFrame(rows, columns=["share", "caught"])
