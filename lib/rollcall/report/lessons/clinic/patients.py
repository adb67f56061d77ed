"""The patients of the lessons: simulated, one of whom is followed, with her twin."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from rollcall.datasets import simulated

PATIENTS = 1000
FILMS_OF_HERS = 4
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
