"""Find EMBED's mammograms: the DICOM files of the release, or PNGs that someone made of them."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data.decode import FileInputs
from rollcall.datasets.parts.dicom import decode_mammogram
from rollcall.datasets.parts.images import (
    ENDINGS,
    decode_image,
    depth_notes,
    other_endings,
    require_images,
)
from rollcall.datasets.release_tables.embed import HEADER

DICOM = (".dcm", ".dicom")  # endings, in any case
RECORDS_LOOKED_FOR = 100  # whose files tell DICOM from PNG, and where the PNGs lie


def find_files(
    path: Path, images: pd.DataFrame, root: Path, size: int, pictures: str
) -> tuple[pd.DataFrame, FileInputs, list[str]]:
    """Find the file of each image, leaving out the images of cohort_ folders that are not there.

    path: the metadata table. images: its rows, with `file` and the columns of the header. pictures:
    "dicom", "png", or "auto": the one that is there. PNGs lie in a folder for each patient, or
    where the DICOM files lie. Returns the rows of the images that are left, their files, and notes.
    """
    base = "images/" if (root / "images").is_dir() else ""
    folders = [folder.name for folder in (root / base).glob("cohort_*") if folder.is_dir()]
    stem = images["file"].str.extract(r"([^/]*)\.dcm$", expand=False)
    layouts = {
        "dicom": base + images["file"],
        "by patient": base + images["empi_anon"] + "/" + stem + ".png",
        "beside": base + images["file"].str.removesuffix(".dcm") + ".png",
    }
    present = {name: _count_present(root, paths, name) for name, paths in layouts.items()}
    dicoms, pngs = present["dicom"], max(present["by patient"], present["beside"])
    if pictures == "auto":
        pictures = "png" if pngs > dicoms or (not dicoms and not folders) else "dicom"
    layout = "dicom"
    if pictures == "png":
        layout = "beside" if present["beside"] > present["by patient"] else "by patient"
    paths, notes = layouts[layout], []
    if layout != "by patient":
        gone, notes = _find_gone(images, folders)
        images, paths = images.take(np.flatnonzero(~gone)), paths[~gone]
    height, width = size, size * 3 // 4
    if layout == "dicom":
        columns = ("ImageLateralityFinal", "ViewPosition", *HEADER)
        arguments = tuple(images[column].to_numpy(dtype=object) for column in columns)
        decode = functools.partial(decode_mammogram, height=height, width=width)
    else:
        arguments = ()
        decode = functools.partial(decode_image, height=height, width=width, mode="L")
    inputs = FileInputs(
        root,
        paths.to_numpy(dtype=object),
        decode,
        (height, width, 1),
        "uint8",
        path,
        images.index.to_numpy() + 2,
        arguments,
    )
    if layout == "dicom":
        return images, require_images(inputs, DICOM), notes
    inputs = require_images(inputs)
    return images, inputs, notes + depth_notes(inputs)


def _count_present(root: Path, paths: pd.Series, layout: str) -> int:
    """Count those of the first paths at which a file lies."""
    endings = DICOM if layout == "dicom" else ENDINGS
    names = other_endings(root, paths.to_numpy(dtype=object)[:RECORDS_LOOKED_FOR], endings)
    return sum((root / name).is_file() for name in names)


def _find_gone(images: pd.DataFrame, folders: list[str]) -> tuple[np.ndarray, list[str]]:
    """Say which images lie in a cohort_ folder that is not there, unless all do; and note it."""
    folder = images["file"].str.extract(r"^(cohort_[0-9]+)/", expand=False)
    gone = ~folder.isin(folders).to_numpy() & folder.notna().to_numpy()
    if gone.all():
        return np.zeros(len(images), bool), []
    counts = folder[gone].value_counts(sort=False)
    return gone, [
        f"{count:,} images dropped: the folder {name} is not there"
        for name, count in counts.items()
    ]
