"""Read sex, age and race of MIMIC-CXR's patients from MIMIC-IV's tables of its hosp/ folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import tables
from rollcall.datasets.parts.common import count_text
from rollcall.datasets.parts.demographics import race_group
from rollcall.datasets.parts.editions import read_edition
from rollcall.datasets.parts.joins import clean_numbers, refuse_repeated, require_matches

EDITIONS = (
    "MIMIC-IV 2.0 or later, such as 2.2 and 3.1 (0.4 and 1.0 have ethnicity in place of race, in a "
    "folder core/: take 2.2 or 3.1)"
)
FILMS = "the films"
NEEDED = {"admissions": "race", "patients": "sex and age"}  # table: what it tells


def read_demographics(
    files: dict[str, Path], subject: pd.Series, year: np.ndarray, paper: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Read sex, age and race of each record, and notes on what is not known.

    files: MIMIC-IV's tables by name, those that are there. subject: (records,) ids, cleaned.
    year: (records,) of the record. Missing where the tables are, or do not have the patient.
    InputError for a table of other people.
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
        sex, born, few = _read_patients(files["patients"], subject)
        notes += [f"sex and age: {note}" for note in few]
        age = year - born
        unborn = age < 0
        if unborn.any():
            notes.append(
                f"age: {count_text(unborn.sum())} records are dated before birth; taken as missing"
            )
            age[unborn] = np.nan
    if "admissions" in files:
        path = files["admissions"]
        admissions = read_edition(path, ("subject_id", "race"), EDITIONS)
        admissions["subject_id"] = clean_numbers(path, admissions, "subject_id")
        few = require_matches(path, "subject_id", admissions["subject_id"], subject, FILMS)
        notes += [f"race: {note}" for note in few]
        admissions = admissions[admissions["subject_id"].isin(subject)]
        groups, several = patient_races(admissions["subject_id"], admissions["race"], paper)
        race = groups.reindex(subject).to_numpy()
        if several:
            notes.append(
                f"race: {count_text(several)} patients whose admissions name more than one; "
                "taken as missing"
            )
    return sex, age, race, notes


def _read_patients(path: Path, subject: pd.Series) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Read sex (None if unknown) and year of birth (NaN if unknown) of each record's patient.

    Returns a note as well, if few of them are in the table.
    """
    columns = ("subject_id", "gender", "anchor_age", "anchor_year")
    patients = read_edition(path, columns, EDITIONS)
    patients["subject_id"] = clean_numbers(path, patients, "subject_id")
    refuse_repeated(path, patients, "subject_id")
    few = require_matches(path, "subject_id", patients["subject_id"], subject, FILMS)
    codes = tables.read_codes(path, patients, "gender", ("F", "M"))
    year = tables.read_numbers(path, patients, "anchor_year", low=1800, high=2400)
    age = tables.read_numbers(path, patients, "anchor_age", low=0, high=150)
    position = pd.Index(patients["subject_id"]).get_indexer(subject)  # -1 if not there: the last
    sex = np.array(["Female", "Male", None])[np.append(codes, -1)]
    return sex[position], np.append(year - age, np.nan)[position], few


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
