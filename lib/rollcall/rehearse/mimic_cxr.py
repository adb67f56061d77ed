"""A simulated MIMIC-CXR-JPG release with MIMIC-IV's two tables, as PhysioNet's download leaves them:

    mimic-cxr-jpg/2.0.0/mimic-cxr-2.0.0-{metadata,negbio,chexpert,split}.csv.gz, files/p10/p10000032/s50414267/<dicom_id>.jpg
    mimiciv/3.1/hosp/{admissions,patients}.csv.gz

Quirks written: uncertain (-1) and unnamed (empty) labels, studies without a row in the label tables, films without a view, rare views, two
labellers that differ, several race strings a patient (of one group and of two, and unknown ones), patients whom MIMIC-IV does not have,
anchor age 91, and films that show other findings than their labels say.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.datasets.parts.chest import FINDINGS
from rollcall.rehearse.chexpert import film, findings
from rollcall.rehearse.draw import write_table

RACES = (
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
)  # the strings of a patient's admissions
RACE_SHARES = (0.25, 0.15, 0.08, 0.05, 0.1, 0.07, 0.06, 0.05, 0.07, 0.05, 0.03, 0.04)
VIEWS = {
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


def write(root: Path, patients: int, seed: int) -> None:
    """Write the release of `patients` invented patients: a sixth, at least 16, are the official test set, a tenth the validation set."""
    home, hosp = root / "mimic-cxr-jpg" / "2.0.0", root / "mimiciv" / "3.1" / "hosp"
    held_out = max(16, patients // 6)
    rng = np.random.default_rng([seed, 0])
    subjects = 10_000_000 + np.sort(rng.choice(9_999_999, patients, replace=False))
    splits = rng.permutation(
        ["test"] * held_out
        + ["validate"] * (patients // 10)
        + ["train"] * (patients - held_out - patients // 10)
    )
    tables: dict[str, list[dict]] = {
        name: [] for name in ("metadata", "negbio", "chexpert", "split", "admissions", "patients")
    }
    for place, (subject, split) in enumerate(zip(map(int, subjects), splits)):
        rng = np.random.default_rng([seed, 1, place])
        year = int(rng.integers(2110, 2190))
        if place % 12 != 4:
            age = 91 if rng.random() < 0.04 else int(np.clip(rng.normal(60, 19), 18, 89))
            tables["patients"].append(
                {
                    "subject_id": subject,
                    "gender": rng.choice(["F", "M"]),
                    "anchor_age": age,
                    "anchor_year": year,
                    "anchor_year_group": "2011 - 2013",
                    "dod": f"{year + 4}-02-03" if rng.random() < 0.15 else None,
                }
            )
            if place % 12 != 9:
                races = RACES[rng.choice(len(RACES), p=RACE_SHARES)]
                tables["admissions"] += [
                    _admission(rng, subject, 20_000_000 + 10 * place + stay, year, race)
                    for stay, race in enumerate(races)
                ]
        for study in range(int(rng.integers(1, 4))):
            study_id, date = (
                50_000_000 + 10 * place + study,
                f"{year + study}{rng.integers(1, 13):02d}{rng.integers(1, 29):02d}",
            )
            shown, named = findings(rng)
            if rng.random() > 0.03:
                key = {"subject_id": subject, "study_id": study_id}
                tables["negbio"].append(
                    key | {finding: named[finding] for finding in sorted(FINDINGS)}
                )
                tables["chexpert"].append(
                    key
                    | {
                        finding: np.nan if rng.random() < 0.03 else named[finding]
                        for finding in sorted(FINDINGS)
                    }
                )
            for view in rng.choice(list(VIEWS), int(rng.integers(1, 3)), p=list(VIEWS.values())):
                dicom = "-".join(f"{part:08x}" for part in rng.integers(0, 2**32, 5))
                height, width = (128, 112) if rng.random() < 0.5 else (112, 128)
                film(
                    home
                    / "files"
                    / f"p{str(subject)[:2]}"
                    / f"p{subject}"
                    / f"s{study_id}"
                    / f"{dicom}.jpg",
                    shown,
                    [seed, 2, place],
                    [seed, 3, place, study, len(tables["metadata"])],
                    height,
                    width,
                )
                portable = view == "AP"
                tables["metadata"].append(
                    {
                        "dicom_id": dicom,
                        "subject_id": subject,
                        "study_id": study_id,
                        "PerformedProcedureStepDescription": "CHEST (PORTABLE AP)"
                        if portable
                        else "CHEST (PA AND LAT)",
                        "ViewPosition": view,
                        "Rows": height,
                        "Columns": width,
                        "StudyDate": date,
                        "StudyTime": f"{rng.integers(0, 240000):06d}.{rng.integers(0, 1000):03d}",
                        "ProcedureCodeSequence_CodeMeaning": "CHEST (PORTABLE AP)"
                        if portable
                        else "CHEST (PA AND LAT)",
                        "ViewCodeSequence_CodeMeaning": MEANINGS.get(view),
                        "PatientOrientationCodeSequence_CodeMeaning": rng.choice(
                            ["Erect", "Recumbent", ""]
                        ),
                    }
                )
                tables["split"].append(
                    {"dicom_id": dicom, "study_id": study_id, "subject_id": subject, "split": split}
                )
    for name, rows in tables.items():
        path = (
            hosp / f"{name}.csv.gz"
            if name in ("admissions", "patients")
            else home / f"mimic-cxr-2.0.0-{name}.csv.gz"
        )
        write_table(path, pd.DataFrame(rows))
    (home / "IMAGE_FILENAMES").write_text(
        "".join(
            f"{path.relative_to(home).as_posix()}\n"
            for path in sorted(home.glob("files/*/*/*/*.jpg"))
        )
    )


def _admission(rng: np.random.Generator, subject: int, stay: int, year: int, race: str) -> dict:
    day = f"{year}-{rng.integers(1, 13):02d}"
    return {
        "subject_id": subject,
        "hadm_id": stay,
        "admittime": f"{day}-03 11:20:00",
        "dischtime": f"{day}-09 15:00:00",
        "deathtime": None,
        "admission_type": "EW EMER.",
        "admit_provider_id": f"P{rng.integers(10, 99)}XYZ",
        "admission_location": "EMERGENCY ROOM",
        "discharge_location": "HOME",
        "insurance": rng.choice(["Medicare", "Medicaid", "Other"]),
        "language": "English",
        "marital_status": rng.choice(["MARRIED", "SINGLE", ""]),
        "race": race,
        "edregtime": f"{day}-03 08:00:00",
        "edouttime": f"{day}-03 12:00:00",
        "hospital_expire_flag": 0,
    }
