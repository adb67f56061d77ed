"""Write a simulated MIMIC-IV-ED 2.2 with the tables of MIMIC-IV 2.2 that go with it.

    mimic-iv-ed/2.2/ed/{edstays,triage,vitalsign,medrecon,pyxis,diagnosis}.csv.gz
    mimiciv/2.2/hosp/{patients,admissions,diagnoses_icd}.csv.gz
    mimiciv/2.2/icu/icustays.csv.gz

Quirks written: temperatures in Fahrenheit, some in Celsius; free text for pain; empty acuities;
commas in complaints; minors; two visits of one admission; admissions without a visit; codes of both
ICD versions; races in words, several of them unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.rehearse.drawing import write_table

RACES = {  # as written: its share
    "WHITE": 0.45,
    "WHITE - RUSSIAN": 0.05,
    "BLACK/AFRICAN AMERICAN": 0.2,
    "ASIAN - CHINESE": 0.08,
    "HISPANIC/LATINO - PUERTO RICAN": 0.08,
    "OTHER": 0.06,
    "UNKNOWN": 0.05,
    "UNABLE TO OBTAIN": 0.03,
}
ACUITIES = {"1": 0.06, "2": 0.3, "3": 0.45, "4": 0.12, "5": 0.03, "": 0.04}  # their shares
PAINS = {"0": 0.45, "5": 0.15, "8": 0.15, "10": 0.1, "13": 0.05, "unable": 0.05, "": 0.05}
INSURANCES = {"Medicare": 0.4, "Medicaid": 0.15, "Other": 0.45}
COMPLAINTS = (
    "Chest pain",
    "Abd pain, Nausea",
    "Headache",
    "Dyspnea, SHORTNESS OF BREATH",
    "Lower back pain",
    "Cough, Fever",
    "s/p Fall",
    "Syncope",
    "Dizziness",
    "Wound eval",
)
CODES = {  # ICD version: diagnoses
    10: "I214 I5020 I739 I639 F0390 J449 E119 E1122 N186 C3490 C7951 E6601 F329 F1020 I10 Z8673",
    9: "41071 4280 4439 43491 2900 496 25000 25040 5856 1629 1985 27801 311 30391 4019 V1251",
}
DRUGS = ("Aspirin", "Metformin", "Lisinopril", "Atorvastatin", "Albuterol", "Acetaminophen")
CARE_UNITS = ("Medical Intensive Care Unit (MICU)", "Surgical Intensive Care Unit (SICU)")
DAY = 86_400  # seconds


@dataclass(frozen=True)
class _People:
    """Arrays (patients,), named after the columns they fill."""

    subject_id: np.ndarray
    anchor_year: np.ndarray
    anchor_age: np.ndarray
    gender: np.ndarray
    race: np.ndarray


@dataclass(frozen=True)
class _Visits:
    """Arrays (visits,).

    owner: the position of the visit's patient in _People; hadm_id: "" if not admitted.
    """

    owner: np.ndarray
    began: np.ndarray
    ended: np.ndarray
    acuity: np.ndarray
    sick: np.ndarray
    admitted: np.ndarray
    hadm_id: np.ndarray
    stay_id: np.ndarray


def write(root: Path, patients: int, seed: int) -> None:
    """Write ed/, hosp/ and icu/ of `patients` invented people."""
    rng = np.random.default_rng([seed, 9])
    people = _draw_people(rng, patients)
    visits = _draw_visits(rng, people)
    _write_emergency(root / "mimic-iv-ed" / "2.2" / "ed", rng, people, visits)
    _write_hospital(root / "mimiciv" / "2.2", rng, people, visits)


def _draw_people(rng: np.random.Generator, patients: int) -> _People:
    return _People(
        subject_id=10_000_032 + 7 * np.arange(patients),
        anchor_year=rng.integers(2110, 2190, patients),
        anchor_age=np.clip(rng.normal(57, 20, patients), 16, 91).astype(int),
        gender=rng.choice(["F", "M"], patients),
        race=_draw_words(rng, RACES, patients),
    )


def _draw_visits(rng: np.random.Generator, people: _People) -> _Visits:
    patients = len(people.subject_id)
    owner = np.repeat(np.arange(patients), 1 + rng.poisson(1.3, patients))
    count = len(owner)
    first_day = _dates(people.anchor_year[owner], "01-01")
    began = first_day + _draw_seconds(rng, 0, 3 * 365 * DAY, count)
    ended = began + _draw_seconds(rng, 3_600, 20 * 3_600, count)
    acuity = _draw_words(rng, ACUITIES, count)
    urgent = pd.Series(acuity).replace("", "3").astype(int).to_numpy() <= 2
    sick = urgent ^ (rng.random(count) < 0.05)  # some admissions contradict the acuity
    admitted = sick & (rng.random(count) < 0.95)
    hadm_id = np.where(admitted, (20_000_019 + 13 * np.arange(count)).astype(str), "")
    same_patient = owner[1:] == owner[:-1]
    twins = np.flatnonzero(same_patient & admitted[:-1] & admitted[1:])[:1]
    hadm_id[twins + 1] = hadm_id[twins]  # two visits of one admission
    stay_id = (30_000_010 + 11 * rng.permutation(count)).astype(str)
    return _Visits(owner, began, ended, acuity, sick, admitted, hadm_id, stay_id)


def _draw_signs(rng: np.random.Generator, sick: np.ndarray) -> dict[str, np.ndarray]:
    """Draw the vital signs of each visit as text, pain last; "" where missing."""
    count = len(sick)
    temperature = rng.normal(98.2, 1, count).round(1)
    temperature[rng.random(count) < 0.01] = 36.6  # in Celsius
    signs = {
        "temperature": temperature.astype(str).astype(object),
        "heartrate": _draw_whole(rng, 85 + 12 * sick, 15),
        "resprate": _draw_whole(rng, 17 + 3 * sick, 2),
        "o2sat": _draw_whole(rng, 96 - 3 * sick, 1.2),
        "sbp": _draw_whole(rng, 135 - 8 * sick, 20),
        "dbp": _draw_whole(rng, np.full(count, 78), 12),
    }
    for values in signs.values():
        values[rng.random(count) < 0.03] = ""
    return signs | {"pain": _draw_words(rng, PAINS, count)}


def _write_emergency(
    folder: Path, rng: np.random.Generator, people: _People, visits: _Visits
) -> None:
    """Write the tables of the emergency department."""
    owner, count = visits.owner, len(visits.owner)
    signs = _draw_signs(rng, visits.sick)
    pain = signs.pop("pain")
    key = {"subject_id": people.subject_id[owner], "stay_id": visits.stay_id}
    order = rng.permutation(count)
    stays = {
        "subject_id": people.subject_id[owner],
        "hadm_id": visits.hadm_id,
        "stay_id": visits.stay_id,
        "intime": _as_text(visits.began),
        "outtime": _as_text(visits.ended),
        "gender": people.gender[owner],
        "race": people.race[owner],
        "arrival_transport": rng.choice(["WALK IN", "AMBULANCE"], count),
        "disposition": np.where(visits.admitted, "ADMITTED", "HOME"),
    }
    write_table(folder / "edstays.csv.gz", pd.DataFrame(stays).iloc[order])
    complaints = rng.choice(COMPLAINTS, count)
    triage = {"pain": pain, "acuity": visits.acuity, "chiefcomplaint": complaints}
    write_table(folder / "triage.csv.gz", pd.DataFrame(key | signs | triage))

    repeats = np.sort(rng.integers(0, count, 3 * count))  # visits: three rows each, on average
    repeated_key = {name: values[repeats] for name, values in key.items()}
    vital_signs = repeated_key | {
        "charttime": _as_text(visits.began[repeats] + _draw_seconds(rng, 60, 3_000, len(repeats))),
        **{name: values[repeats] for name, values in signs.items()},
        "rhythm": "",
        "pain": pain[repeats],
    }
    write_table(folder / "vitalsign.csv.gz", pd.DataFrame(vital_signs))
    reconciled = repeated_key | {
        "charttime": _as_text(visits.began[repeats]),
        "name": rng.choice(DRUGS, len(repeats)),
        "gsn": rng.integers(1_000, 70_000, len(repeats)),
        "ndc": "",
        "etc_rn": 1,
        "etccode": "",
        "etcdescription": "",
    }
    write_table(folder / "medrecon.csv.gz", pd.DataFrame(reconciled))
    dispensed = repeated_key | {
        "charttime": _as_text(visits.began[repeats]),
        "med_rn": rng.integers(1, 5, len(repeats)),
        "name": rng.choice(DRUGS, len(repeats)),
        "gsn_rn": 1,
        "gsn": "",
    }
    write_table(folder / "pyxis.csv.gz", pd.DataFrame(dispensed))
    diagnoses = key | {
        "seq_num": 1,
        "icd_code": rng.choice(CODES[10].split(), count),
        "icd_version": 10,
        "icd_title": "an invented diagnosis, in words",
    }
    write_table(folder / "diagnosis.csv.gz", pd.DataFrame(diagnoses))


def _write_hospital(
    folder: Path, rng: np.random.Generator, people: _People, visits: _Visits
) -> None:
    """Write hosp/ and icu/: admissions of the emergency department's visits, and elective ones."""
    patients = {
        "subject_id": people.subject_id,
        "gender": people.gender,
        "anchor_age": people.anchor_age,
        "anchor_year": people.anchor_year,
        "anchor_year_group": "2014 - 2016",
        "dod": "",
    }
    write_table(folder / "hosp" / "patients.csv.gz", pd.DataFrame(patients))

    first = np.unique(visits.hadm_id[visits.admitted], return_index=True)[1]
    source = np.flatnonzero(visits.admitted)[first]  # the visit that each admission came from
    elective = rng.integers(0, len(people.subject_id), len(people.subject_id) // 2)
    owner = np.concatenate([visits.owner[source], elective])
    count = len(owner)
    last_june = _dates(people.anchor_year[elective] - 1, "06-01")
    planned = last_june + _draw_seconds(rng, 0, 700 * DAY, len(elective))
    began = np.concatenate([visits.ended[source], planned])
    elective_ids = (28_000_003 + 17 * np.arange(len(elective))).astype(str)
    hadm_id = np.concatenate([visits.hadm_id[source], elective_ids])
    died = rng.random(count) < 0.03
    ended = began + _draw_seconds(rng, DAY, 10 * DAY, count)
    admissions = {
        "subject_id": people.subject_id[owner],
        "hadm_id": hadm_id,
        "admittime": _as_text(began),
        "dischtime": _as_text(ended),
        "deathtime": np.where(died, _as_text(ended), ""),
        "admission_type": "EW EMER.",
        "admit_provider_id": "P00XXX",
        "admission_location": "EMERGENCY ROOM",
        "discharge_location": np.where(died, "DIED", "HOME"),
        "insurance": _draw_words(rng, INSURANCES, count),
        "language": "ENGLISH",
        "marital_status": "",
        "race": people.race[owner],
        "edregtime": "",
        "edouttime": "",
        "hospital_expire_flag": died.astype(int),
    }
    write_table(folder / "hosp" / "admissions.csv.gz", pd.DataFrame(admissions))
    _write_diagnoses(folder / "hosp" / "diagnoses_icd.csv.gz", rng, admissions)
    intensive = np.flatnonzero(rng.random(count) < 0.2)
    stays = {
        "subject_id": people.subject_id[owner[intensive]],
        "hadm_id": hadm_id[intensive],
        "stay_id": 39_000_001 + np.arange(len(intensive)),
        "first_careunit": CARE_UNITS[0],
        "last_careunit": CARE_UNITS[1],
        "intime": _as_text(began[intensive] + np.timedelta64(3_600, "s")),
        "outtime": _as_text(ended[intensive]),
        "los": 1.5,
    }
    write_table(folder / "icu" / "icustays.csv.gz", pd.DataFrame(stays))


def _write_diagnoses(path: Path, rng: np.random.Generator, admissions: dict) -> None:
    """Write one to eight diagnoses an admission, of both ICD versions."""
    count = len(admissions["hadm_id"])
    admission = np.repeat(np.arange(count), rng.integers(1, 9, count))
    version = rng.choice([9, 10], len(admission))
    codes = {number: rng.choice(CODES[number].split(), len(admission)) for number in (9, 10)}
    diagnoses = {
        "subject_id": admissions["subject_id"][admission],
        "hadm_id": admissions["hadm_id"][admission],
        "seq_num": 1 + np.arange(len(admission)) - np.searchsorted(admission, admission),
        "icd_code": np.where(version == 9, codes[9], codes[10]),
        "icd_version": version,
    }
    write_table(path, pd.DataFrame(diagnoses))


def _draw_words(rng: np.random.Generator, shares: dict[str, float], count: int) -> np.ndarray:
    return rng.choice(list(shares), count, p=list(shares.values()))


def _draw_whole(rng: np.random.Generator, mean: np.ndarray, sd: float) -> np.ndarray:
    """Draw a whole number of at least 1 for each mean, as text."""
    return np.maximum(rng.normal(mean, sd), 1).round().astype(int).astype(str).astype(object)


def _draw_seconds(rng: np.random.Generator, low: int, high: int, count: int) -> np.ndarray:
    return rng.integers(low, high, count).astype("timedelta64[s]")


def _dates(years: np.ndarray, day: str) -> np.ndarray:
    return np.array([f"{year}-{day}" for year in years], "datetime64[s]")


def _as_text(times: np.ndarray) -> np.ndarray:
    return np.char.replace(np.datetime_as_string(times), "T", " ")
