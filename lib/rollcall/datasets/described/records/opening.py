"""Pictures or recordings as inputs of a cohort; and which column of a table may name them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data.decode import FileInputs
from rollcall.datasets.described.description import Description
from rollcall.datasets.described.records.pictures import DICOM, open_pictures
from rollcall.datasets.described.records.signals import ENDINGS, open_signals
from rollcall.datasets.parts import images

TRIED = 50  # names of a column that must all be those of files
MOST_LISTED, DEEPEST = 500_000, 3  # files, and folders below one another, that are looked at
FORMATS = {ending: form for form, endings in ENDINGS.items() for ending in endings}
KNOWN = {*images.ENDINGS, *DICOM, *FORMATS}


def open_records(
    described: Description, table: pd.DataFrame
) -> tuple[FileInputs, float, list[str]]:
    """Return a row's file for each row of `table`, the scale of the inputs, and notes.

    InputError where a file is not there, or is of no kind that is read.
    """
    if described.kind == "signals":
        return open_signals(described, table)
    files, notes = open_pictures(described, table)
    return files, 1.0, notes


def guess_files(root: Path, table: pd.DataFrame) -> tuple[str, str]:
    """Return the column of a table that names files under root, and their format.

    ("", "") where no column does. Of TRIED names each must be that of a picture or a recording, and
    the column name as many files as it has rows, or nearly.
    """
    known = _list_names(root)
    if not known:
        return "", ""
    for column in table.columns:
        names = pd.Series(table[column].unique(), dtype="str")
        if len(names) < 0.9 * len(table) or (names == "").all():
            continue
        names = names[names != ""]
        chosen = names.iloc[np.unique(np.linspace(0, len(names) - 1, TRIED).astype(int))]
        plain = chosen.str.replace("\\", "/").str.lower().str.split("/").str[-1]
        stems = plain.str.replace(r"[.](dat|mat)$", "", regex=True)
        endings = {
            known.get(name, known.get(stem, "")) for name, stem in zip(plain, stems, strict=True)
        }
        if "" not in endings:
            return str(column), FORMATS.get(max(endings), "")
    return "", ""


def _list_names(root: Path) -> dict[str, str]:
    """Return the ending of each file under root that may be one, by its name with and without it.

    All in small letters. Links, and what cannot be listed, are passed over.
    """
    endings, count = {}, 0
    for folder, below, files in os.walk(root):
        below[:] = [name for name in below if not name.startswith((".", "__MACOSX"))]
        if len(Path(folder).relative_to(root).parts) >= DEEPEST:
            below.clear()
        for name in files:
            stem, ending = os.path.splitext(name.lower())
            if ending in KNOWN:
                endings[stem] = endings[name.lower()] = ending
        count += len(files)
        if count > MOST_LISTED:
            break
    return endings
