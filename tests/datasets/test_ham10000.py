import gzip
import shutil
import tarfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rollcall import datasets
from rollcall.data import decode
from rollcall.datasets import ham10000
from rollcall.util.errors import InputError
from tests.conftest import SHARED
from tests.datasets import quick
from tests.datasets.damaged import refused
from tests.datasets.quick import Threads, link_out, rows_of, write_rows

TABLE = "HAM10000_metadata.csv"
CODES = ["nv", "mel", "bkl", "bcc", "akiec", "vasc", "df"]
BANDS = ((18, "0-17"), (40, "18-39"), (60, "40-59"), (80, "60-79"), (999, "80+"))


def write(
    root,
    rows=None,
    table=TABLE,
    folders=("HAM10000_images_part_1", "HAM10000_images_part_2"),
    **options,
):
    """An invented release in the publisher's layout: 40 lesions, every third of two images.

    Or `rows` in their place.
    """
    rng = np.random.default_rng(7)
    if rows is None:
        rows = []
        for lesion in range(40):
            for _ in range(1 + (lesion % 3 == 0)):
                rows.append(
                    {
                        "lesion_id": f"HAM_{lesion:07d}",
                        "image_id": f"ISIC_{24_000 + 7 * len(rows):07d}",
                        "dx": CODES[lesion % 7],
                        "dx_type": "histo",
                        "age": ("50.0", "", "0.0", "85.0", "39.5", "60.0", "15.0")[lesion % 7],
                        "sex": ("male", "female", "unknown")[lesion % 3],
                        "localization": ("back", "unknown", "lower extremity", "acral")[lesion % 4],
                    }
                )
    root.mkdir(parents=True, exist_ok=True)
    write_rows(root / table, rows, **options)
    for number, row in enumerate(rows):
        folder = root / folders[number % len(folders)]
        folder.mkdir(exist_ok=True, parents=True)
        Image.fromarray(rng.integers(0, 256, (45, 60, 3), dtype=np.uint8)).save(
            folder / f"{row['image_id']}.jpg", quality=95
        )
    return root


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return write(tmp_path_factory.mktemp("ham10000") / "release")


@pytest.fixture(scope="module")
def data(release, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    datasets.load("ham10000", release, folder)
    return folder


def held_out(rows):
    """The lesions of the test set, from the sorted ids and a seed alone."""
    lesions = sorted({row["lesion_id"] for row in rows})
    order = np.random.default_rng(3).permutation(len(lesions)).tolist()
    return {lesions[position] for position in order[: (len(lesions) + 4) // 5]}


def agree(cohort, rows):
    """The records of a cohort are these rows of the table."""
    records = cohort.records
    assert records["patient_id"].tolist() == [row["lesion_id"] for row in rows]
    assert cohort.labels.tolist() == [CODES.index(row["dx"]) for row in rows]
    assert (
        records["label"].tolist()
        == records["diagnosis"].tolist()
        == [ham10000.DIAGNOSES[row["dx"]] for row in rows]
    )
    expected = [
        (
            None if row["sex"] == "unknown" else row["sex"].capitalize(),
            (row["age"] and next(band for limit, band in BANDS if float(row["age"]) < limit))
            or None,
            None if row["localization"] == "unknown" else row["localization"],
        )
        for row in rows
    ]
    columns = (records[name].astype(object) for name in ("sex", "age", "site"))
    values = [
        tuple(None if pd.isna(value) else value for value in row)
        for row in zip(*columns, strict=True)
    ]
    assert values == expected


def resized(path, size):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BICUBIC))


def test_an_invented_release_reads_as_computed_row_by_row(release, data):
    cohort, rows = datasets.load("ham10000", release, data), rows_of(release / TABLE)
    test = held_out(rows)
    pool = [row for row in rows if row["lesion_id"] not in test]
    agree(cohort, pool)
    agree(cohort.test, [row for row in rows if row["lesion_id"] in test])
    assert len(test) == 8
    assert not set(cohort.patients) & set(cohort.test.patients)
    assert (cohort.unit, cohort.task, cohort.restricted) == (
        "lesion",
        "multiclass",
        False,
    )
    assert "non-commercial" in cohort.source
    assert cohort.inputs.shape == (len(pool), 64, 64, 3)
    assert cohort.attributes == (
        "sex",
        "age",
        "site",
        "diagnosis",
    )
    paths = {path.name: path for path in release.rglob("*.jpg")}
    for record in (0, 5, len(pool) - 1):
        np.testing.assert_array_equal(
            cohort.inputs[record], resized(paths[pool[record]["image_id"] + ".jpg"], 64)
        )
    assert {
        f"images: {len(rows)} found, 10,015 in the publisher's release",
        "lesions: 40 found, 7,470 in the publisher's release",
    } <= set(cohort.notes)
    unknown = sum(row["sex"] == "unknown" for row in pool)
    assert f"sex: missing for {unknown if unknown > 9 else 'fewer than 10'} images" in cohort.notes
    assert any("of 8 lesions, a fifth by lesion" in note for note in cohort.notes)


@pytest.mark.parametrize(
    ("table", "folders", "options"),
    [
        (TABLE + ".gz", ("images_200x150",), {}),
        (
            "HAM10000_metadata.tab",
            ("a/HAM10000_images_part_1", "a/HAM10000_images_part_2"),
            {"delimiter": "\t", "quoting": 2},
        ),
        ("HAM10000_metadata", (".",), {}),
        ("HAM10000_metadata.tab", (".",), {}),  # with commas: as its name was changed
        ("HAM10000_metadata", (".",), {"delimiter": "\t"}),
        ("kaggle/" + TABLE, ("kaggle/HAM10000_images_part_1",), {}),
    ],
)
def test_every_layout_is_the_same_cohort(
    release, data, tmp_path, monkeypatch, table, folders, options
):
    monkeypatch.setattr(decode.futures, "ProcessPoolExecutor", Threads)
    (tmp_path / "r" / table).parent.mkdir(parents=True)
    cohort = datasets.load(
        "ham10000", write(tmp_path / "r", None, table, folders, **options), tmp_path / "data"
    )
    assert cohort.fingerprint == datasets.load("ham10000", release, data).fingerprint


def test_a_picture_lies_as_it_was_seen(release, data, tmp_path, monkeypatch):
    """Photographs that a program turned and saved again: the same cohort but for their JPEG."""
    monkeypatch.setattr(decode.futures, "ProcessPoolExecutor", Threads)
    root = tmp_path / "r"
    shutil.copytree(release, root)
    for number, path in enumerate(sorted(root.rglob("*.jpg"))):
        turned = Image.open(path).transpose(Image.Transpose.ROTATE_90)  # seen turned back
        exif = Image.Exif()
        exif[0x0112] = 6
        turned.save(path, "PNG" if number % 2 else "JPEG", exif=exif)
    cohort, plain = (
        datasets.load("ham10000", place, data, size=32)
        for place, data in ((root, tmp_path / "data"), (release, data))
    )
    assert cohort.records.equals(plain.records)
    difference = np.abs(cohort.inputs.astype(int) - plain.inputs).mean((1, 2, 3))
    assert difference.max() < 16
    assert (difference == 0).sum() == len(cohort) // 2 or (difference == 0).sum() > 10


def test_copies_of_an_image_are_taken_from_the_first_folder(tmp_path):
    root = write(tmp_path)
    shutil.copytree(root / "HAM10000_images_part_1", root / "ham10000_images_part_1")
    shutil.copytree(root / "HAM10000_images_part_2", root / "thumbnails")
    cohort = ham10000.read(ham10000.locate(root, None), root)
    assert {path.split("/")[0] for path in cohort.inputs.paths} == {
        "HAM10000_images_part_1",
        "HAM10000_images_part_2",
    }


def test_the_split_depends_on_the_lesions_alone(tmp_path):
    rows = rows_of(write(tmp_path / "a") / TABLE)
    one = ham10000.read(ham10000.locate(tmp_path / "a", None), tmp_path / "a")
    two = ham10000.read(ham10000.locate(write(tmp_path / "b", rows[::-1]), None), tmp_path / "b")
    assert set(one.test.patients) == set(two.test.patients) == held_out(rows)


def test_without_a_root_the_publisher_is_named():
    with pytest.raises(InputError, match=r"10.7910/DVN/DBW86T.*ROOT="):
        datasets.load("ham10000")


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"size": 7}, "option size of cohort 'ham10000' is 7"),
        ({"size": "64px"}, "is '64px'"),
        ({"rules": "paper"}, "unknown option"),
    ],
)
def test_a_wrong_option_is_named(release, tmp_path, options, match):
    with pytest.raises(InputError, match=match):
        datasets.load("ham10000", release, tmp_path, **options)


# --- damaged releases ---

LINE = 14


def row(**values):
    return quick.row(TABLE, LINE, **values)


def image(change):
    def damage(root):
        name = rows_of(root / TABLE)[LINE - 2]["image_id"] + ".jpg"
        change(next(root.rglob(name)))

    return damage


def bomb(path):
    """A PNG that says it has 10^10 pixels."""
    import struct
    import zlib

    head = b"IHDR" + struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + head
        + struct.pack(">I", zlib.crc32(head))
        + b"\0\0\0\0IDAT"
        + b"\0" * 40
    )


DAMAGE = {
    "diagnosis unknown": (
        row(dx="scc"),
        r"HAM10000_metadata.csv: row 14, column 'dx': 'scc'; expected one of 'nv', 'mel'",
    ),
    "sex unknown": (row(sex="m"), r"row 14, column 'sex': 'm'; expected one of 'female', 'male'"),
    "site unknown": (row(localization="elbow"), r"row 14, column 'localization': 'elbow'"),
    "age negative": (
        row(age="-5"),
        r"row 14, column 'age': '-5'; expected a number from 0 to 120 or nothing",
    ),
    "age infinite": (row(age="inf"), r"row 14, column 'age': 'inf'"),
    "image twice": (
        row(image_id=lambda rows: rows[0]["image_id"]),
        r"row 14, column 'image_id': 'ISIC_\d{7}'; this image_id is in the table already",
    ),
    "image a path out": (
        row(image_id="../../ISIC_0024306"),
        r"row 14, column 'image_id': .*expected ISIC_ and seven digits",
    ),
    "lesion empty": (row(lesion_id=""), r"row 14, column 'lesion_id': ''"),
    "image not there": (
        image(lambda path: path.unlink()),
        r"HAM10000_metadata.csv: row 14: .*HAM10000_images_part_1/ISIC_\d{7}.jpg does not exist",
    ),
    "image cut short": (
        image(lambda path: path.write_bytes(path.read_bytes()[:-900])),
        r"ISIC_\d{7}.jpg \(HAM10000_metadata.csv: row 14\): .*truncated",
    ),
    "image a pickle": (
        image(lambda path: path.write_bytes(b"\x80\x04\x95cos\nsystem\n")),
        r"\(HAM10000_metadata.csv: row 14\): cannot identify image file",
    ),
    "image a web page": (
        image(lambda path: path.write_text("<html>Sign in</html>")),
        r"\(HAM10000_metadata.csv: row 14\): a web page, not a picture",
    ),
    "column gone": (
        quick.text(TABLE, lambda table: table.replace(b"localization", b"site", 1)),
        r"lacks the column 'localization'; expected the columns of HAM10000_metadata of Harvard",
    ),
    "image a bomb": (
        image(bomb),
        r"\(HAM10000_metadata.csv: row 14\): more than 64,000,000 pixels",
    ),
    "image a link out": (
        image(lambda path: link_out(path, path.parents[2] / "elsewhere.jpg")),
        r"\(HAM10000_metadata.csv: row 14\): .*leads out of the root",
    ),
    "a folder in place of an image": (
        image(lambda path: (path.unlink(), path.mkdir())),
        r"row 14: .*does not exist",
    ),
    "no images": (
        lambda root: [shutil.rmtree(folder) for folder in root.glob("HAM10000_images_part_*")],
        r"holds none of the 54 images <image_id>.jpg",
    ),
    "a field too few": (
        quick.text(TABLE, lambda table: table.replace(b",histo,", b",", 1)),
        r"HAM10000_metadata.csv: ",
    ),
    "no table": (
        lambda root: (root / TABLE).unlink(),
        r"holds no HAM10000_metadata \(.csv, .csv.gz, .tab\)",
    ),
    "two releases": (
        lambda root: (
            [(root / name).mkdir() or shutil.copy(root / TABLE, root / name) for name in "ab"]
            and (root / TABLE).unlink()
        ),
        r"holds HAM10000_metadata.csv more than once",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_release_is_refused_in_one_line(
    damage, release, data, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(decode.futures, "ProcessPoolExecutor", Threads)
    refused("ham10000", release, data, DAMAGE[damage][0], DAMAGE[damage][1], tmp_path, capsys)


def test_a_gz_of_something_else_is_refused(release, data, tmp_path, capsys):
    def damage(root):
        (root / f"{TABLE}.gz").write_bytes(b"PK\x03\x04 not gzip")
        (root / TABLE).unlink()

    refused("ham10000", release, data, damage, rf"{TABLE}.gz: ", tmp_path, capsys)


# --- the real files ---


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    folder = SHARED / "ham10000"
    if not folder.is_dir():
        pytest.skip(f"the real images are not at {folder}")
    root = tmp_path_factory.mktemp("real")
    shutil.copy(folder / f"{TABLE}.gz", root)
    with tarfile.open(folder / "images_200x150.tar.xz") as archive:
        archive.extractall(root, filter="data")
    return root


@pytest.mark.slow
def test_the_real_images(real, tmp_path):
    cohort = datasets.load("ham10000", real, tmp_path, size=32)
    with gzip.open(real / f"{TABLE}.gz", "rt") as file:
        assert file.readline().strip() == "lesion_id,image_id,dx,dx_type,age,sex,localization"
    rows = rows_of(real / f"{TABLE}.gz")
    test = held_out(rows)
    pool = [row for row in rows if row["lesion_id"] not in test]
    agree(cohort, pool)
    agree(cohort.test, [row for row in rows if row["lesion_id"] in test])
    assert (
        len(cohort) + len(cohort.test),
        len(cohort.patients) + len(cohort.test.patients),
        len(test),
    ) == (10_015, 7_470, 1_494)
    assert np.bincount(np.concatenate([cohort.labels, cohort.test.labels])).tolist() == [
        6_705,
        1_113,
        1_099,
        514,
        327,
        142,
        115,
    ]  # SOURCE.md
    both = {
        sex: sum(int((part.records["sex"] == sex).sum()) for part in (cohort, cohort.test))
        for sex in ("Male", "Female")
    }
    assert both == {"Male": 5_406, "Female": 4_552}
    assert not any("found" in note for note in cohort.notes)
    for record in range(0, len(pool), 1_601):
        np.testing.assert_array_equal(
            cohort.inputs[record],
            resized(real / "images_200x150" / f"{pool[record]['image_id']}.jpg", 32),
        )
