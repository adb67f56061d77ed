"""Write a simulated Fitzpatrick17k: fitzpatrick17k.csv and images/<md5hash>.jpg.

Quirks written: unknown skin types (-1), addresses that are empty or hold a comma, images that were
never sent, the three radiographs that are to be left out, `qc` filled for few rows, images of many
sizes and some in grey, and images that show another class than their label.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from rollcall.datasets.fitzpatrick17k import CLASSES, QUALITY, RADIOGRAPHS
from rollcall.rehearse.drawing import draw_scene, write_table

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
LABEL_SHARES = (0.45, 0.11, 0.1, 0.08, 0.04, 0.04, 0.08, 0.06, 0.04)
TYPES = {"1": 0.18, "2": 0.28, "3": 0.2, "4": 0.17, "5": 0.09, "6": 0.05, "-1": 0.03}
TONES = {  # skin type: red, green, blue
    "1": (1.9, 1.6, 1.5),
    "2": (1.8, 1.5, 1.3),
    "3": (1.6, 1.3, 1.1),
    "4": (1.3, 1.0, 0.8),
    "5": (1.0, 0.7, 0.6),
    "6": (0.7, 0.5, 0.4),
    "-1": (1.4, 1.2, 1.0),
}
WRONG_SHARE = 0.06  # of images that show another class than their label: something to remember
UNSENT_SHARE = 0.02
MIN_TEST_IMAGES = 18


def write(root: Path, patients: int, seed: int) -> None:
    """Write the release of `patients` images, of as many invented people, and three radiographs.

    A twelfth of the images, at least MIN_TEST_IMAGES, are the test set.
    """
    rng = np.random.default_rng([seed, 0])
    (root / "images").mkdir(parents=True)
    held_out = max(MIN_TEST_IMAGES, patients // 12)
    diagnostic = set(rng.permutation(patients)[:held_out].tolist())
    rows = [
        _write_image(root, rng, number, patients, number in diagnostic, seed)
        for number in range(patients + len(RADIOGRAPHS))
    ]
    order = rng.permutation(len(rows))
    write_table(root / "fitzpatrick17k.csv", pd.DataFrame([rows[position] for position in order]))


def _write_image(
    root: Path, rng: np.random.Generator, number: int, patients: int, diagnostic: bool, seed: int
) -> dict:
    """Write image `number`, which may never have been sent, and return its row."""
    radiograph = number >= patients
    name = hashlib.md5(f"{seed} {number}".encode()).hexdigest()
    nine, skin_type = "inflammatory", "-1"
    if radiograph:
        name = RADIOGRAPHS[number - patients]
    else:
        nine = str(rng.choice(list(LABELS), p=LABEL_SHARES))
    three, conditions = LABELS[nine]
    if not radiograph:
        skin_type = str(rng.choice(list(TYPES), p=list(TYPES.values())))
    shown = CLASSES.index(three) if rng.random() > WRONG_SHARE else int(rng.integers(0, 3))
    checked = ""
    if diagnostic:
        checked = "1 Diagnostic"
    elif rng.random() < 0.02:
        checked = str(rng.choice(QUALITY[2:]))
    comma = "," if number % 23 == 2 else ""
    page = "" if number % 97 == 5 else f"https://example.org/atlas/{number}{comma}.jpg"
    letters = "".join(filter(str.isalnum, page))
    row = {
        "md5hash": name,
        "fitzpatrick_scale": skin_type,
        "fitzpatrick_centaur": str(rng.choice(list(TYPES))),
        "label": str(rng.choice(conditions)),
        "nine_partition_label": nine,
        "three_partition_label": three,
        "qc": checked,
        "url": page,
        "url_alphanum": f"{letters}.jpg" if letters else "",
    }
    if page and rng.random() > UNSENT_SHARE:
        grey = radiograph or number % 31 == 3
        path = root / "images" / f"{name}.jpg"
        _save_photograph(path, shown, TONES[skin_type], [seed, 1, number], grey)
    return row


def _save_photograph(path: Path, shown: int, tone, seed: list[int], grey: bool) -> None:
    patient_rng, record_rng = np.random.default_rng(seed), np.random.default_rng([*seed, 1])
    height, width = int(record_rng.integers(90, 150)), int(record_rng.integers(90, 150))
    image = draw_scene(patient_rng, record_rng, height, width, (shown,), len(CLASSES))
    if not grey:
        image = np.clip(image[:, :, None] * np.array(tone) * 0.8, 0, 255).astype(np.uint8)
    Image.fromarray(image).save(path, quality=92)
