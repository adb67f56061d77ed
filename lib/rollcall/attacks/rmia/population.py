"""What RMIA sets records against: a population, drawn the same in whatever order records come."""

from __future__ import annotations

import numpy as np

from rollcall.stats.sampling import sample_evenly
from rollcall.util.errors import InputError

POPULATION_SIZE = 10_000  # records that every record is set against


def choose_population(scores, population, seed):
    """Return (record numbers in order, False), or (scores of held-out records, True)."""
    if population is None:
        population = sample_evenly(scores, POPULATION_SIZE, seed)
    population = np.asarray(population)
    held_out = population.dtype.kind == "f"
    if not held_out:
        population = np.unique(check_numbers("population", population, scores.shape[1]))
    if held_out and (len(population), *population.shape[2:]) != (len(scores), *scores.shape[2:]):
        raise InputError(
            f"population {population.shape}; expected scores "
            f"{(len(scores), 'Z', *scores.shape[2:])} or record numbers"
        )
    size = count_population(population, held_out)
    if size < 2:
        raise InputError(f"population holds {size} records; expected at least 2")
    return (population.astype(scores.dtype), True) if held_out else (population, False)


def count_population(population, held_out):
    """Return the number of records of a population, as choose_population returns it."""
    return population.shape[1] if held_out else len(population)


def check_numbers(name, numbers, size):
    """Return `numbers` (n,) int; InputError if they are not whole numbers from 0 to size - 1."""
    numbers = np.asarray(numbers)
    if (
        numbers.ndim != 1
        or numbers.dtype.kind not in "iu"
        or not ((numbers >= 0) & (numbers < size)).all()
    ):
        raise InputError(
            f"{name}: {numbers.dtype} {numbers.shape}; expected whole numbers from 0 to {size - 1}"
        )
    return numbers


def compute_belief(scores):
    """Return p of each record's label, (M, C) float64."""
    return np.exp(compute_log_p(scores if scores.ndim == 3 else scores[..., None]))


def compute_log_p(scores):
    """Return log p of each record's label, the sum over labels of log expit. (M, C) float64."""
    return (np.minimum(scores, 0) - np.log1p(np.exp(-np.abs(scores, dtype=np.float64)))).sum(2)
