"""Images found in folders, and as inputs of a cohort."""

import os

import numpy as np
import pytest
from PIL import Image

from rollcall.data.decode import FileInputs
from rollcall.datasets.parts.images import (
    MAX_DEPTH,
    decode_image,
    find_images,
    image_files,
    open_image,
)
from rollcall.util.errors import InputError


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def test_images_are_found_below_a_folder_the_first_of_several(tmp_path):
    deep = "/".join("abcd"[:MAX_DEPTH])
    touch(
        tmp_path,
        "top/1.jpg",
        "top/x/1.jpg",
        "top/x/2.jpg",
        "top/y/2.jpg",
        "top/y/3.png",
        "top/.hidden/4.jpg",
        f"top/{deep}/5.jpg",
        f"top/{deep}/e/6.jpg",
        "beside/7.jpg",
    )
    assert find_images(tmp_path, tmp_path / "top", ".jpg") == {
        "1.jpg": "top/1.jpg",
        "2.jpg": "top/x/2.jpg",
        "5.jpg": f"top/{deep}/5.jpg",
    }


def test_a_folder_that_leads_out_is_refused(tmp_path):
    touch(tmp_path, "elsewhere/1.jpg", "root/2.jpg")
    os.symlink(tmp_path / "elsewhere", tmp_path / "root" / "images")
    with pytest.raises(InputError, match="leads out of the root"):
        find_images(tmp_path / "root", tmp_path / "root", ".jpg")


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


def test_more_than_eight_bits_are_refused(tmp_path):
    Image.fromarray(np.full((5, 5), 40_000, np.uint16)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"mode 'I;16'; expected 8 bits a channel"):
        open_image(tmp_path / "a.png", "L")
