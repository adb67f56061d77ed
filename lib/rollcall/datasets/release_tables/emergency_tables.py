"""Read the tables of MIMIC-IV-ED and MIMIC-IV that the emergency features are made of.

- Ids are compared cleaned (no spaces, no ".0"); a table of other people is refused.
- Vital signs: see rollcall.datasets.release_tables.vital_signs.
- The last vital sign of a stay is the last that is not missing, by `charttime`.
- Medicines are counted by different names reconciled, and by different numbers dispensed.

Every reader raises InputError that names file, row and column.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import tables
from rollcall.datasets.parts.editions import read_edition
from rollcall.datasets.parts.joins import clean_numbers, refuse_repeated, require_matches
from rollcall.datasets.release_tables import comorbidity
from rollcall.datasets.release_tables.vital_signs import SIGNS, read_sign

HOSPITAL = "MIMIC-IV 2.0 or later, such as 2.2 and 3.1"
EMERGENCY = (
    "MIMIC-IV-ED 2.0 to 2.2 (1.0 has no gender, race, arrival_transport and disposition: take 2.2)"
)
VISITS = "edstays"
COMPLAINTS = {
    "chest_pain": "chest pain",
    "abdominal_pain": "abdominal pain|abd pain",
    "headache": "headache|lightheaded",
    "shortness_of_breath": "breath",
    "back_pain": "back pain",
    "cough": "cough",
    "nausea_vomiting": "nausea|vomit",
    "fever_chills": "fever|chill",
    "syncope": "syncope",
    "dizziness": "dizz",
}
NEVER = pd.Timestamp("9000-01-01")


def _read(path: Path, columns: tuple[str, ...], editions: str, key="", rows=True) -> pd.DataFrame:
    """Read a table, its ids cleaned; an admission may be missing, and `key` stands there once."""
    table = read_edition(path, columns, editions, rows=rows)
    for column in set(columns) & {"subject_id", "stay_id", "hadm_id"}:
        table[column] = clean_numbers(path, table, column, missing=column == "hadm_id")
    if key:
        refuse_repeated(path, table, key)
    return table


def read_stays(path: Path) -> pd.DataFrame:
    """Read edstays, a row per visit; `outtime` is missing if it lies before `intime`.

    That changes no feature; the visit's length and what came after it are then unknown.
    """
    columns = ("subject_id", "hadm_id", "stay_id", "intime", "outtime", "gender", "race")
    table = _read(path, columns, EMERGENCY, key="stay_id")
    table["gender_binarized"] = tables.read_codes(path, table, "gender", ("M", "F"))
    for column in ("intime", "outtime"):
        table[column] = tables.read_times(path, table, column)
    table["outtime"] = table["outtime"].where(table["outtime"] >= table["intime"])
    return table


def read_birth_years(path: Path) -> pd.Series:
    """Read anchor_year - anchor_age by subject."""
    columns = ("subject_id", "anchor_age", "anchor_year")
    table = _read(path, columns, HOSPITAL, key="subject_id")
    years = tables.read_numbers(path, table, "anchor_year", low=1900, high=2400)
    ages = tables.read_numbers(path, table, "anchor_age", low=0, high=120)
    return pd.Series(years - ages, index=table["subject_id"])


def read_admissions(path: Path) -> pd.DataFrame:
    """Read admissions; one without a discharge ends NEVER, so that it is no past admission."""
    columns = (
        "subject_id",
        "hadm_id",
        "admittime",
        "dischtime",
        "insurance",
        "hospital_expire_flag",
    )
    table = _read(path, columns, HOSPITAL, key="hadm_id")
    tables.refuse_rows(
        path, table, "hadm_id", table["hadm_id"] == "", "expected the number of an admission"
    )
    table["admittime"] = tables.read_times(path, table, "admittime")
    table["dischtime"] = tables.read_times(path, table, "dischtime", missing=True).fillna(NEVER)
    table["died"] = tables.read_codes(path, table, "hospital_expire_flag", ("0", "1")) == 1
    return table


def read_intensive_care(path: Path) -> pd.DataFrame:
    """Read icustays: subject, admission and when the stay began."""
    columns = ("subject_id", "hadm_id", "stay_id", "intime")
    table = _read(path, columns, HOSPITAL, key="stay_id", rows=False)
    table["intime"] = tables.read_times(path, table, "intime")
    return table


def read_comorbidities(path: Path, admissions: pd.DataFrame) -> np.ndarray:
    """Read diagnoses_icd as bool (admissions, groups of comorbidity.NAMES): any diagnosis in it."""
    table = _read(path, ("hadm_id", "icd_code", "icd_version"), HOSPITAL, rows=False)
    require_matches(
        path, "hadm_id", table["hadm_id"], admissions["hadm_id"], "admissions", "admission"
    )
    version = np.array([9, 10])[tables.read_codes(path, table, "icd_version", ("9", "10"))]
    empty = table["icd_code"].str.strip() == ""
    tables.refuse_rows(path, table, "icd_code", empty, "expected a diagnosis code")
    rows = pd.Index(admissions["hadm_id"]).get_indexer(table["hadm_id"])
    tables.refuse_rows(
        path, table, "hadm_id", rows < 0, "this admission is not in the table of admissions"
    )
    flags = comorbidity.code_flags(table["icd_code"], version)
    groups = np.zeros((len(admissions), flags.shape[1]), bool)
    for group in range(flags.shape[1]):
        groups[rows[flags[:, group]], group] = True
    return groups


def read_triage(
    path: Path, stays: pd.DataFrame, stays_name: str, paper: bool
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read vital signs, acuity and complaints at triage, by stay; `stays_name` is for messages.

    paper: vital signs by the published rules. Returns what was done to each vital sign as well.
    """
    columns = ("subject_id", "stay_id", *SIGNS, "acuity", "chiefcomplaint")
    table = _read(path, columns, EMERGENCY, key="stay_id")
    require_matches(path, "stay_id", table["stay_id"], stays["stay_id"], VISITS, "visit")
    rows = pd.Index(stays["stay_id"]).get_indexer(table["stay_id"])
    tables.refuse_rows(path, table, "stay_id", rows < 0, f"this stay is not in {stays_name}")
    tables.refuse_rows(
        path,
        table,
        "subject_id",
        table["subject_id"].to_numpy() != stays["subject_id"].to_numpy()[rows],
        f"another subject than in {stays_name}",
    )
    signs = {sign: read_sign(path, table, sign, paper) for sign in SIGNS}
    features = {f"triage_{sign}": values for sign, (values, _) in signs.items()}
    levels = ("", *"12345", *(f"{level}.0" for level in range(1, 6)))
    acuity = np.array([np.nan, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5])  # of levels
    features["triage_acuity"] = acuity[tables.read_codes(path, table, "acuity", levels)]
    complaint = table["chiefcomplaint"].str.lower()
    features |= {
        f"chiefcom_{name}": complaint.str.contains(pattern).to_numpy(dtype=bool)
        for name, pattern in COMPLAINTS.items()
    }
    by_stay = pd.Index(table["stay_id"])
    done = pd.DataFrame({sign: codes for sign, (_, codes) in signs.items()}, index=by_stay)
    return pd.DataFrame(features, index=by_stay), done


def read_last_signs(path: Path, stays: pd.DataFrame, paper: bool) -> pd.DataFrame:
    """Read vitalsign: the last value of each vital sign, by stay."""
    table = _read(path, ("stay_id", "charttime", *SIGNS), EMERGENCY, rows=False)
    require_matches(path, "stay_id", table["stay_id"], stays["stay_id"], VISITS, "visit")
    when = tables.read_times(path, table, "charttime")
    signs = pd.DataFrame(
        {f"ed_{sign}_last": read_sign(path, table, sign, paper)[0] for sign in SIGNS}
    )
    signs["stay_id"] = table["stay_id"].to_numpy()
    return signs.iloc[np.argsort(when.to_numpy(), kind="stable")].groupby("stay_id").last()


def read_count(path: Path, column: str, name: str, stays: pd.DataFrame) -> pd.Series:
    """Count the different values of `column` by stay; the series has that name."""
    table = _read(path, ("stay_id", column), EMERGENCY, rows=False)
    require_matches(path, "stay_id", table["stay_id"], stays["stay_id"], VISITS, "visit")
    return table.drop_duplicates().groupby("stay_id").size().rename(name)
