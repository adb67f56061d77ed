"""Fitzpatrick17k: 16,577 clinical photographs of 114 skin conditions, with Fitzpatrick skin type; for non-commercial use.

Publisher: Matthew Groh and co-authors, https://github.com/mattgroh/fitzpatrick17k; the table is under CC BY-NC-SA 3.0. The photographs
belong to two dermatology atlases: the table has their addresses, the authors send the files, named <md5hash>.jpg, on request.
Papers: Groh et al., CVPR workshops 2021, 1820-1828; Groh et al., Proc. ACM HCI 6 (CSCW2), 2022.

There is no patient id: the unit is the image, and two images may show one person. Three classes, `three_partition_label`: non-neoplastic,
malignant, benign. The held-out test set is the 348 images that a dermatologist found diagnostic (`qc` = "1 Diagnostic"), the audit pool the
rest, as in the reference.

Images that are not there are dropped and counted: some addresses are dead, and 41 rows have none. Three images that are radiographs are
left out, by hash. The reference keeps 16,523 images, 16,175 in the pool.

Attributes: skin type in three groups (-1, unknown, is missing), the label, and the nine-partition label. There is no age or sex.

`rules="paper"` reads the same: pool, test set, labels and groups are the reference's. Nothing chooses a checkpoint on the test set, and its
metrics leave no record out (W-T1, W-T2); the schedule ends with the training (W-T4); all of that is the recipe's, under both rules.

Folders: fitzpatrick17k.csv or .csv.gz, and the images beside it or in any folder below it (images/, data/, finalfitz17k/).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import release, tables
from rollcall.data.cohort import Cohort
from rollcall.datasets.parts.about import Dataset
from rollcall.datasets.parts.common import (
    RULES,
    check_choice,
    check_size,
    count_notes,
    missing_notes,
)
from rollcall.datasets.parts.images import find_images, image_files
from rollcall.util.errors import InputError

ABOUT = Dataset(
    name="fitzpatrick17k",
    title="Fitzpatrick17k",
    licence="CC BY-NC-SA 3.0 (table)",
    access="images on request",
    records="photographs of skin, 3 classes",
    rehearsable=True,
)
VERSION = 1
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
TYPES = ("I/II", "III/IV", "V/VI")
SCALE = ("-1", "1", "2", "3", "4", "5", "6")
CHECKED = ("", "1 Diagnostic", "2 Characteristic", "3 Wrongly labelled", "4 Other", "5 Potentially")
RADIOGRAPHS = (
    "2ea034fc482e9bd21a5dfa2506cc5d6b",
    "bccab73c32aba48c90602de9bb458272",
    "e69165b3455bb3a5a8b33a0f6fd8a1d3",
)
EXPECTED = {"rows": 16_577, "images": 16_523}
ATTRIBUTES = ("skin type", "label", "nine-partition label")


def locate(root: Path | None, folder: Path) -> dict[str, Path]:
    """The table, csv or csv.gz."""
    if root is None:
        raise InputError(
            "fitzpatrick17k is not fetched: ROOT= must name the folder that holds fitzpatrick17k.csv (https://github.com/mattgroh/fitzpatrick17k) "
            "and the images <md5hash>.jpg, which its authors send on request (see data/README.md)"
        )
    return {"annotations": release.find_table(root, "fitzpatrick17k.csv")}


def read(files: dict[str, Path], root: Path, *, size: int = 64, rules: str = "default") -> Cohort:
    """Read the release. Inputs uint8 (images, size, size, 3), still files; targets int64 (images,)."""
    check_size("fitzpatrick17k", size)
    check_choice("fitzpatrick17k", "rules", rules, RULES)
    path = files["annotations"]
    table = tables.read_table(
        path,
        ("md5hash", "fitzpatrick_scale", "nine_partition_label", "three_partition_label", "qc"),
        key="md5hash",
    )
    tables.refuse_rows(
        path,
        table,
        "md5hash",
        ~table["md5hash"].str.fullmatch(r"[0-9a-f]{32}"),
        "expected 32 hexadecimal digits",
    )
    targets = tables.read_codes(path, table, "three_partition_label", CLASSES).astype(np.int64)
    nine = tables.read_codes(path, table, "nine_partition_label", NINE)
    skin = tables.read_codes(path, table, "fitzpatrick_scale", SCALE)
    test = tables.read_codes(path, table, "qc", CHECKED) == 1

    there = find_images(root, path.parent, ".jpg")
    paths = (table["md5hash"] + ".jpg").map(there)
    radiograph, gone = table["md5hash"].isin(RADIOGRAPHS).to_numpy(), paths.isna().to_numpy()
    if gone.all():
        raise InputError(
            f"{path.parent}: holds none of the {len(table):,} images <md5hash>.jpg that {path.name} names, here or in a folder below; "
            "put them into images/ (see data/README.md)"
        )
    keep = ~radiograph & ~gone
    notes = count_notes({"rows": len(table), "images": int(keep.sum())}, EXPECTED)
    notes += [
        f"{count:,} records dropped: {why}"
        for count, why in (
            ((gone & ~radiograph).sum(), "the image is not there"),
            ((radiograph & ~gone).sum(), "a radiograph"),
        )
        if count
    ]
    records = pd.DataFrame(
        {
            "patient_id": table["md5hash"].to_numpy(dtype=object),
            "label": pd.Categorical.from_codes(targets, CLASSES),
            "skin type": pd.Categorical.from_codes(
                np.where(skin == 0, -1, (skin - 1) // 2), TYPES, ordered=True
            ),
            "nine-partition label": pd.Categorical.from_codes(nine, NINE),
        }
    )
    pool, test = np.flatnonzero(keep & ~test), np.flatnonzero(keep & test)
    if not len(pool):
        raise InputError(
            f"{path}: no image outside the test set ('qc' = '1 Diagnostic') is there; the audit pool is empty"
        )
    notes += missing_notes(records.iloc[pool], ("skin type",), "images")
    notes.append(
        f"test set: {len(test):,} images"
        if len(test)
        else "no test set: none of the images with 'qc' = '1 Diagnostic' is there"
    )

    def part(rows: np.ndarray, **more) -> Cohort:
        return Cohort(
            "fitzpatrick17k",
            records.iloc[rows].reset_index(drop=True),
            image_files(root, paths.iloc[rows], path, rows + 2, size, "RGB"),
            targets[rows],
            "multiclass",
            CLASSES,
            ATTRIBUTES,
            restricted=True,
            unit="image",
            source="Fitzpatrick17k, Groh et al. 2021 and 2022; table under CC BY-NC-SA 3.0, non-commercial use only, "
            "images property of their atlases.",
            **more,
        )

    return part(pool, notes=tuple(notes), test=part(test) if len(test) else None)
