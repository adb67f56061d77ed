"""The fingerprint, hashed in pieces, is that of the whole table."""

import hashlib
import json

import numpy as np
import pandas as pd

from rollcall.data import cohort


def test_the_fingerprint_is_of_the_whole_table():
    """Long enough for three pieces, hashed here at once.

    With missing values, numbers as categories, and text that needs quotes.
    """
    rng, count = np.random.default_rng(5), 20_000
    table = pd.DataFrame(
        {
            "patient_id": np.arange(count),
            "age": rng.normal(60, 15, count),
            "code": pd.Categorical(rng.integers(0, 5, count)),
            "text": rng.choice(["plain", "with, comma", 'with "quote"'], count),
            "flag": rng.random(count) < 0.5,
        }
    )
    table.loc[rng.choice(np.arange(9_000, count), 50), ["age", "code", "text"]] = np.nan
    table["code"] = table["code"].astype("category")
    made = cohort.validate(
        cohort.Cohort(
            "long",
            table,
            rng.random((count, 2), np.float32),
            np.arange(count) % 2,
            "binary",
            ("no", "yes"),
            ("code",),
        )
    )
    head = ["long", "binary", ("no", "yes"), ("code",), (), 1.0, False, "float32", (count, 2)]
    whole = hashlib.sha256(
        json.dumps(head).encode()
        + made.inputs.tobytes()
        + made.labels.tobytes()
        + table.astype(object).to_csv(index=False).encode()
    )
    assert made.fingerprint == whole.hexdigest()
