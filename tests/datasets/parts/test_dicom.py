import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    RLELossless,
)

from rollcall.datasets.parts.dicom import (
    coded_size,
    decode_mammogram,
    orient_image,
    parse_window,
)

ROWS, COLUMNS = 40, 30


def stored(high=4095, dtype=np.uint16):
    """An image that no turn leaves as it is: bright at the left, brighter below."""
    row, column = np.mgrid[0:ROWS, 0:COLUMNS]
    return (high * (0.6 * (COLUMNS - 1 - column) / (COLUMNS - 1) + 0.4 * row / (ROWS - 1))).astype(
        dtype
    )


def save(path, values=None, syntax=ExplicitVRLittleEndian, **elements):
    """Write values as DICOM; elements set to None are left out."""
    values = stored() if values is None else values
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1.2", "1.2.3.4"
    given = {
        "PhotometricInterpretation": "MONOCHROME2",
        "SamplesPerPixel": 1,
        "BitsAllocated": values.dtype.itemsize * 8,
        "BitsStored": 12 if values.dtype.itemsize == 2 else 8,
        "HighBit": 11 if values.dtype.itemsize == 2 else 7,
        "PixelRepresentation": int(values.dtype.kind == "i"),
        "Rows": values.shape[0],
        "Columns": values.shape[1],
        "PixelData": values.astype(
            values.dtype.newbyteorder(">" if syntax == ExplicitVRBigEndian else "<")
        ).tobytes(),
    } | elements
    for name, value in given.items():
        if name == "PixelData" and value is not None:
            dataset.add_new(
                "PixelData",
                "OB" if syntax.is_compressed and syntax.is_encapsulated else "OW",
                value,
            )
            dataset["PixelData"].is_undefined_length = syntax.is_encapsulated
        elif value is not None:
            setattr(dataset, name, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID, dataset.file_meta.MediaStorageSOPInstanceUID = (
        dataset.SOPClassUID,
        dataset.SOPInstanceUID,
    )
    dataset.save_as(path, enforce_file_format=True)
    return path


def expected(values, low, high, height=20, width=15):
    """What the image should become, step by step."""
    small = np.asarray(
        Image.fromarray(values.astype(np.float32)).resize(
            (width, height), Image.Resampling.BICUBIC
        ),
        float,
    )
    result = np.zeros((height, width, 1), np.uint8)
    for row in range(height):
        for column in range(width):
            result[row, column, 0] = round(
                255 * min(max((small[row, column] - low) / (high - low), 0), 1)
            )
    return result


def decode(path, *arguments):
    return decode_mammogram(path, *arguments, height=20, width=15)


def close(one, other):
    assert one.dtype == np.uint8
    assert one.shape == other.shape
    assert np.abs(one.astype(int) - other.astype(int)).max() <= 1


def test_no_window_is_the_full_range(tmp_path):
    close(decode(save(tmp_path / "a.dcm"), "L"), expected(stored(), 0, stored().max()))


def test_the_first_of_several_windows_counts_from_the_table_or_else_from_the_file(tmp_path):
    path = save(tmp_path / "a.dcm", WindowCenter=["2000", "10"], WindowWidth=["1000", "20"])
    close(decode(path, "L"), expected(stored(), 1500, 2500))
    close(decode(path, "L", "CC", "[1000, 7]", "[400.0, 9]"), expected(stored(), 800, 1200))


def test_monochrome1_comes_out_as_monochrome2(tmp_path):
    one = save(
        tmp_path / "a.dcm",
        4095 - stored(),
        PhotometricInterpretation="MONOCHROME1",
        WindowCenter="2048",
        WindowWidth="4095",
    )
    two = save(tmp_path / "b.dcm", stored(), WindowCenter="2047", WindowWidth="4095")
    close(decode(one, "L"), decode(two, "L"))


def test_the_modality_rescale_comes_before_the_window(tmp_path):
    path = save(
        tmp_path / "a.dcm",
        RescaleSlope="2",
        RescaleIntercept="-100",
        WindowCenter="3900",
        WindowWidth="2000",
    )
    close(decode(path, "L"), expected(stored(), 1500, 2500))


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_other_uncompressed_syntaxes(tmp_path, syntax):
    close(
        decode(save(tmp_path / "a.dcm", syntax=syntax), "L"), expected(stored(), 0, stored().max())
    )


def test_eight_bits_and_signed_values(tmp_path):
    close(
        decode(save(tmp_path / "a.dcm", stored(255, np.uint8)), "L"),
        expected(stored(255, np.uint8), 0, 255),
    )
    signed = stored(2000, np.int16) - 1000
    close(
        decode(save(tmp_path / "b.dcm", signed.astype(np.int16)), "L"),
        expected(signed, signed.min(), signed.max()),
    )


def test_rle_needs_no_further_package(tmp_path):
    from pydicom import dcmread

    dataset = dcmread(save(tmp_path / "a.dcm"))
    dataset.compress(RLELossless)
    dataset.save_as(tmp_path / "b.dcm")
    close(decode(tmp_path / "b.dcm", "L"), expected(stored(), 0, stored().max()))


@pytest.mark.parametrize(
    ("laterality", "view", "orientation", "flipped", "mirror", "upside_down"),
    [
        ("L", "MLO", "", "", False, False),
        ("R", "MLO", "", "", True, False),
        ("L", "CC", "", "YES", True, False),
        ("R", "CC", "", "YES", False, False),
        ("R", "CC", "", "NO", True, False),
        ("", "", "", "", False, False),
        ("B", "MLO", "", "YES", False, False),
        ("L", "MLO", "['A', 'F']", "", False, False),
        ("L", "MLO", "['P', 'F']", "", True, False),
        ("R", "MLO", "A\\FR", "YES", False, False),
        ("R", "MLO", "['P', 'HL']", "", True, True),
        ("L", "CC", "['A', 'R']", "", False, False),
        ("L", "CC", "['A', 'L']", "", False, True),
        ("R", "CC", "P\\R", "", True, True),
        ("R", "CC", "P\\L", "", True, False),
        ("R", "MLO", "P", "", True, False),
        ("R", "MLO", "['L', 'F']", "", True, False),
    ],
)
def test_every_turn(laterality, view, orientation, flipped, mirror, upside_down):
    values = stored()
    wanted = values[:, ::-1] if mirror else values
    np.testing.assert_array_equal(
        orient_image(values, laterality, view, orientation, flipped),
        wanted[::-1] if upside_down else wanted,
    )


def test_the_table_decides_before_the_file(tmp_path):
    path = save(
        tmp_path / "a.dcm", ImageLaterality="R", PatientOrientation=["P", "F"], ViewPosition="MLO"
    )
    close(decode(path), expected(stored()[:, ::-1], 0, stored().max()))
    close(decode(path, "L", "MLO", "", "", "['A', 'F']"), expected(stored(), 0, stored().max()))


def test_all_ways_to_store_a_picture_decode_to_the_same(tmp_path):
    left = decode(save(tmp_path / "a.dcm", PatientOrientation=["A", "R"]), "L", "CC")
    for name, values, elements in (
        ("b", stored()[:, ::-1], {"PatientOrientation": ["P", "R"]}),
        ("c", stored()[::-1], {"PatientOrientation": ["A", "L"]}),
        ("d", stored()[:, ::-1], {"FieldOfViewHorizontalFlip": "YES"}),
    ):
        close(
            decode(
                save(tmp_path / f"{name}.dcm", np.ascontiguousarray(values), **elements), "L", "CC"
            ),
            left,
        )


@pytest.mark.parametrize(
    ("center", "breadth"),
    [
        ("", "100"),
        ("100", ""),
        ("abc", "100"),
        ("100", "0"),
        ("100", "-5"),
        ("nan", "4"),
        ("1e999", "4"),
        ("12abc", "4"),
        ("[]", "[]"),
    ],
)
def test_a_window_that_is_none(center, breadth):
    with pytest.raises(ValueError, match=r"Window(Center|Width) is '"):
        parse_window(center, breadth)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("540", 540),
        ("540.5", 540.5),
        ("[540, 580]", 540),
        ("(540.0, 1)", 540),
        ("['540', '1']", 540),
        ("540\\580", 540),
        ("-3", -3),
        ("1.5E3", 1500),
        (" 7 ", 7),
        (".5", 0.5),
    ],
)
def test_the_first_number_however_it_is_written(text, number):
    assert parse_window(text, "2") == (number - 1, number + 1)


def damaged(tmp_path, change):
    path = save(tmp_path / "a.dcm")
    path.write_bytes(change(path.read_bytes()))
    return path


@pytest.mark.parametrize(
    ("elements", "message"),
    [
        (
            {"PixelData": None},
            r"holds no pixels \(it is Digital Mammography X-Ray Image Storage - For Presentation\)",
        ),
        (
            {"PixelData": None, "SOPClassUID": "1.2.840.10008.5.1.4.1.1.11.1"},
            "holds no pixels .it is Grayscale Softcopy Presentation State",
        ),
        ({"Rows": 400}, "2,400 bytes of pixels, where 400 rows and 30 columns need 24,000"),
        ({"Rows": 4}, "2,400 bytes of pixels, where 4 rows and 30 columns need 240"),
        (
            {"Rows": 65535, "Columns": 65535},
            "65535 rows and 65535 columns; expected 1 to 100,000,000",
        ),
        ({"Rows": 0}, "0 rows and 30 columns"),
        ({"Columns": None}, "40 rows and 0 columns"),
        ({"NumberOfFrames": "60"}, "60 frames; expected one"),
        ({"BitsAllocated": 32}, "BitsAllocated is 32; expected 8 or 16"),
        ({"SamplesPerPixel": 3}, "SamplesPerPixel is 3; expected 1"),
        ({"SamplesPerPixel": None}, "SamplesPerPixel is None"),
        (
            {"PhotometricInterpretation": "RGB"},
            "photometric interpretation 'RGB'; expected MONOCHROME1",
        ),
        ({"PhotometricInterpretation": None}, "photometric interpretation 'None'"),
        (
            {"WindowCenter": "100", "WindowWidth": "0"},
            "WindowWidth is '0(.0)?'; expected a number above 0",
        ),
        ({"WindowCenter": "100"}, "WindowWidth is ''"),
    ],
)
def test_a_wrong_header_says_so(tmp_path, elements, message):
    with pytest.raises(ValueError, match=message):
        decode(save(tmp_path / "a.dcm", **elements), "L")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: b"", "not a DICOM file"),
        (lambda content: content[:100], "not a DICOM file"),
        (lambda content: content[:-1000], "bytes of pixels|cut short"),
        (lambda content: content[:300], "or is cut short"),
        (lambda content: content[:128] + b"JUNK" + content[132:], "not a DICOM file"),
        (lambda content: b"<!DOCTYPE html><html>" + b" " * 500, "not a DICOM file"),
        (lambda content: content[132:], "not a DICOM file"),
        (
            lambda content: content.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0"),
            "names 1.2.840.10008.1.2.9, which is no known",
        ),
        (lambda content: content[:200] + b"\xff" * 300, "."),
    ],
)
def test_a_damaged_file_is_an_error_of_one_kind(tmp_path, change, message):
    with pytest.raises((ValueError, OSError), match=message):
        decode(damaged(tmp_path, change), "L")


def test_text_where_a_number_should_be(tmp_path):
    path = damaged(tmp_path, lambda content: content)
    path = save(tmp_path / "a.dcm", WindowCenter="1111", WindowWidth="2222")
    path.write_bytes(path.read_bytes().replace(b"2222", b"wide"))
    with pytest.raises(
        ValueError, match=r"WindowWidth is not what it should be|WindowWidth is 'wide'"
    ):
        decode(path, "L")


def test_a_syntax_without_a_decoder_names_itself_and_the_package(tmp_path):
    path = save(
        tmp_path / "a.dcm",
        syntax=JPEGLosslessSV1,
        PixelData=encapsulate([b"\xff\xd8" + b"\0" * 20]),
    )
    with pytest.raises(
        ValueError,
        match=r"JPEG Lossless.* \(1\.2\.840\.10008\.1\.2\.4\.70\).*"
        "pip install pylibjpeg pylibjpeg-libjpeg",
    ):
        decode(path, "L")


def test_a_compressed_picture_that_is_damaged(tmp_path):
    path = save(tmp_path / "a.dcm", syntax=JPEG2000Lossless, PixelData=encapsulate([b"\0" * 50]))
    with pytest.raises(ValueError, match="its pixels cannot be decoded"):
        decode(path, "L")


def test_deflated_and_remote_pixels_are_refused_unread(tmp_path):
    with pytest.raises(ValueError, match=r"Deflated Explicit VR Little Endian .*not deflated"):
        decode(save(tmp_path / "a.dcm", syntax=DeflatedExplicitVRLittleEndian), "L")
    with pytest.raises(ValueError, match="JPIP"):  # pixels that a server would have to be asked for
        decode(
            save(
                tmp_path / "b.dcm",
                syntax=UID("1.2.840.10008.1.2.4.94"),
                PixelData=encapsulate([b"\0\0"]),
            ),
            "L",
        )


def test_a_file_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("rollcall.datasets.parts.dicom.MAX_FILE_BYTES", 100)
    with pytest.raises(ValueError, match="bytes; expected a picture of at most 100"):
        decode(save(tmp_path / "a.dcm"), "L")


QUALITY = {"JPEG": {"quality": 100}}


@pytest.mark.parametrize(
    ("syntax", "kind"), [(JPEGBaseline8Bit, "JPEG"), (JPEG2000Lossless, "JPEG2000")]
)
def test_a_compressed_picture_is_decoded_if_it_is_as_large_as_the_header_says(
    tmp_path, monkeypatch, syntax, kind
):
    path, buffer = tmp_path / "a.dcm", BytesIO()
    Image.fromarray(stored(255, np.uint8)).save(buffer, kind, **QUALITY.get(kind, {}))
    frame = buffer.getvalue()
    assert coded_size(frame) == (ROWS, COLUMNS)
    save(path, stored(255, np.uint8), syntax, PixelData=encapsulate([frame]))
    small = decode_mammogram(path, height=ROWS, width=COLUMNS)
    assert np.abs(small[:, :, 0].astype(int) - stored(255, np.uint8)).max() < 9

    def fail(self):
        raise AssertionError("was decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    where = frame.find(b"\xff\x51") + 6 if kind == "JPEG2000" else frame.find(b"\xff\xc0") + 5
    for size in (60_000, 65_535):
        big = struct.pack(">2I" if kind == "JPEG2000" else ">2H", size, size)
        bomb = frame[:where] + big + frame[where + len(big) :]
        assert coded_size(bomb) == (size, size)
        save(path, stored(255, np.uint8), syntax, PixelData=encapsulate([bomb]))
        with pytest.raises(ValueError, match=rf"compressed picture is \({size}, {size}\), it"):
            decode_mammogram(path, height=ROWS, width=COLUMNS)


def test_the_size_of_every_kind_of_jpeg():
    lossless = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xff\xc3\x00\x0b\x10\x0d\x00\x0a\x00\x01\x01\x11\x00"
    assert coded_size(lossless) == (3328, 2560)
    assert coded_size(lossless.replace(b"\xc3", b"\xf7")) == (3328, 2560)
    for broken in (
        b"",
        b"\xff\xd8",
        b"\xff\xd8\xff\xe0",
        b"\xff\xd8" * 9,
        b"\xff\x4f\xff\x51",
        b"x",
    ):
        assert coded_size(broken) is None


def test_bytes_at_random_have_no_size_and_no_end():
    for seed in range(300):
        noise = np.random.default_rng(seed).integers(0, 256, 60, dtype=np.uint8).tobytes()
        coded_size(b"\xff\xd8\xff" + noise)
