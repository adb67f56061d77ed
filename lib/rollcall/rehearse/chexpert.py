"""Write a simulated CheXpert release.

    CheXpert-v1.0/{train.csv, valid.csv, train/, valid/} and CHEXPERT_DEMO.csv beside it

Quirks written: uncertain (-1) and unnamed (empty) labels, rows without any, lateral films without
AP/PA, the rare views LL and RL, one record of unknown sex and age 0, ages capped at 90, race in
many spellings, patients without a row in the demographic table and rows of patients without films,
and films that show other findings than their labels say.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.rehearse.chest import draw_findings, write_film
from rollcall.rehearse.drawing import write_table

RACES = {  # as written: its share
    "White": 0.3,
    "White, non-Hispanic": 0.2,
    "Black or African American": 0.08,
    "Black, non-Hispanic": 0.05,
    "Asian": 0.08,
    "Asian, non-Hispanic": 0.05,
    "Other": 0.06,
    "White or Caucasian": 0.02,
    "Other, Hispanic": 0.05,
    "Native Hawaiian or Other Pacific Islander": 0.02,
    "Unknown": 0.04,
    "Race and Ethnicity Unknown": 0.02,
    "Patient Refused": 0.01,
    "": 0.02,
}
ETHNICITIES = ("Non-Hispanic/Non-Latino", "Hispanic/Latino", "Unknown", "Not Hispanic")
VIEWS = {"AP": 0.8, "PA": 0.16, "LL": 0.02, "RL": 0.02}  # of frontal films: their shares
MIN_TEST_PATIENTS = 16


def write(root: Path, patients: int, seed: int) -> None:
    """Write the release of `patients` invented patients.

    A sixth of them, at least MIN_TEST_PATIENTS, are in valid.csv.
    """
    home = root / "CheXpert-v1.0"
    first_test = patients - max(MIN_TEST_PATIENTS, patients // 6) + 1
    splits = {"train": range(1, first_test), "valid": range(first_test, patients + 1)}
    demographics = []
    for split, numbers in splits.items():
        rows = []
        for number in numbers:
            rng = np.random.default_rng([seed, 0, number])
            sex = str(rng.choice(["Female", "Male"], p=[0.41, 0.59]))
            age = int(np.clip(rng.normal(62, 18), 18, 90))
            if number % 19 != 5:
                demographics.append(_demographic_row(rng, number, sex, age))
            person = {"Sex": sex, "Age": age}
            rows += _write_films(home, split, number, person, seed, rng)
        if split == "train":
            rows[len(rows) // 2] |= {"Sex": "Unknown", "Age": 0}
        write_table(home / f"{split}.csv", pd.DataFrame(rows))
    demographics += [  # of patients without films
        {**demographics[0], "PATIENT": f"patient{patients + extra:05d}"} for extra in (1, 2)
    ]
    write_table(root / "CHEXPERT_DEMO.csv", pd.DataFrame(demographics))


def _demographic_row(rng: np.random.Generator, number: int, sex: str, age: int) -> dict:
    return {
        "PATIENT": f"patient{number:05d}",
        "GENDER": sex,
        "AGE_AT_CXR": age,
        "PRIMARY_RACE": rng.choice(list(RACES), p=list(RACES.values())),
        "ETHNICITY": rng.choice(ETHNICITIES),
    }


def _write_films(
    home: Path, split: str, number: int, person: dict, seed: int, rng: np.random.Generator
) -> list[dict]:
    """Write all films of one patient and return their rows."""
    rows = []
    studies = int(rng.integers(1, 5)) if split == "train" else 1
    for study in range(1, studies + 1):
        shown, labels = draw_findings(rng)
        if split == "valid":  # read by radiologists: nothing is uncertain or unnamed
            labels = {finding: float(value == 1) for finding, value in labels.items()}
        views = 2 if rng.random() < 0.25 else 1
        for view in range(1, views + 1):
            frontal = view == 1
            side = "Frontal" if frontal else "Lateral"
            path = f"{split}/patient{number:05d}/study{study}/view{view}_{side.lower()}.jpg"
            write_film(
                home / path,
                shown,
                patient_seed=[seed, 1, number],
                record_seed=[seed, 2, number, study, view],
                height=128,
                width=156 if study % 2 else 128,
            )
            projection = str(rng.choice(list(VIEWS), p=list(VIEWS.values()))) if frontal else None
            rows.append(
                {
                    "Path": f"CheXpert-v1.0/{path}",
                    **person,
                    "Frontal/Lateral": side,
                    "AP/PA": projection,
                    **labels,
                }
            )
    return rows
