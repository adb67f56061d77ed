import numpy as np
import pytest
from PIL import Image

from rollcall.data import store
from rollcall.datasets.described.records.pictures import decode_picture, open_pictures
from rollcall.util.errors import InputError
from tests.data.made_up import make_cohort
from tests.datasets.described.records.made_up import describe, make_table, write_picture
from tests.datasets.parts.test_dicom import save as write_dicom

COUNT = 40


def names_of(count=COUNT):
    return [f"p{number}" for number in range(count)]


def prepare(root, files):
    cohort = make_cohort(inputs=files)
    store.save(cohort, root / "prepared")
    return store.open_saved(root / "prepared")


@pytest.mark.parametrize(("mode", "channels"), [("RGB", 3), ("L", 1)])
def test_pictures_come_out_as_pillow_resizes_them(mode, channels, tmp_path):
    pixels = [
        write_picture(tmp_path / f"in/{name}.png", k, mode) for k, name in enumerate(names_of())
    ]
    files, notes = open_pictures(describe(tmp_path, size=8), make_table(*names_of()))
    assert files.shape == (8, 8, channels)
    cohort = prepare(tmp_path, files)
    for k in (0, 17, 39):
        image = Image.fromarray(pixels[k]).resize((8, 8), Image.Resampling.BICUBIC)
        assert (cohort.inputs[k] == np.asarray(image).reshape(8, 8, channels)).all()
    assert "pictures made 8 x 8 pixels" in notes[0]


@pytest.mark.parametrize(
    ("modes", "asked", "channels"),
    [
        (["L", "L"], {}, 1),
        (["L", "RGB"], {}, 3),
        (["L", "L"], {"mode": "rgb"}, 3),
        (["RGB", "RGB"], {"mode": "grey"}, 1),
    ],
)
def test_colour_is_kept_where_there_is_any_or_as_asked(modes, asked, channels, tmp_path):
    for k, mode in enumerate(modes):
        write_picture(tmp_path / f"p{k}.png", k, mode)
    files, _ = open_pictures(describe(tmp_path, **asked), make_table("p0", "p1"))
    assert files.shape == (64, 64, channels)


def test_dicom_is_taken_by_its_content_and_lies_as_it_is(tmp_path):
    values = np.arange(256, dtype=np.uint16).reshape(16, 16)
    write_dicom(tmp_path / "p0", values, ImageLaterality="R", PatientOrientation=["P", "F"])
    write_dicom(tmp_path / "p1.dcm", values, PhotometricInterpretation="MONOCHROME1")
    write_picture(tmp_path / "p2.png", 0, "L")
    files, _ = open_pictures(describe(tmp_path, size=16), make_table("p0", "p1", "p2"))
    assert files.shape == (16, 16, 1)
    decoded = decode_picture(tmp_path / "p0", 16, "L")[:, :, 0]
    assert (decoded == np.arange(256).reshape(16, 16)).all()
    assert (decode_picture(tmp_path / "p1.dcm", 16, "L")[:, :, 0] == 255 - decoded).all()
    assert decode_picture(tmp_path / "p0", 16, "RGB").shape == (16, 16, 3)


def write_coloured(path, pixels, **elements):
    """A DICOM picture of three colours, pixel by pixel."""
    given = {
        "PhotometricInterpretation": "RGB",
        "SamplesPerPixel": 3,
        "PlanarConfiguration": 0,
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "BitsStored": 8,
        "HighBit": 7,
    } | elements
    write_dicom(path, pixels, **given)


def test_dicom_of_three_colours(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    write_coloured(tmp_path / "p0.dcm", pixels)
    write_dicom(tmp_path / "p1.dcm", pixels[:, :, 0])
    files, _ = open_pictures(describe(tmp_path, size=16), make_table("p0", "p1"))
    assert files.shape == (16, 16, 3)
    assert (decode_picture(tmp_path / "p0.dcm", 16, "RGB") == pixels).all()
    grey = np.asarray(Image.fromarray(pixels).convert("L"))
    assert (decode_picture(tmp_path / "p0.dcm", 16, "L")[:, :, 0] == grey).all()


def test_dicom_of_luminance_and_two_differences_becomes_red_green_and_blue(tmp_path):
    pixels = np.full((16, 16, 3), (76, 85, 255), np.uint8)
    write_coloured(tmp_path / "p.dcm", pixels, PhotometricInterpretation="YBR_FULL")
    red = decode_picture(tmp_path / "p.dcm", 16, "RGB").astype(int)
    assert np.abs(red - (254, 0, 0)).max() < 3


@pytest.mark.parametrize(
    ("elements", "says"),
    [
        ({"PhotometricInterpretation": "CMYK"}, "'CMYK'"),
        ({"BitsAllocated": 16}, "of 16 bits"),
        ({"NumberOfFrames": 3}, "3 frames"),
        ({"Rows": 50_000, "Columns": 50_000}, "expected 1 to"),
        ({"Rows": 17}, "cannot be decoded"),
        ({"PixelData": b"\0" * 100}, "cannot be decoded"),
    ],
)
def test_colours_that_do_not_fit_their_header_are_damage(elements, says, tmp_path):
    write_coloured(tmp_path / "p.dcm", np.zeros((16, 16, 3), np.uint8), **elements)
    with pytest.raises(ValueError, match=says):
        decode_picture(tmp_path / "p.dcm", 16, "RGB")


def test_a_few_damaged_pictures_are_left_out_and_more_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "MOST_DAMAGED_SHARE", 0.05)  # 2 of 40, which one process decodes
    for k, name in enumerate(names_of()):
        write_picture(tmp_path / f"{name}.png", k, "L")
    (tmp_path / "p7.png").write_bytes((tmp_path / "p7.png").read_bytes()[:200])
    (tmp_path / "p9.png").write_text("<html>no such picture</html>")
    files, _ = open_pictures(describe(tmp_path, size=8), make_table(*names_of()))
    opened = prepare(tmp_path, files)
    assert len(opened) == 38
    assert any("2 of 40 records left out" in note for note in opened.notes)
    (tmp_path / "p11.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"p7.png \(table.csv: row 9\).*3 such files"):
        store.save(make_cohort(inputs=files), tmp_path / "again")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("r.edf", b"0       " + b" " * 300, 'say format = "edf" of recordings'),
        ("r.npy", b"\x93NUMPY" + b" " * 300, 'a numpy file.*say format = "npy"'),
        ("r.png", b"<html>log in</html>", "a web page, not a picture; none of 5 files tried"),
        ("r.png", b"", "an empty file, not a picture; none of 5 files tried"),
    ],
)
def test_files_that_are_no_pictures_are_refused_before_all_are_decoded(
    name, content, says, tmp_path
):
    names = [f"{number}{name}" for number in range(20)]
    for each in names:
        (tmp_path / each).write_bytes(content)
    with pytest.raises(InputError, match=says) as refused:
        open_pictures(describe(tmp_path), make_table(*names))
    assert "\n" not in str(refused.value)
