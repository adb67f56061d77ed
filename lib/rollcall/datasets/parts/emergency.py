"""The master table of MIMIC-IV-ED: one row per visit, the 64 features of the public benchmark (Xie et al., Scientific Data 2022) and more.

Natural units: years, counts, degrees Celsius, beats and breaths a minute, percent, mmHg. Rules, where a tie or a border could be read both ways:
- age: year of `intime` - anchor_year + anchor_age. Visits under 18 years or without an acuity are left out.
- past visits: events of the same subject that began in [intime - days, intime); the visit itself is none of them.
- comorbidities: diagnoses of admissions of the same subject with `dischtime` in [intime - 1,780 days, intime).
- vital signs: beyond the outlier limits missing, between those and the valid limits set to the nearest valid value. Temperatures come in
  Fahrenheit. Pain is free text: what is not a number from 0 to 10 is missing.
- a visit that ends before it begins keeps its features; its length is missing, and it counts as without transfer or return.
- last vital sign of a stay: the last that is not missing, by `charttime`; medicines: different names reconciled, different numbers dispensed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import tables
from rollcall.datasets.parts import comorbidity

DAYS = (30, 90, 365)
HISTORY = 1_780  # days of past admissions that comorbidities are read from
LIMITS = {  # lowest and highest plausible value, beyond which it is missing; lowest and highest valid value, to which the rest is set
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
PAST = tuple(f"n_{kind}_{days}d" for kind in ("ed", "hosp", "icu") for days in DAYS)
TRIAGE = (*(f"triage_{sign}" for sign in LIMITS), "triage_acuity")
FEATURES = (
    "age",
    "gender_binarized",
    *PAST,
    *TRIAGE,
    *(f"chiefcom_{name}" for name in COMPLAINTS),
    *comorbidity.NAMES,
)
ED = ("edstays", "triage", "vitalsign", "medrecon", "pyxis")
NEEDED = ("edstays", "triage", "patients", "admissions", "diagnoses_icd", "icustays")


def master_table(files: dict[str, Path]) -> pd.DataFrame:
    """One row per visit of an adult with an acuity, in the order of edstays; its index is the row's place there.

    subject_id, stay_id, hadm_id ("" if not admitted), race, insurance ("" if not admitted), intime; FEATURES, float64, NaN where missing;
    outcome_hospitalization, outcome_inhospital_mortality, outcome_icu_transfer_12h, outcome_critical, outcome_ed_revisit_3d (bool), ed_los
    (hours); and, where their tables are in `files`, ed_<vital sign>_last, n_medrecon, n_med. attrs["left out"]: how many visits were, by
    reason. InputError names file, row and column.
    """
    stays, born = _stays(files), _patients(files)
    path = files["edstays"]
    tables.refuse_rows(
        path,
        stays,
        "subject_id",
        ~stays["subject_id"].isin(born.index),
        f"this subject is not in {files['patients'].name}",
    )
    stays["age"] = stays["intime"].dt.year.to_numpy() - born.reindex(stays["subject_id"]).to_numpy()
    admissions = _admissions(files["admissions"])
    icu = _icu(files["icustays"])

    subjects = pd.Index(stays["subject_id"].unique())
    arrived = _keys(subjects, stays["subject_id"], stays["intime"])
    for kind, (who, when) in {
        "ed": (stays["subject_id"], stays["intime"]),
        "hosp": (admissions["subject_id"], admissions["admittime"]),
        "icu": (icu["subject_id"], icu["intime"]),
    }.items():
        events = np.sort(_keys(subjects, who, when))
        for days in DAYS:
            stays[f"n_{kind}_{days}d"] = within(events, arrived, days)
    had = _comorbidities(files["diagnoses_icd"], admissions)
    discharged = _keys(subjects, admissions["subject_id"], admissions["dischtime"])
    for name, of_admission in zip(comorbidity.NAMES, had.T):
        stays[name] = within(np.sort(discharged[of_admission]), arrived, HISTORY) > 0

    stays = _outcomes(stays, admissions, icu)
    stays = stays.join(_triage(files["triage"], stays, path.name), on="stay_id")
    for name, made in (
        ("vitalsign", _last_signs),
        ("medrecon", _count("name", "n_medrecon")),
        ("pyxis", _count("med_rn", "n_med")),
    ):
        if name in files:
            stays = stays.join(made(files[name]), on="stay_id")
    for count in {"n_medrecon", "n_med"} & set(stays):
        stays[count] = stays[count].fillna(0)
    adult, rated = stays["age"] >= 18, stays["triage_acuity"].notna()
    table = stays[adult & rated].astype(dict.fromkeys(FEATURES, float))
    table.attrs["left out"] = {
        "under 18 years": int((~adult).sum()),
        "no acuity": int((adult & ~rated).sum()),
    }
    return table


def within(events: np.ndarray, now: np.ndarray, days: int) -> np.ndarray:
    """How many of the sorted `events` lie in [now - days, now), for each of `now`; both as _keys gives them, so that subjects do not mix. int64."""
    return np.searchsorted(events, now, side="left") - np.searchsorted(
        events, now - days * 86_400, side="left"
    )


def _keys(subjects: pd.Index, who: pd.Series, when: pd.Series) -> np.ndarray:
    """A number for each event: subjects 10^12 s apart, and the second of the event since 1700 between. Other subjects are left of all."""
    seconds = (when - pd.Timestamp("1700-01-01")).dt.total_seconds().to_numpy().astype(np.int64)
    return (subjects.get_indexer(who).astype(np.int64) + 1) * 10**12 + seconds


# --- the tables ----------------------------------------------------------------------------------------------------------------------


def _stays(files: dict[str, Path]) -> pd.DataFrame:
    path = files["edstays"]
    table = tables.read_table(
        path,
        ("subject_id", "hadm_id", "stay_id", "intime", "outtime", "gender", "race"),
        key="stay_id",
    )
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
    table["outtime"] = table["outtime"].where(
        table["outtime"] >= table["intime"]
    )  # no feature; its length and what came after are then unknown
    return table


def _patients(files: dict[str, Path]) -> pd.Series:
    """anchor_year - anchor_age by subject."""
    path = files["patients"]
    table = tables.read_table(path, ("subject_id", "anchor_age", "anchor_year"), key="subject_id")
    years, ages = (
        tables.read_numbers(path, table, "anchor_year", low=1900, high=2400),
        tables.read_numbers(path, table, "anchor_age", low=0, high=120),
    )
    return pd.Series(years - ages, index=table["subject_id"])


def _admissions(path: Path) -> pd.DataFrame:
    table = tables.read_table(
        path,
        ("subject_id", "hadm_id", "admittime", "dischtime", "insurance", "hospital_expire_flag"),
        key="hadm_id",
    )
    for column in ("subject_id", "hadm_id"):
        tables.read_ids(path, table, column)
    table["admittime"] = tables.read_times(path, table, "admittime")
    table["dischtime"] = tables.read_times(path, table, "dischtime", missing=True).fillna(
        pd.Timestamp("9000-01-01")
    )  # not discharged: no past admission
    table["died"] = tables.read_codes(path, table, "hospital_expire_flag", ("0", "1")) == 1
    return table


def _icu(path: Path) -> pd.DataFrame:
    table = tables.read_table(
        path, ("subject_id", "hadm_id", "stay_id", "intime"), key="stay_id", rows=False
    )
    table["intime"] = tables.read_times(path, table, "intime")
    return table


def _comorbidities(path: Path, admissions: pd.DataFrame) -> np.ndarray:
    """bool (admissions, 35): whether any diagnosis of the admission is in each group of comorbidity.NAMES."""
    table = tables.read_table(path, ("hadm_id", "icd_code", "icd_version"), rows=False)
    version = np.array([9, 10])[tables.read_codes(path, table, "icd_version", ("9", "10"))]
    tables.refuse_rows(
        path, table, "icd_code", table["icd_code"].str.strip() == "", "expected a diagnosis code"
    )
    place = pd.Index(admissions["hadm_id"]).get_indexer(table["hadm_id"])
    tables.refuse_rows(
        path, table, "hadm_id", place < 0, "this admission is not in the table of admissions"
    )
    flags = comorbidity.code_flags(table["icd_code"], version)
    had = np.zeros((len(admissions), flags.shape[1]), bool)
    for group in range(flags.shape[1]):
        had[place[flags[:, group]], group] = True
    return had


def _triage(path: Path, stays: pd.DataFrame, of: str) -> pd.DataFrame:
    """Vital signs, acuity and complaints at triage, by stay."""
    table = tables.read_table(
        path, ("subject_id", "stay_id", *LIMITS, "acuity", "chiefcomplaint"), key="stay_id"
    )
    place = pd.Index(stays["stay_id"]).get_indexer(table["stay_id"])
    tables.refuse_rows(path, table, "stay_id", place < 0, f"this stay is not in {of}")
    tables.refuse_rows(
        path,
        table,
        "subject_id",
        table["subject_id"].to_numpy() != stays["subject_id"].to_numpy()[place],
        f"another subject than in {of}",
    )
    out = {f"triage_{sign}": _sign(path, table, sign) for sign in LIMITS}
    acuity = np.array([np.nan, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5])
    out["triage_acuity"] = acuity[
        tables.read_codes(
            path, table, "acuity", ("", *"12345", *(f"{level}.0" for level in range(1, 6)))
        )
    ]
    said = table["chiefcomplaint"].str.lower()
    out |= {
        f"chiefcom_{name}": said.str.contains(pattern).to_numpy(dtype=bool)
        for name, pattern in COMPLAINTS.items()
    }
    return pd.DataFrame(out, index=pd.Index(table["stay_id"]))


def _sign(path: Path, table: pd.DataFrame, sign: str) -> np.ndarray:
    """A vital sign as float64, outliers missing, the rest within the valid limits."""
    if sign == "pain":
        values = pd.to_numeric(table[sign], errors="coerce").to_numpy(dtype=float)
    else:
        values = tables.read_numbers(path, table, sign, missing=True)
    if sign == "temperature":
        values = (values - 32) * 5 / 9
    lowest, highest, low, high = LIMITS[sign]
    return np.clip(np.where((values >= lowest) & (values <= highest), values, np.nan), low, high)


def _last_signs(path: Path) -> pd.DataFrame:
    table = tables.read_table(path, ("stay_id", "charttime", *LIMITS), rows=False)
    when = tables.read_times(path, table, "charttime")
    signs = pd.DataFrame({f"ed_{sign}_last": _sign(path, table, sign) for sign in LIMITS}).assign(
        stay_id=table["stay_id"].to_numpy()
    )
    return signs.iloc[np.argsort(when.to_numpy(), kind="stable")].groupby("stay_id").last()


def _count(column: str, name: str):
    """A function that counts the different values of `column` in each stay."""

    def counted(path: Path) -> pd.Series:
        table = tables.read_table(path, ("stay_id", column), rows=False)
        return table.drop_duplicates().groupby("stay_id").size().rename(name)

    return counted


def _outcomes(stays: pd.DataFrame, admissions: pd.DataFrame, icu: pd.DataFrame) -> pd.DataFrame:
    """What became of each visit: admitted, died there, intensive care within 12 hours of leaving, back within 3 days; and its length in hours."""
    by_admission = admissions.set_index("hadm_id")
    first_icu = icu.groupby("hadm_id")["intime"].min().reindex(stays["hadm_id"]).to_numpy()
    following = (
        stays.sort_values("intime", kind="stable")
        .groupby("subject_id")["intime"]
        .shift(-1)
        .reindex(stays.index)
    )
    later = following - stays["outtime"]
    stays["outcome_hospitalization"] = stays["hadm_id"] != ""
    stays["outcome_inhospital_mortality"] = (
        by_admission["died"].reindex(stays["hadm_id"]).fillna(False).to_numpy(dtype=bool)
    )
    stays["outcome_icu_transfer_12h"] = first_icu - stays["outtime"].to_numpy() <= np.timedelta64(
        12, "h"
    )
    stays["outcome_critical"] = (
        stays["outcome_inhospital_mortality"] | stays["outcome_icu_transfer_12h"]
    )
    stays["outcome_ed_revisit_3d"] = later <= pd.Timedelta(days=3)
    stays["ed_los"] = (stays["outtime"] - stays["intime"]).dt.total_seconds() / 3600
    stays["insurance"] = by_admission["insurance"].reindex(stays["hadm_id"]).fillna("").to_numpy()
    return stays
