"""Worst patients for DP-SGD, put beside real ones; and what the noisy sums show of them.

A canary patient has records with one input of its own, large, and nothing else, in a network of one
dense layer. So its gradient has a direction of its own, at right angles to all others', is longer
than the clip in every step, and is cut to it: what the patient adds is known exactly, whenever the
step draws it. No patient can be told more easily; the noise is all that stands before it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from rollcall.data.cohort import Cohort
from rollcall.recipes import Recipe

LARGE = 100.0  # a canary's input, in clips
SQRT_2 = 2**0.5
CANARY = "canary-{}"  # the patient's name


@dataclass(frozen=True)
class Canaries:
    """A cohort with canary patients, and what is known of each.

    patients  their numbers among the cohort's patients, (canaries,)
    columns   the input of each; signs: of its gradient there, +1 or -1
    """

    cohort: Cohort
    patients: np.ndarray
    columns: np.ndarray
    signs: np.ndarray


def insert_canaries(
    X: np.ndarray, y: np.ndarray, groups: np.ndarray, count: int, records: int, clip: float
) -> Canaries:
    """Put canary patients into a table: each with `records` records, all alike.

    X (N, F) numbers, y (N,) of 0 and 1, groups (N,) the patient of each record.
    """
    of_canaries = np.repeat(np.arange(count), records)
    inputs = np.zeros((len(X) + len(of_canaries), X.shape[1] + count), np.float32)
    inputs[: len(X), : X.shape[1]] = X
    inputs[len(X) + np.arange(len(of_canaries)), X.shape[1] + of_canaries] = LARGE * clip
    labels = np.arange(count) % 2
    names = [CANARY.format(number) for number in range(count)]
    cohort = Cohort.of(
        inputs,
        np.r_[np.asarray(y, int), labels[of_canaries]],
        groups=[*map(str, groups), *np.repeat(names, records)],
        name="canaries",
        restricted=False,
    )
    place = {name: number for number, name in enumerate(cohort.patients)}
    return Canaries(
        cohort,
        np.array([place[name] for name in names]),
        X.shape[1] + np.arange(count),
        np.where(labels, 1.0, -1.0),
    )


def linear_recipe(recipe: Recipe) -> Recipe:
    """Return a recipe of the network of one dense layer, the rest as it is."""
    return replace(recipe, model="mlp", settings={"depth": 0})


def watch_training(
    stack, terms: Any, canaries: Canaries, members: np.ndarray, seeds: list[int]
) -> np.ndarray:
    """Train a stack's targets, and keep the noisy sums along each canary's direction, in clips.

    stack: a PrivateStack of the canaries' cohort, terms its terms. members bool (targets,
    patients). Returns float64 (steps, targets, canaries).
    """
    of_records = canaries.cohort.patient_index
    records = [np.flatnonzero(each[of_records]) for each in members]
    weight = next(iter(stack.parameters))
    columns, signs = torch.from_numpy(canaries.columns), canaries.signs
    seen = []

    def watch(sums: dict) -> None:
        along = sums[weight][: len(seeds), :, columns].double().numpy()
        # of two classes: the gradients of their logits are opposite
        along = (along[:, 0] - along[:, 1]) / SQRT_2 if along.shape[1] == 2 else -along[:, 0]
        seen.append(along * signs / terms.clip)

    stack.watch = watch
    for _ in stack.train(records, seeds):
        pass
    return np.array(seen)
