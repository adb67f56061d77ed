"""Pictures as they come: formats under other names, orientation, depth, size, and no pictures."""

import gzip
import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from rollcall.datasets.parts.pictures import (
    MAX_PIXELS,
    NotAPicture,
    count_bits,
    describe_content,
    open_image,
)

RNG = np.random.default_rng(5)
COLOUR = RNG.integers(0, 256, (7, 11, 3), dtype=np.uint8)
GREY = COLOUR[:, :, 0]
SEEN = {  # EXIF orientation: what is seen of an array as stored
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: np.swapaxes(a, 0, 1),
    6: lambda a: np.swapaxes(a[::-1], 0, 1),
    7: lambda a: np.swapaxes(a[::-1, ::-1], 0, 1),
    8: lambda a: np.swapaxes(a[:, ::-1], 0, 1),
}


def opened(path, mode="RGB"):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return np.asarray(open_image(path, mode))


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_the_content_decides_whatever_the_name(tmp_path, kind):
    path = tmp_path / "a.jpg"
    Image.fromarray(GREY).save(path, format=kind, **({"lossless": True} if kind == "WEBP" else {}))
    np.testing.assert_array_equal(opened(path, "L"), GREY)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA"])
def test_eight_bits_of_any_kind_are_what_pillow_makes_of_them(tmp_path, mode):
    image = Image.fromarray(COLOUR).convert(mode)
    image.save(tmp_path / "a.png")
    for wanted in ("L", "RGB"):
        np.testing.assert_array_equal(
            opened(tmp_path / "a.png", wanted), np.asarray(image.convert(wanted))
        )


@pytest.mark.parametrize("transparent", [3, bytes(range(256))])
def test_a_palette_with_transparency_is_looked_up(tmp_path, transparent):
    image = Image.fromarray(COLOUR).convert("P")
    image.save(tmp_path / "a.png", transparency=transparent)
    np.testing.assert_array_equal(opened(tmp_path / "a.png"), np.asarray(image.convert("RGB")))


def test_cmyk_is_read(tmp_path):
    image = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    image.save(tmp_path / "a.jpg", quality=100)
    red = opened(tmp_path / "a.jpg")[4, 4]
    assert red[0] > 240
    assert red[1] < 15
    assert red[2] < 15


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_of_several_frames_counts(tmp_path, kind):
    frames = [Image.new("L", (8, 8), value) for value in (40, 200, 90)]
    options = {"lossless": True} if kind == "WEBP" else {}
    frames[0].save(
        tmp_path / "a.jpg", format=kind, save_all=True, append_images=frames[1:], **options
    )
    assert (opened(tmp_path / "a.jpg", "L") == 40).all()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG"])
@pytest.mark.parametrize("orientation", SEEN)
def test_a_picture_stands_upright(tmp_path, kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    smooth = np.add.outer(np.arange(24) * 2, np.arange(40) * 4).astype(np.uint8)
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100}}.get(kind, {})
    Image.fromarray(smooth).save(tmp_path / "a", format=kind, exif=exif, **options)
    got, expected = opened(tmp_path / "a", "L"), SEEN[orientation](smooth)
    assert got.shape == expected.shape
    assert np.abs(got.astype(int) - expected).max() <= (3 if kind == "JPEG" else 0)


def test_orientation_of_a_deep_picture(tmp_path):
    deep = RNG.integers(0, 65_536, (7, 11), dtype=np.uint16)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(deep).save(tmp_path / "plain.png")
    Image.fromarray(deep).save(tmp_path / "turned.png", exif=exif)
    plain, turned = (opened(tmp_path / f"{name}.png", "L") for name in ("plain", "turned"))
    np.testing.assert_array_equal(turned, SEEN[6](plain))


@pytest.mark.parametrize("exif", [b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0nonsense", b"", b"E"])
def test_broken_metadata_say_nothing(tmp_path, exif):
    Image.fromarray(GREY).save(tmp_path / "a.png", exif=exif or None)
    np.testing.assert_array_equal(opened(tmp_path / "a.png", "L"), GREY)


@pytest.mark.parametrize("orientation", [0, 9, 65_535])
def test_an_orientation_that_is_none_says_nothing(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(GREY).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(opened(tmp_path / "a.png", "L"), GREY)


@pytest.mark.parametrize(("low", "high"), [(0, 65_535), (0, 4_095), (900, 1_400), (7, 8), (5, 5)])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_from_the_pictures_range(tmp_path, low, high, kind):
    deep = RNG.integers(low, high + 1, (20, 30)).astype(np.uint16)
    deep[0, 0], deep[-1, -1] = low, high
    Image.fromarray(deep).save(tmp_path / "a.jpg", format=kind)
    expected = (deep - float(low)) / max(high - low, 1) * 255
    assert np.abs(opened(tmp_path / "a.jpg", "L") - expected).max() <= 0.5001
    assert (opened(tmp_path / "a.jpg")[:, :, 2] == opened(tmp_path / "a.jpg", "L")).all()
    assert count_bits(tmp_path / "a.jpg") == 16


def test_a_picture_of_8_bits_is_not_stretched(tmp_path):
    Image.fromarray((GREY // 4 + 90).astype(np.uint8)).save(tmp_path / "a.png")
    np.testing.assert_array_equal(opened(tmp_path / "a.png", "L"), GREY // 4 + 90)
    assert count_bits(tmp_path / "a.png") == 8


def test_numbers_with_a_point_are_refused(tmp_path):
    Image.fromarray(np.ones((5, 5), np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match=r"of mode 'F'; expected 8 bits a channel, or 16"):
        opened(tmp_path / "a.tif")


def png(width, height, rows=b""):
    """A PNG of a few bytes that says it has so many grey pixels."""

    def chunk(kind, data):
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows)


@pytest.mark.parametrize("side", [8_001, 10_000, 13_312, 30_208, 100_000])
def test_a_picture_too_large_is_refused_before_it_is_decoded(tmp_path, side, monkeypatch):
    def fail(self):
        raise AssertionError("was decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    (tmp_path / "a.jpg").write_bytes(png(side, side))
    with pytest.raises(ValueError, match=r"64,000,000"):
        opened(tmp_path / "a.jpg")


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF"])
def test_a_large_picture_of_another_kind_is_refused(tmp_path, kind):
    side = 2**13
    assert side * side > MAX_PIXELS
    options = {"TIFF": {"compression": "tiff_adobe_deflate"}}.get(kind, {})
    Image.new("1", (side, side)).save(tmp_path / "a", format=kind, **options)
    with pytest.raises(ValueError, match="8,192 x 8,192 pixels; expected at most 64,000,000"):
        opened(tmp_path / "a")


NO_PICTURES = {
    b"": "an empty file",
    b"<!DOCTYPE html><html><body>404 Not Found</body></html>": "a web page",
    b"\n\n  <HTML lang=en><head>": "a web page",
    b"<!-- moved --><html>": "a web page",
    "<html><title>Página não encontrada".encode("latin-1"): "a web page",
    "\ufeff<html>".encode(): "a web page",
    "<html><body>404".encode("utf-16"): "a web page",
    gzip.compress(b"<html>" + b"x" * 5_000, mtime=0): "a web page",
    b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>': "an XML answer of a server",
    b'<svg xmlns="http://www.w3.org/2000/svg"></svg>': "an SVG drawing",
    b'{"error": "rate limit"}': "JSON text",
    b"404: Not Found": "text",
    b"Forbidden\n" * 500: "text",
    "überall é".encode() * 300: "text",
    b"%PDF-1.4 \xff": "a PDF file",
    b"PK\x03\x04" + b"\0" * 20: "a zip archive",
    b"\x1f\x8b\x08" + bytes(40): "a gzip archive",
    b"\0" * 128 + b"DICM" + b"\2\0": "a DICOM file",
}


@pytest.mark.parametrize("content", NO_PICTURES, ids=lambda content: repr(content[:16]))
def test_what_is_no_picture_is_called_what_it_is(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(NotAPicture, match=f"^{NO_PICTURES[content]}, not a picture$"):
        opened(tmp_path / "a.jpg")


def saved(kind, **options):
    buffer = io.BytesIO()
    Image.fromarray(RNG.integers(0, 256, (60, 60, 3), dtype=np.uint8)).save(buffer, kind, **options)
    return buffer.getvalue()


DAMAGED = {
    "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n": "Git LFS.*git lfs pull",
    bytes(5_000): "holds zeros alone",
    b"\x00\x00\x00\x1cftypheic\0\0\0\0": "format HEIC; save it as JPEG or PNG",
    b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(40): "format JPEG 2000",
    b"\x80\x04\x95cos\nsystem\n": "cannot identify image file: none of JPEG",
    saved("JPEG")[:900]: "truncated",
    saved("PNG")[:900]: "truncated|broken",
    saved("GIF")[:900]: "truncated|not enough|broken|cannot",
    saved("WEBP")[:200]: "cannot identify|could not",
    saved("BMP")[:900]: "truncated",
    saved("TIFF")[:900]: ".",
}


@pytest.mark.parametrize("content", DAMAGED, ids=lambda content: repr(content[:14]))
def test_a_damaged_picture_is_not_called_something_else(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises((ValueError, OSError), match=DAMAGED[content]) as raised:
        opened(tmp_path / "a.jpg")
    assert not isinstance(raised.value, NotAPicture)


def test_bytes_at_random_are_never_text():
    for seed in range(200):
        content = np.random.default_rng(seed).integers(0, 256, 1024, dtype=np.uint8).tobytes()
        assert describe_content(content) is None
