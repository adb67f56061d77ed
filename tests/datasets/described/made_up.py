"""Tables that nobody has a module for, made up, and cohorts read from them."""

import json

import numpy as np
import pandas as pd

from rollcall.data.cohort import check_cohort
from rollcall.datasets import table


def invent(rows=60, seed=0):
    """A table of text: an id for each row, numbers, words, a yes or no, and a label."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "record": [f"R{row:04d}" for row in range(rows)],
            "age": rng.integers(20, 89, rows).astype(str),
            "weight": rng.normal(70, 9, rows).round(2).astype(str),
            "ward": rng.choice(["north", "south", "east"], rows),
            "smoker": rng.choice(["yes", "no"], rows),
            "died": np.where(np.arange(rows) % 3 == 0, "1", "0"),
        }
    )


def write(folder, frame, toml='label = "died"', name="my.csv", **options):
    """Write a table and its description; return the description's path."""
    folder.mkdir(exist_ok=True)
    options = {"index": False, "encoding": "utf-8", **options}
    frame.to_csv(folder / name, **options)
    path = folder / "cohort.toml"
    path.write_text(toml, encoding="utf-8")
    return path


def read(path):
    """Read a described cohort as an audit does, and check it."""
    cohort = table.read(table.locate(path, path.parent), path.parent)
    check_cohort(cohort)
    return cohort


def read_frame(folder, frame, toml='label = "died"', **options):
    return read(write(folder, frame, toml, **options))


def feature(cohort, name):
    """The values of one input column."""
    return np.asarray(cohort.inputs)[:, cohort.features.index(name)]


def note(cohort, start):
    """The note that starts so; "" if there is none."""
    return next((text for text in cohort.notes if text.startswith(start)), "")


def as_toml(**keys):
    """A description of keys that hold texts, numbers, truth values and lists of these."""
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
