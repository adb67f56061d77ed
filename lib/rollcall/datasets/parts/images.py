"""Decoders of pictures, for `FileInputs`: one file to one uint8 array, as `functools.partial(picture, height=64, width=64, mode="L")`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

FORMATS = ("JPEG", "PNG")
EIGHT_BIT = ("1", "L", "P", "LA", "RGB", "RGBA", "CMYK", "YCbCr")


def picture(path: Path, height: int, width: int, mode: str) -> np.ndarray:
    """A JPEG or PNG as uint8 (height, width, channels): Pillow's bicubic resize of the whole picture, aspect ratio not kept.

    mode "L" (one channel) or "RGB". Raises OSError or ValueError for a file that is not such a picture, or is cut short.
    """
    return resized(opened(path, mode), height, width)


def opened(path: Path, mode: str) -> Image.Image:
    """The picture at its own size, decoded, in `mode`."""
    with Image.open(path, formats=FORMATS) as image:
        if image.mode not in EIGHT_BIT:
            raise ValueError(f"a picture of mode {image.mode!r}; expected 8 bits a channel")
        return image.convert(mode)


def resized(image: Image.Image, height: int, width: int) -> np.ndarray:
    """uint8 (height, width, channels)."""
    array = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
    return array[:, :, None] if array.ndim == 2 else array
