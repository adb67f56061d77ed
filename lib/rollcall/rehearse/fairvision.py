"""Write a simulated FairVision release.

    {Glaucoma,DR,AMD}/ReadMe/data_summary_<disease>.csv
    {Glaucoma,DR,AMD}/{Training,Validation,Test}/slo_fundus_00001.jpg

Quirks written: a number means another patient in each disease; blank and nearly black images; grey
and RGB JPEGs; missing ages and races; an OCT file (here empty) beside each tenth image, which
nothing may open.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from rollcall.rehearse.drawing import draw_scene, write_table

HEIGHT, WIDTH = 128, 166  # a quarter of the release's 512 x 664
FOLDERS = {"training": "Training", "validation": "Validation", "test": "Test"}
LABELS = {  # disease: word: (its class of seven, its share)
    "Glaucoma": {"no": (0, 0.52), "yes": (3, 0.48)},
    "DR": {"non-vision threatening dr": (1, 0.91), "vision threatening dr": (2, 0.09)},
    "AMD": {
        "normal": (0, 0.62),
        "early amd": (4, 0.1),
        "intermediate amd": (5, 0.13),
        "late amd": (6, 0.15),
    },
}
CLASSES = 7
WRONG_SHARE = 0.05  # of images that show another class than their label: something to remember
PERSON = ("filename", "age", "gender", "race", "ethnicity", "language", "maritalstatus")  # columns


def write(root: Path, patients: int, seed: int) -> None:
    """Write the release of `patients` invented patients.

    A third of them have each disease, 6 : 1 : 3 in training, validation and test.
    """
    for position, disease in enumerate(LABELS):
        rng = np.random.default_rng([seed, position])
        count = patients // 3 + (1 if position < patients % 3 else 0)
        rows = [
            _write_patient(root, rng, disease, number, count, [seed, position, number])
            for number in range(1, count + 1)
        ]
        measured = ["md"] if disease == "Glaucoma" else []
        columns = [*PERSON, *measured, disease.lower(), "use"]
        path = root / disease / "ReadMe" / f"data_summary_{disease.lower()}.csv"
        write_table(path, pd.DataFrame(rows)[columns])


def _write_patient(
    root: Path, rng: np.random.Generator, disease: str, number: int, count: int, seed: list[int]
) -> dict:
    """Write the image of patient `number` of `count`, and return the row."""
    words = LABELS[disease]
    word = str(rng.choice(list(words), p=[share for _, share in words.values()]))
    use = "test"
    if number <= 0.7 * count:
        use = "training" if number <= 0.6 * count else "validation"
    shown = words[word][0] if rng.random() > WRONG_SHARE else int(rng.integers(0, CLASSES))
    folder = root / disease / FOLDERS[use]
    folder.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(_draw_fundus(number, shown, seed))
    if number % 3:
        image = image.convert("RGB")
    image.save(folder / f"slo_fundus_{number:05d}.jpg", quality=92)
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


def _draw_fundus(number: int, shown: int, seed: list[int]) -> np.ndarray:
    """Draw an image that shows a class; a tenth are flat or black, for the quality filter."""
    patient_rng, record_rng = np.random.default_rng(seed), np.random.default_rng([*seed, 1])
    image = draw_scene(patient_rng, record_rng, HEIGHT, WIDTH, (shown,), CLASSES)
    if number % 20 == 7:
        return np.full_like(image, 90)
    if number % 20 == 17:
        return (image > 250).astype(np.uint8)
    return image
