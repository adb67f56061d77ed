"""The models of the lessons, in numpy: 128 of them are trained in about a second.

Nothing is loaded and nothing is cached on disk.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from rollcall.report.lessons.clinic.patients import PATIENTS, SIDE, Clinic, open_clinic
from rollcall.stats.members import draw_members

MODELS, UNITS = 128, 256
PENALTY = 0.3  # of the ridge regression
SHARPNESS = 4.0  # of the softmax over its outputs


def draw_units(inputs: np.ndarray, units: int, seed: int = 0) -> np.ndarray:
    """Return the hidden layer of a network whose first layer is random, (N, units + 1).

    Its last column is 1.
    """
    rng = np.random.default_rng([seed, units])
    weights = rng.normal(size=(inputs.shape[1], units)) / SIDE
    hidden = np.maximum(inputs @ weights + 0.3 * rng.normal(size=units), 0)
    return np.column_stack([hidden, np.ones(len(hidden))])


def sum_products(hidden: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return what a ridge regression needs to know of its data, (units + 1, units + 1 + 3).

    The products of the units with each other and with the labels: those of two halves add up.
    """
    return hidden.T @ np.column_stack([hidden, np.eye(3)[labels]])


def solve(products: np.ndarray, penalty: float) -> np.ndarray:
    """Return the ridge regression's weights, (units + 1, 3), from sum_products."""
    units = len(products)
    return np.linalg.solve(products[:, :units] + penalty * np.eye(units), products[:, units:])


def fit(hidden: np.ndarray, labels: np.ndarray, penalty: float = PENALTY) -> np.ndarray:
    """Train one model: the last layer, (units + 1, 3), by ridge regression on the labels."""
    return solve(sum_products(hidden, labels), penalty)


def score(hidden: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return a model's log odds of each film's recorded label, (N,)."""
    outputs = hidden @ (SHARPNESS * weights)
    right = np.arange(3) == labels[:, None]
    return outputs[right] - np.logaddexp(*outputs[~right].reshape(-1, 2).T)


@cache
def train(
    models: int = MODELS,
    units: int = UNITS,
    penalty: float = PENALTY,
    patients: int = PATIENTS,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Train `models` models, each on a random half of the patients of the clinic.

    Returns scores float64 (models, films), log odds of each film's label, and members bool (models,
    patients). Models 2i and 2i+1 have complementary halves.
    """
    return train_on(open_clinic(patients), models, units, penalty, seed)


def train_on(
    clinic: Clinic,
    models: int = MODELS,
    units: int = UNITS,
    penalty: float = PENALTY,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Train models on random halves of the patients of any clinic: scores, members as `train`."""
    members = draw_members(models, len(clinic.race), seed)
    hidden, labels = draw_units(clinic.inputs, units, seed), clinic.labels
    everything = sum_products(hidden, labels)
    scores = np.empty((models, len(labels)))
    for model in range(0, models, 2):
        had = members[model, clinic.owner]
        half = sum_products(hidden[had], labels[had])
        scores[model] = score(hidden, labels, solve(half, penalty))
        scores[model + 1] = score(hidden, labels, solve(everything - half, penalty))
    return scores, members


def accuracy(scores: np.ndarray, had: np.ndarray) -> float:
    """Return the share of films that models have not seen and get right, scores (M, N)."""
    return float((scores > 0)[~had].mean())
