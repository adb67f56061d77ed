"""Read sex, age and race of MIMIC-CXR's patients from MIMIC-IV's tables of its hosp/ folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import tables
from rollcall.datasets.parts.common import count_text
from rollcall.datasets.parts.demographics import race_group

NEEDED = {"admissions": "race", "patients": "sex and age"}  # table: what it tells


def read_demographics(
    files: dict[str, Path], subject: pd.Series, year: np.ndarray, paper: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Read sex, age and race of each record, and notes on what is not known.

    files: MIMIC-IV's tables by name, those that are there. subject: (records,) ids.
    year: (records,) of the record. Missing where the tables are, or do not have the patient.
    """
    notes = [
        f"{attributes}: MIMIC-IV's hosp/{name}.csv is not under ROOT"
        for name, attributes in NEEDED.items()
        if name not in files
    ]
    sex = np.full(len(subject), None, object)
    age = np.full(len(subject), np.nan)
    race = np.full(len(subject), np.nan, object)
    if "patients" in files:
        sex, born = _read_patients(files["patients"], subject)
        age = year - born
        unborn = age < 0
        if unborn.any():
            notes.append(
                f"age: {count_text(unborn.sum())} records are dated before birth; taken as missing"
            )
            age[unborn] = np.nan
    if "admissions" in files:
        admissions = tables.read_table(files["admissions"], ("subject_id", "race"))
        admissions = admissions[admissions["subject_id"].isin(subject)]
        groups, several = patient_races(admissions["subject_id"], admissions["race"], paper)
        race = groups.reindex(subject).to_numpy()
        if several:
            notes.append(
                f"race: {count_text(several)} patients whose admissions name more than one; "
                "taken as missing"
            )
    return sex, age, race, notes


def _read_patients(path: Path, subject: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Read sex (None if unknown) and year of birth (NaN if unknown) of each record's patient."""
    columns = ("subject_id", "gender", "anchor_age", "anchor_year")
    patients = tables.read_table(path, columns, key="subject_id")
    codes = tables.read_codes(path, patients, "gender", ("F", "M"))
    year = tables.read_numbers(path, patients, "anchor_year", low=1800, high=2400)
    age = tables.read_numbers(path, patients, "anchor_age", low=0, high=150)
    position = pd.Index(patients["subject_id"]).get_indexer(subject)  # -1 if not there: the last
    sex = np.array(["Female", "Male", None])[np.append(codes, -1)]
    return sex[position], np.append(year - age, np.nan)[position]


def patient_races(subject: pd.Series, race: pd.Series, paper: bool) -> tuple[pd.Series, int]:
    """Find each patient's race group from one row per admission.

    Default: each string is put in its group, unknown ones aside; missing if the groups differ.
    paper: missing if the strings differ. Returns group by subject (NaN is missing, as is a subject
    that is not there), and how many subjects have several.
    """
    values = race if paper else race_group(race, paper=False)
    pairs = pd.DataFrame({"subject": subject.to_numpy(), "race": values.to_numpy()})
    pairs = pairs.dropna().drop_duplicates()
    several = pairs["subject"].duplicated(keep=False)
    groups = pairs[~several].set_index("subject")["race"]
    if paper:
        groups = race_group(groups, paper=True)
    return groups, int(pairs["subject"][several].nunique())
