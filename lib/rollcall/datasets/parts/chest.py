"""What CheXpert and MIMIC-CXR share: the 14 findings, their labels, and the table of records."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import tables
from rollcall.datasets.parts.common import (
    RULES,
    check_choice,
    check_size,
    count_text,
    missing_notes,
)
from rollcall.datasets.parts.demographics import RACES, age_bands

FINDINGS = (
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
)
ATTRIBUTES = ("race", "sex", "age", "view", *(f"finding: {finding}" for finding in FINDINGS))
_LABELS = ("", "0.0", "1.0", "-1.0", "0", "1", "-1")  # empty: the report does not name the finding


def check_options(name: str, size: int, rules: str) -> None:
    """InputError unless size is a whole number of pixels from 8 to 1024 and rules is one of RULES."""
    check_size(name, size)
    check_choice(name, "rules", rules, RULES)


def read_labels(path: Path, table: pd.DataFrame) -> np.ndarray:
    """(rows, 14) float: 1 named, 0 ruled out, -1 uncertain, NaN not named; InputError for anything else."""
    values = np.array([np.nan, 0, 1, -1, 0, 1, -1])
    return np.stack(
        [values[tables.read_codes(path, table, finding, _LABELS)] for finding in FINDINGS], axis=1
    )


def make_records(patient, race, sex, age, view, views, targets: np.ndarray) -> pd.DataFrame:
    """The table of a cohort: race of RACES, sex Female or Male, age in years (bands here), view of `views`; anything else is missing."""
    table = pd.DataFrame(
        {
            "patient_id": np.asarray(patient, dtype=object),
            "race": _categorical(race, RACES),
            "sex": _categorical(sex, ("Female", "Male")),
            "age": age_bands(age),
            "view": _categorical(view, views),
        }
    )
    return table.assign(
        **{f"finding: {finding}": targets[:, place] == 1 for place, finding in enumerate(FINDINGS)}
    )


def _categorical(values, categories) -> pd.Categorical:
    return pd.Categorical.from_codes(
        pd.Index(list(categories), dtype=object).get_indexer(pd.Index(values, dtype=object)),
        list(categories),
    )


def record_notes(table: pd.DataFrame, uncertain: int) -> list[str]:
    """Notes on the records of the audit pool: what is missing, uncertain, or without any finding."""
    notes = missing_notes(table, ("race", "sex", "age", "view"))
    none = int((~table[[f"finding: {finding}" for finding in FINDINGS]].any(axis=1)).sum())
    if uncertain:
        notes.append(f"labels: {uncertain:,} are uncertain (-1) and taken as positive")
    if none:
        notes.append(
            f"labels: {count_text(none)} records have none of the 14, 'No Finding' included, and keep them all at 0"
        )
    return notes
