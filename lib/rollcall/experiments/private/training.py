"""Targets that train with canaries, again and again, and what each proves of its own noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np
import pandas as pd

from rollcall.attacks.scores import exact_scores
from rollcall.data.cohort import Cohort
from rollcall.experiments.private.canaries import Canaries, watch_training
from rollcall.experiments.private.claims import Claims, prove_bounds
from rollcall.experiments.private.repeats import Plan, prove, score_sums
from rollcall.recipes import Recipe
from rollcall.training.batches import target_seed
from rollcall.training.layout import Layout
from rollcall.training.private.stack import PrivateStack
from rollcall.training.private.terms import Terms
from rollcall.training.stack import to_device

REAL_GUESSES = 0.1  # of the real patients, whose scores the model itself gives


def repeat_audit(
    canaries: Canaries,
    recipe: Recipe,
    terms: Terms,
    claims: Claims,
    plan: Plan,
    repeats: int,
    share: float = 1.0,
    seed: int = 0,
    progress: Callable[[int], None] = lambda done: None,
) -> pd.DataFrame:
    """Train `repeats` targets, each with coins of its own, and bound the epsilon of each.

    share: of the noise that `terms` claim, which is really added. Returns a row for each repeat and
    kind of canary ("inserted", scored by the noisy sums; "real" patients, by the trained model):
    the columns of claims.Proof, `repeat`, `canaries`. Counts say nothing of real ones, which are
    not independent: NaN.
    """
    cohort, rows = canaries.cohort, []
    weaker = replace(terms, noise_multiplier=share * terms.noise_multiplier)
    layout = Layout(stack=recipe.stack)
    stack = PrivateStack(to_device(cohort), recipe, layout, "float32", weaker)
    is_real = np.ones(len(cohort.patients), bool)
    is_real[canaries.patients] = False
    guesses = max(1, round(REAL_GUESSES * is_real.sum()))
    for first in range(0, repeats, recipe.stack):
        numbers = range(first, min(first + recipe.stack, repeats))
        members = np.array([_toss(seed, number, len(cohort.patients)) for number in numbers])
        seeds = [target_seed(seed, number) for number in numbers]
        sums = watch_training(stack, weaker, canaries, members, seeds)
        for place, number in enumerate(numbers):
            scores = score_sums(sums[:, place], terms.noise_multiplier, terms.rate)
            inside = members[place]
            proof = prove(claims, plan, scores, inside[canaries.patients])
            rows.append(asdict(proof) | _name(number, "inserted", len(scores)))
            scores = score_patients(stack.logits(place)[0], cohort)[is_real]
            proof = prove_bounds(claims, scores, inside[is_real], guesses, np.inf)
            of_real = _name(number, "real", len(scores)) | {"counts": np.nan}
            rows.append(asdict(proof) | of_real)
        progress(len(rows) // 2)
    return pd.DataFrame(rows)


def score_patients(logits: np.ndarray, cohort: Cohort) -> np.ndarray:
    """Return each patient's mean score under one target: (patients,)."""
    scores = exact_scores(logits, cohort.labels, cohort.task)
    index = cohort.patient_index
    return np.bincount(index, weights=scores) / np.bincount(index)


def summarise_repeats(table: pd.DataFrame, claims: Claims) -> pd.DataFrame:
    """Summarise repeats: a row for each kind of canary and bound, against the epsilon claimed.

    Columns: canaries, bound, repeats, median, low, high (5 and 95%), of_claim (the median's share),
    below (repeats whose bound is not above the claim), refuted (those in which it is).
    """
    rows = []
    for kind, one in table.groupby("kind", sort=False):
        for bound in ("steinke", "guesses", "counts"):
            values = one[bound].dropna().to_numpy()
            if not len(values):
                continue
            low, median, high = np.quantile(values, [0.05, 0.5, 0.95])
            refuted = int((values > claims.epsilon).sum())
            rows.append(
                {"canaries": kind, "bound": bound, "repeats": len(values), "median": median}
                | {"low": low, "high": high, "of_claim": median / claims.epsilon}
                | {"below": len(values) - refuted, "refuted": refuted}
            )
    return pd.DataFrame(rows)


def _toss(seed: int, number: int, patients: int) -> np.ndarray:
    return np.random.default_rng([seed, number, 7]).random(patients) < 0.5


def _name(number: int, kind: str, canaries: int) -> dict:
    return {"repeat": number, "kind": kind, "canaries": canaries}
