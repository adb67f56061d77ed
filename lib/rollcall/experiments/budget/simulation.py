"""Audits of planted truths: is the false-discovery rate kept when an audit stops at a look?

Scores of patients with one record each, in pairs of targets that disagree (correlation -0.3), as in
real runs. Those who leak are known, so that false names can be counted.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rollcall.auditing.screening import FIRST
from rollcall.risk import canonical
from rollcall.risk.exposed import naming
from rollcall.risk.patient import estimate_shift
from rollcall.risk.screening.confirming import MOST_P, SHARE, Count, count_exposed, pick
from rollcall.risk.screening.ranking import foretell_records
from rollcall.risk.screening.stopping import PRECISION, decide, list_looks
from rollcall.stats.members import draw_members
from rollcall.stats.moments import compute_moments
from rollcall.util.errors import InputError

PAIR_CORRELATION = -0.3
SCENARIOS = ("hard", "blind", "rare", "heavy", "null")


class Truth(NamedTuple):
    """Hold what is planted, (P,) each: level and spread of the scores, and the shift of members."""

    level: np.ndarray
    spread: np.ndarray
    shift: np.ndarray


class Audited(NamedTuple):
    """Hold one simulated audit: at each look how many are exposed and how many of them falsely.

    stop: the number of the look at which the rule stops.
    """

    counts: list[Count]
    false: list[int]
    stop: int


def plant(scenario: str, patients: int, seed: int = 0) -> Truth:
    """Plant a truth.

    hard: hard patients leak (about one in seven), the hardest most; blind: one in ten, whoever it
    is; rare: one in a hundred, hard ones; heavy: as hard, its scores with Student's t of 3 degrees;
    null: nobody.
    """
    if scenario not in SCENARIOS:
        raise InputError(f"scenario {scenario!r}; expected one of: {', '.join(SCENARIOS)}")
    rng = np.random.default_rng([seed, SCENARIOS.index(scenario)])
    hardness = rng.normal(size=patients)
    limit = {"rare": 2.8, "null": np.inf}.get(scenario, 1.2)
    leaks = rng.random(patients) < 1 / (1 + np.exp(-3 * (hardness - limit)))
    shift = np.clip(hardness, 0.5, 2.5) * rng.uniform(0.5, 1.5, patients)
    if scenario == "blind":
        leaks, shift = rng.random(patients) < 0.1, rng.uniform(0.5, 2.5, patients)
    shift = np.where(leaks, shift, 0.0)
    return Truth(-hardness, np.exp(rng.normal(0, 0.4, patients)), shift)


def draw_scores(truth: Truth, members: np.ndarray, heavy: bool, seed: int) -> np.ndarray:
    """Draw scores, float32 (M, P), of targets with these members, bool (M, P)."""
    rng, (targets, patients) = np.random.default_rng([seed, 1]), members.shape
    noise = rng.standard_t(3, (targets, patients)) / 3**0.5 if heavy else None
    noise = rng.normal(size=(targets, patients)) if noise is None else noise
    share = np.sqrt(-PAIR_CORRELATION)
    common = rng.normal(size=(targets // 2, patients)) * share
    noise = noise * np.sqrt(1 + PAIR_CORRELATION)
    noise[0::2] += common
    noise[1::2] -= common
    noise += 0.2 * rng.normal(size=(targets, 1))  # a target's own level
    return (truth.level + truth.spread * (noise + truth.shift * members)).astype(np.float32)


def audit(
    truth: Truth,
    *,
    screened: bool,
    heavy: bool = False,
    most: int = 64,
    precision: float = PRECISION,
    share: float = SHARE,
    seed: int = 0,
    draws: int = 30_000,
    picked: np.ndarray | None = None,
) -> Audited:
    """Audit planted patients once, at every look, and say where the rule stops.

    screened: the first 8 targets pick a share of the patients; else all are looked at. picked: who
    is, bool (P,), instead.
    """
    members = draw_members(most, len(truth.level), seed)
    scores = draw_scores(truth, members, heavy, seed)
    few, index = scores[:FIRST], np.arange(scores.shape[1])
    moments = compute_moments(few, members[:FIRST])
    half = canonical.find_order(few, index).split(index)
    if screened:
        foretold = foretell_records(moments, half)
        picked = pick(foretold, half, share) if picked is None else picked
    else:
        foretold, picked = estimate_shift(moments, half), np.ones(len(index), bool)
    counts, false, stop = [], [], -1
    for number, targets in enumerate(list_looks(most)):
        rows = slice(0, targets)
        count, named = count_exposed(
            scores[rows],
            members[rows],
            foretold,
            picked,
            seed=seed,
            draws=draws,
            most_p=MOST_P if screened else naming.MOST_P,
        )
        counts.append(count)
        false.append(int((named & (truth.shift[picked] == 0)).sum()))
        if stop < 0 and decide(counts, precision, most):
            stop = number
    return Audited(counts, false, stop)
