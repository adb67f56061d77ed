"""A small invented cohort, and files that stand for its records."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from rollcall.data.cohort import Cohort
from rollcall.data.decode import FileInputs, SkipRecord

SIZE = 8


def make_cohort(**changes) -> Cohort:
    """Return 40 records of 20 patients with two features; `changes` replace fields."""
    patients = np.repeat([f"p{i}" for i in range(20)], 2)
    fields = {
        "name": "test",
        "records": pd.DataFrame(
            {"patient_id": patients, "sex": pd.Categorical(np.tile(["f", "m"], 20))}
        ),
        "inputs": np.arange(80, dtype=np.float32).reshape(40, 2),
        "labels": np.tile([0, 1], 20),
        "task": "binary",
        "classes": ("no", "yes"),
        "attributes": ("sex",),
        "features": ("age", "weight"),
    }
    return Cohort(**(fields | changes))


def make_test_set(**changes) -> Cohort:
    """Return the records of `make_cohort` under other patients."""
    records = make_cohort().records
    return make_cohort(records=records.assign(patient_id="t" + records["patient_id"]), **changes)


def decode_unless_blank(path: Path, shift: int) -> np.ndarray:
    """Decode an image and add `shift`; a black one does not belong in the cohort."""
    with Image.open(path, formats=("PNG",)) as image:
        if image.mode != "L":
            raise ValueError(f"a picture of mode {image.mode!r}")
        array = np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BICUBIC))[:, :, None]
    if array.max() == 0:
        raise SkipRecord("blank picture")
    return array + np.uint8(shift)


def write_images(root: Path, count: int, blank=()) -> np.ndarray:
    """Write p0000.png, ... under `root`, those numbered in `blank` black; return their names."""
    root.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    names = np.array([f"p{number:04d}.png" for number in range(count)], object)
    for number, name in enumerate(names):
        pixels = np.zeros((20, 16)) if number in blank else rng.integers(1, 200, (20, 16))
        Image.fromarray(pixels.astype(np.uint8)).save(root / name)
    return names


def make_files(root: Path, names, shifts=None) -> FileInputs:
    """Return the images as inputs that are still files, row 2 of table.csv the first."""
    shifts = np.zeros(len(names), int) if shifts is None else shifts
    return FileInputs(
        root,
        names,
        decode_unless_blank,
        (SIZE, SIZE, 1),
        "uint8",
        root / "table.csv",
        np.arange(len(names)) + 2,
        (shifts,),
    )


def make_image_cohort(root: Path, names) -> Cohort:
    """Return a cohort of these images, two for each patient."""
    count = len(names)
    records = pd.DataFrame(
        {
            "patient_id": [f"q{number // 2}" for number in range(count)],
            "group": pd.Categorical(["a", "b"] * (count // 2)),
        }
    )
    return Cohort(
        "made up",
        records,
        make_files(root, names),
        np.arange(count) % 2,
        "binary",
        ("no", "yes"),
        ("group",),
    )


def decode_plainly(root: Path, name: str) -> np.ndarray:
    """Decode one image as Pillow does it."""
    image = Image.open(root / name).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    return np.asarray(image)[:, :, None]
