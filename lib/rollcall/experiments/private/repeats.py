"""How many canaries to guess, chosen before a run is looked at; and what a run then proves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rollcall.experiments.private.claims import Claims, Proof, prove_bounds

SIZES = (0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.4)  # of the canaries, for guesses
DRAWS = 6  # of canaries, where the claim is just kept and where it is broken
BROKEN = 0.5  # of the noise that is claimed


@dataclass(frozen=True)
class Plan:
    """What is fixed before a run: how many guesses, and the threshold of the counts."""

    guesses: int
    threshold: float


def simulate_sums(
    rng: np.random.Generator, members: np.ndarray, noise: float, rate: float, steps: int
) -> np.ndarray:
    """Draw noisy sums along each canary's direction, in clips: the mechanism itself.

    members bool (..., canaries). Returns float64 (steps, ..., canaries).
    """
    shape = (steps, *members.shape)
    return noise * rng.standard_normal(shape) + (members & (rng.random(shape) < rate))


def score_sums(sums: np.ndarray, noise: float, rate: float) -> np.ndarray:
    """Compute the log likelihood ratio of "was in" from noisy sums (steps, ...), in clips.

    noise: the one that is claimed.
    """
    return np.log1p(rate * np.expm1((2 * sums - 1) / (2 * noise**2))).sum(0)


def plan_guesses(claims: Claims, canaries: int, seed: int) -> Plan:
    """Choose guesses and threshold, by simulated canaries: nothing of a run is known to who plans.

    Those that prove most, in the mean, where the claim is just kept, among those that refute it in
    most draws where half of the noise is missing. seed: of the draws.
    """
    rng = np.random.default_rng(seed)

    def draw(share: float) -> list[tuple[np.ndarray, np.ndarray]]:
        drawn = []
        for _ in range(DRAWS):
            members = rng.random(canaries) < 0.5
            noise = share * claims.noise
            sums = simulate_sums(rng, members, noise, claims.rate, claims.steps)
            drawn.append((score_sums(sums, claims.noise, claims.rate), members))
        return drawn

    kept, broken = draw(1.0), draw(BROKEN)
    scores = np.concatenate([each for each, _ in kept])
    plans = [
        Plan(max(1, round(size * canaries)), float(np.quantile(scores, 1 - size))) for size in SIZES
    ]

    def rate_plan(plan: Plan, kind: str) -> tuple[int, float]:
        proofs = [
            [getattr(prove(claims, plan, *one), kind) for one in drawn] for drawn in (broken, kept)
        ]
        return sum(bound > claims.epsilon for bound in proofs[0]), float(np.mean(proofs[1]))

    by_guesses = max(plans, key=lambda plan: rate_plan(plan, "guesses"))
    by_counts = max(plans, key=lambda plan: rate_plan(plan, "counts"))
    return Plan(by_guesses.guesses, by_counts.threshold)


def prove(claims: Claims, plan: Plan, scores: np.ndarray, members: np.ndarray) -> Proof:
    """Say what one run proves: `prove_bounds` with what was planned."""
    return prove_bounds(claims, scores, members, plan.guesses, plan.threshold)
