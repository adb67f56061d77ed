"""Pictures of three colours in DICOM files that are not trusted: dermoscopy, endoscopy, the eye."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from rollcall.datasets.parts.dicom import MAX_PIXELS, coded_size, first_frame, open_dicom
from rollcall.util.errors import first_line

COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")


def is_coloured_dicom(path: Path) -> bool:
    """Say whether a DICOM file says that it has three colours; False where it cannot be read."""
    import pydicom

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            head = pydicom.dcmread(path, specific_tags=["SamplesPerPixel"], stop_before_pixels=True)
            return head.get("SamplesPerPixel") == 3
        except Exception:  # of many types; a damaged one is found when it is decoded
            return False


def open_coloured_dicom(path: Path) -> Image.Image:
    """Decode a DICOM picture of three colours of 8 bits to an image of mode RGB.

    OSError or ValueError for any other, and where the header and the pixels do not agree.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = open_dicom(path)
        photometric = dataset.get("PhotometricInterpretation")
        if photometric not in COLOURS or dataset.get("BitsAllocated") != 8:
            raise ValueError(
                f"photometric interpretation {str(photometric)[:40]!r} of "
                f"{dataset.get('BitsAllocated')!r} bits; expected one of {', '.join(COLOURS)} of 8"
            )
        frames = int(dataset.get("NumberOfFrames") or 1)
        if frames != 1:
            raise ValueError(f"{frames} frames; expected one")
        rows, columns = int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)
        if not rows or not columns or 3 * rows * columns > MAX_PIXELS:
            raise ValueError(
                f"{rows} rows and {columns} columns; expected 1 to {MAX_PIXELS // 3:,} pixels"
            )
        if dataset.file_meta.TransferSyntaxUID.is_compressed:
            coded = coded_size(first_frame(dataset))
            if coded not in (None, (rows, columns)):
                raise ValueError(
                    f"its compressed picture is {coded}, its header says {(rows, columns)}"
                )
        try:
            pixels = np.asarray(dataset.pixel_array)  # pydicom turns YBR into RGB
        except Exception as error:
            raise ValueError(f"its pixels cannot be decoded ({first_line(error, 100)})") from error
    if pixels.shape != (rows, columns, 3) or pixels.dtype != np.uint8:
        raise ValueError(f"its pixels are {pixels.shape}, its header says {(rows, columns, 3)}")
    return Image.fromarray(pixels)
