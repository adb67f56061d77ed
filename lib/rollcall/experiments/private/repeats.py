"""How many canaries to guess, chosen before a run is looked at; and what a run then proves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rollcall.experiments.private.claims import Claims, Proof, prove_bounds

SIZES = (0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2)  # of the canaries, for guesses
DRAWS = 5  # of canaries under the claim, for each


@dataclass(frozen=True)
class Plan:
    """What is fixed before a run: how many guesses, and the threshold of the counts."""

    guesses: int
    threshold: float


def simulate_sums(
    rng: np.random.Generator, members: np.ndarray, noise: float, rate: float, steps: int
) -> np.ndarray:
    """Draw noisy sums along each canary's direction, in clips: the mechanism itself.

    members bool (canaries,). Returns float64 (steps, canaries).
    """
    shape = (steps, len(members))
    return noise * rng.standard_normal(shape) + (members & (rng.random(shape) < rate))


def score_sums(sums: np.ndarray, noise: float, rate: float) -> np.ndarray:
    """Compute the log likelihood ratio of "was in" from noisy sums (steps, ...), in clips.

    noise: the one that is claimed.
    """
    return np.log1p(rate * np.expm1((2 * sums - 1) / (2 * noise**2))).sum(0)


def plan_guesses(claims: Claims, canaries: int, seed: int, draws: int = DRAWS) -> Plan:
    """Choose guesses and threshold that prove most, in the mean, where the claim is just kept.

    By simulated canaries alone, so that nothing of a run is known to who chooses.
    """
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(draws):
        members = rng.random(canaries) < 0.5
        sums = simulate_sums(rng, members, claims.noise, claims.rate, claims.steps)
        drawn.append((score_sums(sums, claims.noise, claims.rate), members))
    scores = np.concatenate([each for each, _ in drawn])
    plans = [
        Plan(max(1, round(size * canaries)), float(np.quantile(scores, 1 - size))) for size in SIZES
    ]
    proofs = [
        [prove_bounds(claims, *each, plan.guesses, plan.threshold) for each in drawn]
        for plan in plans
    ]
    by_guesses = np.argmax([np.mean([proof.guesses for proof in each]) for each in proofs])
    by_counts = np.argmax([np.mean([proof.counts for proof in each]) for each in proofs])
    return Plan(plans[by_guesses].guesses, plans[by_counts].threshold)


def prove(claims: Claims, plan: Plan, scores: np.ndarray, members: np.ndarray) -> Proof:
    """Say what one run proves: `prove_bounds` with what was planned."""
    return prove_bounds(claims, scores, members, plan.guesses, plan.threshold)
