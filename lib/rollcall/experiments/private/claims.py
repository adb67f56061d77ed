"""What could be claimed of a training, more or less noise, and which of it a run refutes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np

from rollcall.stats.accounting.ceilings import Ceiling, draw_curve
from rollcall.stats.accounting.one_run import (
    CONFIDENCE,
    bound_epsilon,
    refutes_by_counts,
    refutes_by_guesses,
)
from rollcall.stats.accounting.sampled_gaussian import refine_losses

# of the noise that is claimed; 1 is the claim itself, others say by how much a run proves less
SHARES = (0.5, 0.7, 0.9, 0.97, 1.0, 1.05, 1.1, 1.15, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2.0, 3.0)


@dataclass(frozen=True)
class Claims:
    """Trainings of the same steps at the same rate with several noises, from least to most.

    epsilons  of each at `delta`, falling; curves: what an attack can reach at most
    claimed   which of them is claimed
    """

    noises: tuple[float, ...]
    epsilons: tuple[float, ...]
    curves: tuple[Ceiling, ...]
    delta: float
    rate: float
    steps: int
    claimed: int

    @property
    def epsilon(self) -> float:
        """The epsilon that is claimed."""
        return self.epsilons[self.claimed]

    @property
    def noise(self) -> float:
        """The noise that is claimed."""
        return self.noises[self.claimed]

    def find_bound(self, refutes) -> float:
        """Return the largest epsilon of a claim that `refutes(curve)` says is refuted; 0: none."""
        for epsilon, curve in zip(self.epsilons, self.curves, strict=True):
            if refutes(curve.find_fpr):
                return epsilon
        return 0.0


@dataclass(frozen=True)
class Proof:
    """Lower bounds of the epsilon at the claims' delta that one run proves; 0 where it does none.

    steinke: of (epsilon, delta) alone; guesses: of the mechanism's curve; counts: of the curve, if
    canaries are independent. right of `guessed`; hits, alarms above the threshold.
    """

    steinke: float
    guesses: float
    counts: float
    right: int
    guessed: int
    hits: int
    alarms: int


def make_claims(
    noise: float, delta: float, rate: float, steps: int, shares: tuple[float, ...] = SHARES
) -> Claims:
    """Make the claims around a noise: each takes a second.

    noise, delta, rate, steps as rollcall.stats.accounting.compute_epsilon's. shares: rising, with 1
    among them.
    """

    def ask(losses) -> float:
        return losses.get_epsilon_for_delta(delta)

    find = partial(refine_losses, rate=rate, steps=steps, ask=ask)
    noises = tuple(noise * share for share in shares)
    losses = [find(each) for each in noises]
    return Claims(
        noises,
        tuple(float(ask(each)) if each else math.inf for each in losses),
        tuple(draw_curve(each) for each in losses),
        delta,
        rate,
        steps,
        shares.index(1.0),
    )


def prove_bounds(
    claims: Claims,
    scores: np.ndarray,
    members: np.ndarray,
    guesses: int,
    threshold: float,
    confidence: float = CONFIDENCE,
) -> Proof:
    """Bound the epsilon of one run, from canaries' scores and whether each was in.

    scores (canaries,), higher = more like a member; members bool (canaries,), by fair coins of
    their own. guesses, threshold: chosen before (`repeats.plan_guesses`).
    """
    top = np.argsort(-scores, kind="stable")[:guesses]
    right, canaries = int(members[top].sum()), len(members)
    is_above = scores > threshold
    hits, alarms = int((is_above & members).sum()), int((is_above & ~members).sum())
    inside = int(members.sum())

    def by_guesses(find_fpr) -> bool:
        return refutes_by_guesses(right, guesses, canaries, find_fpr, confidence)

    def by_counts(find_fpr) -> bool:
        return refutes_by_counts(hits, inside, alarms, canaries - inside, find_fpr, confidence)

    return Proof(
        bound_epsilon(right, guesses, canaries, claims.delta, confidence),
        claims.find_bound(by_guesses),
        claims.find_bound(by_counts),
        right,
        guesses,
        hits,
        alarms,
    )
