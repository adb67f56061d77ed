"""Fitzpatrick17k: 16,577 clinical photographs of 114 skin conditions, with Fitzpatrick skin type.

Publisher: Matthew Groh and co-authors, https://github.com/mattgroh/fitzpatrick17k. Licence: the
table is under CC BY-NC-SA 3.0, for non-commercial use; the photographs belong to two dermatology
atlases. Access: the table has the photographs' addresses; its authors send the files, named
<md5hash>.jpg, on request. Papers: Groh et al., CVPR workshops 2021, 1820-1828; Groh et al., Proc.
ACM HCI 6 (CSCW2), 2022.

There is no patient id: the unit is the image, and two images may show one person. Three classes,
`three_partition_label`: non-neoplastic, malignant, benign. The held-out test set is the 348 images
that a dermatologist found diagnostic (`qc` = "1 Diagnostic"), the audit pool the rest, as in the
reference. Attributes: skin type in three groups (-1, unknown, is missing), the label, and the
nine-partition label. There is no age or sex.

Images that are not there are dropped and counted: some addresses are dead, and 41 rows have none.
So are files that are no pictures, such as the web page that a dead address gives.
Three images that are radiographs are left out, by hash. The reference keeps 16,523 images, 16,175
in the pool.

Folders: fitzpatrick17k.csv or .csv.gz, and the images beside it or in any folder below it (images/,
data/, finalfitz17k/).

`rules="paper"` reads the same: pool, test set, labels and groups are the reference's. How training
differs from it is the recipe's matter, under both rules: see docs/deviations.md.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import release, tables
from rollcall.data.cohort import Cohort
from rollcall.data.decode import FileInputs
from rollcall.datasets.parts.about import Dataset
from rollcall.datasets.parts.common import (
    RULES,
    check_choice,
    check_size,
    count_notes,
    missing_notes,
)
from rollcall.datasets.parts.editions import read_edition
from rollcall.datasets.parts.images import depth_notes, find_images, image_files
from rollcall.util.errors import InputError

ABOUT = Dataset(
    name="fitzpatrick17k",
    title="Fitzpatrick17k",
    licence="CC BY-NC-SA 3.0 (table)",
    access="images on request",
    records="photographs of skin, 3 classes",
    rehearsable=True,
)
VERSION = 2
CLASSES = ("non-neoplastic", "malignant", "benign")
NINE = (
    "inflammatory",
    "malignant epidermal",
    "genodermatoses",
    "benign dermal",
    "benign epidermal",
    "malignant melanoma",
    "benign melanocyte",
    "malignant cutaneous lymphoma",
    "malignant dermal",
)
SKIN_TYPES = ("I/II", "III/IV", "V/VI")
SKIN_CODES = ("-1", "1", "2", "3", "4", "5", "6")
QUALITY = ("", "1 Diagnostic", "2 Characteristic", "3 Wrongly labelled", "4 Other", "5 Potentially")
RADIOGRAPHS = (
    "2ea034fc482e9bd21a5dfa2506cc5d6b",
    "bccab73c32aba48c90602de9bb458272",
    "e69165b3455bb3a5a8b33a0f6fd8a1d3",
)
COLUMNS = (
    "md5hash",
    "fitzpatrick_scale",
    "nine_partition_label",
    "three_partition_label",
    "qc",
)
EDITIONS = "fitzpatrick17k.csv of 2022 (fitzpatrick_scale) or of 2021 (fitzpatrick)"
OTHER_NAMES = {"fitzpatrick_scale": ("fitzpatrick",)}
EXPECTED = {"rows": 16_577, "images": 16_523}
ATTRIBUTES = ("skin type", "label", "nine-partition label")


def locate(root: Path | None, folder: Path) -> dict[str, Path]:
    """Find the table, csv or csv.gz."""
    if root is None:
        raise InputError(
            "fitzpatrick17k is not fetched: ROOT= must name the folder that holds "
            "fitzpatrick17k.csv (https://github.com/mattgroh/fitzpatrick17k) and the images "
            "<md5hash>.jpg, which its authors send on request (see docs/datasets.md)"
        )
    return {"annotations": release.find_table(root, "fitzpatrick17k.csv")}


def read(files: dict[str, Path], root: Path, *, size: int = 64, rules: str = "default") -> Cohort:
    """Read the release.

    Inputs uint8 (images, size, size, 3), still files; labels int64 (images,).
    """
    check_size("fitzpatrick17k", size)
    check_choice("fitzpatrick17k", "rules", rules, RULES)
    path = files["annotations"]
    table = read_edition(path, COLUMNS, EDITIONS, other_names=OTHER_NAMES, key="md5hash")
    tables.refuse_rows(
        path,
        table,
        "md5hash",
        ~table["md5hash"].str.fullmatch(r"[0-9a-f]{32}"),
        "expected 32 hexadecimal digits",
    )
    labels = tables.read_codes(path, table, "three_partition_label", CLASSES).astype(np.int64)
    records = _records(path, table, labels)
    test = tables.read_codes(path, table, "qc", QUALITY) == 1

    paths = find_images(root, path.parent, table["md5hash"] + ".jpg")
    absent = paths.isna().to_numpy()
    radiograph = table["md5hash"].isin(RADIOGRAPHS).to_numpy()
    if absent.all():
        raise InputError(
            f"{path.parent}: holds none of the {len(table):,} images <md5hash>.jpg that "
            f"{path.name} names, here or in a folder below; "
            "put them into images/ (see docs/datasets.md)"
        )
    keep = ~radiograph & ~absent
    pool_rows, test_rows = np.flatnonzero(keep & ~test), np.flatnonzero(keep & test)
    if not len(pool_rows):
        raise InputError(
            f"{path}: no image outside the test set ('qc' = '1 Diagnostic') is there; "
            "the audit pool is empty"
        )

    notes = count_notes({"rows": len(table), "images": int(keep.sum())}, EXPECTED)
    for dropped, why in (
        (absent & ~radiograph, "the image is not there"),
        (radiograph & ~absent, "a radiograph"),
    ):
        if dropped.any():
            notes.append(f"{dropped.sum():,} records dropped: {why}")
    notes += missing_notes(records.iloc[pool_rows], ("skin type",), "images")
    notes.append(
        f"test set: {len(test_rows):,} images"
        if len(test_rows)
        else "no test set: none of the images with 'qc' = '1 Diagnostic' is there"
    )

    def files_of(rows: np.ndarray) -> FileInputs:
        return image_files(root, paths.iloc[rows], path, rows + 2, size, "RGB", gaps=True)

    notes += depth_notes(files_of(np.flatnonzero(keep)))

    def subset(rows: np.ndarray, **more) -> Cohort:
        return Cohort(
            "fitzpatrick17k",
            records.iloc[rows].reset_index(drop=True),
            files_of(rows),
            labels[rows],
            "multiclass",
            CLASSES,
            ATTRIBUTES,
            restricted=True,
            unit="image",
            source="Fitzpatrick17k, Groh et al. 2021 and 2022; table under CC BY-NC-SA 3.0, "
            "non-commercial use only, images property of their atlases.",
            **more,
        )

    held_out = subset(test_rows) if len(test_rows) else None
    return subset(pool_rows, notes=tuple(notes), test=held_out)


def _records(path: Path, table: pd.DataFrame, labels: np.ndarray) -> pd.DataFrame:
    """Build the table of records, a row per image."""
    nine = tables.read_codes(path, table, "nine_partition_label", NINE)
    skin = tables.read_codes(path, table, "fitzpatrick_scale", SKIN_CODES)
    skin_type = np.where(skin == 0, -1, (skin - 1) // 2)
    return pd.DataFrame(
        {
            "patient_id": table["md5hash"].to_numpy(dtype=object),
            "label": pd.Categorical.from_codes(labels, CLASSES),
            "skin type": pd.Categorical.from_codes(skin_type, SKIN_TYPES, ordered=True),
            "nine-partition label": pd.Categorical.from_codes(nine, NINE),
        }
    )
