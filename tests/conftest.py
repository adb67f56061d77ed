import csv
import gzip
from pathlib import Path

import pytest
from hypothesis import settings

from rollcall import datasets as cohorts
from rollcall.datasets.diabetes130 import AGES, CATEGORICAL, COLUMNS, COUNTS, DIAGNOSES, DRUGS

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"

# The same examples in every run, and no deadline: the machine may be busy.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """A simulated cohort of 60 patients, prepared on disk."""
    return cohorts.load("simulated", data=tmp_path_factory.mktemp("data"), patients=60)


@pytest.fixture(scope="session")
def diabetes_release():
    """The folder of the real diabetes table, or a skip with the reason."""
    folder = SHARED / "diabetes-130"
    if not folder.is_dir():
        pytest.skip(f"the real table is not at {folder}")
    return folder


def diabetes_rows(patients: int = 40) -> list[dict]:
    """An invented table in the publisher's layout: every second patient has two stays."""
    rows = []
    for patient in range(patients):
        for stay in range(1 + patient % 2):
            row = dict.fromkeys(COLUMNS, "No")
            row |= {
                column: str((patient * 7 + stay * 3 + position) % 9)
                for position, column in enumerate(COUNTS)
            }
            row |= {
                "encounter_id": str(1000 + len(rows)),
                "patient_nbr": str(50 + patient),
                "age": AGES[patient % 10],
                "race": ("Caucasian", "Asian", "?")[patient % 3],
                "gender": ("Female", "Male")[patient % 2],
                "weight": "?",
                "admission_type_id": "1",
                "discharge_disposition_id": "1",
                "admission_source_id": "7",
                "payer_code": ("MC", "MD", "?", "SP", "BC", "ZZ")[patient % 6],
                "medical_specialty": "?",
                "max_glu_serum": "None",
                "A1Cresult": "None",
                "change": "No",
                "diabetesMed": "Yes",
                "readmitted": ("NO", ">30", "<30")[(patient + stay) % 3],
            }
            row |= dict(
                zip(DIAGNOSES, ("250.83", "V27", "?") if patient % 2 else ("428", "486", "999.9"))
            )
            rows.append(row)
    assert set(DRUGS) <= set(CATEGORICAL)
    return rows


def write_release(folder: Path, rows: list[dict], columns=COLUMNS, zipped: bool = False) -> Path:
    """Write rows as diabetic_data.csv(.gz) into folder; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ("diabetic_data.csv.gz" if zipped else "diabetic_data.csv")
    with (gzip.open if zipped else open)(path, "wt", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return folder
