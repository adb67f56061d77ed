"""A simulated FairVision release: Glaucoma/, DR/ and AMD/, each with ReadMe/data_summary_<disease>.csv and pictures in a folder a use.

Quirks written: a number means another patient in each disease; blank and nearly black pictures; grey and RGB JPEGs; missing ages and
races; an OCT file (here empty) beside each tenth picture, which nothing may open.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from rollcall.rehearse.draw import scene, write_table

HEIGHT, WIDTH = 128, 166  # a quarter of the release's 512 x 664
FOLDERS = {"training": "Training", "validation": "Validation", "test": "Test"}
LABELS = {  # word: (its class of seven, its share)
    "Glaucoma": {"no": (0, 0.52), "yes": (3, 0.48)},
    "DR": {"non-vision threatening dr": (1, 0.91), "vision threatening dr": (2, 0.09)},
    "AMD": {
        "normal": (0, 0.62),
        "early amd": (4, 0.1),
        "intermediate amd": (5, 0.13),
        "late amd": (6, 0.15),
    },
}


def write(root: Path, patients: int, seed: int) -> None:
    """Write the release of `patients` invented patients, a third in each disease, 6 : 1 : 3 in the three uses."""
    for place, (disease, words) in enumerate(LABELS.items()):
        rng = np.random.default_rng([seed, place])
        many = patients // 3 + (place < patients % 3)
        rows = [
            _patient(root, disease, words, number, many, [seed, place, number], rng)
            for number in range(1, many + 1)
        ]
        columns = [
            "filename",
            "age",
            "gender",
            "race",
            "ethnicity",
            "language",
            "maritalstatus",
            *["md"] * (disease == "Glaucoma"),
            disease.lower(),
            "use",
        ]
        write_table(
            root / disease / "ReadMe" / f"data_summary_{disease.lower()}.csv",
            pd.DataFrame(rows)[columns],
        )


def _patient(
    root: Path, disease: str, words: dict, number: int, many: int, seed: list[int], rng
) -> dict:
    word = str(rng.choice(list(words), p=[share for _, share in words.values()]))
    use = "training" if number <= 0.6 * many else "validation" if number <= 0.7 * many else "test"
    shown = (
        words[word][0] if rng.random() > 0.05 else int(rng.integers(0, 7))
    )  # here and there the picture shows another class: something to remember
    picture = scene(
        np.random.default_rng(seed), np.random.default_rng([*seed, 1]), HEIGHT, WIDTH, (shown,), 7
    )
    if number % 10 == 7:  # what the quality filter is for: a flat picture, a black one
        picture = (
            np.full_like(picture, 90) if number % 20 == 7 else (picture > 250).astype(np.uint8)
        )
    folder = root / disease / FOLDERS[use]
    folder.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(picture)
    (image.convert("RGB") if number % 3 else image).save(
        folder / f"slo_fundus_{number:05d}.jpg", quality=92
    )
    if number % 10 == 0:
        (folder / f"data_{number:05d}.npz").write_bytes(b"")
    return {
        "filename": f"data_{number:05d}.npz",
        "age": round(min(max(rng.normal(65, 14), 18.0), 98.0), 2) if rng.random() < 0.97 else None,
        "gender": str(rng.choice(["female", "male"], p=[0.57, 0.43])),
        "race": str(rng.choice(["white", "black", "asian", ""], p=[0.76, 0.13, 0.09, 0.02])),
        "ethnicity": str(rng.choice(["non-hispanic", "hispanic", "unknown"], p=[0.9, 0.05, 0.05])),
        "language": str(rng.choice(["english", "spanish", "others"], p=[0.9, 0.03, 0.07])),
        "maritalstatus": str(
            rng.choice(["marriage or partnered", "single", "divorced", "widowed"])
        ),
        "md": round(float(rng.normal(-4, 5)), 2),
        disease.lower(): word,
        "use": use,
    }
