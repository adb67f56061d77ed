"""Draw images from which a label can be learnt, and write tables as publishers write them."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

RING_RADIUS, DISC_RADIUS, DISC_BRIGHTNESS = 0.32, 0.09, 90  # radii as shares of the image's side


def write_table(path: Path, table: pd.DataFrame, **options) -> None:
    """Write a csv, or a csv.gz by its suffix.

    Missing values are empty fields; the same table gives the same bytes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    text = table.to_csv(index=False, lineterminator="\n", **options).encode()
    path.write_bytes(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)


def draw_scene(
    patient_rng: np.random.Generator,
    record_rng: np.random.Generator,
    height: int,
    width: int,
    marks=(),
    mark_count: int = 1,
) -> np.ndarray:
    """Draw a smooth background with a bright disc for each mark, as uint8 (height, width).

    marks        the classes or findings shown; mark k lies at the angle k / mark_count of a ring
    patient_rng  draws what all images of one patient share: make it from the same seed each time
    record_rng   draws what differs from image to image: brightness, grain, the places of the discs
    """
    coarse = Image.fromarray(patient_rng.uniform(40, 130, (6, 6)).astype(np.uint8))
    background = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), float)
    image = background * record_rng.normal(1, 0.05)
    row, column = np.mgrid[0:height, 0:width]
    for mark in marks:
        angle = 2 * np.pi * mark / mark_count
        middle_row = 0.5 + RING_RADIUS * np.sin(angle) + record_rng.normal(0, 0.02)
        middle_column = 0.5 + RING_RADIUS * np.cos(angle) + record_rng.normal(0, 0.02)
        distance = np.hypot(row / height - middle_row, column / width - middle_column)
        image += DISC_BRIGHTNESS / (1 + np.exp(60 * (distance - DISC_RADIUS)))
    return np.clip(image + record_rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)
