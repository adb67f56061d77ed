"""What CheXpert and MIMIC-CXR share: the 14 findings, their uncertain labels, race in words, age in bands, one grey picture a record."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import tables
from rollcall.data.decode import FileInputs, require_files
from rollcall.datasets.parts.common import (
    RULES,
    bands,
    check_choice,
    check_size,
    counted,
    decodable,
    missing_notes,
)

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
RACES = ("Asian", "Black", "Hispanic", "Other", "White")
_LABELS = ("", "0.0", "1.0", "-1.0", "0", "1", "-1")  # empty: the report does not name the finding
_UNKNOWN = "UNKNOWN|REFUSED|DECLINED|UNABLE"


def check_options(name: str, size: int, rules: str) -> None:
    """InputError unless size is a whole number of pixels from 8 to 1024 and rules is one of RULES."""
    check_size(name, size)
    check_choice(name, "rules", rules, RULES)


def labels(path: Path, table: pd.DataFrame) -> np.ndarray:
    """(rows, 14) float: 1 named, 0 ruled out, -1 uncertain, NaN not named; InputError for anything else."""
    values = np.array([np.nan, 0, 1, -1, 0, 1, -1])
    return np.stack(
        [values[tables.read_codes(path, table, finding, _LABELS)] for finding in FINDINGS], axis=1
    )


def race_group(values: pd.Series, paper: bool) -> pd.Series:
    """Race as written -> a group of RACES, or NaN where it is unknown, refused or not recorded.

    paper: only Asian, Black and White, by substring; all else is NaN, since the reference's disparity test leaves "Other/Unknown" out.
    """
    upper = values.fillna("").str.upper().str.strip()
    group = pd.Series(np.nan if paper else "Other", index=values.index, dtype=object)
    if not paper:
        group[(upper == "") | upper.str.contains(_UNKNOWN)] = np.nan
        group[upper.str.contains("HISPANIC") & ~upper.str.contains("NON-HISPANIC")] = "Hispanic"
    upper = upper.str.replace("CAUCASIAN", "WHITE")  # it ends in "asian"
    for name in ("Asian", "White", "Black"):
        group[upper.str.contains(name.upper())] = name
    return group


def records(patient, race, sex, age, view, views, targets: np.ndarray) -> pd.DataFrame:
    """The table of a cohort: race of RACES, sex Female or Male, age in years (bands here), view of `views`; anything else is missing."""
    table = pd.DataFrame(
        {
            "patient_id": np.asarray(patient, dtype=object),
            "race": _categorical(race, RACES),
            "sex": _categorical(sex, ("Female", "Male")),
            "age": bands(age),
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
            f"labels: {counted(none)} records have none of the 14, 'No Finding' included, and keep them all at 0"
        )
    return notes


def films(root: Path, paths, where: Path, rows: np.ndarray, size: int) -> FileInputs:
    """One grey JPEG a record, all there, to be decoded to uint8 (size, size, 1)."""
    return require_files(decodable(root, paths, where, rows, size, "L"))
