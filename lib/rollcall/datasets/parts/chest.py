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
    """Refuse a size that is not 8 to 1024 whole pixels, or rules that are not of RULES."""
    check_size(name, size)
    check_choice(name, "rules", rules, RULES)


def read_labels(path: Path, table: pd.DataFrame) -> np.ndarray:
    """Read the 14 findings as float (rows, 14).

    1 named, 0 ruled out, -1 uncertain, NaN not named. InputError for any other value.
    """
    values = np.array([np.nan, 0, 1, -1, 0, 1, -1])  # of _LABELS
    columns = [values[tables.read_codes(path, table, finding, _LABELS)] for finding in FINDINGS]
    return np.stack(columns, axis=1)


def make_records(patient, race, sex, age, view, views, labels: np.ndarray) -> pd.DataFrame:
    """Build the table of a cohort's records, a row per film.

    patient, race, sex, age and view are (films,), labels is (films, 14). Race is one of RACES, sex
    Female or Male, age in years (bands here), view one of `views`; anything else is missing.
    """
    findings = {
        f"finding: {finding}": labels[:, column] == 1 for column, finding in enumerate(FINDINGS)
    }
    return pd.DataFrame(
        {
            "patient_id": np.asarray(patient, dtype=object),
            "race": _categorical(race, RACES),
            "sex": _categorical(sex, ("Female", "Male")),
            "age": age_bands(age),
            "view": _categorical(view, views),
            **findings,
        }
    )


def _categorical(values, categories) -> pd.Categorical:
    categories = list(categories)
    codes = pd.Index(categories, dtype=object).get_indexer(pd.Index(values, dtype=object))
    return pd.Categorical.from_codes(codes, categories)


def record_notes(records: pd.DataFrame, uncertain: int) -> list[str]:
    """Note what is missing, uncertain, or without any finding among the audit pool's records."""
    notes = missing_notes(records, ("race", "sex", "age", "view"))
    findings = records[[f"finding: {finding}" for finding in FINDINGS]]
    without = int((~findings.any(axis=1)).sum())
    if uncertain:
        notes.append(f"labels: {uncertain:,} are uncertain (-1) and taken as positive")
    if without:
        notes.append(
            f"labels: {count_text(without)} records have none of the 14, 'No Finding' included, "
            "and keep them all at 0"
        )
    return notes
