"""Build the master table of MIMIC-IV-ED: one row per visit, with 64 features and the outcomes.

Source of the features: Xie et al., Scientific Data 9, 658 (2022), the public benchmark. Rules,
where a tie or a border could be read both ways:
- Age: year of `intime` - anchor_year + anchor_age. Visits under 18 years or without an acuity are
  left out.
- Past visits: events of the same subject that began in [intime - days, intime); the visit itself
  is none of them.
- Comorbidities: diagnoses of admissions of the same subject with `dischtime` in
  [intime - 1,780 days, intime).
- A visit that ends before it begins keeps its features; its length is missing, and it counts as
  without transfer or return.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import tables
from rollcall.datasets.parts.joins import require_matches
from rollcall.datasets.release_tables import comorbidity, emergency_tables
from rollcall.datasets.release_tables.emergency_tables import COMPLAINTS, VISITS
from rollcall.datasets.release_tables.vital_signs import SIGNS

PAST_DAYS = (30, 90, 365)
HISTORY_DAYS = 1_780  # of past admissions that comorbidities are read from
PAST = tuple(f"n_{kind}_{days}d" for kind in ("ed", "hosp", "icu") for days in PAST_DAYS)
TRIAGE = (*(f"triage_{sign}" for sign in SIGNS), "triage_acuity")
FEATURES = (
    "age",
    "gender_binarized",
    *PAST,
    *TRIAGE,
    *(f"chiefcom_{name}" for name in COMPLAINTS),
    *comorbidity.NAMES,
)
ED_TABLES = ("edstays", "triage", "vitalsign", "medrecon", "pyxis")
REQUIRED_TABLES = ("edstays", "triage", "patients", "admissions", "diagnoses_icd", "icustays")


def build_master_table(files: dict[str, Path], paper: bool = False) -> pd.DataFrame:
    """Build the table of visits of adults with an acuity, in the order of edstays.

    files: paths of the release's tables by name. paper: vital signs by the published rules. The
    index is the row's position in edstays.
    Columns:

        subject_id, stay_id, hadm_id, race, insurance, intime    hadm_id, insurance "": not admitted
        FEATURES                                                 float64, NaN where missing
        outcome_hospitalization, outcome_inhospital_mortality,
        outcome_icu_transfer_12h, outcome_critical,
        outcome_ed_revisit_3d                                    bool
        ed_los                                                   hours, NaN where unknown
        ed_<vital sign>_last, n_medrecon, n_med                  where their tables are in `files`

    attrs["left out"] says how many visits were left out, by reason; attrs["signs"] what was done to
    each vital sign at triage, as `vital_signs.read_sign` does; attrs["few"] notes tables in which
    few of the visits, their patients or admissions are. InputError names file, row and
    column.
    """
    path = files["edstays"]
    stays = emergency_tables.read_stays(path)
    birth_years = emergency_tables.read_birth_years(files["patients"])
    few = require_matches(
        files["patients"], "subject_id", birth_years.index.to_series(), stays["subject_id"], VISITS
    )
    tables.refuse_rows(
        path,
        stays,
        "subject_id",
        ~stays["subject_id"].isin(birth_years.index),
        f"this subject is not in {files['patients'].name}",
    )
    born = birth_years.reindex(stays["subject_id"]).to_numpy()
    stays["age"] = stays["intime"].dt.year.to_numpy() - born
    admissions = emergency_tables.read_admissions(files["admissions"])
    icu = emergency_tables.read_intensive_care(files["icustays"])
    few += _check_admissions(files, stays, admissions, icu)
    comorbidities = emergency_tables.read_comorbidities(files["diagnoses_icd"], admissions)

    stays = _add_past(stays, admissions, icu, comorbidities)
    stays = _add_outcomes(stays, admissions, icu)
    triage, signs = emergency_tables.read_triage(files["triage"], stays, path.name, paper)
    stays = stays.join(triage, on="stay_id")
    if "vitalsign" in files:
        last = emergency_tables.read_last_signs(files["vitalsign"], stays, paper)
        stays = stays.join(last, on="stay_id")
    for name, column, count in (
        ("medrecon", "name", "n_medrecon"),
        ("pyxis", "med_rn", "n_med"),
    ):
        if name in files:
            counts = emergency_tables.read_count(files[name], column, count, stays)
            stays = stays.join(counts, on="stay_id")
            stays[count] = stays[count].fillna(0)
    adult, rated = stays["age"] >= 18, stays["triage_acuity"].notna()
    table = stays[adult & rated].astype(dict.fromkeys(FEATURES, float))
    table.attrs["left out"] = {
        "under 18 years": int((~adult).sum()),
        "no acuity": int((adult & ~rated).sum()),
    }
    signs = signs.reindex(table["stay_id"])
    table.attrs["signs"] = {sign: signs[sign].to_numpy() for sign in signs}
    table.attrs["few"] = few
    return table


def _check_admissions(
    files: dict[str, Path], stays: pd.DataFrame, admissions: pd.DataFrame, icu: pd.DataFrame
) -> list[str]:
    """Refuse tables of admissions and intensive care that are of others than the visits are."""
    admitted = stays["hadm_id"][stays["hadm_id"] != ""]
    few = require_matches(
        files["admissions"], "hadm_id", admissions["hadm_id"], admitted, VISITS, "admission"
    )
    require_matches(
        files["icustays"], "hadm_id", icu["hadm_id"], admissions["hadm_id"], "hosp/", "admission"
    )
    return few


def count_within(events: np.ndarray, now: np.ndarray, days: int) -> np.ndarray:
    """Count the events that lie in [now - days, now), for each of `now`; int64.

    events: sorted. Both are keys as _event_keys gives them, so that subjects do not mix.
    """
    before = np.searchsorted(events, now, side="left")
    return before - np.searchsorted(events, now - days * 86_400, side="left")


def _event_keys(subjects: pd.Index, subject: pd.Series, time: pd.Series) -> np.ndarray:
    """Give each event a number: subjects 10^12 s apart, plus the second since 1700; int64.

    Events of subjects that are not in `subjects` come before all others.
    """
    seconds = (time - pd.Timestamp("1700-01-01")).dt.total_seconds().to_numpy().astype(np.int64)
    return (subjects.get_indexer(subject).astype(np.int64) + 1) * 10**12 + seconds


def _add_past(
    stays: pd.DataFrame, admissions: pd.DataFrame, icu: pd.DataFrame, comorbidities: np.ndarray
) -> pd.DataFrame:
    """Add the PAST counts, and the comorbidities of past admissions, to the stays."""
    subjects = pd.Index(stays["subject_id"].unique())
    arrived = _event_keys(subjects, stays["subject_id"], stays["intime"])
    for kind, (subject, time) in {
        "ed": (stays["subject_id"], stays["intime"]),
        "hosp": (admissions["subject_id"], admissions["admittime"]),
        "icu": (icu["subject_id"], icu["intime"]),
    }.items():
        events = np.sort(_event_keys(subjects, subject, time))
        for days in PAST_DAYS:
            stays[f"n_{kind}_{days}d"] = count_within(events, arrived, days)
    discharged = _event_keys(subjects, admissions["subject_id"], admissions["dischtime"])
    for name, with_group in zip(comorbidity.NAMES, comorbidities.T, strict=True):
        events = np.sort(discharged[with_group])
        stays[name] = count_within(events, arrived, HISTORY_DAYS) > 0
    return stays


def _add_outcomes(stays: pd.DataFrame, admissions: pd.DataFrame, icu: pd.DataFrame) -> pd.DataFrame:
    """Add what became of each visit.

    Admitted, died there, intensive care within 12 hours of leaving, back within 3 days; its length
    in hours; and the insurance of the admission.
    """
    by_admission = admissions.set_index("hadm_id")
    first_icu = icu.groupby("hadm_id")["intime"].min().reindex(stays["hadm_id"]).to_numpy()
    in_order = stays.sort_values("intime", kind="stable")
    next_visit = in_order.groupby("subject_id")["intime"].shift(-1).reindex(stays.index)
    died = by_admission["died"].reindex(stays["hadm_id"]).fillna(False).to_numpy(dtype=bool)
    transferred = first_icu - stays["outtime"].to_numpy() <= np.timedelta64(12, "h")
    stays["outcome_hospitalization"] = stays["hadm_id"] != ""
    stays["outcome_inhospital_mortality"] = died
    stays["outcome_icu_transfer_12h"] = transferred
    stays["outcome_critical"] = died | transferred
    stays["outcome_ed_revisit_3d"] = next_visit - stays["outtime"] <= pd.Timedelta(days=3)
    stays["ed_los"] = (stays["outtime"] - stays["intime"]).dt.total_seconds() / 3600
    stays["insurance"] = by_admission["insurance"].reindex(stays["hadm_id"]).fillna("").to_numpy()
    return stays
