"""A simulated MIMIC-IV-ED 2.2 with the tables of MIMIC-IV 2.2 that go with it: csv.gz in PhysioNet's folders. Every value is invented.

Quirks of the release that it has: temperatures in Fahrenheit, some in Celsius; free text for pain; empty acuities; commas in complaints;
minors; two visits of one admission; admissions without a visit; codes of both ICD versions; races in words, several of them unknown.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.rehearse.draw import write_table

RACES = (
    "WHITE",
    "WHITE - RUSSIAN",
    "BLACK/AFRICAN AMERICAN",
    "ASIAN - CHINESE",
    "HISPANIC/LATINO - PUERTO RICAN",
    "OTHER",
    "UNKNOWN",
    "UNABLE TO OBTAIN",
)
RACE_SHARES = (0.45, 0.05, 0.2, 0.08, 0.08, 0.06, 0.05, 0.03)
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
CODES = {
    10: (
        "I214",
        "I5020",
        "I739",
        "I639",
        "F0390",
        "J449",
        "E119",
        "E1122",
        "N186",
        "C3490",
        "C7951",
        "E6601",
        "F329",
        "F1020",
        "I10",
        "Z8673",
    ),
    9: (
        "41071",
        "4280",
        "4439",
        "43491",
        "2900",
        "496",
        "25000",
        "25040",
        "5856",
        "1629",
        "1985",
        "27801",
        "311",
        "30391",
        "4019",
        "V1251",
    ),
}
DRUGS = ("Aspirin", "Metformin", "Lisinopril", "Atorvastatin", "Albuterol", "Acetaminophen")
ROOMS = ("Medical Intensive Care Unit (MICU)", "Surgical Intensive Care Unit (SICU)")


def write(root: Path, patients: int, seed: int) -> None:
    """Write ed/, hosp/ and icu/ of `patients` invented people."""
    rng = np.random.default_rng([seed, 9])
    subject = 10_000_032 + 7 * np.arange(patients)
    anchor_year = rng.integers(2110, 2190, patients)
    anchor_age = np.clip(rng.normal(57, 20, patients), 16, 91).astype(int)
    gender, race = rng.choice(["F", "M"], patients), rng.choice(RACES, patients, p=RACE_SHARES)
    visits = 1 + rng.poisson(1.3, patients)
    owner = np.repeat(np.arange(patients), visits)
    count = len(owner)
    began = np.array(
        [f"{anchor_year[who]}-01-01" for who in owner], "datetime64[s]"
    ) + rng.integers(0, 3 * 365 * 86_400, count).astype("timedelta64[s]")
    ended = began + rng.integers(3_600, 20 * 3_600, count).astype("timedelta64[s]")
    acuity = rng.choice(["1", "2", "3", "4", "5", ""], count, p=(0.06, 0.3, 0.45, 0.12, 0.03, 0.04))
    sick = (pd.Series(acuity).replace("", "3").astype(int).to_numpy() <= 2) ^ (
        rng.random(count) < 0.05
    )  # some admissions contradict the acuity
    admitted = sick & (rng.random(count) < 0.95)
    hadm = np.where(admitted, (20_000_019 + 13 * np.arange(count)).astype(str), "")
    twins = np.flatnonzero((owner[1:] == owner[:-1]) & admitted[:-1] & admitted[1:])[:1]
    hadm[twins + 1] = hadm[twins]
    stay = (30_000_010 + 11 * rng.permutation(count)).astype(str)

    fahrenheit = rng.normal(98.2, 1, count).round(1)
    fahrenheit[rng.random(count) < 0.01] = 36.6
    signs = {
        "temperature": fahrenheit.astype(str).astype(object),
        "heartrate": _whole(rng, 85 + 12 * sick, 15),
        "resprate": _whole(rng, 17 + 3 * sick, 2),
        "o2sat": _whole(rng, 96 - 3 * sick, 1.2),
        "sbp": _whole(rng, 135 - 8 * sick, 20),
        "dbp": _whole(rng, np.full(count, 78), 12),
    }
    for values in signs.values():
        values[rng.random(count) < 0.03] = ""
    pain = rng.choice(
        ["0", "5", "8", "10", "13", "unable", ""],
        count,
        p=(0.45, 0.15, 0.15, 0.1, 0.05, 0.05, 0.05),
    )
    ed, hosp, icu = (
        root / "mimic-iv-ed" / "2.2" / "ed",
        root / "mimiciv" / "2.2" / "hosp",
        root / "mimiciv" / "2.2" / "icu",
    )
    key = {"subject_id": subject[owner], "stay_id": stay}
    order = rng.permutation(count)

    def save(path: Path, columns: dict, rows=slice(None)) -> None:
        write_table(path, pd.DataFrame(columns).iloc[rows])

    save(
        ed / "edstays.csv.gz",
        {
            "subject_id": subject[owner],
            "hadm_id": hadm,
            "stay_id": stay,
            "intime": _time(began),
            "outtime": _time(ended),
            "gender": gender[owner],
            "race": race[owner],
            "arrival_transport": rng.choice(["WALK IN", "AMBULANCE"], count),
            "disposition": np.where(admitted, "ADMITTED", "HOME"),
        },
        order,
    )
    save(
        ed / "triage.csv.gz",
        key
        | signs
        | {"pain": pain, "acuity": acuity, "chiefcomplaint": rng.choice(COMPLAINTS, count)},
    )
    again = np.sort(rng.integers(0, count, 3 * count))
    save(
        ed / "vitalsign.csv.gz",
        {name: values[again] for name, values in key.items()}
        | {
            "charttime": _time(
                began[again] + rng.integers(60, 3_000, len(again)).astype("timedelta64[s]")
            ),
            **{name: values[again] for name, values in signs.items()},
            "rhythm": "",
            "pain": pain[again],
        },
    )
    save(
        ed / "medrecon.csv.gz",
        {name: values[again] for name, values in key.items()}
        | {
            "charttime": _time(began[again]),
            "name": rng.choice(DRUGS, len(again)),
            "gsn": rng.integers(1_000, 70_000, len(again)),
            "ndc": "",
            "etc_rn": 1,
            "etccode": "",
            "etcdescription": "",
        },
    )
    save(
        ed / "pyxis.csv.gz",
        {name: values[again] for name, values in key.items()}
        | {
            "charttime": _time(began[again]),
            "med_rn": rng.integers(1, 5, len(again)),
            "name": rng.choice(DRUGS, len(again)),
            "gsn_rn": 1,
            "gsn": "",
        },
    )
    save(
        ed / "diagnosis.csv.gz",
        key
        | {
            "seq_num": 1,
            "icd_code": rng.choice(CODES[10], count),
            "icd_version": 10,
            "icd_title": "an invented diagnosis, in words",
        },
    )

    save(
        hosp / "patients.csv.gz",
        {
            "subject_id": subject,
            "gender": gender,
            "anchor_age": anchor_age,
            "anchor_year": anchor_year,
            "anchor_year_group": "2014 - 2016",
            "dod": "",
        },
    )
    first = np.unique(hadm[admitted], return_index=True)[1]
    after = np.flatnonzero(admitted)[first]
    elective = rng.integers(
        0, patients, patients // 2
    )  # admissions of people who were not sent by the emergency department
    who = np.concatenate([owner[after], elective])
    planned = np.array([f"{anchor_year[p] - 1}-06-01" for p in elective], "datetime64[s]")
    start = np.concatenate(
        [
            ended[after],
            planned + rng.integers(0, 700 * 86_400, len(elective)).astype("timedelta64[s]"),
        ]
    )
    number = np.concatenate([hadm[after], (28_000_003 + 17 * np.arange(len(elective))).astype(str)])
    died = rng.random(len(who)) < 0.03
    leave = start + rng.integers(86_400, 10 * 86_400, len(who)).astype("timedelta64[s]")
    save(
        hosp / "admissions.csv.gz",
        {
            "subject_id": subject[who],
            "hadm_id": number,
            "admittime": _time(start),
            "dischtime": _time(leave),
            "deathtime": np.where(died, _time(leave), ""),
            "admission_type": "EW EMER.",
            "admit_provider_id": "P00XXX",
            "admission_location": "EMERGENCY ROOM",
            "discharge_location": np.where(died, "DIED", "HOME"),
            "insurance": rng.choice(
                ["Medicare", "Medicaid", "Other"], len(who), p=(0.4, 0.15, 0.45)
            ),
            "language": "ENGLISH",
            "marital_status": "",
            "race": race[who],
            "edregtime": "",
            "edouttime": "",
            "hospital_expire_flag": died.astype(int),
        },
    )
    of = np.repeat(np.arange(len(who)), rng.integers(1, 9, len(who)))
    version = rng.choice([9, 10], len(of))
    save(
        hosp / "diagnoses_icd.csv.gz",
        {
            "subject_id": subject[who[of]],
            "hadm_id": number[of],
            "seq_num": 1 + np.arange(len(of)) - np.searchsorted(of, of),
            "icd_code": np.where(
                version == 9, rng.choice(CODES[9], len(of)), rng.choice(CODES[10], len(of))
            ),
            "icd_version": version,
        },
    )
    intensive = np.flatnonzero(rng.random(len(who)) < 0.2)
    save(
        icu / "icustays.csv.gz",
        {
            "subject_id": subject[who[intensive]],
            "hadm_id": number[intensive],
            "stay_id": 39_000_001 + np.arange(len(intensive)),
            "first_careunit": ROOMS[0],
            "last_careunit": ROOMS[1],
            "intime": _time(start[intensive] + np.timedelta64(3_600, "s")),
            "outtime": _time(leave[intensive]),
            "los": 1.5,
        },
    )


def _whole(rng: np.random.Generator, mean: np.ndarray, sd: float) -> np.ndarray:
    """Whole numbers of at least 1 as text, one for each mean."""
    return np.maximum(rng.normal(mean, sd), 1).round().astype(int).astype(str).astype(object)


def _time(moments: np.ndarray) -> np.ndarray:
    return np.char.replace(np.datetime_as_string(moments), "T", " ")
