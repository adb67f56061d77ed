"""Read the tables of MIMIC-IV-ED and MIMIC-IV that the emergency features are made of.

Natural units: degrees Celsius, beats and breaths a minute, percent, mmHg.
- Vital signs: beyond the outlier limits missing, between those and the valid limits set to the
  nearest valid value. Temperatures come in Fahrenheit. Pain is free text: what is not a number
  from 0 to 10 is missing.
- The last vital sign of a stay is the last that is not missing, by `charttime`.
- Medicines are counted by different names reconciled, and by different numbers dispensed.

Every reader raises InputError that names file, row and column.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import tables
from rollcall.datasets.release_tables import comorbidity

LIMITS = {  # lowest and highest plausible value, else missing; lowest and highest valid value
    "temperature": (14.2, 47, 26, 45),
    "heartrate": (0, 390, 0, 350),
    "resprate": (0, 330, 0, 300),
    "o2sat": (0, 150, 0, 100),
    "sbp": (0, 375, 0, 375),
    "dbp": (0, 375, 0, 375),
    "pain": (0, 10, 0, 10),
}
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


def read_stays(path: Path) -> pd.DataFrame:
    """Read edstays, a row per visit; `outtime` is missing if it lies before `intime`.

    That changes no feature; the visit's length and what came after it are then unknown.
    """
    columns = ("subject_id", "hadm_id", "stay_id", "intime", "outtime", "gender", "race")
    table = tables.read_table(path, columns, key="stay_id")
    for column in ("subject_id", "stay_id"):
        tables.read_ids(path, table, column)
    tables.refuse_rows(
        path,
        table,
        "hadm_id",
        ~table["hadm_id"].str.fullmatch(r"([0-9]+(\.0)?)?"),
        "expected an admission's number or nothing",
    )
    table["hadm_id"] = table["hadm_id"].str.removesuffix(".0")
    table["gender_binarized"] = tables.read_codes(path, table, "gender", ("M", "F"))
    for column in ("intime", "outtime"):
        table[column] = tables.read_times(path, table, column)
    table["outtime"] = table["outtime"].where(table["outtime"] >= table["intime"])
    return table


def read_birth_years(path: Path) -> pd.Series:
    """Read anchor_year - anchor_age by subject."""
    table = tables.read_table(path, ("subject_id", "anchor_age", "anchor_year"), key="subject_id")
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
    table = tables.read_table(path, columns, key="hadm_id")
    for column in ("subject_id", "hadm_id"):
        tables.read_ids(path, table, column)
    table["admittime"] = tables.read_times(path, table, "admittime")
    table["dischtime"] = tables.read_times(path, table, "dischtime", missing=True).fillna(NEVER)
    table["died"] = tables.read_codes(path, table, "hospital_expire_flag", ("0", "1")) == 1
    return table


def read_intensive_care(path: Path) -> pd.DataFrame:
    """Read icustays: subject, admission and when the stay began."""
    columns = ("subject_id", "hadm_id", "stay_id", "intime")
    table = tables.read_table(path, columns, key="stay_id", rows=False)
    table["intime"] = tables.read_times(path, table, "intime")
    return table


def read_comorbidities(path: Path, admissions: pd.DataFrame) -> np.ndarray:
    """Read diagnoses_icd as bool (admissions, groups of comorbidity.NAMES): any diagnosis in it."""
    table = tables.read_table(path, ("hadm_id", "icd_code", "icd_version"), rows=False)
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


def read_triage(path: Path, stays: pd.DataFrame, stays_name: str) -> pd.DataFrame:
    """Read vital signs, acuity and complaints at triage, by stay; `stays_name` is for messages."""
    columns = ("subject_id", "stay_id", *LIMITS, "acuity", "chiefcomplaint")
    table = tables.read_table(path, columns, key="stay_id")
    rows = pd.Index(stays["stay_id"]).get_indexer(table["stay_id"])
    tables.refuse_rows(path, table, "stay_id", rows < 0, f"this stay is not in {stays_name}")
    tables.refuse_rows(
        path,
        table,
        "subject_id",
        table["subject_id"].to_numpy() != stays["subject_id"].to_numpy()[rows],
        f"another subject than in {stays_name}",
    )
    features = {f"triage_{sign}": _read_sign(path, table, sign) for sign in LIMITS}
    levels = ("", *"12345", *(f"{level}.0" for level in range(1, 6)))
    acuity = np.array([np.nan, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5])  # of levels
    features["triage_acuity"] = acuity[tables.read_codes(path, table, "acuity", levels)]
    complaint = table["chiefcomplaint"].str.lower()
    features |= {
        f"chiefcom_{name}": complaint.str.contains(pattern).to_numpy(dtype=bool)
        for name, pattern in COMPLAINTS.items()
    }
    return pd.DataFrame(features, index=pd.Index(table["stay_id"]))


def read_last_signs(path: Path) -> pd.DataFrame:
    """Read vitalsign: the last value of each vital sign, by stay."""
    table = tables.read_table(path, ("stay_id", "charttime", *LIMITS), rows=False)
    when = tables.read_times(path, table, "charttime")
    signs = pd.DataFrame({f"ed_{sign}_last": _read_sign(path, table, sign) for sign in LIMITS})
    signs["stay_id"] = table["stay_id"].to_numpy()
    return signs.iloc[np.argsort(when.to_numpy(), kind="stable")].groupby("stay_id").last()


def read_count(path: Path, column: str, name: str) -> pd.Series:
    """Count the different values of `column` by stay; the series has that name."""
    table = tables.read_table(path, ("stay_id", column), rows=False)
    return table.drop_duplicates().groupby("stay_id").size().rename(name)


def _read_sign(path: Path, table: pd.DataFrame, sign: str) -> np.ndarray:
    """Read a vital sign as float64, outliers missing, the rest within the valid limits."""
    if sign == "pain":
        values = np.asarray(pd.to_numeric(table[sign], errors="coerce"), dtype=float)
    else:
        values = tables.read_numbers(path, table, sign, missing=True)
    if sign == "temperature":
        values = (values - 32) * 5 / 9
    lowest, highest, low, high = LIMITS[sign]
    return np.clip(np.where((values >= lowest) & (values <= highest), values, np.nan), low, high)
