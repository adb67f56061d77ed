"""How strongly a cohort's variances count, chosen by attacking the other targets.

On some cohorts a record's own variance tells much (diabetes130), on others one variance for all
records is the better attack (HAM10000): no strength serves all. An attacker knows the members of
their own models, and takes what tells these best.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rollcall.attacks.lira.prior import STRENGTHS
from rollcall.stats.sampling import sample_evenly

RECORDS_TRIED = 20_000  # at most, on which the strengths are tried
RATES = np.array([0.001, 0.002, 0.005, 0.01])  # false-positive rates at which they are compared


def choose_strength(
    prepare: Callable, scores: np.ndarray, members: np.ndarray, paired: bool
) -> np.ndarray:
    """Choose for each target the strength with which the other targets are told best. (M,).

    prepare(scores, members) returns attack(strength (M,)) -> attack scores (M, N); scores (M, N),
    members bool (M, N). A target is told well where the mean of its TPR / FPR over RATES is high.
    Neither the target's own rates nor its partner's enter its choice: of the target enters its
    share in what is known of the other targets' records. Of equals the largest, nearest to one
    variance for all.
    """
    sample = sample_evenly(scores, RECORDS_TRIED, 3)
    tried, member = scores[:, sample], members[:, sample]
    attack = prepare(tried, member)
    worth = np.array(
        [_rate(attack(np.full(len(scores), strength)), member) for strength in STRENGTHS]
    )
    pair = np.arange(len(scores)) // (2 if paired else 1)
    by_pair = np.array([np.bincount(pair, each) for each in worth])
    others = np.round(by_pair.sum(1, keepdims=True) - by_pair, 6)
    best = len(STRENGTHS) - 1 - others[::-1].argmax(0)
    return np.array(STRENGTHS)[best][pair]


def _rate(attacked: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Return the mean of TPR / FPR over RATES of each target, (M,)."""
    out = np.zeros(len(attacked))
    for target, (row, member) in enumerate(zip(attacked, members, strict=True)):
        limits = np.sort(row[~member])
        if not len(limits) or not member.any():
            continue
        alarms = np.floor(RATES * len(limits)).astype(int)  # false ones, beside ties
        inside = np.sort(row[member])
        true = len(inside) - np.searchsorted(inside, limits[-1 - alarms], side="right")
        out[target] = (true / len(inside) / RATES).mean()
    return out
