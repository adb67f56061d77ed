"""Read MIMIC-IV-ED: 418,007 emergency visits of 201,213 adults, and which end in admission.

The visits are those of adults with an acuity, to one department in Boston. Publisher: PhysioNet,
MIMIC-IV-ED 2.2 (doi:10.13026/5ntk-km72) with hosp and icu of MIMIC-IV (doi:10.13026/kpb9-mt58).
Access: credentialed users who have done the training and signed the PhysioNet Credentialed Health
Data Use Agreement 1.5.0; it may not be passed on. The demos of both (doi:10.13026/jzz5-vs76,
doi:10.13026/dp1f-ex47), 100 people, are open under the ODbL 1.0 and are read as well: a release is
taken for the demo, and so for open, if demo_subject_id.csv is under ROOT, is the publisher's own
list, and names every subject. Paper: Xie et al., Scientific Data 9, 658 (2022).

The master table, 64 features a visit, is built here from the release's own tables
(rollcall.datasets.release_tables.emergency). The unit is the patient, `subject_id`; binary label,
admission to the hospital.

Attributes: race, sex, age in bands, insurance (known for admitted visits alone: 77% are missing),
cancer and obesity (past diagnoses), hospitalised.

Where the default differs from the reference (see docs/deviations.md):
- Split by patient, a fifth held out. The reference splits by visit, so that four in five patients
  of its test set are in training as well.
- Features are z-scores (0/1 flags stay), missing vital signs are the median: both learnt on the
  audit pool. The reference feeds raw units, blood pressures beside flags.
- Vital signs: temperatures in Celsius among Fahrenheit are taken as such, and impossible values
  (a heart rate of 0, a saturation above 100%) are missing; both are counted in the notes. The
  reference's table sets Celsius missing, and clips or keeps the others
  (rollcall.datasets.release_tables.vital_signs).
- Race: known others are groups of their own (Hispanic, Other), unknown or declined is missing. The
  reference's test leaves all of them out.
`rules="paper"`: split by visit (a fifth held out), no scaling, the published vital signs, race
Black, White and Asian alone, insurance Medicare and Medicaid alone.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import release, tables
from rollcall.data.arrays.times import ORDER, rank_times
from rollcall.data.cohort import Cohort
from rollcall.datasets.parts.about import Dataset
from rollcall.datasets.parts.common import (
    RULES,
    check_choice,
    count_notes,
    count_text,
    held_out_fifth,
    missing_notes,
)
from rollcall.datasets.parts.demographics import RACES, age_bands, race_group
from rollcall.datasets.parts.joins import clean_numbers
from rollcall.datasets.release_tables.emergency import (
    ED_TABLES,
    FEATURES,
    REQUIRED_TABLES,
    build_master_table,
)
from rollcall.datasets.release_tables.vital_signs import SIGNS, describe_signs
from rollcall.util.errors import InputError

ABOUT = Dataset(
    name="mimic_iv_ed",
    title="MIMIC-IV-ED",
    licence="Credentialed Health Data Use Agreement 1.5.0; demo: ODbL 1.0",
    access="PhysioNet; demo open",
    records="emergency visits, admission",
    rehearsable=True,
    is_table=True,
)
VERSION = 3
EXPECTED = {"visits": 418_007, "patients": 201_213, "visits that end in admission": 197_774}
# sha256 of the open demo's 100 subjects, sorted, one a line.
DEMO = "97c0e3206fc6027379912d899a104e8055789d93365ec892f77a2d43d2127fe9"
ATTRIBUTES = ("race", "sex", "age", "insurance", "cancer", "obesity", "hospitalised")
CLASSES = ("not hospitalised", "hospitalised")
FLAGS = [  # columns that are 0 or 1, and are not scaled
    column
    for column, name in enumerate(FEATURES)
    if name == "gender_binarized" or name.startswith(("chiefcom_", "cci_", "eci_"))
]
MIN_SD = 1e-9  # a feature that varies less is constant
PAPER_INSURANCES = ["Medicare", "Medicaid"]
SOURCE = (
    "MIMIC-IV-ED with MIMIC-IV, PhysioNet (doi:10.13026/5ntk-km72), under the PhysioNet "
    "Credentialed Health Data Use Agreement 1.5.0, not to be passed on."
)
OPEN_SOURCE = (
    "MIMIC-IV-ED demo 2.2 and MIMIC-IV demo 2.2, PhysioNet (doi:10.13026/jzz5-vs76, "
    "doi:10.13026/dp1f-ex47), ODbL 1.0."
)
FOLDERS = {
    **dict.fromkeys(ED_TABLES, "ed"),
    **dict.fromkeys(("patients", "admissions", "diagnoses_icd"), "hosp"),
    "icustays": "icu",
}


def locate(root: Path | None, folder: Path) -> dict[str, Path]:
    """Find the tables of ed/, hosp/ and icu/, and the demo's list of subjects if it is there.

    They are csv or csv.gz, up to two folders below root.
    """
    if root is None:
        raise InputError(
            "mimic_iv_ed is not fetched: ROOT= must name the folder that holds ed/ (MIMIC-IV-ED), "
            "hosp/ and icu/ (MIMIC-IV); PhysioNet grants access at "
            "https://physionet.org/content/mimic-iv-ed (see docs/datasets.md)"
        )
    names = {name: f"{parent}/{name}.csv" for name, parent in FOLDERS.items()}
    files = release.find_tables(root, names, REQUIRED_TABLES)
    files["demo"] = release.find_table(root, "demo_subject_id.csv", required=False)
    return {name: path for name, path in files.items() if path is not None}


def read(files: dict[str, Path], root: Path, *, rules: str = "default") -> Cohort:
    """Read the release.

    Inputs are float32 (visits, 64), in the order of release_tables.emergency.FEATURES;
    labels int64 (visits,), 1 for admission.
    """
    check_choice("mimic_iv_ed", "rules", rules, RULES)
    paper = rules == "paper"
    table = build_master_table(files, paper)
    if not len(table):
        raise InputError(
            f"{files['edstays']}: no visit of an adult with an acuity; an audit needs some"
        )
    subject = table["subject_id"]
    held_out = held_out_fifth(table["stay_id"] if paper else subject)
    values = table[list(FEATURES)].to_numpy(dtype=np.float64)
    missing_signs = {
        name: int(np.isnan(values[~held_out, FEATURES.index(f"triage_{name}")]).sum())
        for name in SIGNS
    }
    inputs = _fill_missing(values, ~held_out)
    if not paper:
        inputs = _scale(inputs, ~held_out)
    records = _make_records(table, paper)
    labels = table["outcome_hospitalization"].to_numpy().astype(np.int64)

    counts = {
        "visits": len(table),
        "patients": subject.nunique(),
        "visits that end in admission": int(labels.sum()),
    }
    notes = [
        *count_notes(counts, EXPECTED),
        *missing_notes(records[~held_out], ("race", "insurance"), "visits"),
    ]
    notes += table.attrs["few"]
    for reason, count in table.attrs["left out"].items():
        if count:
            notes.append(f"{count_text(count)} visits left out: {reason}")
    notes += describe_signs(table.attrs["signs"], paper, count_text)
    for name, count in missing_signs.items():
        if count:
            notes.append(
                f"{name} at triage: missing for {count_text(count)} visits, set to the median"
            )
    split = ", a fifth"
    if paper:
        shared = len(set(subject[held_out]) & set(subject[~held_out]))
        split = f", of whom {shared:,} are in the audit pool too (the reference's split by visit)"
    notes.append(
        f"test set: {held_out.sum():,} visits of {subject[held_out].nunique():,} patients{split}"
    )
    is_open = _is_demo(files, table)

    def make_cohort(chosen: np.ndarray, **more) -> Cohort:
        return Cohort(
            name="mimic_iv_ed",
            records=records[chosen].reset_index(drop=True),
            inputs=inputs[chosen].astype(np.float32),
            labels=labels[chosen],
            task="binary",
            classes=CLASSES,
            attributes=ATTRIBUTES,
            features=FEATURES,
            restricted=not is_open,
            test_shares_patients=paper,
            source=f"{OPEN_SOURCE if is_open else SOURCE} Features after Xie et al. 2022.",
            **more,
        )

    return make_cohort(~held_out, notes=tuple(notes), test=make_cohort(held_out))


def _fill_missing(values: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """Set missing values to the feature's median over the pool; 0 if all of them are missing.

    values: (visits, features), NaN where missing. pool: bool (visits,).
    """
    known = ~np.isnan(values[pool]).all(axis=0)
    median = np.zeros(values.shape[1])
    median[known] = np.nanmedian(values[pool][:, known], axis=0)
    return np.where(np.isnan(values), median, values)


def _scale(values: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """Scale features to mean 0 and standard deviation 1 over the pool; 0/1 flags stay."""
    mean, sd = values[pool].mean(axis=0), values[pool].std(axis=0)
    mean[FLAGS], sd[FLAGS] = 0, 1
    return (values - mean) / np.where(sd > MIN_SD, sd, 1)


def _make_records(table: pd.DataFrame, paper: bool) -> pd.DataFrame:
    """Build the table of records, a row per visit."""
    insurance = table["insurance"]
    known = insurance.isin(PAPER_INSURANCES) if paper else insurance != ""
    admitted = table["outcome_hospitalization"].astype(int)
    sex = table["gender_binarized"].astype(int)
    no_yes = ["no", "yes"]
    return pd.DataFrame(
        {
            "patient_id": table["subject_id"].to_numpy(dtype=object),
            "label": pd.Categorical.from_codes(admitted, CLASSES),
            "race": pd.Categorical(race_group(table["race"], paper), RACES),
            "sex": pd.Categorical.from_codes(sex, ["Male", "Female"]),
            "age": age_bands(table["age"].to_numpy()),
            "insurance": pd.Categorical(insurance.where(known)),
            "cancer": pd.Categorical.from_codes(table["cci_Cancer1"].astype(int), no_yes),
            "obesity": pd.Categorical.from_codes(table["eci_Obesity"].astype(int), no_yes),
            "hospitalised": pd.Categorical.from_codes(admitted, no_yes),
            ORDER: rank_times(table["subject_id"], table["intime"]),
        }
    ).reset_index(drop=True)


def _is_demo(files: dict[str, Path], table: pd.DataFrame) -> bool:
    """Say whether the release is the open demo, by the publisher's own list of its subjects."""
    if "demo" not in files:
        return False
    subjects = tables.read_table(files["demo"], ("subject_id",))["subject_id"]
    subjects = clean_numbers(files["demo"], subjects.to_frame(), "subject_id")
    digest = hashlib.sha256("\n".join(sorted(subjects)).encode()).hexdigest()
    return digest == DEMO and bool(table["subject_id"].isin(subjects).all())
