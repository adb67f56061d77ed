"""NIH ChestX-ray14: 112,120 frontal chest X-rays of 30,805 patients with 14 findings.

Publisher: the National Institutes of Health (NIH) Clinical Center, the data provider,
https://nihcc.app.box.com/v/ChestXray-NIHCC. Licence: free to use; the publisher sets no limit.
Access: open, download by hand. Paper: Wang et al., CVPR 2017, 3462-3471.

The unit is the patient. Multilabel: 14 findings, read from reports by machine; "No Finding" is none
of them, and no label of its own.

Images that are there are used, the rest is counted, and so are files that are no pictures: the
release comes in twelve parts, and cuts of it are common. The held-out test set is the publisher's,
`test_list.txt`, where that file is there, else one fifth of the patients of the table, drawn from
a fixed seed and the sorted patient ids alone, so that a patient stays on one side when more images
come.

Attributes: sex, age in bands, view, and the findings, which overlap. The older table
Data_Entry_2017.csv is read as well; it has ages such as 058Y, and some over 120 years, which are
taken as missing.

Folders: Data_Entry_2017_v2020.csv (.gz), the lists, and the images <patient>_<number>.png beside it
or up to four folders down: images/, images_001/images/ to images_012/images/, or a tree of folders
by split and label. An image in several folders is taken from the first by name.

Not one of the paper's cohorts, so there are no published choices to differ from.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import release, tables
from rollcall.data.arrays.times import ORDER, rank_times
from rollcall.data.cohort import Cohort
from rollcall.data.decode import FileInputs
from rollcall.datasets.parts.about import Dataset
from rollcall.datasets.parts.common import (
    check_size,
    count_notes,
    count_text,
    held_out_fifth,
    missing_notes,
)
from rollcall.datasets.parts.demographics import age_bands
from rollcall.datasets.parts.editions import read_edition
from rollcall.datasets.parts.images import depth_notes, find_images, image_files
from rollcall.util.errors import InputError

ABOUT = Dataset(
    name="nih_cxr14",
    title="NIH ChestX-ray14",
    licence="free to use",
    access="open",
    records="chest films, 14 findings",
)
VERSION = 3
FINDINGS = (
    "Atelectasis",
    "Cardiomegaly",
    "Effusion",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Pneumothorax",
    "Consolidation",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Pleural_Thickening",
    "Hernia",
)
CLASSES = tuple(name.replace("_", " ") for name in FINDINGS)
NO_FINDING = "No Finding"
EXPECTED = {"rows": 112_120, "patients": 30_805}
COLUMNS = (
    "Image Index",
    "Finding Labels",
    "Patient ID",
    "Patient Age",
    "Patient Gender",
    "View Position",
)
EDITIONS = "Data_Entry_2017_v2020.csv (2020) or Data_Entry_2017.csv (2017)"
OTHER_NAMES = {"Patient Gender": ("Patient Sex",)}  # as some copies have it
ATTRIBUTES = ("sex", "age", "view", *(f"finding: {name}" for name in CLASSES))
MAX_AGE = 120  # years
IMAGE_NAME = r"([0-9]{8})_[0-9]{3}\.png"


def locate(root: Path | None, folder: Path) -> dict[str, Path]:
    """Find the table, and the publisher's list of test images if it is there."""
    if root is None:
        raise InputError(
            "nih_cxr14 is not fetched: it is open, 45 GB; download it from "
            "https://nihcc.app.box.com/v/ChestXray-NIHCC and let ROOT= name the folder that holds "
            "Data_Entry_2017_v2020.csv and the unpacked images (see docs/datasets.md)"
        )
    newest, older, test_list = (
        release.find_table(root, name, required=False)
        for name in ("Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv", "test_list.txt")
    )
    entries = newest or older
    if entries is None:
        raise InputError(
            f"{root}: holds no Data_Entry_2017_v2020.csv (.gz) or Data_Entry_2017.csv; "
            "ROOT must name the folder with the release's files (see docs/datasets.md)"
        )
    return {"entries": entries} | ({"test_list": test_list} if test_list else {})


def read(files: dict[str, Path], root: Path, *, size: int = 64) -> Cohort:
    """Read the release.

    Inputs uint8 (images, size, size, 1), still files; labels int64 (images, 14).
    """
    check_size("nih_cxr14", size)
    path = files["entries"]
    table, patient = _read_entries(path)
    labels = read_findings(path, table)
    records, impossible = _records(path, table, patient, labels)
    test, origin = _held_out(files, table, patient)
    paths = find_images(root, path.parent, table["Image Index"])
    present = paths.notna().to_numpy()
    if not present.any():
        raise InputError(
            f"{path.parent}: holds none of the {len(table):,} images that {path.name} names, "
            "here or in a folder below; unpack them there"
        )
    pool_rows, test_rows = np.flatnonzero(present & ~test), np.flatnonzero(present & test)
    if not len(pool_rows):
        raise InputError(
            f"{path.parent}: all {len(test_rows):,} images that are there belong to the test set "
            f"({origin}); the audit pool is empty"
        )

    notes = count_notes({"rows": len(table), "patients": patient.nunique()}, EXPECTED)
    if not present.all():
        notes.append(
            f"images: {present.sum():,} are there, of {patient[present].nunique():,} patients; "
            f"{(~present).sum():,} of the table are not, and are left out"
        )
    if impossible.any():
        notes.append(
            f"age: over {MAX_AGE} years in {count_text(impossible.sum())} rows of the table; "
            "taken as missing"
        )
    notes += missing_notes(records.iloc[pool_rows], ("sex", "age", "view"))
    without = count_text((labels[pool_rows].sum(axis=1) == 0).sum())
    notes.append(f"labels: {without} records have no finding")
    if len(test_rows):
        patients = patient.iloc[test_rows].nunique()
        notes.append(f"test set: {len(test_rows):,} records of {patients:,} patients, {origin}")
    else:
        notes.append(f"no test set: none of its images is there ({origin})")

    def files_of(rows: np.ndarray) -> FileInputs:
        return image_files(root, paths.iloc[rows], path, rows + 2, size, "L", gaps=True)

    notes += depth_notes(files_of(np.flatnonzero(present)))

    def subset(rows: np.ndarray, **more) -> Cohort:
        return Cohort(
            "nih_cxr14",
            records.iloc[rows].reset_index(drop=True),
            files_of(rows),
            labels[rows],
            "multilabel",
            CLASSES,
            ATTRIBUTES,
            restricted=False,
            source="NIH ChestX-ray14, provided by the NIH Clinical Center "
            "(https://nihcc.app.box.com/v/ChestXray-NIHCC), free to use; Wang et al. 2017.",
            **more,
        )

    held_out = subset(test_rows) if len(test_rows) else None
    return subset(pool_rows, notes=tuple(notes), test=held_out)


def _read_entries(path: Path) -> tuple[pd.DataFrame, pd.Series]:
    """Read the table; returns it and each row's patient, without leading zeros."""
    table = read_edition(path, COLUMNS, EDITIONS, other_names=OTHER_NAMES, key="Image Index")
    in_name = table["Image Index"].str.extract(f"^{IMAGE_NAME}$", expand=False)
    expected = "expected a name such as 00000001_000.png"
    tables.refuse_rows(path, table, "Image Index", in_name.isna(), expected)
    number = tables.read_ids(path, table, "Patient ID").str.lstrip("0")
    tables.refuse_rows(
        path,
        table,
        "Patient ID",
        number != in_name.str.lstrip("0"),
        "not the patient in the image's name",
    )
    return table, number.where(number != "", "0")


def _records(
    path: Path, table: pd.DataFrame, patient: pd.Series, labels: np.ndarray
) -> tuple[pd.DataFrame, np.ndarray]:
    """Build the table of records, a row per image; also bool (rows,): the age is impossible."""
    sex = tables.read_codes(path, table, "Patient Gender", ("F", "M", ""))
    view = tables.read_codes(path, table, "View Position", ("AP", "PA", ""))
    years, impossible = read_ages(path, table)
    findings = {f"finding: {name}": labels[:, column] == 1 for column, name in enumerate(CLASSES)}
    records = pd.DataFrame(
        {
            "patient_id": patient.to_numpy(dtype=object),
            "sex": pd.Categorical.from_codes(np.where(sex < 2, sex, -1), ["Female", "Male"]),
            "age": age_bands(years),
            "view": pd.Categorical.from_codes(np.where(view < 2, view, -1), ["AP", "PA"]),
            **findings,
            ORDER: rank_times(patient, table["Image Index"].str[9:12].astype(int)),  # follow-ups
        }
    )
    return records, impossible


def read_findings(path: Path, table: pd.DataFrame) -> np.ndarray:
    """Read lists such as "Mass|Nodule" as int64 (rows, 14); "No Finding" alone is none."""
    codes, lists = pd.factorize(table["Finding Labels"])
    columns = {name: column for column, name in enumerate(FINDINGS)}
    labels = np.zeros((len(lists), len(FINDINGS)), np.int64)  # of each different list, some 800
    for row, text in enumerate(lists):
        names = [] if text == NO_FINDING else text.split("|")
        wrong = next((name for name in names if name not in columns), None)
        if wrong is not None:
            tables.refuse_rows(
                path,
                table,
                "Finding Labels",
                codes == row,
                f"{wrong[:40]!r} is not a finding; expected {NO_FINDING!r}, "
                f"or findings with '|' between them, of: {', '.join(FINDINGS)}",
            )
        labels[row, [columns[name] for name in names]] = 1
    return labels[codes]


def read_ages(path: Path, table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Read ages such as 58 or, in the older table, 058Y, 011M, 020D.

    Returns years, float (rows,), NaN where missing; and bool (rows,), whether the age is over
    MAX_AGE and so missing.
    """
    match = table["Patient Age"].str.extract(r"^([0-9]{1,3})([YMD]?)$")
    tables.refuse_rows(
        path,
        table,
        "Patient Age",
        match[0].isna() & (table["Patient Age"] != ""),
        "expected a whole number of years, or nothing",
    )
    number = match[0].to_numpy(dtype=float, na_value=np.nan)
    per_year = match[1].map({"M": 12.0, "D": 365.25}).fillna(1.0).to_numpy(dtype=float)
    years = number / per_year
    impossible = years > MAX_AGE
    return np.where(impossible, np.nan, years), impossible


def _held_out(
    files: dict[str, Path], table: pd.DataFrame, patient: pd.Series
) -> tuple[np.ndarray, str]:
    """Say which rows are held out, bool (rows,), and by what: the publisher's list or a fifth."""
    if "test_list" not in files:
        return held_out_fifth(patient), "a fifth by patient"
    path, origin = files["entries"], files["test_list"].name
    test = _read_test_list(files["test_list"], path, table)
    in_both = np.isin(patient, patient[test].unique()) & ~test
    tables.refuse_rows(
        path,
        table,
        "Image Index",
        in_both,
        f"{origin} has other images of this patient, but not this one; "
        "expected all of a patient's or none",
    )
    return test, origin


def _read_test_list(path: Path, table_path: Path, table: pd.DataFrame) -> np.ndarray:
    """Read the publisher's list of test images, one name a line; bool (rows,): the row is in it."""
    text = path.read_bytes().decode("utf-8", "replace")
    names = pd.Series([line.strip() for line in text.splitlines()], dtype=str)
    names = names[names != ""]
    unknown = ~names.isin(table["Image Index"])
    if unknown.any():
        row = int(np.flatnonzero(unknown)[0])
        more = f" ({unknown.sum():,} such rows)" if unknown.sum() > 1 else ""
        raise InputError(
            f"{path}: row {names.index[row] + 1}: {names.iloc[row][:40]!r} is not an image of "
            f"{table_path.name}{more}"
        )
    if not len(names):
        raise InputError(
            f"{path}: empty; fetch it again, or remove it to hold out a fifth of the patients"
        )
    return table["Image Index"].isin(names).to_numpy()
