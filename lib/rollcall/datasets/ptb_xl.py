"""Read PTB-XL: 21,799 clinical 12-lead electrocardiograms (ECGs) of 18,869 patients; open.

Publisher: PhysioNet, version 1.0.3, doi:10.13026/kfzx-aw45, from the Physikalisch-Technische
Bundesanstalt; CC BY 4.0. Paper: Wagner et al., Scientific Data 7, 154 (2020),
doi:10.1038/s41597-020-0495-6. Versions 1.0.1 and 1.0.2, and a cut of the release whose table has
fewer rows, are read as well; what differs from the newest version is noted.

The unit is the patient, who has one to ten records of ten seconds. Multilabel: the five
superclasses NORM, MI, STTC, CD, HYP. A record has a superclass if any of its SCP statements with
diagnostic = 1 belongs to it, whatever likelihood stands beside the statement. A record without any
keeps five zeros. The audit pool is folds 1 to 9 and the held-out test set fold 10: the publisher's
own split, by patient.

Inputs are int16 microvolts (1000 or 5000 samples, 12 leads; option `rate` = 100 or 500 Hz), the
files' own unit (see rollcall.datasets.parts.signals).

Attributes: sex (0 is male and 1 female in the release; the reference's cohort table names them the
other way round), age in bands (from version 1.0.2 on an age over 89 is written as 300; it belongs
to 80+, as 90 and 91 do), extra beats (noted or not), and the superclasses, which overlap.

Where the default differs from the reference, whose rules `rules="paper"` keeps (see
docs/deviations.md):
- Models see the signal divided by 0.2354 mV, the standard deviation of the whole 1.0.3 set, a
  constant. The reference does not scale.
- Twelve recordings of version 1.0.1 that later versions dropped as duplicates are left out if they
  are there; twelve of the 38 are known by number here. One of them (145) is another patient's
  record 463 over again, which would leak across a split by patient.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import release, tables
from rollcall.data.arrays.times import ORDER, rank_times
from rollcall.data.cleaning import is_missing, strip_fields
from rollcall.data.cohort import Cohort
from rollcall.data.decode import FileInputs, require_files
from rollcall.datasets.parts.about import Dataset
from rollcall.datasets.parts.common import (
    RULES,
    check_choice,
    count_notes,
    count_text,
    missing_notes,
)
from rollcall.datasets.parts.demographics import age_bands
from rollcall.datasets.parts.editions import read_edition
from rollcall.datasets.parts.joins import clean_numbers, refuse_repeated
from rollcall.datasets.parts.signals import LEADS, SECONDS, decode_ecg
from rollcall.datasets.release_tables.scp import CLASSES, read_classes, read_labels
from rollcall.util.errors import InputError

ABOUT = Dataset(
    name="ptb_xl",
    title="PTB-XL",
    licence="CC BY 4.0",
    access="open",
    records="12-lead ECGs, 5 classes",
    rehearsable=True,
    is_signals=True,
)
VERSION = 3
TABLES = {"records": "ptbxl_database.csv", "statements": "scp_statements.csv"}
ATTRIBUTES = ("sex", "age", "extra beats", *(f"finding: {name}" for name in CLASSES))
EDITIONS = (
    "PTB-XL 1.0.1 to 1.0.3 (PTB-XL+ is another dataset, of features; a table of 1.0.3 has all)"
)
EXPECTED = {
    "records": 21_799,
    "patients": 18_869,
    "records with NORM": 9_514,
    "records with MI": 5_469,
    "records with STTC": 5_235,
    "records with CD": 4_898,
    "records with HYP": 2_649,
    "records with extra beats": 1_949,
}
EXPECTED_EARLIER = {"records": 21_837, "patients": 18_885}  # version 1.0.1
DUPLICATES = (137, 139, 140, 141, 142, 143, 145, 456, 458, 459, 461, 462)
SIGNAL_SD = 0.2354  # mV, over all samples of 1.0.3
OLDEST, OVER_89 = 120, 300  # years; 300 is how an age over 89 is written
FILE_COLUMNS = {100: "filename_lr", 500: "filename_hr"}  # by Hz
FOLDS, TEST_FOLD = tuple(str(fold) for fold in range(1, 11)), 10
SIGNAL_PATH = r"(?:[A-Za-z0-9_-]+/)*([0-9]{5})_[lh]r"


def locate(root: Path | None, folder: Path) -> dict[str, Path]:
    """Find the table of records and that of statements, csv or csv.gz, side by side."""
    if root is None:
        raise InputError(
            "ptb_xl is not fetched: it is open, 1.7 GB zipped; download it from "
            "https://physionet.org/content/ptb-xl/1.0.3/ and let ROOT= name the folder that holds "
            "ptbxl_database.csv, scp_statements.csv, records100/ and records500/ "
            "(see docs/datasets.md)"
        )
    files = release.find_tables(root, TABLES, TABLES)
    return {name: path for name, path in files.items() if path is not None}


def read(files: dict[str, Path], root: Path, *, rate: int = 100, rules: str = "default") -> Cohort:
    """Read the release.

    Inputs are int16 microvolts (records, 10 * rate, 12), still files; labels int64 (records, 5).
    """
    check_choice("ptb_xl", "rate", rate, tuple(FILE_COLUMNS))
    check_choice("ptb_xl", "rules", rules, RULES)
    path = files["records"]
    columns = ("ecg_id", "patient_id", "age", "sex", "scp_codes", "extra_beats", "strat_fold")
    dated = "recording_date" in tables.read_header(path)
    table = read_edition(
        path, (*columns, FILE_COLUMNS[rate], *(["recording_date"] * dated)), EDITIONS
    )
    for column in ("ecg_id", "patient_id"):
        table[column] = clean_numbers(path, table, column)
    refuse_repeated(path, table, "ecg_id")
    for column in ("sex", "strat_fold"):
        table[column] = strip_fields(table[column]).str.replace(r"[.]0*$", "", regex=True)
    for column in ("age", "extra_beats"):
        values = strip_fields(table[column])
        empty = is_missing(values) & ~values.isin(("?", ".", "-", "--"))  # marks of cardiologists
        table[column] = values.mask(empty, "")
    number, patient = table["ecg_id"].astype(float).astype(np.int64), table["patient_id"]
    years = _read_ages(path, table)
    sex = tables.read_codes(path, table, "sex", ("0", "1"))
    fold = tables.read_codes(path, table, "strat_fold", FOLDS) + 1
    labels = read_labels(path, table, read_classes(files["statements"]))
    inputs = _find_signals(root, path, table, number, rate)

    extra_beats = (table["extra_beats"].str.strip() != "").astype(int)
    findings = {f"finding: {name}": labels[:, code] == 1 for code, name in enumerate(CLASSES)}
    records = pd.DataFrame(
        {
            "patient_id": patient.to_numpy(dtype=object),
            "sex": pd.Categorical.from_codes(sex, ["Male", "Female"]),
            "age": age_bands(years),
            "extra beats": pd.Categorical.from_codes(extra_beats, ["not noted", "noted"]),
            **findings,
        }
    )
    if dated:
        made = pd.to_datetime(table["recording_date"], errors="coerce")
        records[ORDER] = rank_times(patient, made)
    notes = _count_notes(records)
    kept = np.ones(len(records), bool)
    doubled = number.isin(DUPLICATES).to_numpy()
    if doubled.any() and rules == "default":
        kept = ~doubled
        notes.append(
            f"{doubled.sum():,} records dropped: duplicate recordings, which versions after 1.0.1 "
            "leave out too"
        )
    in_test = fold == TEST_FOLD
    pool, test = np.flatnonzero(kept & ~in_test), np.flatnonzero(kept & in_test)
    if not len(pool):
        raise InputError(f"{path}: no record has strat_fold 1 to 9, the audit pool")
    _require_signals(inputs.take(np.flatnonzero(kept)))
    tables.refuse_rows(
        path,
        table,
        "patient_id",
        np.isin(patient, patient.iloc[test]) & kept & ~in_test,
        "this patient has records in fold 10, the test set, and in another fold; "
        "expected all in one",
    )

    def make_cohort(rows: np.ndarray, **more) -> Cohort:
        return Cohort(
            name="ptb_xl",
            records=records.iloc[rows].reset_index(drop=True),
            inputs=inputs.take(rows),
            labels=labels[rows],
            task="multilabel",
            classes=CLASSES,
            attributes=ATTRIBUTES,
            restricted=False,
            scale=1e-3 / SIGNAL_SD if rules == "default" else 1e-3,
            source="PTB-XL, a large electrocardiography data set, PhysioNet "
            "(doi:10.13026/kfzx-aw45), CC BY 4.0; Wagner et al. 2020.",
            **more,
        )

    notes += missing_notes(records.iloc[pool], ("age",))
    without = int((labels[pool].sum(axis=1) == 0).sum())
    notes.append(
        f"labels: {count_text(without)} records have none of the five superclasses "
        "and keep five zeros"
    )
    if not len(test):
        notes.append("no test set: no record has strat_fold 10")
        return make_cohort(pool, notes=tuple(notes))
    patients = records["patient_id"].iloc[test].nunique()
    notes.append(f"test set: {len(test):,} records of {patients:,} patients, fold 10")
    return make_cohort(pool, notes=tuple(notes), test=make_cohort(test))


def _read_ages(path: Path, table: pd.DataFrame) -> np.ndarray:
    years = tables.read_numbers(path, table, "age", missing=True, low=0, high=OVER_89)
    tables.refuse_rows(
        path,
        table,
        "age",
        (years > OLDEST) & (years != OVER_89),
        f"expected at most {OLDEST} years, or {OVER_89} for an age over 89",
    )
    return years


def _count_notes(records: pd.DataFrame) -> list[str]:
    """Note the counts that are not those of the version that has as many records."""
    findings = {name: int(records[f"finding: {name}"].sum()) for name in CLASSES}
    counts = {
        "records": len(records),
        "patients": records["patient_id"].nunique(),
        **{f"records with {name}": count for name, count in findings.items()},
        "records with extra beats": int((records["extra beats"] == "noted").sum()),
    }
    if all(counts[name] == count for name, count in EXPECTED_EARLIER.items()):
        return [
            f"this is version 1.0.1; the newest, 1.0.3, has {EXPECTED['records']:,} records, after "
            f"38 duplicates were dropped, of which {len(DUPLICATES)} are known by number here"
        ]
    whole = counts["records"] == EXPECTED["records"]
    expected = EXPECTED if whole else {name: EXPECTED[name] for name in EXPECTED_EARLIER}
    return count_notes(counts, expected)


def _find_signals(
    root: Path, where: Path, table: pd.DataFrame, number: pd.Series, rate: int
) -> FileInputs:
    """Name the signal file of every row, refusing a name that is not a path inside the release."""
    column = FILE_COLUMNS[rate]
    number_in_name = table[column].str.extract(f"^{SIGNAL_PATH}$", expand=False)
    tables.refuse_rows(
        where,
        table,
        column,
        number_in_name.isna(),
        f"expected a path inside the release, such as records{rate}/00000/00001_{column[-2:]}",
    )
    tables.refuse_rows(
        where,
        table,
        column,
        number_in_name.astype(int).to_numpy() != number.to_numpy(),
        "the file's number is not the row's ecg_id",
    )
    if "::" in str(root.resolve()):
        raise InputError(f"{root}: '::' in a path is an address to wfdb; rename the folder")
    home = where.parent.relative_to(root)
    paths = np.array([str(home / f"{name}.dat") for name in table[column]], dtype=object)
    decode = functools.partial(decode_ecg, root=root, rate=rate)
    shape, rows = (SECONDS * rate, len(LEADS)), table.index.to_numpy() + 2
    return FileInputs(root, paths, decode, shape, "int16", where, rows, beside=".hea")


def _require_signals(files: FileInputs) -> None:
    """Refuse the first record whose header or signal file is not there; headers first."""
    headers = np.array(files.every[len(files) :], dtype=object)
    require_files(replace(files, paths=headers))
    require_files(files)
