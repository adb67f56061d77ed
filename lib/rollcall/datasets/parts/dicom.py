"""Decode DICOM files that are not trusted: grey pictures of any kind, and mammograms.

Windowed to 8 bits and resized; every breast comes out pointing the same way. For `FileInputs`:
`functools.partial(decode_mammogram, height=64, width=48)`. pydicom is imported where it is used.
"""

from __future__ import annotations

import math
import re
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from rollcall.util.errors import first_line

NUMBER = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
FIRST_NUMBER = rf"^[\s\[\('\"]*({NUMBER})(?=$|[\s,\\\]\)'\"])"  # of "540", "[540, 580]", "540\\580"
MAX_FILE_BYTES = 1 << 29  # the largest mammograms have some 30 million
MAX_PIXELS = 100_000_000
PACKAGES = (("JPEG 2000", "pylibjpeg pylibjpeg-openjpeg"), ("JPEG", "pylibjpeg pylibjpeg-libjpeg"))
LONGEST_HEAD = 4096  # bytes before a JPEG 2000 picture says its size
SIZED = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # JPEG's markers with a size: SOF0 to SOF55
ELEMENTS = (
    "WindowCenter",
    "WindowWidth",
    "PatientOrientation",
    "FieldOfViewHorizontalFlip",
    "ImageLaterality",
    "Laterality",
    "ViewPosition",
)


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
    """Decode a DICOM mammogram to uint8 (height, width, 1), the chest wall on the left.

    laterality "L" or "R", view "CC" or "MLO", center and breadth of the window, orientation
    (PatientOrientation) and flipped (FieldOfViewHorizontalFlip, "YES" or "NO") are what a table
    says; where it says nothing (""), the file's own elements count.

    In this order: modality rescale, orientation, bicubic resize of the whole image in float32,
    window, 8 bits. Black is 0 whatever the photometric interpretation. Of several windows the
    first counts; without one, the range of the image. Other window functions, and lookup tables,
    are taken for the linear one.

    The window is DICOM's LINEAR_EXACT (PS3.3, C.11.2.1.3.2): [c - w/2, c + w/2] to [0, 255]. The
    standard's default LINEAR maps [c - 0.5 - (w - 1)/2, c - 0.5 + (w - 1)/2]; the two differ by one
    grey level of 255 in a few percent of stored values, by up to 3 in a narrow window.

    Raises OSError or ValueError for a file that is not such an image, or is cut short.
    """
    picture = read_picture(path)
    element = picture.elements
    window = parse_window(center or element["WindowCenter"], breadth or element["WindowWidth"])
    values = orient_image(
        picture.values,
        laterality or element["ImageLaterality"] or element["Laterality"],
        view or element["ViewPosition"],
        orientation or element["PatientOrientation"],
        flipped or element["FieldOfViewHorizontalFlip"],
    )
    return to_eight_bits(picture, values, window, (width, height))


@dataclass(frozen=True)
class Picture:
    """Hold a grey picture's values, float32 (rows, columns), ELEMENTS as text, and its sign."""

    values: np.ndarray
    elements: dict[str, str]
    inverted: bool


def read_picture(path: Path) -> Picture:
    """Read a DICOM file, modality rescale applied; OSError or ValueError as `decode_mammogram`."""
    with warnings.catch_warnings():
        # pydicom warns of every value that breaks the standard; what matters is checked here
        warnings.simplefilter("ignore")
        dataset = open_dicom(path)
        stored = read_pixels(dataset)
        elements = {name: _text(dataset, name) for name in ELEMENTS}
        slope = _number(_text(dataset, "RescaleSlope") or "1", "RescaleSlope")
        intercept = _number(_text(dataset, "RescaleIntercept") or "0", "RescaleIntercept")
        inverted = dataset.PhotometricInterpretation == "MONOCHROME1"
    values = stored.astype(np.float32)
    if (slope, intercept) != (1, 0):
        values = values * np.float32(slope) + np.float32(intercept)
    return Picture(values, elements, inverted)


def to_eight_bits(picture: Picture, values: np.ndarray, window, size: tuple[int, int]):
    """Resize and window values to uint8 (height, width, 1), black 0; size: (width, height)."""
    low, high = window or (float(values.min()), float(values.max()))
    image = Image.fromarray(np.ascontiguousarray(values))
    small = np.asarray(image.resize(size, Image.Resampling.BICUBIC), float)
    grey = np.clip((small - low) / max(high - low, 1e-9), 0, 1) * 255
    return np.rint(255 - grey if picture.inverted else grey).astype(np.uint8)[:, :, None]


def open_dicom(path: Path):
    """Open a file that is DICOM, holds pixels and can be decoded here, as a pydicom dataset.

    Raises ValueError or OSError for any other file.
    """
    import pydicom
    from pydicom.errors import InvalidDicomError
    from pydicom.filereader import read_file_meta_info

    if path.stat().st_size > MAX_FILE_BYTES:
        raise ValueError(
            f"{path.stat().st_size:,} bytes; expected a picture of at most {MAX_FILE_BYTES:,}"
        )
    try:
        syntax = read_file_meta_info(path).get("TransferSyntaxUID")
        _check_syntax(syntax)
        dataset = pydicom.dcmread(path, force=False)
    except InvalidDicomError:
        raise ValueError("not a DICOM file (no DICM mark at byte 128)") from None
    except (ValueError, OSError):
        raise
    except Exception as error:  # of many types, for damage of many kinds
        raise ValueError(f"damaged or cut short ({first_line(error, 100)})") from error
    if "PixelData" not in dataset:
        kind = dataset.get("SOPClassUID")
        raise ValueError(
            f"holds no pixels (it is {kind.name if kind else 'of no SOP class'}), or is cut short"
        )
    _check_decoder(syntax)
    return dataset


def _check_syntax(syntax) -> None:
    """Refuse a transfer syntax that is missing, unknown, or may swell without bound."""
    if syntax is None or syntax.is_private or not syntax.is_transfer_syntax:
        named = "no transfer syntax"
        if syntax is not None:
            named = f"{syntax[:64]}, which is no known one"
        raise ValueError(f"its file meta information names {named}")
    if syntax.is_deflated:
        raise ValueError(
            f"transfer syntax {syntax.name} ({syntax}); "
            "expected one that is not deflated as a whole"
        )


def _check_decoder(syntax) -> None:
    """Refuse a transfer syntax for which no decoder is installed, and name the package."""
    from pydicom.pixels import get_decoder  # pyright: ignore[reportPrivateImportUsage]

    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise ValueError(
            f"transfer syntax {syntax.name} ({syntax}) is not one of pictures"
        ) from None
    if not decoder.is_available:
        package = next(package for word, package in PACKAGES if word in syntax.name)
        raise ValueError(
            f"compressed as {syntax.name} ({syntax}), and no decoder for it is here: "
            f"pip install {package}"
        )


def read_pixels(dataset) -> np.ndarray:
    """Return the stored values (rows, columns) of a grey image of one frame.

    Raises ValueError if the header and the pixels do not agree.
    """
    photometric = dataset.get("PhotometricInterpretation")
    if photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise ValueError(
            f"photometric interpretation {str(photometric)[:40]!r}; "
            "expected MONOCHROME1 or MONOCHROME2"
        )
    for name, allowed in (("SamplesPerPixel", (1,)), ("BitsAllocated", (8, 16))):
        if dataset.get(name) not in allowed:
            raise ValueError(
                f"{name} is {dataset.get(name)!r}; expected {' or '.join(map(str, allowed))}"
            )
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames != 1:
        raise ValueError(f"{frames} frames; expected one (tomosynthesis is not read)")
    rows, columns = int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)
    if not rows or not columns or rows * columns > MAX_PIXELS:
        raise ValueError(f"{rows} rows and {columns} columns; expected 1 to {MAX_PIXELS:,} pixels")
    if not dataset.file_meta.TransferSyntaxUID.is_compressed:
        needed = rows * columns * dataset.BitsAllocated // 8
        if len(dataset.PixelData) != needed + needed % 2:
            raise ValueError(
                f"{len(dataset.PixelData):,} bytes of pixels, where {rows} rows and {columns} "
                f"columns need {needed:,}; the header is wrong or the file cut short"
            )
    elif (coded := coded_size(first_frame(dataset))) not in (None, (rows, columns)):
        raise ValueError(f"its compressed picture is {coded}, its header says {(rows, columns)}")
    try:
        array = dataset.pixel_array
    except Exception as error:
        raise ValueError(f"its pixels cannot be decoded ({first_line(error, 100)})") from error
    if array.shape != (rows, columns):
        raise ValueError(f"its pixels are {array.shape}, its header says {(rows, columns)}")
    return array


def first_frame(dataset) -> bytes:
    """Return the bytes of a compressed picture."""
    from pydicom.encaps import get_frame

    try:
        return get_frame(dataset.PixelData, 0, number_of_frames=1)
    except Exception as error:  # whatever pydicom makes of a broken sequence of fragments
        raise ValueError(f"its pixels cannot be decoded ({first_line(error, 100)})") from error


def coded_size(frame: bytes) -> tuple[int, int] | None:
    """Read (rows, columns) from the head of a JPEG, JPEG-LS or JPEG 2000 picture; None of another.

    Decoders allocate what it says, not what the DICOM header does. ITU-T T.81, T.87, T.800.
    """
    start = frame[:LONGEST_HEAD].find(b"\xff\x4f\xff\x51")  # JPEG 2000: SOC and SIZ
    if start >= 0 and len(frame) >= start + 24:
        right, bottom, left, top = struct.unpack_from(">4I", frame, start + 8)
        return bottom - top, right - left
    place = 2
    while frame[:2] == b"\xff\xd8" and len(frame) >= place + 9 and frame[place] == 0xFF:
        marker = frame[place + 1]
        if marker in SIZED:
            return struct.unpack_from(">2H", frame, place + 5)
        place += 1 if marker == 0xFF else 2 + struct.unpack_from(">H", frame, place + 2)[0]
    return None


def parse_window(center: str, breadth: str) -> tuple[float, float] | None:
    """Read the first window in two texts as (low, high); None if both are empty.

    Raises ValueError if they are not a window.
    """
    if not center and not breadth:
        return None
    middle, span = _number(center, "WindowCenter"), _number(breadth, "WindowWidth")
    if span <= 0:
        raise ValueError(f"WindowWidth is {breadth[:40]!r}; expected a number above 0")
    return middle - span / 2, middle + span / 2


def orient_image(
    values: np.ndarray, laterality: str, view: str, orientation: str, flipped: str
) -> np.ndarray:
    """Mirror and flip an image so that the chest wall is on the left, head or armpit side up.

    PatientOrientation decides where it is known: its first value is where the rows point (A: to
    the nipple, already right; P: to the chest wall), its second where the columns point. Else
    laterality does: a left breast is stored with the chest wall on the left, a right one on the
    right, unless the field of view is flipped. Where neither is known the image stays as it is.
    Up is the head in MLO, the armpit side in CC.
    """
    directions = re.findall(r"[A-Z]+", orientation.upper())
    across, down = directions if len(directions) == 2 else ("", "")
    side = laterality.upper()[:1]
    if across[:1] in ("A", "P"):
        mirror = across[:1] == "P"
    else:
        mirror = side in ("L", "R") and (side == "R") != (flipped.upper() == "YES")
    # in CC, columns that point to the breast's own side end at the armpit
    armpit_below = view.upper() == "CC" and side in ("L", "R") and down[:1] == side
    upside_down = down[:1] == "H" or armpit_below
    return values[:: -1 if upside_down else 1, :: -1 if mirror else 1]


def _text(dataset, name: str) -> str:
    """Return an element as text, "" if it is not there; several values as a list is written."""
    try:
        value = dataset.get(name)
    except Exception as error:  # pydicom reads values late; the error's type depends on the value's
        raise ValueError(f"{name} is not what it should be ({first_line(error, 100)})") from None
    return "" if value is None else str(value).strip()


def _number(text: str, name: str) -> float:
    """Read the first number in a text."""
    match = re.match(FIRST_NUMBER, text)
    if not match or not math.isfinite(float(match[1])):
        raise ValueError(f"{name} is {text[:40]!r}; expected a number")
    return float(match[1])
