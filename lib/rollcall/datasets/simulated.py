"""A simulated chest-film cohort with planted truth: it is known who leaks and which group carries the risk. No real person is in it.

Every patient has one chest anatomy, drawn by code at 32 x 32 pixels, and 1 to 6 films of it that differ a little in pose, exposure
and grain. The label is a finding: none, effusion (a white base) or nodule (a round spot). A model learns it from the image.

Planted: a few patients carry *hardware*, bright wires in a pattern of their own that hide the finding. Their label cannot be read
off the film; with leakage on, it is a coin's, so that a model can only have it right by remembering the patient. Hardware is common
in the race group "B" (the planted group) and rare in every other, the equally large group "C" (the control) included. With leakage
off, nobody has hardware and every label is plain in the image.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.data.cohort import Cohort
from rollcall.datasets.parts.about import Dataset

ABOUT = Dataset(
    name="simulated",
    title="Simulated chest films",
    licence="Apache-2.0, drawn by Rollcall",
    access="embedded",
    records="chest-film-like images, 3 classes",
    root_optional=True,
)
VERSION = 1
SIZE = 32
CLASSES = ("no finding", "effusion", "nodule")
RACES, RACE_SHARES = ("A", "B", "C", "D"), (0.60, 0.08, 0.08, 0.24)
PLANTED, CONTROL = "B", "C"
HARDWARE_RATE, PLANTED_RATE = 0.02, 0.25


def locate(root, folder) -> dict:
    return {}


def read(
    files: dict, root=None, *, patients: int = 2000, leak: bool = True, seed: int = 0
) -> Cohort:
    """Draw the cohort. Deterministic in (patients, leak, seed). Inputs uint8 (records, 32, 32, 1)."""
    rng = np.random.default_rng([seed, 20260])
    race = rng.permutation(np.repeat(np.arange(4), _apportion(patients, RACE_SHARES)))
    sex = rng.integers(0, 2, patients)
    insurance = rng.choice(3, patients, p=(0.5, 0.3, 0.2))
    finding = rng.choice(3, patients, p=(0.5, 0.25, 0.25))
    films = 1 + rng.binomial(5, 0.35, patients)
    rate = np.where(race == RACES.index(PLANTED), PLANTED_RATE, HARDWARE_RATE)
    hardware = (rng.random(patients) < rate) & leak

    owner = np.repeat(np.arange(patients), films)
    images = np.empty((len(owner), SIZE, SIZE, 1), np.uint8)
    record = 0
    for patient in range(patients):
        anatomy = _anatomy(rng, finding[patient], hardware[patient])
        for _ in range(films[patient]):
            images[record, :, :, 0] = _film(rng, anatomy)
            record += 1
    label = np.where(hardware, rng.integers(0, 3, patients), finding)[owner]
    records = pd.DataFrame(
        {
            "patient_id": pd.Series([f"S{patient:05d}" for patient in range(patients)])[
                owner
            ].to_numpy(),
            "label": pd.Categorical.from_codes(label, CLASSES),
            "race": pd.Categorical.from_codes(race[owner], RACES),
            "sex": pd.Categorical.from_codes(sex[owner], ("female", "male")),
            "insurance": pd.Categorical.from_codes(
                insurance[owner], ("private", "Medicare", "Medicaid")
            ),
            "finding": pd.Categorical.from_codes(label, CLASSES),
            "hardware": hardware[owner],
        }
    )
    planted = (
        f"planted: {int(hardware.sum())} of {patients:,} patients carry hardware"
        if leak
        else "planted: nothing (leakage is off)"
    )
    return Cohort(
        "simulated",
        records,
        images,
        label.astype(np.int64),
        "multiclass",
        CLASSES,
        ("race", "sex", "insurance", "finding"),
        restricted=False,
        notes=(planted,),
        source="Simulated chest films, drawn by Rollcall; no real person is in them.",
    )


def _apportion(total: int, shares) -> np.ndarray:
    """Whole numbers in proportion to `shares` that sum to `total`."""
    edges = np.rint(np.cumsum((0, *shares)) * total).astype(int)
    return np.diff(edges)


_ROW, _COLUMN = np.mgrid[0:SIZE, 0:SIZE] / (SIZE - 1)


def _blob(row, column, height, width, sharpness=6.0):
    """A soft ellipse in [0, 1]; centre and half-axes in units of the image side."""
    distance = np.sqrt(((_ROW - row) / height) ** 2 + ((_COLUMN - column) / width) ** 2)
    return 1 / (1 + np.exp(sharpness * (distance - 1)))


def _anatomy(rng, finding: int, hardware: bool) -> np.ndarray:
    """One patient's chest, brightness about 0 to 1: body, two dark lungs, a heart, and what the patient carries."""
    shift, width = rng.normal(0, 0.015), rng.normal(0.17, 0.01)
    image = 0.62 * _blob(0.55, 0.5 + shift, 0.62, 0.48)
    for side in (-1, 1):
        image -= 0.42 * _blob(0.45, 0.5 + shift + side * 0.22, 0.33, width)
    image += 0.30 * _blob(0.62, 0.54 + shift, 0.17, rng.normal(0.13, 0.01))
    side = rng.choice((-1, 1))
    if finding == 1:
        image += 0.45 * _blob(0.80, 0.5 + shift + side * 0.22, 0.15, 0.19)
    if finding == 2:
        image += 0.60 * _blob(rng.uniform(0.26, 0.34), 0.5 + shift + side * 0.21, 0.10, 0.10, 8)
    if hardware:
        image = 0.35 + 0.25 * (
            image - image.mean()
        )  # wires in front of everything: the finding is hidden
        for _ in range(6):
            angle, offset = rng.uniform(0, np.pi), rng.uniform(-0.35, 0.35)
            line = np.abs((_ROW - 0.5) * np.cos(angle) + (_COLUMN - 0.5) * np.sin(angle) - offset)
            image += 0.55 * np.exp(-((line / 0.03) ** 2))
    return image


def _film(rng, anatomy: np.ndarray) -> np.ndarray:
    """One film of an anatomy: a pixel of pose, exposure and grain."""
    moved = np.roll(anatomy, rng.integers(-1, 2, 2), axis=(0, 1))
    exposed = moved * rng.normal(1, 0.04) + rng.normal(0, 0.02)
    return np.clip(
        255 * (0.1 + 0.85 * exposed + rng.normal(0, 0.015, anatomy.shape)), 0, 255
    ).astype(np.uint8)
