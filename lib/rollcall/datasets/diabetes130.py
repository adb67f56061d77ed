"""Diabetes 130-US hospitals 1999-2008: 101,766 stays of 71,518 patients with diabetes.

Publisher: UCI Machine Learning Repository, data set 296, doi:10.24432/C5230J. Licence: CC BY 4.0.
Access: open; fetched from the publisher. Paper: Strack et al., BioMed Research International 2014,
781670, doi:10.1155/2014/781670.

The unit is the patient, `patient_nbr`. The label is readmission within 30 days. No stay is dropped,
stays that ended in death included: they are in the table, so they can leak. The release has no
dates: a patient's stays are taken to follow each other as `encounter_id` rises, as its users do.

Copies are read as the publisher's table is: with empty fields or other words for missing in place
of its "?" (and of the "None" of a test that was not made), with numbers that went through floats,
or with a dot for the hyphen in the name of a column.

Not one of the paper's cohorts, so there are no published choices to differ from.
"""

from __future__ import annotations

import hashlib
import logging
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import release, tables
from rollcall.data.arrays.times import ORDER, rank_times
from rollcall.data.cleaning import is_missing, strip_fields
from rollcall.data.cohort import Cohort
from rollcall.datasets.parts.about import Dataset
from rollcall.datasets.parts.common import count_notes, missing_notes
from rollcall.datasets.parts.editions import read_edition
from rollcall.datasets.parts.joins import clean_numbers, refuse_repeated
from rollcall.util.errors import InputError, first_line

log = logging.getLogger(__name__)

ABOUT = Dataset(
    name="diabetes130",
    title="Diabetes 130-US hospitals",
    licence="CC BY 4.0",
    access="open, fetched",
    records="hospital stays, readmission",
    root_optional=True,
    is_table=True,
)
VERSION = 3
URL = (
    "https://archive.ics.uci.edu/static/public/296/"
    "diabetes+130-us+hospitals+for+years+1999-2008.zip"
)
ZIPS = (URL.rsplit("/", 1)[1], "dataset_diabetes.zip", "archive.zip", "download.zip")
CSV_SHA256 = "0689e7ec031237dc63031b938805c48377748761a3b26acab621567afa24df97"
EXPECTED = {"stays": 101_766, "patients": 71_518}
COUNTS = (
    "time_in_hospital",
    "num_lab_procedures",
    "num_procedures",
    "num_medications",
    "number_outpatient",
    "number_emergency",
    "number_inpatient",
    "number_diagnoses",
)
DRUGS = (
    "metformin",
    "repaglinide",
    "nateglinide",
    "chlorpropamide",
    "glimepiride",
    "acetohexamide",
    "glipizide",
    "glyburide",
    "tolbutamide",
    "pioglitazone",
    "rosiglitazone",
    "acarbose",
    "miglitol",
    "troglitazone",
    "tolazamide",
    "examide",
    "citoglipton",
    "insulin",
    "glyburide-metformin",
    "glipizide-metformin",
    "glimepiride-pioglitazone",
    "metformin-rosiglitazone",
    "metformin-pioglitazone",
)
CATEGORICAL = (
    "race",
    "gender",
    "weight",
    "admission_type_id",
    "discharge_disposition_id",
    "admission_source_id",
    "payer_code",
    "medical_specialty",
    "max_glu_serum",
    "A1Cresult",
    *DRUGS,
    "change",
    "diabetesMed",
)
DIAGNOSES = ("diag_1", "diag_2", "diag_3")
IDS = ("admission_type_id", "discharge_disposition_id", "admission_source_id")
TESTS = ("max_glu_serum", "A1Cresult")  # "None" there is a test that was not made
MISSING = "?"
EDITIONS = (
    "diabetic_data.csv, as UCI and Kaggle have it (ucimlrepo's table of features lacks the ids and "
    "readmitted: its `data.original` has all)"
)
AGES = tuple(f"[{low}-{low + 10})" for low in range(0, 100, 10))
CLASSES = ("not within 30 days", "within 30 days")
COLUMNS = ("encounter_id", "patient_nbr", "age", "readmitted", *COUNTS, *CATEGORICAL, *DIAGNOSES)

# Strack et al. 2014, table 2. Ranges are inclusive; a code in none of them (E and V codes too)
# is "Other".
DIAGNOSIS_GROUPS = {
    "Circulatory": ((390, 459), (785, 785)),
    "Respiratory": ((460, 519), (786, 786)),
    "Digestive": ((520, 579), (787, 787)),
    "Diabetes": ((250, 250),),
    "Injury": ((800, 999),),
    "Musculoskeletal": ((710, 739),),
    "Genitourinary": ((580, 629), (788, 788)),
    "Neoplasms": ((140, 239),),
}
# The release has no code book for `payer_code`; these are the readings its users agree on.
# The rest is "Other".
PAYERS = {
    "MC": "Medicare",
    "MD": "Medicaid",
    "SP": "Self-pay",
    "?": "Missing",
    **dict.fromkeys(("BC", "HM", "UN", "CP", "CM", "PO", "SI"), "Private"),
}


def locate(root: Path | None, folder: Path) -> dict[str, Path]:
    """Find `diabetic_data.csv` or `.csv.gz` under root, up to two folders down.

    Without a root it is fetched from the publisher into `folder` and checked by its hash.
    """
    if root is not None:
        path = release.find_table(root, "diabetic_data.csv", required=False)
        if path is None:
            zips = [name for name in ZIPS if (root / name).is_file()]
            unpack = f"unpack {zips[0]}, or " if zips else ""
            raise InputError(
                f"{root}: holds no diabetic_data.csv or diabetic_data.csv.gz; {unpack}let ROOT= "
                "name the folder with the release's files (see docs/datasets.md)"
            )
        return {"diabetic_data": path}
    path = folder / "diabetic_data.csv"
    if not path.exists():
        _fetch(path)
    return {"diabetic_data": path}


def _fetch(path: Path) -> None:
    import pooch  # only here: nothing else needs the network

    log.info("fetching %s", URL)
    try:
        download = pooch.retrieve(
            URL, known_hash=None, path=path.parent, fname="download.zip", progressbar=True
        )
        with zipfile.ZipFile(download) as archive:
            content = archive.read("diabetic_data.csv")
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(
            f"could not fetch {URL} ({first_line(error, 1000)}); "
            "download it by hand, unpack it, and pass ROOT=the folder that holds diabetic_data.csv"
        ) from error
    Path(download).unlink()
    digest = hashlib.sha256(content).hexdigest()
    if digest != CSV_SHA256:
        raise InputError(
            f"{URL}: diabetic_data.csv has sha256 {digest}, expected {CSV_SHA256}; "
            "the publisher's file has changed or the download is damaged: "
            "try again, or pass ROOT=a folder with a copy you trust"
        )
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(content)
    unfinished.rename(path)


def read(files: dict[str, Path], root: Path | None) -> Cohort:
    """Read the release as its publisher ships it.

    Inputs float32 (stays, features): counts as z-scores, all else one-hot. Labels int64 (stays,).
    """
    path = files["diabetic_data"]
    table = _read_table(path)
    labels = (tables.read_codes(path, table, "readmitted", ("NO", ">30", "<30")) == 2).astype(int)
    tables.read_codes(path, table, "age", AGES)
    diagnoses = {column: diagnosis_group(table[column]) for column in DIAGNOSES}
    inputs, features = _features(path, table, diagnoses)
    records = _records(table, labels, diagnoses["diag_1"])
    counts = {"stays": len(records), "patients": records["patient_id"].nunique()}
    notes = count_notes(counts, EXPECTED)
    notes += missing_notes(records, ("race", "gender", "diagnosis"), "stays", "{:,}".format)
    return Cohort(
        "diabetes130",
        records,
        inputs,
        labels.astype(np.int64),
        "binary",
        CLASSES,
        ("race", "gender", "age", "payer", "diagnosis", "readmitted"),
        features=features,
        restricted=False,
        notes=tuple(notes),
        source="Diabetes 130-US hospitals 1999-2008, UCI data set 296 (doi:10.24432/C5230J), "
        "CC BY 4.0; Strack et al. 2014.",
    )


def _read_table(path: Path) -> pd.DataFrame:
    """Read the table, ids cleaned, "?" for whatever is missing, "None" for a test not made."""
    dotted = {name: (name.replace("-", "."), name.replace("-", "_")) for name in DRUGS}
    table = read_edition(path, COLUMNS, EDITIONS, other_names=dotted)
    for column in ("encounter_id", "patient_nbr"):
        table[column] = clean_numbers(path, table, column)
    refuse_repeated(path, table, "encounter_id")
    for column in ("age", "readmitted", *COUNTS):
        table[column] = strip_fields(table[column])
    for column in (*CATEGORICAL, *DIAGNOSES):
        values = strip_fields(table[column])
        table[column] = values.mask(is_missing(values), "None" if column in TESTS else MISSING)
    for column in IDS:
        table[column] = table[column].str.replace(r"^([0-9]+)[.]0*$", r"\1", regex=True)
    return table


def _features(
    path: Path, table: pd.DataFrame, diagnoses: dict[str, pd.Series]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the inputs, float32 (stays, features), and the names of their columns."""
    blocks, names = [], []
    for column in COUNTS:
        values = tables.read_numbers(path, table, column)
        scores = ((values - values.mean()) / max(values.std(), 1e-12)).astype(np.float32)
        blocks.append(scores[:, None])
        names.append(column)
    categorical = {column: table[column] for column in ("age", *CATEGORICAL)} | diagnoses
    for column, values in categorical.items():
        codes, levels = pd.factorize(values, sort=True)
        blocks.append(np.eye(len(levels), dtype=np.float32)[codes])
        names += [f"{column}={level}" for level in levels]
    return np.concatenate(blocks, axis=1), tuple(names)


def _records(table: pd.DataFrame, labels: np.ndarray, diagnosis: pd.Series) -> pd.DataFrame:
    """Build the table of records, a row per stay; "?" becomes missing, but for the payer."""
    patient, payer = table["patient_nbr"], table["payer_code"]
    ever = pd.Series(labels).groupby(patient.to_numpy()).transform("max").to_numpy()
    sex = table["gender"].where(table["gender"].isin(["Female", "Male"]))
    return pd.DataFrame(
        {
            "patient_id": patient,
            "label": pd.Categorical.from_codes(labels, CLASSES),
            "race": table["race"].where(table["race"] != "?").astype("category"),
            "gender": sex.astype("category"),
            "age": pd.Categorical(table["age"], AGES, ordered=True),
            "payer": payer.map(lambda code: PAYERS.get(code, "Other")).astype("category"),
            "diagnosis": diagnosis.where(diagnosis != "?").astype("category"),
            "readmitted": pd.Categorical.from_codes(ever, ["never within 30 days", CLASSES[1]]),
            ORDER: rank_times(patient, table["encounter_id"].astype(float)),
        }
    )


def diagnosis_group(codes: pd.Series) -> pd.Series:
    """Put ICD-9 codes into DIAGNOSIS_GROUPS; "?" (missing) stays "?"."""
    # E and V codes become NaN, hence "Other"
    number = np.asarray(pd.to_numeric(codes, errors="coerce"), dtype=float)
    whole = np.floor(number)
    group = np.full(len(codes), "Other", dtype=object)
    for name, ranges in DIAGNOSIS_GROUPS.items():
        for low, high in ranges:
            group[(whole >= low) & (whole <= high)] = name
    group[(codes == "?").to_numpy()] = "?"
    return pd.Series(group, index=codes.index)
