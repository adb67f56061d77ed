"""Find and decode images: one JPEG or PNG a record, to one uint8 array."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import numpy as np
from PIL import Image

from rollcall.data.decode import FileInputs
from rollcall.data.release import resolve_inside

FORMATS = ("JPEG", "PNG")
EIGHT_BIT_MODES = ("1", "L", "P", "LA", "RGB", "RGBA", "CMYK", "YCbCr")
MAX_DEPTH = 4  # folders below the table in which images are looked for


def decode_image(path: Path, height: int, width: int, mode: str) -> np.ndarray:
    """Decode a JPEG or PNG to uint8 (height, width, channels).

    mode: "L" (one channel) or "RGB". Pillow's bicubic resize of the whole image; the aspect ratio
    is not kept. Raises OSError or ValueError for a file that is not such an image, or is cut short.
    """
    return resize_image(open_image(path, mode), height, width)


def open_image(path: Path, mode: str) -> Image.Image:
    """Decode an image at its own size, in `mode`."""
    with Image.open(path, formats=FORMATS) as image:
        if image.mode not in EIGHT_BIT_MODES:
            raise ValueError(f"a picture of mode {image.mode!r}; expected 8 bits a channel")
        return image.convert(mode)


def resize_image(image: Image.Image, height: int, width: int) -> np.ndarray:
    """Resize an image to uint8 (height, width, channels)."""
    array = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
    return array[:, :, None] if array.ndim == 2 else array


def find_images(root: Path, top: Path, suffix: str) -> dict[str, str]:
    """Find the files whose names end in `suffix` in the folder `top`, up to MAX_DEPTH folders down.

    Returns name -> path relative to root. A name in several folders counts once, in the first of
    them by name. Raises InputError for a folder that is a link out of the root.
    """
    paths: dict[str, str] = {}
    for folder, below, names in os.walk(top):
        relative = Path(folder).relative_to(root)
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in below:
            if os.path.islink(os.path.join(folder, name)):
                resolve_inside(root, relative / name / "any")
        if len(Path(folder).relative_to(top).parts) >= MAX_DEPTH:
            below.clear()
        for name in names:
            if name.endswith(suffix):
                paths.setdefault(name, str(relative / name))
    return paths


def image_files(root: Path, paths, where: Path, rows, size: int, mode: str) -> FileInputs:
    """Take one image file a record as inputs, to be decoded to uint8 (size, size, 1 or 3).

    paths: relative to root. where, rows: the table and its rows that name them, for messages.
    mode: "L" or "RGB". The aspect ratio is not kept.
    """
    return FileInputs(
        root,
        np.asarray(paths, dtype=object),
        functools.partial(decode_image, height=size, width=size, mode=mode),
        (size, size, 1 if mode == "L" else 3),
        "uint8",
        where,
        np.asarray(rows),
    )
