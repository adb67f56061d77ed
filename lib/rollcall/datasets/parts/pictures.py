"""Open one picture that is not trusted, and say what a file is that is none.

The content decides what a file is, not its name. JPEG, PNG, GIF, WebP, BMP and TIFF are read.
"""

from __future__ import annotations

import warnings
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF")  # the usual first: Pillow tries in order
EIGHT_BIT_MODES = ("1", "L", "P", "PA", "LA", "La", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr")
SIXTEEN_BIT_MODES = ("I;16", "I;16L", "I;16B", "I")
MAX_PIXELS = 64_000_000  # twice the largest mammograms; looked at before a pixel is decoded
HEAD_BYTES = 1024  # of a file, that tell what it is
LFS = b"version https://git-lfs"
PAGE_WORDS = ("<!doctype html", "<html", "<head", "<body", "<script", "<title")
OTHERS = (  # what a file begins with, from a position on: what it is
    (0, b"%PDF", "a PDF file"),
    (0, b"PK\x03\x04", "a zip archive"),
    (128, b"DICM", "a DICOM file"),
    (0, b"\x89HDF", "an HDF5 file"),
    (0, b"\x93NUMPY", "a numpy file"),
)
UNREAD = (
    (4, b"ftyphei", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
    (4, b"ftypavif", "AVIF"),
    (0, b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"8BPS", "Photoshop"),
)


class NotAPicture(ValueError):
    """Say what a file is, that has the name of a picture and is none."""


def open_image(path: Path, mode: str) -> Image.Image:
    """Decode a picture at its own size, upright, to mode "L" (grey) or "RGB" of 8 bits a channel.

    Of several frames the first. Turned as its EXIF orientation says. A grey picture of 16 bits is
    scaled from its own darkest and brightest value to 0 and 255, as a mammogram without a window
    is. Transparency is ignored, a palette looked up. NotAPicture for a web page, text, an empty
    file and the like; ValueError or OSError for a picture that cannot be read, is cut short, or has
    more than MAX_PIXELS.
    """
    # An open file, since of a path Pillow 13.0 maps plain TIFFs, and those that lie askew wrongly.
    with open(path, "rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of its own limit and of odd metadata
        try:
            opened = Image.open(file, formats=FORMATS)
        except UnidentifiedImageError:
            raise _fault(path) from None
        except Image.DecompressionBombError as error:
            raise ValueError(f"more than {MAX_PIXELS:,} pixels ({error})") from None
        with opened as image:
            _check(image)
            image.load()
            _turn_upright(image)
            if image.mode in SIXTEEN_BIT_MODES:
                return _to_eight_bits(image).convert(mode)
            return image.convert(mode)


def _check(image: Image.Image) -> None:
    """Refuse a picture that is too large, or of a kind that is not read, from its header."""
    if image.width * image.height > MAX_PIXELS:
        raise ValueError(
            f"{image.width:,} x {image.height:,} pixels; expected at most {MAX_PIXELS:,} in all"
        )
    if image.mode not in EIGHT_BIT_MODES + SIXTEEN_BIT_MODES:
        raise ValueError(
            f"a picture of mode {image.mode!r}; expected 8 bits a channel, or 16 bits of grey"
        )


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Scale grey values of more than 8 bits from their own range to 0-255."""
    values = np.asarray(image).astype(np.float32)
    low, high = float(values.min()), float(values.max())
    values -= low
    values *= 255 / max(high - low, 1)
    return Image.fromarray(np.rint(values, out=values).astype(np.uint8))


def _turn_upright(image: Image.Image) -> None:
    """Turn an image, in place, as its EXIF data say; broken metadata say nothing."""
    try:
        ImageOps.exif_transpose(image, in_place=True)
    except Exception:  # whatever Pillow makes of broken metadata: the pixels are whole
        return


def count_bits(path: Path) -> int:
    """Return 16 for a grey picture of 16 bits a channel, else 8; from its header alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(path, formats=FORMATS) as image:
                return 16 if image.mode in SIXTEEN_BIT_MODES else 8
        except (OSError, ValueError, Image.DecompressionBombError):
            return 8


def is_coloured(path: Path) -> bool:
    """Say whether a picture has colours, from its header alone; False for what is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(path, formats=FORMATS) as image:
                grey = image.mode in ("1", "L", "LA", "La", *SIXTEEN_BIT_MODES)
                return not grey and (image.mode != "P" or _has_coloured_palette(image))
        except (OSError, ValueError, Image.DecompressionBombError):
            return False


def _has_coloured_palette(image: Image.Image) -> bool:
    palette = np.array(image.getpalette() or [], int).reshape(-1, 3)
    return bool((palette != palette[:, :1]).any())


def _fault(path: Path) -> ValueError:
    """Say what a file is that Pillow does not know."""
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    named = describe_content(head)
    if named is not None:
        return NotAPicture(f"{named}, not a picture")
    if head.startswith(LFS):
        return ValueError("a pointer of Git LFS, not the picture itself; `git lfs pull` fetches it")
    if not head.strip(b"\0"):
        return ValueError("holds zeros alone; its download or copy was not finished")
    for start, mark, name in UNREAD:
        if head[start:].startswith(mark):
            return ValueError(f"a picture of the format {name}; save it as JPEG or PNG")
    return ValueError(
        "cannot identify image file: none of JPEG, PNG, GIF, WebP, BMP and TIFF, or cut short"
    )


def describe_content(head: bytes) -> str | None:
    """Say what a file is that begins with `head`, if that is surely no picture; else None."""
    if not head:
        return "an empty file"
    if head.startswith(LFS):
        return None
    for start, mark, name in OTHERS:
        if head[start:].startswith(mark):
            return name
    if head.startswith(b"\x1f\x8b"):  # gzip, as some servers send a page
        try:
            head = zlib.decompressobj(31).decompress(head, HEAD_BYTES)
        except zlib.error:
            return "a gzip archive"
        return describe_content(head) if head else "a gzip archive"
    text = _read_text(head)
    if text is None:
        return None
    lower = text.lstrip("\ufeff \t\r\n").lower()
    if "<svg" in lower:
        return "an SVG drawing"
    if any(word in lower for word in PAGE_WORDS):
        return "a web page"
    if lower.startswith("<?xml") or lower.startswith("<error"):
        return "an XML answer of a server"
    if lower.startswith(("{", "[")):
        return "JSON text"
    return "text"


def _read_text(head: bytes) -> str | None:
    """Decode the beginning of a file as text; None if it is not text."""
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = head[: len(head) // 2 * 2].decode("utf-16") if wide else head.decode("utf-8")
    except UnicodeDecodeError as error:
        if wide or len(head) - error.start < 4:  # a character cut in two by the end of the head
            text = head.decode("utf-16" if wide else "utf-8", "ignore")
        elif b"<html" in head.lower():
            text = head.decode("latin-1")
        else:
            return None
    control = sum(character < " " and character not in "\t\r\n\f" for character in text)
    return None if control or not text.strip() else text
