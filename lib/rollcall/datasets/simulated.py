"""Simulated chest films with planted truth: it is known who leaks and which group carries the risk.

Publisher: Rollcall; the images are drawn by code, and no real person is in them. Access: embedded.
The unit is the patient.

Every patient has one chest anatomy, drawn at 32 x 32 pixels, and 1 to 6 films of it that differ a
little in pose, exposure and grain. The label is a finding: none, effusion (a white base) or nodule
(a round spot). A model learns it from the image.

Planted: a few patients carry *hardware*, bright wires in a pattern of their own that hide the
finding. Their label cannot be read off the film. With leakage on it is drawn at random, so that a
model can only have it right by remembering the patient. Hardware is common in the race group "B"
(the planted group) and rare in every other, the equally large group "C" (the control) included.
With leakage off, nobody has hardware and every label is plain in the image. With `changing` the
label of hardware is drawn for each film: whoever remembers an earlier one is wrong about a later.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.data.arrays.times import ORDER
from rollcall.data.cohort import Cohort
from rollcall.datasets.parts.about import Dataset
from rollcall.util.errors import InputError

ABOUT = Dataset(
    name="simulated",
    title="Simulated chest films",
    licence="Apache-2.0, drawn by Rollcall",
    access="embedded",
    records="chest-film-like images, 3 classes",
    root_optional=True,
)
VERSION = 2
SIDE = 32  # pixels
CLASSES = ("no finding", "effusion", "nodule")
RACES, RACE_SHARES = ("A", "B", "C", "D"), (0.60, 0.08, 0.08, 0.24)
SEXES = ("female", "male")
INSURANCES, INSURANCE_SHARES = ("private", "Medicare", "Medicaid"), (0.5, 0.3, 0.2)
PLANTED, CONTROL = "B", "C"
HARDWARE_RATE, PLANTED_RATE = 0.02, 0.25


def locate(root, folder) -> dict:
    """Return no files: there is no release."""
    return {}


def read(
    files: dict,
    root=None,
    *,
    patients: int = 2000,
    leak: bool = True,
    changing: bool = False,
    seed: int = 0,
) -> Cohort:
    """Draw the cohort; the same (patients, leak, changing, seed) give the same one.

    Inputs uint8 (records, 32, 32, 1), labels int64 (records,).
    """
    for name, value, least in (("patients", patients, 1), ("seed", seed, 0)):
        if value < least:
            raise InputError(f"option {name}={value}: expected {least} or more")
    rng = np.random.default_rng([seed, 20260])
    race = rng.permutation(np.repeat(np.arange(4), _apportion(patients, RACE_SHARES)))
    sex = rng.integers(0, 2, patients)
    insurance = rng.choice(3, patients, p=INSURANCE_SHARES)
    finding = rng.choice(3, patients, p=(0.5, 0.25, 0.25))
    films = (1 + rng.binomial(5, 0.35, patients)).astype(np.intp)
    rate = np.where(race == RACES.index(PLANTED), PLANTED_RATE, HARDWARE_RATE)
    hardware = (rng.random(patients) < rate) & leak

    owner = np.repeat(np.arange(patients), films)  # (records,) patient of each
    images = np.empty((len(owner), SIDE, SIDE, 1), np.uint8)
    record = 0
    for patient in range(patients):
        anatomy = _draw_anatomy(rng, finding[patient], hardware[patient])
        for _ in range(films[patient]):
            images[record, :, :, 0] = _draw_film(rng, anatomy)
            record += 1
    label = np.where(hardware, rng.integers(0, 3, patients), finding)[owner]
    if changing:
        label = np.where(hardware[owner], rng.integers(0, 3, len(owner)), label)
    names = np.array([f"S{patient:05d}" for patient in range(patients)], dtype=object)
    records = pd.DataFrame(
        {
            "patient_id": names[owner],
            "label": pd.Categorical.from_codes(label, CLASSES),
            "race": pd.Categorical.from_codes(race[owner], RACES),
            "sex": pd.Categorical.from_codes(sex[owner], SEXES),
            "insurance": pd.Categorical.from_codes(insurance[owner], INSURANCES),
            "finding": pd.Categorical.from_codes(label, CLASSES),
            "hardware": hardware[owner],
            ORDER: np.arange(len(owner)) - (np.cumsum(films) - films)[owner],
        }
    )
    planted = "planted: nothing (leakage is off)"
    if leak:
        planted = f"planted: {int(hardware.sum())} of {patients:,} patients carry hardware"
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
    """Divide `total` into whole numbers in proportion to `shares`."""
    edges = np.rint(np.cumsum((0, *shares)) * total).astype(int)
    return np.diff(edges)


_ROW, _COLUMN = np.mgrid[0:SIDE, 0:SIDE] / (SIDE - 1)  # from 0 to 1


def _draw_blob(row, column, height, width, sharpness=6.0):
    """Draw a soft ellipse in [0, 1]; centre and half-axes in units of the image's side."""
    distance = np.sqrt(((_ROW - row) / height) ** 2 + ((_COLUMN - column) / width) ** 2)
    return 1 / (1 + np.exp(sharpness * (distance - 1)))


def _draw_anatomy(rng, finding: int, hardware: bool) -> np.ndarray:
    """Draw one patient's chest: body, two dark lungs, a heart, the finding, hardware.

    Float (32, 32), brightness about 0 to 1.
    """
    shift, width = rng.normal(0, 0.015), rng.normal(0.17, 0.01)
    image = 0.62 * _draw_blob(0.55, 0.5 + shift, 0.62, 0.48)
    for side in (-1, 1):
        image -= 0.42 * _draw_blob(0.45, 0.5 + shift + side * 0.22, 0.33, width)
    image += 0.30 * _draw_blob(0.62, 0.54 + shift, 0.17, rng.normal(0.13, 0.01))
    side = rng.choice((-1, 1))
    if finding == 1:
        image += 0.45 * _draw_blob(0.80, 0.5 + shift + side * 0.22, 0.15, 0.19)
    if finding == 2:
        image += 0.60 * _draw_blob(
            rng.uniform(0.26, 0.34), 0.5 + shift + side * 0.21, 0.10, 0.10, 8
        )
    if hardware:
        # wires in front of everything: the finding is hidden
        image = 0.35 + 0.25 * (image - image.mean())
        for _ in range(6):
            angle, offset = rng.uniform(0, np.pi), rng.uniform(-0.35, 0.35)
            line = np.abs((_ROW - 0.5) * np.cos(angle) + (_COLUMN - 0.5) * np.sin(angle) - offset)
            image += 0.55 * np.exp(-((line / 0.03) ** 2))
    return image


def _draw_film(rng, anatomy: np.ndarray) -> np.ndarray:
    """Draw one film of an anatomy, as uint8: moved by up to a pixel, with exposure and grain."""
    moved = np.roll(anatomy, rng.integers(-1, 2, 2), axis=(0, 1))
    exposed = moved * rng.normal(1, 0.04) + rng.normal(0, 0.02)
    film = 255 * (0.1 + 0.85 * exposed + rng.normal(0, 0.015, anatomy.shape))
    return np.clip(film, 0, 255).astype(np.uint8)
