"""MIMIC-IV-ED: 418,007 visits of 201,213 adults to one emergency department in Boston, with an acuity; will the visit end in admission?

Publisher: PhysioNet, MIMIC-IV-ED 2.2 (doi:10.13026/5ntk-km72) with hosp and icu of MIMIC-IV (doi:10.13026/kpb9-mt58). Access: credentialed users
who have done the training and signed the PhysioNet Credentialed Health Data Use Agreement 1.5.0; it may not be passed on. The demos of both
(doi:10.13026/jzz5-vs76, doi:10.13026/dp1f-ex47), 100 people, are open under the ODbL 1.0 and are read as well: a release is taken for the demo,
and so for open, if demo_subject_id.csv is under ROOT, is the publisher's own list, and names every subject. Paper: Xie et al., Scientific Data
9, 658 (2022).

The master table is built here from the release's own tables (rollcall.datasets.parts.emergency): 64 features a visit. The unit is the patient,
`subject_id`; binary target, admission to the hospital.

Attributes: race, sex, age in bands, insurance (known for admitted visits alone: 77% are missing, W-D5), cancer and obesity (past diagnoses),
hospitalised.

Where the default differs from the reference:
- Split by patient, a fifth held out. The reference splits by visit, so that four in five patients of its test set are in training as well.
- Features are z-scores (0/1 flags stay), missing vital signs are the median: both learnt on the audit pool. The reference feeds raw units,
  blood pressures beside flags (W-T7).
- Race: known others are groups of their own (Hispanic, Other), unknown or declined is missing. The reference's test leaves all of them out.
`rules="paper"`: split by visit (a fifth held out), no scaling, race Black, White and Asian alone, insurance Medicare and Medicaid alone.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import release, tables
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
from rollcall.datasets.parts.emergency import (
    ED_TABLES,
    FEATURES,
    REQUIRED_TABLES,
    build_master_table,
)
from rollcall.datasets.parts.emergency_tables import LIMITS
from rollcall.util.errors import InputError

ABOUT = Dataset(
    name="mimic_iv_ed",
    title="MIMIC-IV-ED",
    licence="Credentialed Health Data Use Agreement 1.5.0; demo: ODbL 1.0",
    access="PhysioNet; demo open",
    records="emergency visits, admission",
    rehearsable=True,
)
VERSION = 1
EXPECTED = {"visits": 418_007, "patients": 201_213, "visits that end in admission": 197_774}
DEMO = "97c0e3206fc6027379912d899a104e8055789d93365ec892f77a2d43d2127fe9"  # sha256 of the open demo's 100 subjects, sorted, one a line
ATTRIBUTES = ("race", "sex", "age", "insurance", "cancer", "obesity", "hospitalised")
CLASSES = ("not hospitalised", "hospitalised")
FLAGS = [
    place
    for place, name in enumerate(FEATURES)
    if name == "gender_binarized" or name.startswith(("chiefcom_", "cci_", "eci_"))
]
FOLDERS = {
    **dict.fromkeys(ED_TABLES, "ed"),
    **dict.fromkeys(("patients", "admissions", "diagnoses_icd"), "hosp"),
    "icustays": "icu",
}


def locate(root: Path | None, folder: Path) -> dict[str, Path]:
    """The tables of ed/, hosp/ and icu/, csv or csv.gz, up to two folders below root; and the demo's list of subjects, if it is there."""
    if root is None:
        raise InputError(
            "mimic_iv_ed is not fetched: ROOT= must name the folder that holds ed/ (MIMIC-IV-ED), hosp/ and icu/ (MIMIC-IV); PhysioNet grants "
            "access at https://physionet.org/content/mimic-iv-ed (see data/README.md)"
        )
    files = {
        name: release.find_table(root, f"{place}/{name}.csv", required=name in REQUIRED_TABLES)
        for name, place in FOLDERS.items()
    }
    files["demo"] = release.find_table(root, "demo_subject_id.csv", required=False)
    return {name: path for name, path in files.items() if path is not None}


def read(files: dict[str, Path], root: Path, *, rules: str = "default") -> Cohort:
    """Read the release. Inputs float32 (visits, 64)."""
    check_choice("mimic_iv_ed", "rules", rules, RULES)
    paper = rules == "paper"
    table = build_master_table(files)
    if not len(table):
        raise InputError(
            f"{files['edstays']}: no visit of an adult with an acuity; an audit needs some"
        )
    held_out = held_out_fifth(table["stay_id"] if paper else table["subject_id"])
    values = table[list(FEATURES)].to_numpy(dtype=np.float64)
    pool = values[~held_out]
    missing = {
        name: int(np.isnan(values[~held_out, FEATURES.index(f"triage_{name}")]).sum())
        for name in LIMITS
    }
    known = ~np.isnan(pool).all(axis=0)
    middle = np.zeros(len(FEATURES))
    middle[known] = np.nanmedian(pool[:, known], axis=0)
    values = np.where(np.isnan(values), middle, values)
    if not paper:
        mean, sd = values[~held_out].mean(axis=0), values[~held_out].std(axis=0)
        mean[FLAGS], sd[FLAGS] = 0, 1
        values = (values - mean) / np.where(sd > 1e-9, sd, 1)
    records = _records(table, paper)
    targets = table["outcome_hospitalization"].to_numpy().astype(np.int64)

    found = {
        "visits": len(table),
        "patients": table["subject_id"].nunique(),
        "visits that end in admission": int(targets.sum()),
    }
    notes = [
        *count_notes(found, EXPECTED),
        *missing_notes(records[~held_out], ("race", "insurance"), "visits"),
    ]
    notes += [
        f"{count_text(count)} visits left out: {why}"
        for why, count in table.attrs["left out"].items()
        if count
    ]
    notes += [
        f"{name} at triage: missing for {count_text(count)} visits, set to the median"
        for name, count in missing.items()
        if count
    ]
    open_ = _is_demo(files, table)
    common = dict(
        name="mimic_iv_ed",
        task="binary",
        classes=CLASSES,
        attributes=ATTRIBUTES,
        features=FEATURES,
        restricted=not open_,
        test_shares_patients=paper,
        source=(
            "MIMIC-IV-ED demo 2.2 and MIMIC-IV demo 2.2, PhysioNet (doi:10.13026/jzz5-vs76, doi:10.13026/dp1f-ex47), ODbL 1.0."
            if open_
            else "MIMIC-IV-ED with MIMIC-IV, PhysioNet (doi:10.13026/5ntk-km72), under the PhysioNet Credentialed Health Data Use Agreement 1.5.0, not to be "
            "passed on."
        )
        + " Features after Xie et al. 2022.",
    )

    def part(chosen: np.ndarray, **more) -> Cohort:
        return Cohort(
            records=records[chosen].reset_index(drop=True),
            inputs=values[chosen].astype(np.float32),
            labels=targets[chosen],
            **common,
            **more,
        )

    test = part(held_out)
    shared = len(set(table["subject_id"][held_out]) & set(table["subject_id"][~held_out]))
    notes.append(
        f"test set: {len(test):,} visits of {test.records['patient_id'].nunique():,} patients"
        + (
            f", of whom {shared:,} are in the audit pool too (the reference's split by visit)"
            if paper
            else ", a fifth"
        )
    )
    return part(~held_out, notes=tuple(notes), test=test)


def _records(table: pd.DataFrame, paper: bool) -> pd.DataFrame:
    insurance = table["insurance"].where(
        table["insurance"].isin(["Medicare", "Medicaid"]) if paper else table["insurance"] != ""
    )
    no_yes = ["no", "yes"]
    return pd.DataFrame(
        {
            "patient_id": table["subject_id"].to_numpy(dtype=object),
            "label": pd.Categorical.from_codes(
                table["outcome_hospitalization"].astype(int), CLASSES
            ),
            "race": pd.Categorical(race_group(table["race"], paper), RACES),
            "sex": pd.Categorical.from_codes(
                table["gender_binarized"].astype(int), ["Male", "Female"]
            ),
            "age": age_bands(table["age"].to_numpy()),
            "insurance": pd.Categorical(insurance),
            "cancer": pd.Categorical.from_codes(table["cci_Cancer1"].astype(int), no_yes),
            "obesity": pd.Categorical.from_codes(table["eci_Obesity"].astype(int), no_yes),
            "hospitalised": pd.Categorical.from_codes(
                table["outcome_hospitalization"].astype(int), no_yes
            ),
        }
    ).reset_index(drop=True)


def _is_demo(files: dict[str, Path], table: pd.DataFrame) -> bool:
    if "demo" not in files:
        return False
    named = tables.read_table(files["demo"], ("subject_id",))["subject_id"]
    listed = hashlib.sha256("\n".join(sorted(named)).encode()).hexdigest()
    return listed == DEMO and bool(table["subject_id"].isin(named).all())
