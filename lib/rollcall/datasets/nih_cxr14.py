"""NIH ChestX-ray14: 112,120 frontal chest X-rays of 30,805 patients with 14 findings; open.

Publisher: National Institutes of Health Clinical Center, https://nihcc.app.box.com/v/ChestXray-NIHCC, which is the data provider and sets
no limit on use. Paper: Wang et al., CVPR 2017, 3462-3471.

The unit is the patient. Multilabel: 14 findings, read from reports by machine; "No Finding" is none of them, and no label of its own.
Not one of the paper's cohorts, so there are no other rules to keep.

Images that are there are used, the rest is counted: the release comes in twelve parts, and cuts of it are common. The held-out test set is
the publisher's, `test_list.txt`, where that file is there, else one fifth of the patients of the table, drawn from a fixed seed and the
sorted patient ids alone, so that a patient stays on his side when more images come.

Attributes: sex, age in bands, view, and the findings, which overlap. The older table Data_Entry_2017.csv is read as well; it has ages
such as 058Y, and some over 120 years, which are taken as missing.

Folders: Data_Entry_2017_v2020.csv (.gz), the lists, and the images <patient>_<number>.png beside it or up to four folders down: images/,
images_001/images/ to images_012/images/, or a tree of folders by split and label. An image in several folders is taken from the first by name.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import release, tables
from rollcall.data.cohort import Cohort
from rollcall.datasets.parts.about import Dataset
from rollcall.datasets.parts.common import (
    check_size,
    count_notes,
    count_text,
    held_out_fifth,
    missing_notes,
)
from rollcall.datasets.parts.demographics import age_bands
from rollcall.datasets.parts.images import find_images, image_files
from rollcall.util.errors import InputError

ABOUT = Dataset(
    name="nih_cxr14",
    title="NIH ChestX-ray14",
    licence="free to use",
    access="open",
    records="chest films, 14 findings",
)
VERSION = 1
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
NONE = "No Finding"
EXPECTED = {"rows": 112_120, "patients": 30_805}
ATTRIBUTES = ("sex", "age", "view", *(f"finding: {name}" for name in CLASSES))
OLDEST = 120
NAME = r"([0-9]{8})_[0-9]{3}\.png"


def locate(root: Path | None, folder: Path) -> dict[str, Path]:
    """The table, and the publisher's list of test images if it is there."""
    if root is None:
        raise InputError(
            "nih_cxr14 is not fetched: it is open, 45 GB; download it from https://nihcc.app.box.com/v/ChestXray-NIHCC and let ROOT= name "
            "the folder that holds Data_Entry_2017_v2020.csv and the unpacked images (see data/README.md)"
        )
    newest, older, test_list = (
        release.find_table(root, name, required=False)
        for name in ("Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv", "test_list.txt")
    )
    if newest is None and older is None:
        raise InputError(
            f"{root}: holds no Data_Entry_2017_v2020.csv (.gz) or Data_Entry_2017.csv; ROOT must name the folder "
            "with the release's files (see data/README.md)"
        )
    return {"entries": newest or older} | ({"test_list": test_list} if test_list else {})


def read(files: dict[str, Path], root: Path, *, size: int = 64) -> Cohort:
    """Read the release. Inputs uint8 (images, size, size, 1), still files; targets int64 (images, 14)."""
    check_size("nih_cxr14", size)
    path = files["entries"]
    table = tables.read_table(
        path,
        (
            "Image Index",
            "Finding Labels",
            "Patient ID",
            "Patient Age",
            "Patient Gender",
            "View Position",
        ),
        key="Image Index",
    )
    in_name = table["Image Index"].str.extract(f"^{NAME}$", expand=False)
    tables.refuse_rows(
        path, table, "Image Index", in_name.isna(), "expected a name such as 00000001_000.png"
    )
    tables.refuse_rows(
        path,
        table,
        "Patient ID",
        tables.read_ids(path, table, "Patient ID").str.lstrip("0") != in_name.str.lstrip("0"),
        "not the patient in the image's name",
    )
    patient = (
        table["Patient ID"].str.lstrip("0").where(table["Patient ID"].str.strip("0") != "", "0")
    )
    targets = findings(path, table)
    sex = tables.read_codes(path, table, "Patient Gender", ("F", "M", ""))
    view = tables.read_codes(path, table, "View Position", ("AP", "PA", ""))
    years, impossible = ages(path, table)

    test, where = held_out_fifth(patient), "a fifth by patient"
    if "test_list" in files:
        test, where = _listed(files["test_list"], path, table), files["test_list"].name
        both = np.isin(patient, patient[test].unique()) & ~test
        tables.refuse_rows(
            path,
            table,
            "Image Index",
            both,
            f"{where} has other images of this patient, but not this one; expected all of a patient's or none",
        )
    there = find_images(root, path.parent, ".png")
    paths = table["Image Index"].map(there)
    here = paths.notna().to_numpy()
    if not here.any():
        raise InputError(
            f"{path.parent}: holds none of the {len(table):,} images that {path.name} names, here or in a folder below; unpack them there"
        )

    records = pd.DataFrame(
        {
            "patient_id": patient.to_numpy(dtype=object),
            "sex": pd.Categorical.from_codes(np.where(sex < 2, sex, -1), ["Female", "Male"]),
            "age": age_bands(years),
            "view": pd.Categorical.from_codes(np.where(view < 2, view, -1), ["AP", "PA"]),
            **{f"finding: {name}": targets[:, place] == 1 for place, name in enumerate(CLASSES)},
        }
    )
    pool, test = np.flatnonzero(here & ~test), np.flatnonzero(here & test)
    if not len(pool):
        raise InputError(
            f"{path.parent}: all {len(test):,} images that are there belong to the test set ({where}); the audit pool is empty"
        )
    notes = count_notes({"rows": len(table), "patients": patient.nunique()}, EXPECTED)
    if not here.all():
        notes.append(
            f"images: {here.sum():,} are there, of {patient[here].nunique():,} patients; {(~here).sum():,} of the table are not, and are left out"
        )
    if impossible.any():
        notes.append(
            f"age: over {OLDEST} years in {count_text(impossible.sum())} rows of the table; taken as missing"
        )
    notes += missing_notes(records.iloc[pool], ("sex", "age", "view"))
    notes.append(
        f"labels: {count_text((targets[pool].sum(axis=1) == 0).sum())} records have no finding"
    )
    notes.append(
        f"test set: {len(test):,} records of {patient.iloc[test].nunique():,} patients, {where}"
        if len(test)
        else f"no test set: none of its images is there ({where})"
    )

    def part(rows: np.ndarray, **more) -> Cohort:
        return Cohort(
            "nih_cxr14",
            records.iloc[rows].reset_index(drop=True),
            image_files(root, paths.iloc[rows], path, rows + 2, size, "L"),
            targets[rows],
            "multilabel",
            CLASSES,
            ATTRIBUTES,
            restricted=False,
            source="NIH ChestX-ray14, provided by the NIH Clinical Center (https://nihcc.app.box.com/v/ChestXray-NIHCC), free to use; "
            "Wang et al. 2017.",
            **more,
        )

    return part(pool, notes=tuple(notes), test=part(test) if len(test) else None)


def findings(path: Path, table: pd.DataFrame) -> np.ndarray:
    """int64 (rows, 14) from lists such as "Mass|Nodule"; "No Finding" alone is none."""
    codes, lists = pd.factorize(table["Finding Labels"])
    known = {name: place for place, name in enumerate(FINDINGS)}
    rows = np.zeros((len(lists), len(FINDINGS)), np.int64)
    for row, text in enumerate(lists):  # some 800 of them
        names = [] if text == NONE else text.split("|")
        wrong = next((name for name in names if name not in known), None)
        if wrong is not None:
            tables.refuse_rows(
                path,
                table,
                "Finding Labels",
                codes == row,
                f"{wrong[:40]!r} is not a finding; expected {NONE!r}, or findings with '|' "
                f"between them, of: "
                f"{', '.join(FINDINGS)}",
            )
        rows[row, [known[name] for name in names]] = 1
    return rows[codes]


def ages(path: Path, table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """(years float (rows,), NaN where missing; bool (rows,), over OLDEST and so missing) from 58 or, in the older table, 058Y, 011M, 020D."""
    parts = table["Patient Age"].str.extract(r"^([0-9]{1,3})([YMD]?)$")
    tables.refuse_rows(
        path,
        table,
        "Patient Age",
        parts[0].isna() & (table["Patient Age"] != ""),
        "expected a whole number of years, or nothing",
    )
    years = parts[0].to_numpy(dtype=float, na_value=np.nan) / parts[1].map(
        {"M": 12.0, "D": 365.25}
    ).fillna(1.0).to_numpy(dtype=float)
    impossible = years > OLDEST
    return np.where(impossible, np.nan, years), impossible


def _listed(path: Path, table_path: Path, table: pd.DataFrame) -> np.ndarray:
    """bool (rows,): whether the row's image is in the publisher's list of test images, one name a line."""
    with open(path, "rb") as file:
        lines = [line.strip() for line in file.read().decode("utf-8", "replace").splitlines()]
    names = pd.Series(lines, dtype=str)
    names = names[names != ""]
    unknown = ~names.isin(table["Image Index"])
    if unknown.any():
        row = int(np.flatnonzero(unknown)[0])
        raise InputError(
            f"{path}: row {names.index[row] + 1}: {names.iloc[row][:40]!r} is not an image of {table_path.name}"
            + (f" ({unknown.sum():,} such rows)" if unknown.sum() > 1 else "")
        )
    if not len(names):
        raise InputError(
            f"{path}: empty; fetch it again, or remove it to hold out a fifth of the patients"
        )
    return table["Image Index"].isin(names).to_numpy()
