"""The networks of lesson 1: one hidden layer, trained by gradient descent in numpy.

Many are trained at once, side by side in one array; 64 of them take a few seconds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import logsumexp

from rollcall.report.lessons.clinic.patients import open_clinic

UNITS = 32  # of the hidden layer
RATE = 0.05  # of a step downhill
BATCH = 32  # films a step
EPOCHS = (0, 1, 2, 3, 4, 6, 8, 12)  # after which every film is scored


def train_networks(
    had: np.ndarray, seeds: Sequence[int], epochs: Sequence[int] = EPOCHS
) -> np.ndarray:
    """Train a network for each row of `had`, bool (M, films), on those films of the clinic.

    Returns scores float64 (epochs, M, films), log odds of each film's label after each of `epochs`.
    Networks of one seed begin with the same weights and meet films in the same order and in the
    same batches: a film that one of them has not is left out of its batch there.
    """
    clinic = open_clinic()
    return descend(clinic.inputs, clinic.labels, np.asarray(had), np.asarray(seeds), epochs)


def descend(
    inputs: np.ndarray,
    labels: np.ndarray,
    had: np.ndarray,
    seeds: np.ndarray,
    epochs: Sequence[int] = EPOCHS,
) -> np.ndarray:
    """Train networks on films (N, pixels) with labels (N,), as `train_networks` does."""
    inputs, right = inputs.astype(np.float32), np.eye(3, dtype=np.float32)[labels]
    rngs = [np.random.default_rng(seed) for seed in seeds]
    weights = [np.stack(parts) for parts in zip(*(_draw(rng, inputs) for rng in rngs), strict=True)]
    dealt = np.array([had[seeds == seed].any(0) for seed in seeds])
    scores = []
    for epoch in range(max(epochs) + 1):
        if epoch:
            order, rates = _deal(rngs, dealt, had)
            for start in range(0, order.shape[1], BATCH):
                batch = slice(start, start + BATCH)
                films = order[:, batch]
                _step(inputs[films], right[films], rates[:, batch], weights)
        if epoch in epochs:
            scores.append(_score(inputs, right, weights))
    return np.array(scores)


def _draw(rng: np.random.Generator, inputs: np.ndarray) -> tuple[np.ndarray, ...]:
    """Draw a network's weights: (pixels, units), (1, units), (units, 3), (1, 3)."""
    pixels = inputs.shape[1]
    first = rng.normal(size=(pixels, UNITS)) * np.sqrt(2 / pixels)
    last = rng.normal(size=(UNITS, 3)) / np.sqrt(UNITS)
    parts = (first, np.zeros((1, UNITS)), last, np.zeros((1, 3)))
    return tuple(part.astype(np.float32) for part in parts)


def _deal(rngs, dealt: np.ndarray, had: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Deal each network its films for an epoch: their numbers (M, L), rates (M, L, 1).

    The rate is 0 where a network has not the film, or the last batch is not full.
    """
    length = -(-dealt.sum(1).max() // BATCH) * BATCH
    order = np.zeros((len(had), length), int)
    rates = np.zeros((len(had), length, 1), np.float32)
    for row, (rng, some) in enumerate(zip(rngs, dealt, strict=True)):
        films = rng.permutation(np.flatnonzero(some))
        order[row, : len(films)] = films
        rates[row, : len(films), 0] = RATE / BATCH * had[row, films]
    return order, rates


def _step(x: np.ndarray, right: np.ndarray, rates: np.ndarray, weights: list[np.ndarray]) -> None:
    """Take one step down the loss of a batch, -log p(right), in every network."""
    first, first_bias, last, last_bias = weights
    hidden = np.maximum(x @ first + first_bias, 0)
    p = np.exp(hidden @ last + last_bias)
    pull = (p / p.sum(2, keepdims=True) - right) * rates
    back = (pull @ last.transpose(0, 2, 1)) * (hidden > 0)
    last -= hidden.transpose(0, 2, 1) @ pull
    last_bias -= pull.sum(1, keepdims=True)
    first -= x.transpose(0, 2, 1) @ back
    first_bias -= back.sum(1, keepdims=True)


def _score(inputs: np.ndarray, right: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
    """Return every network's log odds of each film's label, (M, N)."""
    first, first_bias, last, last_bias = weights
    hidden = np.maximum(inputs @ first + first_bias, 0)
    outputs = (hidden @ last + last_bias).astype(np.float64)
    of_right = (outputs * right).sum(2)
    return of_right - logsumexp(np.where(right > 0, -np.inf, outputs), axis=2)
