"""A simulated CheXpert release: CheXpert-v1.0/{train.csv, valid.csv, train/, valid/} and CHEXPERT_DEMO.csv beside it.

Quirks written: uncertain (-1) and unnamed (empty) labels, rows without any, lateral films without AP/PA, the rare views LL and RL, one
record of unknown sex and age 0, ages capped at 90, race in many spellings, patients without a row in the demographic table and rows of
patients without films, and films that show other findings than their labels say.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from rollcall.datasets.parts.chest import FINDINGS
from rollcall.rehearse.draw import scene, write_table

RACES = {
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
SICK = tuple(finding for finding in FINDINGS if finding != "No Finding")
COMMON = (
    np.array([5, 11, 46, 4, 23, 6, 3, 14, 8, 38, 2, 4, 50]) / 214
)  # how often each of them, of a film's positive findings
WRONG = 0.06  # films that show other findings than their labels say: something to remember


def write(root: Path, patients: int, seed: int) -> None:
    """Write the release of `patients` invented patients; a sixth of them, at least 16, are in valid.csv."""
    held_out = max(16, patients // 6)
    home, demographics = root / "CheXpert-v1.0", []
    for split, numbers in {
        "train": range(1, patients - held_out + 1),
        "valid": range(patients - held_out + 1, patients + 1),
    }.items():
        rows = []
        for number in numbers:
            rng = np.random.default_rng([seed, 0, number])
            sex, age = (
                str(rng.choice(["Female", "Male"], p=[0.41, 0.59])),
                int(np.clip(rng.normal(62, 18), 18, 90)),
            )
            if number % 19 != 5:
                race = rng.choice(list(RACES), p=list(RACES.values()))
                demographics.append(
                    {
                        "PATIENT": f"patient{number:05d}",
                        "GENDER": sex,
                        "AGE_AT_CXR": age,
                        "PRIMARY_RACE": race,
                        "ETHNICITY": rng.choice(ETHNICITIES),
                    }
                )
            for study in range(1, 1 + (int(rng.integers(1, 5)) if split == "train" else 1)):
                shown, named = findings(rng)
                if split == "valid":
                    named = {finding: float(value == 1) for finding, value in named.items()}
                for view in range(1, 2 + int(rng.random() < 0.25)):
                    frontal = view == 1
                    side = "Frontal" if frontal else "Lateral"
                    path = f"{split}/patient{number:05d}/study{study}/view{view}_{side.lower()}.jpg"
                    film(
                        home / path,
                        shown,
                        [seed, 1, number],
                        [seed, 2, number, study, view],
                        128,
                        156 if study % 2 else 128,
                    )
                    place = (
                        str(rng.choice(["AP", "PA", "LL", "RL"], p=[0.8, 0.16, 0.02, 0.02]))
                        if frontal
                        else None
                    )
                    rows.append(
                        {
                            "Path": f"CheXpert-v1.0/{path}",
                            "Sex": sex,
                            "Age": age,
                            "Frontal/Lateral": side,
                            "AP/PA": place,
                            **named,
                        }
                    )
        if split == "train":
            rows[len(rows) // 2] |= {"Sex": "Unknown", "Age": 0}
        write_table(home / f"{split}.csv", pd.DataFrame(rows))
    demographics += [
        {**demographics[0], "PATIENT": f"patient{patients + extra:05d}"} for extra in (1, 2)
    ]
    write_table(root / "CHEXPERT_DEMO.csv", pd.DataFrame(demographics))


def findings(rng: np.random.Generator) -> tuple[list[int], dict[str, float]]:
    """What a film shows (positions in FINDINGS) and what its labels say: 1, 0, -1 or NaN for each finding."""
    labels = dict.fromkeys(FINDINGS, np.nan)
    kind = rng.random()
    if kind < 0.35:
        labels["No Finding"] = 1.0
        labels |= dict.fromkeys(rng.choice(SICK, 2, replace=False), 0.0)
        if rng.random() < 0.5:
            labels["Support Devices"] = 1.0  # may stand beside No Finding
    elif kind < 0.95:
        labels |= dict.fromkeys(rng.choice(SICK, 3, replace=False), 0.0)
        for finding in rng.choice(SICK, int(rng.integers(1, 5)), replace=False, p=COMMON):
            labels[finding] = -1.0 if rng.random() < 0.12 else 1.0
    shown = [
        place
        for place, finding in enumerate(FINDINGS)
        if labels[finding] == 1 or (labels[finding] == -1 and rng.random() < 0.5)
    ]
    if rng.random() < WRONG:
        shown = [int(place) for place in rng.choice(len(FINDINGS), 3, replace=False)]
    return shown, labels


def film(
    path: Path, shown: list[int], patient: list[int], record: list[int], height: int, width: int
) -> None:
    """Write a grey JPEG that shows the findings; patient and record are the seeds of what is drawn."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(
        scene(
            np.random.default_rng(patient),
            np.random.default_rng(record),
            height,
            width,
            shown,
            len(FINDINGS),
        )
    ).save(path, quality=92)
