"""Models trained on any sets of patients in this process, for what pairs do not answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from rollcall.attacks.scores import exact_scores
from rollcall.data.cohort import Cohort
from rollcall.recipes import Recipe
from rollcall.util.errors import InputError


def train_models(
    cohort: Cohort,
    recipe: Recipe,
    members: np.ndarray,
    seed: int = 0,
    progress: Callable[[float], None] = lambda fraction: None,
) -> np.ndarray:
    """Train a model on each set of patients; return scores of all records, float32 (M, N[, L]).

    members bool (M, P); seed: of model m's weights and order of records, with m. Each takes as many
    passes over its records as the recipe's targets take over theirs. progress: called with the
    fraction that is done.
    """
    return np.array(list(iterate_models(cohort, recipe, members, seed, progress)))


def iterate_models(
    cohort: Cohort,
    recipe: Recipe,
    members: np.ndarray,
    seed: int = 0,
    progress: Callable[[float], None] = lambda fraction: None,
) -> Iterator[np.ndarray]:
    """Yield the scores of one model after another, as train_models; on the CPU, in one process."""
    from rollcall.training.batches import target_seed
    from rollcall.training.private.terms import find_terms
    from rollcall.training.stack import to_device
    from rollcall.training.trainer import Trainer

    members = np.asarray(members)
    if members.dtype != bool or members.shape[1:] != (len(cohort.patients),):
        raise InputError(
            f"members is {members.dtype} {members.shape}; expected bool (models, "
            f"{len(cohort.patients)})"
        )
    of_records = members[:, cohort.patient_index] & cohort.trainable
    # of the records; a recipe's targets have half of them
    share = float(of_records.mean() / cohort.trainable.mean())
    terms = find_terms(recipe, cohort, share) if recipe.private else None
    recipe = replace(recipe, epochs=max(1, round(2 * share * recipe.epochs)))
    trainer = Trainer(to_device(cohort), recipe, terms=terms)
    records = [np.flatnonzero(row) for row in of_records]
    seeds = [target_seed(seed, number) for number in range(len(members))]
    for logits, _ in trainer.train(records, seeds, progress):
        yield exact_scores(logits, cohort.labels, cohort.task)
