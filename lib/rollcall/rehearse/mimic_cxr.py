"""Write a simulated MIMIC-CXR-JPG release with MIMIC-IV's two tables, as PhysioNet's download is.

    mimic-cxr-jpg/2.0.0/mimic-cxr-2.0.0-{metadata,negbio,chexpert,split}.csv.gz
    mimic-cxr-jpg/2.0.0/files/p10/p10000032/s50414267/<dicom_id>.jpg
    mimiciv/3.1/hosp/{admissions,patients}.csv.gz

Quirks written: uncertain (-1) and unnamed (empty) labels, studies without a row in the label
tables, films without a view, rare views, two labellers that differ, several race strings a patient
(of one group and of two, and unknown ones), patients whom MIMIC-IV does not have, anchor age 91,
and films that show other findings than their labels say.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.datasets.parts.chest import FINDINGS
from rollcall.rehearse.chest import draw_findings, write_film
from rollcall.rehearse.drawing import write_table

RACES = (  # the strings of a patient's admissions
    ("WHITE",),
    ("WHITE", "WHITE"),
    ("WHITE", "WHITE - RUSSIAN"),
    ("WHITE", "UNKNOWN"),
    ("BLACK/AFRICAN AMERICAN",),
    ("BLACK/AFRICAN AMERICAN", "BLACK/CAPE VERDEAN"),
    ("ASIAN - CHINESE",),
    ("ASIAN", "ASIAN - SOUTH EAST ASIAN"),
    ("HISPANIC/LATINO - PUERTO RICAN",),
    ("OTHER",),
    ("WHITE", "BLACK/AFRICAN AMERICAN"),
    ("UNABLE TO OBTAIN", "PATIENT DECLINED TO ANSWER"),
)
RACE_SHARES = (0.25, 0.15, 0.08, 0.05, 0.1, 0.07, 0.06, 0.05, 0.07, 0.05, 0.03, 0.04)
VIEWS = {  # ViewPosition: its share
    "AP": 0.38,
    "PA": 0.25,
    "LATERAL": 0.22,
    "LL": 0.09,
    "": 0.04,
    "PA LLD": 0.01,
    "SWIMMERS": 0.01,
}
MEANINGS = {
    "AP": "antero-posterior",
    "PA": "postero-anterior",
    "LATERAL": "lateral",
    "LL": "left lateral",
}
HOSPITAL_TABLES = ("admissions", "patients")
TABLES = ("metadata", "negbio", "chexpert", "split", *HOSPITAL_TABLES)
MIN_TEST_PATIENTS = 16


def write(root: Path, patients: int, seed: int) -> None:
    """Write the release of `patients` invented patients.

    A sixth, at least MIN_TEST_PATIENTS, are the official test set, a tenth the validation set.
    """
    home, hosp = root / "mimic-cxr-jpg" / "2.0.0", root / "mimiciv" / "3.1" / "hosp"
    held_out, validation = max(MIN_TEST_PATIENTS, patients // 6), patients // 10
    rng = np.random.default_rng([seed, 0])
    subjects = 10_000_000 + np.sort(rng.choice(9_999_999, patients, replace=False))
    train = patients - held_out - validation
    splits = rng.permutation(["test"] * held_out + ["validate"] * validation + ["train"] * train)
    tables: dict[str, list[dict]] = {name: [] for name in TABLES}
    for position, (subject, split) in enumerate(zip(subjects.tolist(), splits, strict=True)):
        rng = np.random.default_rng([seed, 1, position])
        year = int(rng.integers(2110, 2190))
        if position % 12 != 4:
            tables["patients"].append(_patient_row(rng, subject, year))
            if position % 12 != 9:
                tables["admissions"] += _admission_rows(rng, subject, position, year)
        for study in range(int(rng.integers(1, 4))):
            _add_study(tables, rng, home, (subject, split), (position, study), year, seed)
    for name, rows in tables.items():
        path = home / f"mimic-cxr-2.0.0-{name}.csv.gz"
        if name in HOSPITAL_TABLES:
            path = hosp / f"{name}.csv.gz"
        write_table(path, pd.DataFrame(rows))
    films = sorted(home.glob("files/*/*/*/*.jpg"))
    (home / "IMAGE_FILENAMES").write_text(
        "".join(f"{path.relative_to(home).as_posix()}\n" for path in films), encoding="utf-8"
    )


def _patient_row(rng: np.random.Generator, subject: int, year: int) -> dict:
    age = 91 if rng.random() < 0.04 else int(np.clip(rng.normal(60, 19), 18, 89))
    return {
        "subject_id": subject,
        "gender": rng.choice(["F", "M"]),
        "anchor_age": age,
        "anchor_year": year,
        "anchor_year_group": "2011 - 2013",
        "dod": f"{year + 4}-02-03" if rng.random() < 0.15 else None,
    }


def _admission_rows(rng: np.random.Generator, subject: int, position: int, year: int) -> list[dict]:
    races = RACES[rng.choice(len(RACES), p=RACE_SHARES)]
    return [
        _admission_row(rng, subject, 20_000_000 + 10 * position + stay, year, race)
        for stay, race in enumerate(races)
    ]


def _admission_row(rng: np.random.Generator, subject: int, stay: int, year: int, race: str) -> dict:
    month = f"{year}-{rng.integers(1, 13):02d}"
    return {
        "subject_id": subject,
        "hadm_id": stay,
        "admittime": f"{month}-03 11:20:00",
        "dischtime": f"{month}-09 15:00:00",
        "deathtime": None,
        "admission_type": "EW EMER.",
        "admit_provider_id": f"P{rng.integers(10, 99)}XYZ",
        "admission_location": "EMERGENCY ROOM",
        "discharge_location": "HOME",
        "insurance": rng.choice(["Medicare", "Medicaid", "Other"]),
        "language": "English",
        "marital_status": rng.choice(["MARRIED", "SINGLE", ""]),
        "race": race,
        "edregtime": f"{month}-03 08:00:00",
        "edouttime": f"{month}-03 12:00:00",
        "hospital_expire_flag": 0,
    }


def _add_study(
    tables: dict[str, list[dict]],
    rng: np.random.Generator,
    home: Path,
    patient: tuple[int, str],
    positions: tuple[int, int],
    year: int,
    seed: int,
) -> None:
    """Write the films of one study, and add its rows to the release's tables.

    patient    subject_id and split
    positions  of the patient among the patients, and of the study among the patient's studies
    """
    (subject, split), (position, study) = patient, positions
    study_id = 50_000_000 + 10 * position + study
    date = f"{year + study}{rng.integers(1, 13):02d}{rng.integers(1, 29):02d}"
    shown, labels = draw_findings(rng)
    if rng.random() > 0.03:
        key = {"subject_id": subject, "study_id": study_id}
        names = sorted(FINDINGS)
        tables["negbio"].append(key | {name: labels[name] for name in names})
        tables["chexpert"].append(
            key | {name: np.nan if rng.random() < 0.03 else labels[name] for name in names}
        )
    for view in rng.choice(list(VIEWS), int(rng.integers(1, 3)), p=list(VIEWS.values())):
        dicom_id = "-".join(f"{word:08x}" for word in rng.integers(0, 2**32, 5))
        height, width = (128, 112) if rng.random() < 0.5 else (112, 128)
        folder = home / "files" / f"p{str(subject)[:2]}" / f"p{subject}" / f"s{study_id}"
        write_film(
            folder / f"{dicom_id}.jpg",
            shown,
            patient_seed=[seed, 2, position],
            record_seed=[seed, 3, position, study, len(tables["metadata"])],
            height=height,
            width=width,
        )
        procedure = "CHEST (PORTABLE AP)" if view == "AP" else "CHEST (PA AND LAT)"
        tables["metadata"].append(
            {
                "dicom_id": dicom_id,
                "subject_id": subject,
                "study_id": study_id,
                "PerformedProcedureStepDescription": procedure,
                "ViewPosition": view,
                "Rows": height,
                "Columns": width,
                "StudyDate": date,
                "StudyTime": f"{rng.integers(0, 240000):06d}.{rng.integers(0, 1000):03d}",
                "ProcedureCodeSequence_CodeMeaning": procedure,
                "ViewCodeSequence_CodeMeaning": MEANINGS.get(view),
                "PatientOrientationCodeSequence_CodeMeaning": rng.choice(
                    ["Erect", "Recumbent", ""]
                ),
            }
        )
        tables["split"].append(
            {"dicom_id": dicom_id, "study_id": study_id, "subject_id": subject, "split": split}
        )
