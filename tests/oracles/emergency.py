"""The master table of MIMIC-IV-ED by plain loops over csv rows: naive, the truth in the tests."""

import csv
import gzip
import math
import re
from datetime import datetime, timedelta

from rollcall.datasets.release_tables import comorbidity

WORDS = {
    "chest_pain": ["chest pain"],
    "abdominal_pain": ["abdominal pain", "abd pain"],
    "headache": ["headache", "lightheaded"],
    "shortness_of_breath": ["breath"],
    "back_pain": ["back pain"],
    "cough": ["cough"],
    "nausea_vomiting": ["nausea", "vomit"],
    "fever_chills": ["fever", "chill"],
    "syncope": ["syncope"],
    "dizziness": ["dizz"],
}


def rows(path):
    with (
        gzip.open(path, "rt", newline="")
        if path.suffix == ".gz"
        else open(path, newline="") as file
    ):
        return list(csv.DictReader(file))


def when(text):
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S")


def number(text):
    try:
        return float(text)
    except ValueError:
        return None


def cleaned(sign, text):
    value = number(text)
    if value is None or math.isnan(value):
        return None
    if sign == "temperature":
        value = (value - 32) * 5 / 9
        return None if value < 14.2 or value > 47 else min(max(value, 26), 45)
    highest = {"heartrate": 390, "resprate": 330, "o2sat": 150, "sbp": 375, "dbp": 375, "pain": 10}[
        sign
    ]
    valid = {"heartrate": 350, "resprate": 300, "o2sat": 100, "sbp": 375, "dbp": 375, "pain": 10}[
        sign
    ]
    return None if value < 0 or value > highest else min(value, valid)


def cleaned_by_default(sign, text):
    value = number(text.strip())
    if value is None or math.isnan(value):
        return None
    if sign == "temperature" and not 25 <= value <= 45:
        value = (value - 32) * 5 / 9
    low, high = {
        "temperature": (25, 45),
        "heartrate": (1, 300),
        "resprate": (1, 70),
        "o2sat": (1, 100),
        "sbp": (1, 400),
        "dbp": (1, 300),
        "pain": (0, 10),
    }[sign]
    return value if low <= value <= high else None


def table(files, clean=cleaned):
    """{stay_id: {feature: value, None where missing}} of the visits that are kept."""
    stays, triage = rows(files["edstays"]), {row["stay_id"]: row for row in rows(files["triage"])}
    people = {row["subject_id"]: row for row in rows(files["patients"])}
    admissions, icu = rows(files["admissions"]), rows(files["icustays"])
    codes = {}
    for row in rows(files["diagnoses_icd"]):
        codes.setdefault(row["hadm_id"], []).append(
            (row["icd_code"].strip().upper(), int(row["icd_version"]))
        )
    groups = {
        **{f"cci_{name}": lists for name, lists in comorbidity.CHARLSON.items()},
        **{f"eci_{name}": lists for name, lists in comorbidity.ELIXHAUSER.items()},
    }
    visits = {}
    for stay in stays:
        person, at, signs = (
            people[stay["subject_id"]],
            when(stay["intime"]),
            triage.get(stay["stay_id"]),
        )
        age = at.year - int(person["anchor_year"]) + int(person["anchor_age"])
        if age < 18 or signs is None or signs["acuity"] == "":
            continue
        row = {"age": age, "gender_binarized": int(stay["gender"] == "F")}
        for kind, events in (
            ("ed", [(other["subject_id"], other["intime"]) for other in stays]),
            ("hosp", [(a["subject_id"], a["admittime"]) for a in admissions]),
            ("icu", [(i["subject_id"], i["intime"]) for i in icu]),
        ):
            starts = [when(start) for subject, start in events if subject == stay["subject_id"]]
            for days in (30, 90, 365):
                row[f"n_{kind}_{days}d"] = sum(
                    at - timedelta(days=days) <= start < at for start in starts
                )
        for sign in ("temperature", "heartrate", "resprate", "o2sat", "sbp", "dbp", "pain"):
            row[f"triage_{sign}"] = clean(sign, signs[sign])
        row["triage_acuity"] = float(signs["acuity"])
        for name, words in WORDS.items():
            row[f"chiefcom_{name}"] = int(
                any(
                    re.search(re.escape(word), signs["chiefcomplaint"], re.IGNORECASE)
                    for word in words
                )
            )
        past = [
            code
            for a in admissions
            if a["subject_id"] == stay["subject_id"]
            and at - timedelta(days=1780) <= when(a["dischtime"]) < at
            for code in codes.get(a["hadm_id"], [])
        ]
        for name, (nine, ten) in groups.items():
            row[name] = int(
                any(code.startswith(tuple(nine if version == 9 else ten)) for code, version in past)
            )
        row["hospitalised"] = stay["hadm_id"] != ""
        visits[stay["stay_id"]] = row
    return visits
