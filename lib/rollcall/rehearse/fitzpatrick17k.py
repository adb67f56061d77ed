"""A simulated Fitzpatrick17k: fitzpatrick17k.csv and images/<md5hash>.jpg.

Quirks written: unknown skin types (-1), addresses that are empty or hold a comma, images that were never sent, the three radiographs that
are to be left out, `qc` filled for few rows, pictures of many sizes and some in grey, and pictures that show another class than their label.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from rollcall.datasets.fitzpatrick17k import CHECKED, CLASSES, RADIOGRAPHS
from rollcall.rehearse.draw import scene, write_table

LABELS = {  # nine-partition label: (three-partition label, conditions)
    "inflammatory": ("non-neoplastic", ("psoriasis", "lichen planus", "folliculitis")),
    "genodermatoses": ("non-neoplastic", ("ichthyosis vulgaris",)),
    "malignant epidermal": ("malignant", ("squamous cell carcinoma", "basal cell carcinoma")),
    "malignant melanoma": ("malignant", ("melanoma",)),
    "malignant cutaneous lymphoma": ("malignant", ("mycosis fungoides",)),
    "malignant dermal": ("malignant", ("kaposi sarcoma",)),
    "benign dermal": ("benign", ("dermatofibroma", "keloid")),
    "benign epidermal": ("benign", ("seborrheic keratosis",)),
    "benign melanocyte": ("benign", ("halo nevus",)),
}
SHARES = (0.45, 0.11, 0.1, 0.08, 0.04, 0.04, 0.08, 0.06, 0.04)
TYPES = {"1": 0.18, "2": 0.28, "3": 0.2, "4": 0.17, "5": 0.09, "6": 0.05, "-1": 0.03}
TONES = {
    "1": (1.9, 1.6, 1.5),
    "2": (1.8, 1.5, 1.3),
    "3": (1.6, 1.3, 1.1),
    "4": (1.3, 1.0, 0.8),
    "5": (1.0, 0.7, 0.6),
    "6": (0.7, 0.5, 0.4),
    "-1": (1.4, 1.2, 1.0),
}
WRONG, UNSENT = 0.06, 0.02


def write(root: Path, patients: int, seed: int) -> None:
    """Write the release of `patients` images, of as many invented people, and three radiographs; a twelfth of them, at least 18, are the test set."""
    rng, rows = np.random.default_rng([seed, 0]), []
    (root / "images").mkdir(parents=True)
    diagnostic = set(rng.permutation(patients)[: max(18, patients // 12)].tolist())
    for number in range(patients + len(RADIOGRAPHS)):
        radiograph = number >= patients
        name = (
            RADIOGRAPHS[number - patients]
            if radiograph
            else hashlib.md5(f"{seed} {number}".encode()).hexdigest()
        )
        nine = "inflammatory" if radiograph else str(rng.choice(list(LABELS), p=SHARES))
        three, conditions = LABELS[nine]
        scale = "-1" if radiograph else str(rng.choice(list(TYPES), p=list(TYPES.values())))
        shown = (
            CLASSES.index(three) if rng.random() > WRONG else int(rng.integers(0, 3))
        )  # here and there another class: something to remember
        checked = (
            "1 Diagnostic"
            if number in diagnostic
            else str(rng.choice(CHECKED[2:]))
            if rng.random() < 0.02
            else ""
        )
        page = (
            ""
            if number % 97 == 5
            else f"https://example.org/atlas/{number}{',' if number % 23 == 2 else ''}.jpg"
        )
        rows.append(
            {
                "md5hash": name,
                "fitzpatrick_scale": scale,
                "fitzpatrick_centaur": str(rng.choice(list(TYPES))),
                "label": str(rng.choice(conditions)),
                "nine_partition_label": nine,
                "three_partition_label": three,
                "qc": checked,
                "url": page,
                "url_alphanum": "".join(filter(str.isalnum, page))
                and "".join(filter(str.isalnum, page)) + ".jpg",
            }
        )
        if page and rng.random() > UNSENT:
            _photograph(
                root / "images" / f"{name}.jpg",
                shown,
                TONES[scale],
                [seed, 1, number],
                grey=radiograph or number % 31 == 3,
            )
    order = rng.permutation(len(rows))
    write_table(root / "fitzpatrick17k.csv", pd.DataFrame([rows[place] for place in order]))


def _photograph(path: Path, shown: int, tone, seed: list[int], grey: bool) -> None:
    record = np.random.default_rng([*seed, 1])
    height, width = int(record.integers(90, 150)), int(record.integers(90, 150))
    picture = scene(np.random.default_rng(seed), record, height, width, (shown,), len(CLASSES))
    colour = np.clip(picture[:, :, None] * np.array(tone) * 0.8, 0, 255).astype(np.uint8)
    (Image.fromarray(picture) if grey else Image.fromarray(colour)).save(path, quality=92)
