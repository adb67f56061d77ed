"""Errors, coverage and power of audits of each design, by simulation.

`python -m benchmarks.designs 200` makes 200 audits of each kind, and prints what docs/statistics.md
says of them.
"""

from __future__ import annotations

import sys

import numpy as np
from scipy.stats import norm

from rollcall.risk.canonical import find_order
from rollcall.risk.exposed.assess import NULL_SHARE_ERRORS
from rollcall.risk.exposed.naming import make_strata, name_exposed
from rollcall.risk.noise_floor import draw_noise_floor
from rollcall.risk.patient import estimate_shift, foretell_shift, joint_statistic, joint_weights
from rollcall.risk.record import binormal_auc, pool_shape
from rollcall.risk.singly.redrawing import draw_floor, make_sets, name_auc
from rollcall.stats.design import estimate_rates, find_few, is_paired
from rollcall.stats.levels import take_levels
from rollcall.stats.members import draw_members
from rollcall.stats.moments import compute_moments

TARGETS, PATIENTS, DRAWS = 32, 500, 50_000
MIXED = (0.2, 0.5, 0.8)
DESIGNS = {"pairs": None, "0.5": (0.5,), "0.2": (0.2,), "0.8": (0.8,), "0.2 to 0.8": MIXED}
SIZE_EFFECT = 2.0  # standard deviations that a model of all patients lies above one of none


def simulate(seed, rates, share, shift=2.0, targets=TARGETS, patients=PATIENTS):
    """(scores, members, true AUC) of one audit; rates of the models, None for pairs.

    A share of the patients leaks, half to one and a half times `shift` standard deviations. Models
    have levels of their own, and higher ones the more patients they had.
    """
    rng = np.random.default_rng([seed, 1])
    members = draw_members(targets, patients, seed)
    if rates is not None:
        members = rng.random((targets, patients)) < np.resize(rates, targets)[:, None]
        members = members[:, ~find_few(members)]
    patients = members.shape[1]
    leak = np.where(rng.random(patients) < share, shift * rng.uniform(0.5, 1.5, patients), 0)
    level = 0.3 * rng.standard_normal((targets, 1))
    if rates == MIXED:
        level = level + SIZE_EFFECT * members.mean(1, keepdims=True)
    scale = np.exp(0.3 * rng.standard_normal(patients))
    noise = rng.standard_normal(members.shape) + level
    scores = 3 * rng.standard_normal(patients) + scale * (noise + leak * members)
    return scores.astype(np.float32), members, norm.cdf(leak / np.sqrt(2))


def name(scores, members, seed=0, draws=DRAWS):
    """(exposed, low, high): who is named, and the interval of each patient's AUC, (P,) each.

    One record a patient; the steps of assess_risk without what else it says.
    """
    index, paired = np.arange(members.shape[1]), is_paired(members)
    if not paired:
        scores = take_levels(scores, members, index)
    order = find_order(scores, index, paired)
    moments = compute_moments(scores, members, index)
    expected = estimate_shift(moments, order.split(index))
    weight = joint_weights(scores, moments, index, expected)
    statistic = joint_statistic(scores, moments, index, weight)
    joint = compute_moments(statistic, members)
    auc, _, low, high = binormal_auc(joint, pool_shape(joint))
    arranged, had = order.arrange(statistic), order.arrange(members)
    rounds = max(50, draws // len(index))
    if paired:
        floor, auc = draw_noise_floor(arranged, rounds, seed), auc[order.patients]
    else:
        sets = make_sets(estimate_rates(had), had.sum(0))
        floor, auc = draw_floor(sets, arranged, rounds, seed), name_auc(sets, arranged, had)
    foretold = foretell_shift(weight, expected, index)[order.patients]
    errors = 0.0 if paired else NULL_SHARE_ERRORS
    naming = name_exposed(auc, floor, foretold, make_strata(None, len(index)), errors=errors)
    return order.restore(naming.exposed), low, high


def audit(rates, share, audits, targets=TARGETS, patients=PATIENTS):
    """Return false-discovery proportions, coverage and power of each audit, (audits,) each."""
    rows = []
    for seed in range(audits):
        scores, members, truth = simulate(seed, rates, share, 2.0, targets, patients)
        named, low, high = name(scores, members, seed)
        leaks = truth > 0.5
        false = (named & ~leaks).sum() / max(named.sum(), 1)
        power = named[leaks].mean() if leaks.any() else 0.0
        rows.append((false, ((low <= truth) & (truth <= high)).mean(), power))
    return np.array(rows).T


def main(audits: int) -> None:
    """Print a row for each design, without leakage and with a fifth of the patients leaking."""
    for word, rates in DESIGNS.items():
        for share in (0, 0.2):
            false, held, power = audit(rates, share, audits)
            error = false.std() / np.sqrt(audits)
            print(
                f"{word:10} leaking {share:.0%}: false names {false.mean():.2%} +- {error:.2%}, "
                f"coverage {held.mean():.1%}, power {power.mean():.0%}",
                flush=True,
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
