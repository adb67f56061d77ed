"""The clinic of the lessons: simulated patients, one of whom is followed, and models in numpy.

Nothing is loaded and nothing is cached on disk: 128 models are trained in about a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import logsumexp

from rollcall.datasets import simulated
from rollcall.stats.members import draw_members
from rollcall.stats.rank import average_ranks

PATIENTS, MODELS, UNITS = 1000, 128, 256
FILMS_OF_HERS = 4
PENALTY = 0.3  # of the ridge regression
SHARPNESS = 4.0  # of the softmax over its outputs
SIDE = 16  # pixels of a film as the models see it


@dataclass(frozen=True)
class Clinic:
    """Simulated patients and their films.

    films (N, 32, 32) uint8; inputs (N, 256) float64, small films as the models see them; labels
    (N,); owner (N,), the patient of each film; race, sex, finding (P,) of str; hardware (P,) bool;
    her and twin: numbers of two patients.
    """

    films: np.ndarray
    inputs: np.ndarray
    labels: np.ndarray
    owner: np.ndarray
    race: np.ndarray
    sex: np.ndarray
    finding: np.ndarray
    hardware: np.ndarray
    her: int
    twin: int

    def films_of(self, patient: int) -> np.ndarray:
        """Return the numbers of a patient's films."""
        return np.flatnonzero(self.owner == patient)


@cache
def open_clinic(patients: int = PATIENTS, seed: int = 0) -> Clinic:
    """Draw the cohort `simulated`, and choose her and her twin by the seed.

    She is a woman of group B with hardware and four films; her twin a woman of group C with as many
    films and the same recorded finding, but without hardware.
    """
    cohort = simulated.read({}, patients=patients, seed=seed)
    table = cohort.records
    first = table.groupby("patient_id", sort=False, observed=True).first()
    owner = table["patient_id"].factorize()[0]
    films = np.asarray(cohort.inputs)[..., 0]
    fold = films.shape[1] // SIDE
    small = films.reshape(-1, SIDE, fold, SIDE, fold).mean((2, 4)).reshape(len(films), -1)
    inputs = (small - small.mean(0)) / small.std()
    women = (first["sex"] == "female") & (np.bincount(owner) == FILMS_OF_HERS)
    rng = np.random.default_rng(seed)
    her = rng.choice(np.flatnonzero(women & (first["race"] == "B") & first["hardware"]))
    alike = first["finding"] == first["finding"].iloc[her]
    twin = rng.choice(np.flatnonzero(women & alike & (first["race"] == "C") & ~first["hardware"]))
    columns = (first[name].astype(str).to_numpy() for name in ("race", "sex", "finding"))
    hardware = first["hardware"].to_numpy()
    return Clinic(films, inputs, cohort.labels, owner, *columns, hardware, int(her), int(twin))


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
    outputs = SHARPNESS * hidden @ weights
    right = np.arange(3) == labels[:, None]
    return outputs[right] - logsumexp(outputs[~right].reshape(-1, 2), axis=1)


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
    clinic = open_clinic(patients)
    members = draw_members(models, patients, seed)
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


def auc_over_models(statistic: np.ndarray, had: np.ndarray) -> np.ndarray:
    """Return for each column the AUC over models: with against without. (M, C) each, to (C,)."""
    ranks, n = average_ranks(statistic.T).T, had.sum(0)
    return ((ranks * had).sum(0) - n * (n + 1) / 2) / (n * (len(had) - n))


def redraw(members: np.ndarray, seed: int) -> np.ndarray:
    """Toss a coin for each patient and pair of models over which of the two had the patient."""
    coins = np.random.default_rng(seed).random((len(members) // 2, members.shape[1])) < 0.5
    return members ^ coins.repeat(2, axis=0)


def name_patients(p: np.ndarray, rate: float = 0.05) -> np.ndarray:
    """Name patients at a false-discovery rate, bool, by their p-values.

    Source: Benjamini and Hochberg, J. R. Stat. Soc. B 1995.
    """
    order = np.sort(p)
    passed = np.flatnonzero(order <= rate * np.arange(1, len(p) + 1) / len(p))
    return p <= (order[passed[-1]] if len(passed) else -1)


def sum_by_patient(values: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Sum over each patient's films, (M, N) to (M, P)."""
    return np.add.reduceat(values, np.flatnonzero(np.diff(owner, prepend=-1)), axis=1)


def maximum_by_patient(values: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Take the maximum over each patient's films, (M, N) to (M, P)."""
    return np.maximum.reduceat(values, np.flatnonzero(np.diff(owner, prepend=-1)), axis=1)
