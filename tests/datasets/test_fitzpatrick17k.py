import gzip
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from rollcall import datasets, rehearse
from rollcall.data import decode
from rollcall.datasets import fitzpatrick17k
from rollcall.util.errors import InputError
from tests.conftest import SHARED
from tests.datasets import quick
from tests.datasets.damaged import refused
from tests.datasets.quick import Threads, link_out, rows_of, write_rows

TABLE = "fitzpatrick17k.csv"
GROUPS = {
    "1": "I/II",
    "2": "I/II",
    "3": "III/IV",
    "4": "III/IV",
    "5": "V/VI",
    "6": "V/VI",
    "-1": None,
}
CLASSES = ["non-neoplastic", "malignant", "benign"]
RADIOGRAPHS = {
    "2ea034fc482e9bd21a5dfa2506cc5d6b",
    "bccab73c32aba48c90602de9bb458272",
    "e69165b3455bb3a5a8b33a0f6fd8a1d3",
}


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return rehearse.write(
        "fitzpatrick17k", tmp_path_factory.mktemp("fitzpatrick17k") / "release", 60, 1
    )


@pytest.fixture(scope="module")
def data(release, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    datasets.load("fitzpatrick17k", release, folder)
    return folder


def twin(rows, there):
    """The records of a table, pool and test, row by row; there(hash): the image is there."""
    pool, test = [], []
    for row in rows:
        if row["md5hash"] not in RADIOGRAPHS and there(row["md5hash"]):
            (test if row["qc"] == "1 Diagnostic" else pool).append(row)
    return pool, test


def agree(cohort, rows):
    assert cohort.records["patient_id"].tolist() == [row["md5hash"] for row in rows]
    assert cohort.labels.tolist() == [CLASSES.index(row["three_partition_label"]) for row in rows]
    assert cohort.records["label"].tolist() == [row["three_partition_label"] for row in rows]
    assert cohort.records["nine-partition label"].tolist() == [
        row["nine_partition_label"] for row in rows
    ]
    assert [
        None if value != value else value for value in cohort.records["skin type"].astype(object)
    ] == [GROUPS[row["fitzpatrick_scale"]] for row in rows]


def resized(path, size):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BICUBIC))


def test_the_simulated_release_reads_as_computed_row_by_row(release, data):
    cohort = datasets.load("fitzpatrick17k", release, data)
    rows = rows_of(release / TABLE)
    pool, test = twin(rows, lambda name: (release / "images" / f"{name}.jpg").exists())
    agree(cohort, pool)
    agree(cohort.test, test)
    assert (cohort.unit, cohort.task, cohort.restricted, cohort.simulated) == (
        "image",
        "multiclass",
        True,
        True,
    )
    assert cohort.attributes == ("skin type", "label", "nine-partition label")
    assert "non-commercial" in cohort.source
    assert cohort.inputs.shape == (len(pool), 64, 64, 3)
    assert cohort.inputs.dtype == np.uint8
    for place in (0, len(pool) // 2, len(pool) - 1):
        np.testing.assert_array_equal(
            cohort.inputs[place], resized(release / "images" / f"{pool[place]['md5hash']}.jpg", 64)
        )
    gone = sum(
        row["md5hash"] not in RADIOGRAPHS
        and not (release / "images" / f"{row['md5hash']}.jpg").exists()
        for row in rows
    )
    assert gone
    assert f"{gone} records dropped: the image is not there" in cohort.notes
    assert "3 records dropped: a radiograph" in cohort.notes
    assert f"rows: {len(rows)} found, 16,577 in the publisher's release" in cohort.notes
    assert (
        f"images: {len(pool) + len(test)} found, 16,523 in the publisher's release" in cohort.notes
    )
    assert f"test set: {len(test)} images" in cohort.notes
    unknown = sum(row["fitzpatrick_scale"] == "-1" for row in pool)
    assert (
        not unknown
        or f"skin type: missing for {unknown if unknown > 9 else 'fewer than 10'} images"
        in cohort.notes
    )


def test_the_simulated_release_has_its_quirks(release):
    rows = rows_of(release / TABLE)
    assert list(rows[0]) == [
        "md5hash",
        "fitzpatrick_scale",
        "fitzpatrick_centaur",
        "label",
        "nine_partition_label",
        "three_partition_label",
        "qc",
        "url",
        "url_alphanum",
    ]
    assert {row["md5hash"] for row in rows} >= RADIOGRAPHS
    assert "" in {row["url"] for row in rows}
    assert any("," in row["url"] for row in rows)
    sizes, modes = set(), set()
    for path in (release / "images").iterdir():
        with Image.open(path) as image:
            sizes.add(image.size)
            modes.add(image.mode)
    assert len(sizes) > 20
    assert modes == {"L", "RGB"}


def test_the_papers_rules_read_the_same(release, data, monkeypatch):
    monkeypatch.setattr(decode.futures, "ProcessPoolExecutor", Threads)
    default, paper = (
        datasets.load("fitzpatrick17k", release, data, rules=rules, size=16)
        for rules in ("default", "paper")
    )
    assert default.fingerprint == paper.fingerprint
    assert default.inputs.shape[1:] == (16, 16, 3)


# --- hand-written tables ---


def mini(root, rows, folder="images", zipped=False):
    """A table of `rows`, with an image of one colour for each.

    rows: dicts of what differs from an ordinary row.
    """
    (root / folder).mkdir(parents=True, exist_ok=True)
    filled = [
        {
            "md5hash": f"{place:032x}",
            "fitzpatrick_scale": "2",
            "fitzpatrick_centaur": "2",
            "label": "acne",
            "nine_partition_label": "inflammatory",
            "three_partition_label": CLASSES[place % 3],
            "qc": "",
            "url": "",
            "url_alphanum": "",
        }
        | row
        for place, row in enumerate(rows)
    ]
    write_rows(root / (TABLE + ".gz" * zipped), filled)
    for place, row in enumerate(filled):
        Image.new("RGB", (9, 7), (place, 2 * place, 100)).save(
            root / folder / f"{row['md5hash']}.jpg", quality=95
        )
    return root


def read(root, **options):
    return fitzpatrick17k.read(fitzpatrick17k.locate(root, None), root, **options)


@pytest.mark.parametrize("folder", ["images", "data", "finalfitz17k", "data/finalfitz17k", "."])
def test_images_are_found_where_people_put_them(tmp_path, folder):
    cohort = read(mini(tmp_path, [{} for _ in range(20)], folder, zipped=folder == "data"))
    assert len(cohort) == 20
    assert all((tmp_path / path).is_file() for path in cohort.inputs.paths)
    assert cohort.inputs.rows.tolist() == list(range(2, 22))


def test_skin_types_checks_and_missing_images(tmp_path):
    rows = [{} for _ in range(30)]
    for place, scale in enumerate(("-1", "1", "2", "3", "4", "5", "6")):
        rows[place]["fitzpatrick_scale"] = scale
    for place, checked in enumerate(
        (
            "1 Diagnostic",
            "2 Characteristic",
            "3 Wrongly labelled",
            "4 Other",
            "5 Potentially",
            "1 Diagnostic",
        ),
        10,
    ):
        rows[place]["qc"] = checked
    for place, name in enumerate(sorted(RADIOGRAPHS), 20):
        rows[place]["md5hash"] = name
    root = mini(tmp_path, rows)
    (root / "images" / f"{7:032x}.jpg").unlink()
    (root / "images" / f"{15:032x}.jpg").unlink()
    cohort = read(root)
    assert len(cohort) == 30 - 2 - 3 - 1
    assert cohort.test.records["patient_id"].tolist() == [f"{10:032x}"]
    assert cohort.records["skin type"].astype(object).tolist()[1:7] == [
        "I/II",
        "I/II",
        "III/IV",
        "III/IV",
        "V/VI",
        "V/VI",
    ]
    assert cohort.records["skin type"].isna().tolist()[:7] == [True] + [False] * 6
    assert {
        "2 records dropped: the image is not there",
        "3 records dropped: a radiograph",
        "skin type: missing for fewer than 10 images",
        "test set: 1 images",
    } <= set(cohort.notes)
    (root / "images" / f"{10:032x}.jpg").unlink()
    assert read(root).test is None
    assert any(note.startswith("no test set") for note in read(root).notes)


def test_a_set_sent_later_is_prepared_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(decode.futures, "ProcessPoolExecutor", Threads)
    root = mini(tmp_path / "r", [{} for _ in range(30)])
    shutil.move(root / "images" / f"{3:032x}.jpg", tmp_path)
    assert len(datasets.load("fitzpatrick17k", root, tmp_path / "data")) == 29
    Image.new("RGB", (9, 7), (200, 0, 0)).save(root / "images" / f"{4:032x}.jpg")
    assert datasets.load("fitzpatrick17k", root, tmp_path / "data").inputs[3, 0, 0, 0] > 190


ENDINGS = {
    "half in capitals": lambda path, number: path.with_suffix((".jpg", ".JPG")[number % 2]),
    "jpeg": lambda path, number: path.with_suffix(".jpeg"),
    "every kind": lambda path, number: path.with_suffix((".Jpg", ".JPEG", ".png")[number % 3]),
    "names in capitals": lambda path, number: path.with_name(path.name.upper()),
}


@pytest.mark.parametrize("change", ENDINGS)
def test_endings_count_in_any_case(release, data, tmp_path, change):
    root = tmp_path / "r"
    shutil.copytree(release, root)
    for number, path in enumerate(sorted((root / "images").iterdir())):
        path.rename(ENDINGS[change](path, number))
    loaded = datasets.load("fitzpatrick17k", root, tmp_path / "data")
    assert loaded.fingerprint == datasets.load("fitzpatrick17k", release, data).fingerprint


def test_what_is_no_picture_is_left_out_and_counted(tmp_path):
    """Pages of dead addresses, however many: they stand for images that are not there."""
    root = mini(tmp_path / "r", [{} for _ in range(45)])
    contents = [b"<!DOCTYPE html><html>404", b"<html>gone", b"", b"Not Found", b"%PDF-1.4"]
    for number, content in enumerate(contents * 5):
        (root / "images" / f"{number:032x}.jpg").write_bytes(content)
    (root / "images" / f"{44:032x}.jpg").unlink()
    cohort = datasets.load("fitzpatrick17k", root, tmp_path / "data", size=8)
    assert cohort.records["patient_id"].tolist() == [f"{number:032x}" for number in range(25, 44)]
    assert [note for note in cohort.notes if "dropped" in note] == [
        "1 records dropped: the image is not there",
        "10 records dropped: the image is a web page, not a picture",
        "5 records dropped: the image is an empty file, not a picture",
        "5 records dropped: the image is text, not a picture",
        "5 records dropped: the image is a PDF file, not a picture",
    ]
    assert cohort.labels.tolist() == [number % 3 for number in range(25, 44)]


def test_the_table_of_2021_is_read(tmp_path):
    root = mini(tmp_path / "r", [{"fitzpatrick_scale": str(1 + n % 6)} for n in range(12)])
    newer = read(root)
    path = root / TABLE
    path.write_text(path.read_text().replace("fitzpatrick_scale", "fitzpatrick", 1))
    assert read(root).records.equals(newer.records)


def test_without_a_root_the_publisher_is_named():
    with pytest.raises(InputError, match=r"ROOT=.*github.com/mattgroh/fitzpatrick17k"):
        datasets.load("fitzpatrick17k")


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (
            {"size": 4},
            "option size of cohort 'fitzpatrick17k' is 4; "
            "expected a whole number of pixels from 8 to 1024",
        ),
        ({"size": 5000}, "is 5000"),
        ({"size": True}, "is True"),
        ({"rules": "x"}, "expected one of 'default', 'paper'"),
    ],
)
def test_a_wrong_option_is_named(release, tmp_path, options, match):
    with pytest.raises(InputError, match=match):
        datasets.load("fitzpatrick17k", release, tmp_path, **options)


# --- damaged releases ---

LINE = 9  # the row that is damaged: one whose image is there


def row(**values):
    """Give row LINE of the table other values."""
    return quick.row(TABLE, LINE, **values)


def image(change):
    def damage(root):
        path = root / "images" / (rows_of(root / TABLE)[LINE - 2]["md5hash"] + ".jpg")
        assert path.exists()
        change(path)

    return damage


def text(change):
    return quick.text(TABLE, change)


def folder_out(root):
    shutil.move(root / "images", root.parent / "elsewhere")
    os.symlink(root.parent / "elsewhere", root / "images")


DAMAGE = {
    "label unknown": (
        row(three_partition_label="cancer"),
        r"fitzpatrick17k.csv: row 9, column 'three_partition_label': 'cancer'; "
        "expected one of 'non-neoplastic'",
    ),
    "label NaN": (
        row(nine_partition_label="NaN"),
        r"row 9, column 'nine_partition_label': 'NaN'; expected one of 'inflammatory'",
    ),
    "skin type 7": (
        row(fitzpatrick_scale="7"),
        r"row 9, column 'fitzpatrick_scale': '7'; expected one of '-1', '1'",
    ),
    "check unknown": (row(qc="9 Nobody knows"), r"row 9, column 'qc': '9 Nobody knows'"),
    "hash twice": (
        row(md5hash=lambda rows: rows[0]["md5hash"]),
        r"row 9, column 'md5hash': '[0-9a-f]{32}'; this md5hash is in the table already",
    ),
    "hash a path out": (
        row(md5hash="../../secret"),
        r"row 9, column 'md5hash': '../../secret'; expected 32 hexadecimal digits",
    ),
    "hash of a million": (
        row(md5hash="a" * 1_000_000),
        r"row 9, column 'md5hash': 'a{40}'; a field of more than 100,000 characters",
    ),
    "a quote left open": (
        text(lambda table: table.replace(b",https", b',"https', 1)),
        r"fitzpatrick17k.csv: ",
    ),
    "a column less": (
        text(lambda table: table.replace(b"three_partition_label", b"three", 1)),
        r"fitzpatrick17k.csv: lacks the column 'three_partition_label'; expected the columns of "
        r"fitzpatrick17k.csv of 2022 \(fitzpatrick_scale\) or of 2021 \(fitzpatrick\); it has",
    ),
    "empty": (text(lambda table: b""), r"fitzpatrick17k.csv: empty"),
    "header alone": (
        text(lambda table: table.splitlines(True)[0]),
        r"fitzpatrick17k.csv: holds no rows",
    ),
    "utf-16": (text(lambda table: table.decode().encode("utf-16")), r"fitzpatrick17k.csv: .*UTF-8"),
    "image cut short": (
        image(lambda path: path.write_bytes(path.read_bytes()[:700])),
        r"\.jpg \(fitzpatrick17k.csv: row 9\): .*truncated",
    ),
    "image a pointer": (
        image(lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n")),
        r"\.jpg \(fitzpatrick17k.csv: row 9\): a pointer of Git LFS.*`git lfs pull` fetches it",
    ),
    "image of zeros": (
        image(lambda path: path.write_bytes(bytes(5_000))),
        r"\.jpg \(fitzpatrick17k.csv: row 9\): holds zeros alone",
    ),
    "image a link out": (
        image(lambda path: link_out(path, path.parents[2] / "elsewhere.jpg")),
        r"\.jpg \(fitzpatrick17k.csv: row 9\): .*leads out of the root",
    ),
    "images a link out": (folder_out, r"images/.*leads out of the root"),
    "no images": (
        lambda root: shutil.rmtree(root / "images"),
        r"holds none of the 63 images <md5hash>.jpg that fitzpatrick17k.csv names",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_release_is_refused_in_one_line(
    damage, release, data, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(decode.futures, "ProcessPoolExecutor", Threads)
    refused("fitzpatrick17k", release, data, DAMAGE[damage][0], DAMAGE[damage][1], tmp_path, capsys)


def test_a_gz_cut_short_is_refused(release, data, tmp_path, capsys):
    def damage(root):
        (root / f"{TABLE}.gz").write_bytes(gzip.compress((root / TABLE).read_bytes())[:-99])
        (root / TABLE).unlink()

    refused(
        "fitzpatrick17k",
        release,
        data,
        damage,
        rf"{TABLE}.gz: damaged or cut short",
        tmp_path,
        capsys,
    )


# --- the real table, with invented images ---


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    folder = SHARED / "fitzpatrick17k"
    if not folder.is_dir():
        pytest.skip(f"the real table is not at {folder}")
    root = tmp_path_factory.mktemp("real")
    shutil.copy(folder / f"{TABLE}.gz", root)
    (root / "images").mkdir()
    return root


def test_the_real_table_with_every_image(real, monkeypatch):
    rows = rows_of(real / f"{TABLE}.gz")
    monkeypatch.setattr(
        fitzpatrick17k,
        "find_images",
        lambda root, top, names: "images/" + names,
    )
    cohort = read(real)  # still files: nothing is opened
    pool, test = twin(rows, lambda name: True)
    agree(cohort, pool)
    agree(cohort.test, test)
    assert (len(rows), len(cohort.test)) == (16_577, 348)
    types = sum(part.records["skin type"].value_counts() for part in (cohort, cohort.test))
    # the reference counts the 16,523 images that it could fetch; the table itself has 51 more
    assert types["I/II"] == 2_947 + 4_808
    assert types["III/IV"] == 3_308 + 2_781
    assert types["V/VI"] == 1_533 + 635
    assert "images: 16,574 found, 16,523 in the publisher's release" in cohort.notes
    assert "test set: 348 images" in cohort.notes
    assert sum(part.records["skin type"].isna().sum() for part in (cohort, cohort.test)) == 565 - 3


def test_the_real_table_with_some_images(real, tmp_path):
    rows = rows_of(real / f"{TABLE}.gz")
    root = tmp_path / "r"
    shutil.copytree(real, root)
    chosen = (
        [row for row in rows if row["qc"] == "1 Diagnostic"][:8]
        + rows[::400]
        + [row for row in rows if row["md5hash"] in RADIOGRAPHS]
    )
    for place, row in enumerate(chosen):
        Image.new("RGB", (10, 10), (place, 255 - place, 7)).save(
            root / "images" / f"{row['md5hash']}.jpg", quality=95
        )
    names = {row["md5hash"] for row in chosen}
    cohort = datasets.load("fitzpatrick17k", root, tmp_path / "data", size=8)
    pool, test = twin(rows, names.__contains__)
    agree(cohort, pool)
    agree(cohort.test, test)
    assert (
        f"{16_577 - len(names | RADIOGRAPHS):,} records dropped: the image is not there"
        in cohort.notes
    )
    for place, row in enumerate(pool[:3]):
        np.testing.assert_array_equal(
            cohort.inputs[place], resized(root / "images" / f"{row['md5hash']}.jpg", 8)
        )
