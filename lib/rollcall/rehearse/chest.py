"""What the two simulated chest releases share: labels as a report reader gives them, and films."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from rollcall.datasets.parts.chest import FINDINGS
from rollcall.rehearse.drawing import draw_scene

DISEASES = tuple(finding for finding in FINDINGS if finding != "No Finding")
# how often each of DISEASES is among the positive findings of a film
DISEASE_SHARES = np.array([5, 11, 46, 4, 23, 6, 3, 14, 8, 38, 2, 4, 50]) / 214
WRONG_SHARE = 0.06  # of films that show other findings than their labels say: something to remember


def draw_findings(rng: np.random.Generator) -> tuple[list[int], dict[str, float]]:
    """Draw the findings that a film shows and the labels that its report gives.

    Returns positions in FINDINGS, and for each finding 1 (positive), 0 (negative), -1 (uncertain)
    or NaN (not named).
    """
    labels = dict.fromkeys(FINDINGS, np.nan)
    kind = rng.random()
    if kind < 0.35:
        labels["No Finding"] = 1.0
        labels |= dict.fromkeys(rng.choice(DISEASES, 2, replace=False), 0.0)
        if rng.random() < 0.5:
            labels["Support Devices"] = 1.0  # may stand beside No Finding
    elif kind < 0.95:
        labels |= dict.fromkeys(rng.choice(DISEASES, 3, replace=False), 0.0)
        count = int(rng.integers(1, 5))
        for finding in rng.choice(DISEASES, count, replace=False, p=DISEASE_SHARES):
            labels[finding] = -1.0 if rng.random() < 0.12 else 1.0
    shown = [
        position
        for position, finding in enumerate(FINDINGS)
        if labels[finding] == 1 or (labels[finding] == -1 and rng.random() < 0.5)
    ]
    if rng.random() < WRONG_SHARE:
        shown = [int(position) for position in rng.choice(len(FINDINGS), 3, replace=False)]
    return shown, labels


def write_film(
    path: Path,
    shown: list[int],
    patient_seed: list[int],
    record_seed: list[int],
    height: int,
    width: int,
) -> None:
    """Write a grey JPEG that shows the findings at the positions `shown` of FINDINGS."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = draw_scene(
        np.random.default_rng(patient_seed),
        np.random.default_rng(record_seed),
        height,
        width,
        shown,
        len(FINDINGS),
    )
    Image.fromarray(image).save(path, quality=92)
