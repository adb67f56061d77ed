"""What the simulated releases share: tables written as publishers write them, and pictures from which a label can be learnt."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image


def write_table(path: Path, table: pd.DataFrame, **options) -> None:
    """A csv, or csv.gz by its suffix; missing values are empty fields; the same table gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = table.to_csv(index=False, lineterminator="\n", **options).encode()
    path.write_bytes(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)


def scene(
    patient: np.random.Generator,
    record: np.random.Generator,
    height: int,
    width: int,
    marks=(),
    of: int = 1,
) -> np.ndarray:
    """uint8 (height, width): a smooth background, and a bright disc for each mark k of `of`, on a ring at the angle k / of.

    patient   draws what all pictures of one patient share: make it anew from the same seed for each of them
    record    draws what differs from picture to picture: brightness, grain, the discs' places
    """
    coarse = Image.fromarray(patient.uniform(40, 130, (6, 6)).astype(np.uint8))
    image = np.asarray(
        coarse.resize((width, height), Image.Resampling.BICUBIC), float
    ) * record.normal(1, 0.05)
    row, column = np.mgrid[0:height, 0:width]
    for mark in marks:
        angle = 2 * np.pi * mark / of
        middle = (
            0.5 + 0.32 * np.sin(angle) + record.normal(0, 0.02),
            0.5 + 0.32 * np.cos(angle) + record.normal(0, 0.02),
        )
        distance = np.hypot(row / height - middle[0], column / width - middle[1])
        image += 90 / (1 + np.exp(60 * (distance - 0.09)))
    return np.clip(image + record.normal(0, 4, image.shape), 0, 255).astype(np.uint8)
