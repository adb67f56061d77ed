"""Pictures that a table names, as inputs: JPEG, PNG and the like, or DICOM, in one size."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data.decode import FileInputs
from rollcall.data.release import resolve_inside
from rollcall.datasets.described.description import Description
from rollcall.datasets.described.records.colours import is_coloured_dicom, open_coloured_dicom
from rollcall.datasets.described.records.finding import find_files, spread
from rollcall.datasets.parts.dicom import parse_window, read_picture, to_eight_bits
from rollcall.datasets.parts.images import ENDINGS, depth_notes, resize_image
from rollcall.datasets.parts.pictures import is_coloured, open_image
from rollcall.util.errors import InputError, first_line
from rollcall.util.faults import PATH_FAULTS, raise_machine_fault

USUAL_SIZE = 64  # pixels of a side
MODES = {"grey": "L", "rgb": "RGB"}
DICOM = (".dcm", ".dicom", ".ima")
MARK, MARK_AT = b"DICM", 128  # what a DICOM file has, and where
LOOKED_AT, TRIED = 100, 5  # files that tell whether there is colour; that are decoded first
FORMATS = {".edf": "edf", ".rec": "edf", ".npy": "npy", ".hea": "wfdb", ".dat": "wfdb"}


def open_pictures(described: Description, table: pd.DataFrame) -> tuple[FileInputs, list[str]]:
    """Return the pictures of a table's rows as inputs, and what to say of them.

    uint8 (rows, size, size, 1 or 3), still files. The whole picture is resized; its aspect ratio is
    not kept. mode: of the description; "" is grey where no picture looked at has colour.
    InputError as find_files.
    """
    size = described.size or USUAL_SIZE
    paths, notes = find_files(described, table, (*ENDINGS, *DICOM))
    rows = table.index.to_numpy() + 2
    _refuse_others(described, paths, rows)
    looked = [described.root / paths[position] for position in spread(len(paths), LOOKED_AT)]
    mode = MODES.get(described.mode) or ("RGB" if any(map(_has_colours, looked)) else "L")
    files = FileInputs(
        described.root,
        paths,
        functools.partial(decode_picture, size=size, mode=mode),
        (size, size, 1 if mode == "L" else 3),
        "uint8",
        described.table_path,
        rows,
    )
    words = {"L": "grey", "RGB": "of three colours"}
    made = f"inputs: pictures made {size} x {size} pixels, {words[mode]}; no other column"
    return files, [*notes, made, *depth_notes(files)]


def _refuse_others(described: Description, paths: np.ndarray, rows: np.ndarray) -> None:
    """InputError where no file of those tried is a picture, before all are decoded."""
    faults = []
    for position in spread(len(paths), TRIED):
        path = resolve_inside(described.root, paths[position])
        try:
            decode_picture(path, 8, "L")
            return
        except Exception as error:  # damage may make the libraries raise anything
            raise_machine_fault(error, path, PATH_FAULTS)
            faults.append(f"row {rows[position]}: {path}: {first_line(error)}")
    form = FORMATS.get(path.suffix.lower(), "")
    raise InputError(
        f"{described.table_path}: {faults[0]}; none of {len(faults)} files tried is a picture"
        + (f'; say format = "{form}" of recordings' if form else "")
    )


def decode_picture(path: Path, size: int, mode: str) -> np.ndarray:
    """Decode a picture or a DICOM file to uint8 (size, size, channels).

    What it is follows from its content, whatever its name. OSError or ValueError for what cannot be
    read, or is cut short.
    """
    if not is_dicom(path):
        return resize_image(open_image(path, mode), size, size)
    if is_coloured_dicom(path):
        return resize_image(open_coloured_dicom(path).convert(mode), size, size)
    picture = read_picture(path)  # as it lies, by the file's own window
    window = parse_window(picture.elements["WindowCenter"], picture.elements["WindowWidth"])
    grey = to_eight_bits(picture, picture.values, window, (size, size))
    return grey if mode == "L" else np.repeat(grey, 3, axis=2)


def _has_colours(path: Path) -> bool:
    return is_coloured_dicom(path) if is_dicom(path) else is_coloured(path)


def is_dicom(path: Path) -> bool:
    """Say whether a file has the mark of DICOM; OSError if it cannot be read."""
    with open(path, "rb") as file:
        file.seek(MARK_AT)
        return file.read(len(MARK)) == MARK
