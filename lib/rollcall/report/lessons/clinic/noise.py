"""Models with differential privacy: sums over clipped films or patients, with noise, released once.

All that a ridge regression knows of its patients are sums (models.sum_products). What one unit adds
to them, a film or all films of a patient, is made as long as CLIP where it is longer; then every
number gets Gaussian noise, fresh for each model. A model is made of its noisy sums alone, so
whatever is promised of these holds for it. Neighbours differ in one unit added or removed.

Sources: Vu & Slavkovic, ICDM Workshops 2009 (noisy sums); Balle & Wang, ICML 2018 (what a noise
promises, exactly).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtr

from rollcall.report.lessons.clinic.models import MODELS, PENALTY, draw_units, score, solve
from rollcall.report.lessons.clinic.parts import resize
from rollcall.report.lessons.clinic.patients import PATIENTS, Clinic
from rollcall.stats.members import draw_members

FEW = 64  # units: the fewer, the fewer numbers get noise
ORDINARY = 3.4  # length of an ordinary film's units, in another clinic
CLIP = 2**0.5  # what a film of that length adds, in length
DELTA = 1e-5
NOISE_SEED = 6


def promise_delta(epsilon: float, noise: float, films: int = 1) -> float:
    """Return the delta at which noisy sums promise epsilon to a unit, or to `films` of them.

    noise: its standard deviation over the clip. Exact (Balle & Wang 2018, theorem 8).
    """
    apart = films / noise
    near, far = apart / 2 - epsilon / apart, -apart / 2 - epsilon / apart
    return float(ndtr(near) - np.exp(epsilon + log_ndtr(far)))


def find_noise(epsilon: float, delta: float = DELTA) -> float:
    """Return the least noise, over the clip, that promises (epsilon, delta) to a unit."""
    return float(brentq(lambda noise: promise_delta(epsilon, noise) - delta, 1e-3, 1e5))


def find_epsilon(noise: float, films: int = 1, delta: float = DELTA) -> float:
    """Return the epsilon at delta of noisy sums, for a unit or for `films` of them."""
    return float(brentq(lambda each: promise_delta(each, noise, films) - delta, 0, 1e6))


def scale_units(clinic: Clinic) -> np.ndarray:
    """Return few units of each film, (N, FEW + 1), an ordinary film's about 1 long."""
    return draw_units(clinic.inputs, FEW) / ORDINARY


def measure_lengths(hidden: np.ndarray, labels: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Return how long each unit's part of the sums is, (units,); unit (N,): that of each film.

    Without forming it: of films i, j of a unit the products of units, and of labels, are added up.
    """
    squares = []
    for films in np.split(np.arange(len(unit)), np.flatnonzero(np.diff(unit)) + 1):
        alike = hidden[films] @ hidden[films].T
        same = labels[films][:, None] == labels[films]
        squares.append((alike * (alike + same)).sum())
    return np.sqrt(squares)


def release(
    unit: str, noise: float, patients: int = PATIENTS, seed: int = NOISE_SEED
) -> tuple[np.ndarray, np.ndarray]:
    """Release the noisy sums of each model, (models, FEW + 1, FEW + 4), and the members.

    unit: "record" or "patient", whose part is clipped. noise: over the clip; 0: clips only.
    """
    exact, members = _sum_clipped(unit, patients)
    rng = np.random.default_rng([seed, unit == "patient"])
    return exact + noise * CLIP * rng.normal(size=exact.shape), members


def train_on_sums(sums: np.ndarray, noise: float, clinic: Clinic) -> np.ndarray:
    """Train a model of each of the noisy sums: scores of every film, (models, N).

    The penalty grows with the noise, which alone decides it.
    """
    hidden = scale_units(clinic)
    units = hidden.shape[1]
    penalty = PENALTY / ORDINARY**2 + 2 * noise * CLIP * units**0.5
    scores = []
    for each in sums:
        products = (each[:, :units] + each[:, :units].T) / 2
        weights = solve(np.column_stack([products, each[:, units:]]), penalty)
        scores.append(score(hidden, clinic.labels, weights))
    return np.array(scores)


@cache
def _sum_clipped(unit: str, patients: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the sums of each model over clipped units, and the members."""
    clinic = resize(patients)
    members = draw_members(MODELS, patients, 0)
    hidden, films = scale_units(clinic), np.arange(len(clinic.owner))
    unit_of = clinic.owner if unit == "patient" else films
    lengths = measure_lengths(hidden, clinic.labels, unit_of)
    clipped = hidden * np.minimum(1, CLIP / lengths)[unit_of][:, None]
    both = np.column_stack([hidden, np.eye(3)[clinic.labels]])
    return np.array([clipped[had].T @ both[had] for had in members[:, clinic.owner]]), members
