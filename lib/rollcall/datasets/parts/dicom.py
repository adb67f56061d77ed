"""Decoding a mammogram from DICOM: opened without trust, turned so that every breast points the same way, windowed, made small.

For `FileInputs`: `functools.partial(decode_mammogram, height=64, width=48)`. pydicom is imported where it is used.
"""

from __future__ import annotations

import math
import re
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

NUMBER = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
FIRST_NUMBER = rf"^[\s\[\('\"]*({NUMBER})(?=$|[\s,\\\]\)'\"])"  # of "540", "[540, 580]", "540\\580"
LARGEST_FILE = 1 << 29  # bytes; the largest mammograms have some 30 million
MOST_PIXELS = 100_000_000
PACKAGES = (("JPEG 2000", "pylibjpeg pylibjpeg-openjpeg"), ("JPEG", "pylibjpeg pylibjpeg-libjpeg"))


def decode_mammogram(
    path: Path,
    laterality: str = "",
    view: str = "",
    center: str = "",
    breadth: str = "",
    orientation: str = "",
    flipped: str = "",
    *,
    height: int,
    width: int,
) -> np.ndarray:
    """A DICOM mammogram as uint8 (height, width, 1), the chest wall on the left; black is 0 whatever the photometric interpretation.

    laterality "L" or "R", view "CC" or "MLO", center and breadth of the window, orientation (PatientOrientation) and flipped
    (FieldOfViewHorizontalFlip, "YES" or "NO") are what a table says; where it says nothing (""), the file's own elements count.
    In this order: modality rescale, turn, bicubic resize of the whole picture in float32, clip to [center - breadth/2, center + breadth/2],
    8 bits. Of several windows the first. No window: the range of the picture. Window functions other than linear, and lookup tables,
    are taken as linear. Raises OSError or ValueError for a file that is not such a picture, or is cut short.
    """
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # pydicom warns of every value that breaks the standard; what matters is checked here
        dataset = open_dicom(path)
        stored = read_pixels(dataset)
        element = {
            name: _text(dataset, name)
            for name in (
                "WindowCenter",
                "WindowWidth",
                "PatientOrientation",
                "FieldOfViewHorizontalFlip",
                "ImageLaterality",
                "Laterality",
                "ViewPosition",
            )
        }
        slope = _number(_text(dataset, "RescaleSlope") or "1", "RescaleSlope")
        intercept = _number(_text(dataset, "RescaleIntercept") or "0", "RescaleIntercept")
        inverted = dataset.PhotometricInterpretation == "MONOCHROME1"
    values = stored.astype(np.float32)
    if (slope, intercept) != (1, 0):
        values = values * np.float32(slope) + np.float32(intercept)
    low, high = parse_window(
        center or element["WindowCenter"], breadth or element["WindowWidth"]
    ) or (
        float(values.min()),
        float(values.max()),
    )
    values = orient_image(
        values,
        laterality or element["ImageLaterality"] or element["Laterality"],
        view or element["ViewPosition"],
        orientation or element["PatientOrientation"],
        flipped or element["FieldOfViewHorizontalFlip"],
    )
    small = np.asarray(
        Image.fromarray(np.ascontiguousarray(values)).resize(
            (width, height), Image.Resampling.BICUBIC
        ),
        float,
    )
    grey = np.clip((small - low) / max(high - low, 1e-9), 0, 1) * 255
    return np.rint(255 - grey if inverted else grey).astype(np.uint8)[:, :, None]


def open_dicom(path: Path):
    """The pydicom dataset of a file that says that it is DICOM, holds pixels, and is in a transfer syntax that can be decoded here."""
    import pydicom
    from pydicom.errors import InvalidDicomError
    from pydicom.filereader import read_file_meta_info
    from pydicom.pixels import get_decoder

    if path.stat().st_size > LARGEST_FILE:
        raise ValueError(
            f"{path.stat().st_size:,} bytes; expected a mammogram of at most {LARGEST_FILE:,}"
        )
    try:
        syntax = read_file_meta_info(path).get("TransferSyntaxUID")
        if syntax is None or syntax.is_private or not syntax.is_transfer_syntax:
            raise ValueError(
                "its file meta information names "
                + (
                    "no transfer syntax"
                    if syntax is None
                    else f"{syntax[:64]}, which is no known one"
                )
            )
        if syntax.is_deflated:  # may swell without bound
            raise ValueError(
                f"transfer syntax {syntax.name} ({syntax}); expected one that is not deflated as a whole"
            )
        dataset = pydicom.dcmread(path, force=False)
    except InvalidDicomError:
        raise ValueError("not a DICOM file (no DICM mark at byte 128)") from None
    except (ValueError, OSError):
        raise
    except Exception as error:  # of many types, for damage of many kinds
        raise ValueError(f"damaged or cut short ({_line(error)})") from error
    if "PixelData" not in dataset:
        kind = dataset.get("SOPClassUID")
        raise ValueError(
            f"holds no pixels (it is {kind.name if kind else 'of no SOP class'}), or is cut short"
        )
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise ValueError(
            f"transfer syntax {syntax.name} ({syntax}) is not one of pictures"
        ) from None
    if not decoder.is_available:
        package = next(package for word, package in PACKAGES if word in syntax.name)
        raise ValueError(
            f"compressed as {syntax.name} ({syntax}), and no decoder for it is here: pip install {package}"
        )
    return dataset


def read_pixels(dataset) -> np.ndarray:
    """The stored values (rows, columns) of a grey picture of one frame; ValueError if the header and the pixels do not agree."""
    if dataset.get("PhotometricInterpretation") not in ("MONOCHROME1", "MONOCHROME2"):
        raise ValueError(
            f"photometric interpretation {str(dataset.get('PhotometricInterpretation'))[:40]!r}; expected MONOCHROME1 or MONOCHROME2"
        )
    for name, fine in (("SamplesPerPixel", (1,)), ("BitsAllocated", (8, 16))):
        if dataset.get(name) not in fine:
            raise ValueError(
                f"{name} is {dataset.get(name)!r}; expected {' or '.join(map(str, fine))}"
            )
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames != 1:
        raise ValueError(f"{frames} frames; expected one (tomosynthesis is not read)")
    rows, columns = int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)
    if not rows or not columns or rows * columns > MOST_PIXELS:
        raise ValueError(f"{rows} rows and {columns} columns; expected 1 to {MOST_PIXELS:,} pixels")
    if not dataset.file_meta.TransferSyntaxUID.is_compressed:
        wanted = rows * columns * dataset.BitsAllocated // 8
        if len(dataset.PixelData) != wanted + wanted % 2:
            raise ValueError(
                f"{len(dataset.PixelData):,} bytes of pixels, where {rows} rows and {columns} columns need {wanted:,}; "
                "the header is wrong or the file cut short"
            )
    try:
        array = dataset.pixel_array
    except Exception as error:
        raise ValueError(f"its pixels cannot be decoded ({_line(error)})") from error
    if array.shape != (rows, columns):
        raise ValueError(f"its pixels are {array.shape}, its header says {(rows, columns)}")
    return array


def parse_window(center: str, breadth: str) -> tuple[float, float] | None:
    """(low, high) of the first window in the two texts; None if both are empty; ValueError if they are not a window."""
    if not center and not breadth:
        return None
    middle, span = _number(center, "WindowCenter"), _number(breadth, "WindowWidth")
    if span <= 0:
        raise ValueError(f"WindowWidth is {breadth[:40]!r}; expected a number above 0")
    return middle - span / 2, middle + span / 2


def orient_image(
    values: np.ndarray, laterality: str, view: str, orientation: str, flipped: str
) -> np.ndarray:
    """The picture with the chest wall on the left, and head (MLO) or armpit side (CC) up.

    PatientOrientation decides where it is known: its first value is where the rows point (A: to the nipple, already right; P: to the chest
    wall), its second where the columns point. Else laterality does: a left breast is stored with the chest wall on the left, a right one
    on the right, unless the field of view is flipped. Where neither is known the picture stays as it is.
    """
    found = re.findall(r"[A-Z]+", orientation.upper())
    across, down = found if len(found) == 2 else ("", "")
    side = laterality.upper()[:1]
    if across[:1] in ("A", "P"):
        mirror = across[:1] == "P"
    else:
        mirror = side in ("L", "R") and (side == "R") != (flipped.upper() == "YES")
    upside_down = down[:1] == "H" or (
        view.upper() == "CC" and side in ("L", "R") and down[:1] == side
    )  # CC: its foot is the middle of the body
    return values[:: -1 if upside_down else 1, :: -1 if mirror else 1]


def _text(dataset, name: str) -> str:
    """An element as text, "" if it is not there; several values as a list would be written."""
    try:
        value = dataset.get(name)
    except (
        Exception
    ) as error:  # pydicom reads values late, and what it raises for a damaged one differs by type
        raise ValueError(f"{name} is not what it should be ({_line(error)})") from None
    return "" if value is None else str(value).strip()


def _number(text: str, name: str) -> float:
    """The first number in a text."""
    found = re.match(FIRST_NUMBER, text)
    if not found or not math.isfinite(float(found[1])):
        raise ValueError(f"{name} is {text[:40]!r}; expected a number")
    return float(found[1])


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:100]
