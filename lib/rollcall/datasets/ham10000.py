"""HAM10000: 10,015 dermatoscopic images of 7,470 pigmented skin lesions in seven diagnoses.

Publisher: Harvard Dataverse, doi:10.7910/DVN/DBW86T, by Philipp Tschandl, ViDIR group, Medical
University of Vienna. Licence: CC BY-NC 4.0, so open for non-commercial use. Access: download by
hand. Paper: Tschandl, Rosendahl and Kittler, Scientific Data 5, 180161 (2018),
doi:10.1038/sdata.2018.161.

There is no patient id: the unit is the lesion, of which there are one to six images. One person may
have several lesions, so that images of one person can lie on both sides of a split by lesion.

Seven classes (`dx`). The held-out test set is one fifth of the lesions, drawn from a fixed seed and
the sorted lesion ids alone. Attributes: sex, age in bands, site (`localization`), diagnosis;
"unknown" and empty are missing. Images are made square: the aspect ratio (4 : 3) is not kept, as
for the paper's cohorts.

Folders: HAM10000_metadata (.csv, .csv.gz, .tab or without an ending), and the images <image_id>.jpg
beside it or in any folder below it: HAM10000_images_part_1 and _part_2 as published, or one folder
of smaller copies. An image in several folders is taken from the first by name.

Not one of the paper's cohorts, so there are no published choices to differ from.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import release, tables
from rollcall.data.cohort import Cohort
from rollcall.data.decode import require_files
from rollcall.datasets.parts.about import Dataset
from rollcall.datasets.parts.common import check_size, count_notes, held_out_fifth, missing_notes
from rollcall.datasets.parts.demographics import age_bands
from rollcall.datasets.parts.editions import read_edition
from rollcall.datasets.parts.images import depth_notes, find_images, image_files
from rollcall.util.errors import InputError

ABOUT = Dataset(
    name="ham10000",
    title="HAM10000",
    licence="CC BY-NC 4.0",
    access="non-commercial",
    records="skin lesions, 7 classes",
)
VERSION = 2
DIAGNOSES = {
    "nv": "melanocytic nevus",
    "mel": "melanoma",
    "bkl": "benign keratosis",
    "bcc": "basal cell carcinoma",
    "akiec": "actinic keratosis or Bowen",
    "vasc": "vascular lesion",
    "df": "dermatofibroma",
}
SITES = (
    "abdomen",
    "acral",
    "back",
    "chest",
    "ear",
    "face",
    "foot",
    "genital",
    "hand",
    "lower extremity",
    "neck",
    "scalp",
    "trunk",
    "upper extremity",
)
UNKNOWN = ("unknown", "")
COLUMNS = ("lesion_id", "image_id", "dx", "age", "sex", "localization")
EDITIONS = (
    "HAM10000_metadata of Harvard Dataverse (eight columns, .tab or as uploaded) or its copy at "
    "Kaggle (seven, .csv)"
)
EXPECTED = {"images": 10_015, "lesions": 7_470}
ATTRIBUTES = ("sex", "age", "site", "diagnosis")


def locate(root: Path | None, folder: Path) -> dict[str, Path]:
    """Find the table: csv, csv.gz, or Dataverse's tab-separated form."""
    if root is None:
        raise InputError(
            "ham10000 is not fetched: it is open, 3 GB; download it from "
            "https://doi.org/10.7910/DVN/DBW86T and let ROOT= name the folder that holds "
            "HAM10000_metadata and the unpacked images (see docs/datasets.md)"
        )
    for name in ("HAM10000_metadata.csv", "HAM10000_metadata.tab", "HAM10000_metadata"):
        path = release.find_table(root, name, required=False)
        if path is not None:
            return {"metadata": path}
    raise InputError(
        f"{root}: holds no HAM10000_metadata (.csv, .csv.gz, .tab); ROOT must name the folder "
        "with the release's files (see docs/datasets.md)"
    )


def read(files: dict[str, Path], root: Path, *, size: int = 64) -> Cohort:
    """Read the release.

    Inputs uint8 (images, size, size, 3), still files; labels int64 (images,).
    """
    check_size("ham10000", size)
    path = files["metadata"]
    table = _read_metadata(path)
    labels = tables.read_codes(path, table, "dx", DIAGNOSES).astype(np.int64)
    records = _records(path, table, labels)
    paths = _find_paths(root, path, table)
    test = held_out_fifth(table["lesion_id"])

    notes = count_notes({"images": len(table), "lesions": table["lesion_id"].nunique()}, EXPECTED)
    notes += missing_notes(records[~test], ("sex", "age", "site"), "images")
    notes.append(
        f"test set: {test.sum():,} images of {table['lesion_id'][test].nunique():,} lesions, "
        "a fifth by lesion; one person may have lesions in it and in the pool"
    )

    images = require_files(image_files(root, paths, path, np.arange(len(table)) + 2, size, "RGB"))
    notes += depth_notes(images)

    def subset(rows: np.ndarray, **more) -> Cohort:
        return Cohort(
            "ham10000",
            records.iloc[rows].reset_index(drop=True),
            images.take(rows),
            labels[rows],
            "multiclass",
            tuple(DIAGNOSES.values()),
            ATTRIBUTES,
            restricted=False,
            unit="lesion",
            source="HAM10000, Harvard Dataverse (doi:10.7910/DVN/DBW86T), CC BY-NC 4.0, "
            "non-commercial use only; Tschandl et al. 2018.",
            **more,
        )

    return subset(np.flatnonzero(~test), notes=tuple(notes), test=subset(np.flatnonzero(test)))


def _read_metadata(path: Path) -> pd.DataFrame:
    """Read the table, its ids checked."""
    tabs = any("\t" in name for name in tables.read_header(path))  # of the .tab some have commas
    table = read_edition(path, COLUMNS, EDITIONS, key="image_id", separator="\t" if tabs else ",")
    for column, prefix in (("lesion_id", "HAM_"), ("image_id", "ISIC_")):
        wrong = ~table[column].str.fullmatch(f"{prefix}[0-9]{{7}}")
        tables.refuse_rows(path, table, column, wrong, f"expected {prefix} and seven digits")
    return table


def _records(path: Path, table: pd.DataFrame, labels: np.ndarray) -> pd.DataFrame:
    """Build the table of records, a row per image."""
    sex = tables.read_codes(path, table, "sex", ("female", "male", *UNKNOWN))
    site = tables.read_codes(path, table, "localization", (*SITES, *UNKNOWN))
    years = tables.read_numbers(path, table, "age", missing=True, low=0, high=120)
    diagnosis = pd.Categorical.from_codes(labels, list(DIAGNOSES.values()))
    return pd.DataFrame(
        {
            "patient_id": table["lesion_id"].to_numpy(dtype=object),
            "label": diagnosis,
            "sex": pd.Categorical.from_codes(np.where(sex < 2, sex, -1), ["Female", "Male"]),
            "age": age_bands(years),
            "site": pd.Categorical.from_codes(np.where(site < len(SITES), site, -1), SITES),
            "diagnosis": diagnosis,
        }
    )


def _find_paths(root: Path, path: Path, table: pd.DataFrame) -> pd.Series:
    """Find each image; one that is not there gets the path where it should be, for the message."""
    name = table["image_id"] + ".jpg"
    paths = find_images(root, path.parent, name)
    if paths.isna().all():
        raise InputError(
            f"{path.parent}: holds none of the {len(table):,} images <image_id>.jpg that "
            f"{path.name} names, here or in a folder below; unpack them there"
        )
    folder = str(path.parent.relative_to(root) / "HAM10000_images_part_1")
    return paths.fillna(folder + "/" + name)
