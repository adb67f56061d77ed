"""Images found in folders, and as inputs of a cohort."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rollcall.data.decode import FileInputs, SkipRecord
from rollcall.datasets.parts.images import (
    MAX_DEPTH,
    decode_image,
    depth_notes,
    find_images,
    image_files,
    require_images,
)
from rollcall.util.errors import InputError


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def found_paths(root, top, *names):
    """What is found, by name; only what is there."""
    return find_images(root, root / top, pd.Series(names, dtype=str)).dropna().tolist()


def test_images_are_found_below_a_folder_the_first_of_several(tmp_path):
    deep = "/".join("abcd"[:MAX_DEPTH])
    touch(
        tmp_path,
        "top/1.jpg",
        "top/x/1.jpg",
        "top/x/2.jpg",
        "top/y/2.jpg",
        "top/.hidden/4.jpg",
        "top/__MACOSX/y/8.jpg",
        "top/y/._9.jpg",
        f"top/{deep}/5.jpg",
        f"top/{deep}/e/6.jpg",
        "beside/7.jpg",
    )
    names = [f"{number}.jpg" for number in range(1, 10)]
    assert found_paths(tmp_path, "top", *names) == [
        "top/1.jpg",
        "top/x/2.jpg",
        f"top/{deep}/5.jpg",
    ]


@pytest.mark.parametrize(
    "name",
    ["ab1.jpg", "ab1.JPG", "ab1.Jpeg", "ab1.jpeg", "AB1.JPG", "ab1.png", "ab1.PNG", "ab1.webp"],
)
def test_an_ending_counts_in_any_case_and_as_any_format(tmp_path, name):
    touch(tmp_path, f"images/{name}", "images/ab1.txt", "images/ab1", "images/ab1.jpg.part")
    assert found_paths(tmp_path, ".", "ab1.jpg") == [f"images/{name}"]


def test_the_name_as_published_comes_first(tmp_path):
    touch(tmp_path, "a/1.png", "a/2.png", "b/1.JPEG", "c/1.jpg", "a/3.JPG", "b/3.jpg", "a/mask.png")
    paths = found_paths(tmp_path, ".", "1.jpg", "2.jpg", "3.jpg", "4.jpg")
    assert paths == ["c/1.jpg", "a/2.png", "b/3.jpg"]


def test_a_folder_that_leads_out_is_refused(tmp_path):
    touch(tmp_path, "elsewhere/1.jpg", "root/2.jpg")
    os.symlink(tmp_path / "elsewhere", tmp_path / "root" / "images")
    with pytest.raises(InputError, match="leads out of the root"):
        found_paths(tmp_path / "root", ".", "1.jpg")


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3)])
def test_image_files_are_decoded_to_squares(tmp_path, mode, channels):
    values = np.random.default_rng(1).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "a.png")
    inputs = image_files(tmp_path, ["a.png"], tmp_path / "t.csv", [2], 16, mode)
    assert isinstance(inputs, FileInputs)
    assert (len(inputs), inputs.shape) == (1, (16, 16, channels))
    image = inputs.decode(tmp_path / "a.png")
    assert image.shape == (16, 16, channels)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, decode_image(tmp_path / "a.png", 16, 16, mode))
    expected = Image.fromarray(values).convert(mode).resize((16, 16), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(image.squeeze(), np.asarray(expected))


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"Not Found", b"%PDF-1.4"])
def test_what_is_no_picture_is_a_gap_where_there_may_be_gaps(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(SkipRecord, match=r"^the image is .*, not a picture$"):
        decode_image(tmp_path / "a.jpg", 8, 8, "L", gaps=True)
    with pytest.raises(ValueError, match=r"not a picture$"):
        decode_image(tmp_path / "a.jpg", 8, 8, "L")


def test_a_damaged_picture_is_no_gap(tmp_path):
    Image.effect_noise((90, 90), 50).save(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:900])
    with pytest.raises(OSError, match="truncated"):
        decode_image(tmp_path / "a.jpg", 8, 8, "L", gaps=True)


def files(root, *paths):
    return image_files(root, paths, Path("t.csv"), np.arange(len(paths)) + 2, 8, "L")


def test_files_of_another_ending_take_the_place_of_those_that_are_missing(tmp_path):
    touch(tmp_path, "a/1.jpg", "a/1.png", "a/2.JPG", "b/3.jpeg", "4.PNG", "a/5.txt", "c/d.jpg/x")
    there = require_images(files(tmp_path, "a/1.jpg", "a/2.jpg", "b/3.jpg", "4.jpg"))
    assert there.paths.tolist() == ["a/1.jpg", "a/2.JPG", "b/3.jpeg", "4.PNG"]
    for missing in ("a/5.jpg", "b/4.jpg", "z/1.jpg", "c/d.jpg"):
        with pytest.raises(InputError, match=rf"t\.csv: row 3: .*{missing} does not exist"):
            require_images(files(tmp_path, "a/1.jpg", missing))


def test_pictures_of_16_bits_are_noted(tmp_path):
    for number in range(6):
        kind = np.uint16 if number % 3 == 0 else np.uint8
        Image.fromarray(np.full((5, 5), number, kind)).save(tmp_path / f"{number}.png")
    paths = [f"{number}.png" for number in range(6)]
    assert depth_notes(files(tmp_path, *paths)) == [
        "images: 2 of 6 looked at have 16 bits of grey; such a picture is scaled from its own "
        "darkest and brightest value to 0 and 255"
    ]
    assert depth_notes(files(tmp_path, "1.png", "gone.png")) == []
    assert depth_notes(files(tmp_path)) == []
