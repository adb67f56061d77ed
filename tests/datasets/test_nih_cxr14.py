import gzip
import shutil
import tarfile
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rollcall import datasets
from rollcall.data import decode
from rollcall.datasets import nih_cxr14
from rollcall.util.errors import InputError
from tests.conftest import SHARED
from tests.datasets import quick
from tests.datasets.damaged import refused
from tests.datasets.quick import Threads, link_out

TABLE = "Data_Entry_2017_v2020.csv"
HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)
NAMES = [
    "Atelectasis",
    "Cardiomegaly",
    "Effusion",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Pneumothorax",
    "Consolidation",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Pleural_Thickening",
    "Hernia",
]
BANDS = ((18, "0-17"), (40, "18-39"), (60, "40-59"), (80, "60-79"), (999, "80+"))


def lines(patients=40):
    """An invented table: every third patient has three images."""
    rows = []
    for patient in range(1, patients + 1):
        for number in range(1 + 2 * (patient % 3 == 0)):
            place = patient + 5 * number
            labels = (
                "No Finding"
                if place % 3 == 0
                else "|".join([NAMES[place % 14]] + [NAMES[(place + 3) % 14]] * (place % 4 == 0))
            )
            rows.append(
                f"{patient:08d}_{number:03d}.png,{labels},{number},{patient},"
                f"{(patient * 7 + number) % 96},{'FM'[patient % 2]},{('PA', 'AP')[number % 2]},"
                "2500,2048,0.143,0.143"
            )
    return rows


def write(root, rows=None, table=TABLE, place=lambda number: "images", but=()):
    """A release of these rows, with a small PNG for each but those in `but`.

    Every third is RGB, every fifth RGBA.
    """
    rows = lines() if rows is None else rows
    (root / table).parent.mkdir(parents=True, exist_ok=True)
    content = "\n".join([HEADER, *rows]) + "\n"
    (root / table).write_bytes(
        gzip.compress(content.encode()) if table.endswith(".gz") else content.encode()
    )
    for number, row in enumerate(rows):
        if number not in but:
            folder = root / place(number)
            folder.mkdir(parents=True, exist_ok=True)
            image = Image.fromarray(
                np.random.default_rng(number).integers(0, 256, (40, 50), dtype=np.uint8)
            )
            image.convert("RGBA" if number % 5 == 0 else "RGB" if number % 3 == 0 else "L").save(
                folder / row.split(",")[0]
            )
    return root


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return write(tmp_path_factory.mktemp("nih_cxr14") / "release")


@pytest.fixture(scope="module")
def data(release, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    datasets.load("nih_cxr14", release, folder)
    return folder


def rows_of(path):
    """The rows of the table as lists of fields.

    Its header names a column of two, so that names and fields do not pair off.
    """
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt") as file:
        return [line.rstrip("\n").split(",") for line in file][1:]


def held_out(rows):
    """The patients of the test set, from the sorted ids and a seed alone."""
    patients = sorted({row[3] for row in rows})
    order = np.random.default_rng(3).permutation(len(patients)).tolist()
    return {patients[position] for position in order[: (len(patients) + 4) // 5]}


def agree(cohort, rows):
    """The records of a cohort are these rows of the table."""
    records = cohort.records
    assert records["patient_id"].tolist() == [row[3] for row in rows]
    expected = [[int(name in row[1].split("|")) for name in NAMES] for row in rows]
    assert cohort.labels.tolist() == expected
    for place, name in enumerate(NAMES):
        assert records[f"finding: {name.replace('_', ' ')}"].tolist() == [
            bool(row[place]) for row in expected
        ]
    assert records["sex"].tolist() == [{"M": "Male", "F": "Female"}[row[5]] for row in rows]
    assert records["view"].tolist() == [row[6] for row in rows]
    assert records["age"].tolist() == [
        next(band for limit, band in BANDS if int(row[4]) < limit) for row in rows
    ]


def resized(path, size):
    with Image.open(path) as image:
        values = np.asarray(image)
    # the first channel of a grey image is the image
    grey = values if values.ndim == 2 else np.ascontiguousarray(values[:, :, 0])
    return np.asarray(Image.fromarray(grey).resize((size, size), Image.Resampling.BICUBIC))[
        :, :, None
    ]


def test_an_invented_release_reads_as_computed_row_by_row(release, data):
    cohort, rows = datasets.load("nih_cxr14", release, data), rows_of(release / TABLE)
    test = held_out(rows)
    pool = [row for row in rows if row[3] not in test]
    agree(cohort, pool)
    agree(cohort.test, [row for row in rows if row[3] in test])
    assert (cohort.unit, cohort.task, cohort.restricted, len(test)) == (
        "patient",
        "multilabel",
        False,
        8,
    )
    assert cohort.attributes[:3] == ("sex", "age", "view")
    assert len(cohort.attributes) == 17
    assert cohort.classes[12] == "Pleural Thickening"
    assert cohort.inputs.shape == (len(pool), 64, 64, 1)
    assert cohort.inputs.dtype == np.uint8
    modes = Counter()
    for record, row in enumerate(pool):
        with Image.open(release / "images" / row[0]) as image:
            modes[image.mode] += 1
        np.testing.assert_array_equal(
            cohort.inputs[record], resized(release / "images" / row[0], 64)
        )
    assert set(modes) == {"L", "RGB", "RGBA"}
    none = sum(row[1] == "No Finding" for row in pool)
    assert {
        "rows: 66 found, 112,120 in the publisher's release",
        "patients: 40 found, 30,805 in the publisher's release",
        f"labels: {none} records have no finding",
    } <= set(cohort.notes)
    assert any(
        note.startswith("test set: ") and note.endswith("of 8 patients, a fifth by patient")
        for note in cohort.notes
    )


@pytest.mark.parametrize(
    ("table", "place"),
    [
        (TABLE + ".gz", lambda number: f"images_{1 + number % 12:03d}/images"),
        ("Data_Entry_2017.csv", lambda number: "."),
        (f"meta/{TABLE}", lambda number: f"meta/NIH1000/{('train', 'test')[number % 2]}/0_normal"),
    ],
)
def test_every_layout_is_the_same_cohort(release, data, tmp_path, monkeypatch, table, place):
    monkeypatch.setattr(decode.futures, "ProcessPoolExecutor", Threads)
    root = write(tmp_path / "r", None, table, place)
    cohort = datasets.load("nih_cxr14", root, tmp_path / "data")
    assert cohort.fingerprint == datasets.load("nih_cxr14", release, data).fingerprint


def read(root, **options):
    return nih_cxr14.read(nih_cxr14.locate(root, None), root, **options)


def test_images_that_are_not_there_are_counted_and_the_split_stays(tmp_path):
    whole, cut = read(write(tmp_path / "whole")), read(write(tmp_path / "cut", but=range(0, 66, 2)))
    assert len(cut) + len(cut.test) == 33
    assert any(
        "images: 33 are there, of" in note and "33 of the table are not" in note
        for note in cut.notes
    )
    assert set(cut.patients) <= set(whole.patients)
    assert set(cut.test.patients) <= set(whole.test.patients)


def test_the_publishers_list_is_the_test_set(tmp_path):
    root = write(tmp_path)
    listed = [row[0] for row in rows_of(root / TABLE) if int(row[3]) % 4 == 0]
    (root / "test_list.txt").write_bytes("\r\n".join(listed).encode())
    cohort = read(root)
    assert {path.split("/")[-1] for path in cohort.test.inputs.paths} == set(listed)
    assert f"test set: {len(listed)} records of 10 patients, test_list.txt" in cohort.notes
    assert set(nih_cxr14.locate(root, None)) == {"entries", "test_list"}


def test_ages_of_the_older_table(tmp_path):
    rows = lines()
    for place, age in enumerate(("058Y", "011M", "020D", "148", "414", "", "017Y", "18")):
        rows[place] = ",".join([*rows[place].split(",")[:4], age, *rows[place].split(",")[5:]])
    rows[9] = (
        rows[9]
        .replace(",F,", ",,")
        .replace(",M,", ",,")
        .replace(",PA,", ",,")
        .replace(",AP,", ",,")
    )
    cohort = read(write(tmp_path, rows, "Data_Entry_2017.csv"))
    ages = {}
    for part in (cohort, cohort.test):
        ages |= {
            row - 2: age
            for row, age in zip(part.inputs.rows, part.records["age"].astype(object), strict=True)
        }
    assert [None if pd.isna(age) else age for age in map(ages.get, range(8))] == [
        "40-59",
        "0-17",
        "0-17",
        None,
        None,
        None,
        "0-17",
        "18-39",
    ]
    assert (
        "age: over 120 years in fewer than 10 rows of the table; taken as missing" in cohort.notes
    )
    both = [
        part.records[name].isna().sum()
        for part in (cohort, cohort.test)
        for name in ("sex", "view")
    ]
    assert sum(both) == 2


def test_without_a_root_the_publisher_is_named():
    with pytest.raises(InputError, match=r"nihcc.app.box.com/v/ChestXray-NIHCC.*ROOT="):
        datasets.load("nih_cxr14")


def test_a_wrong_option_is_named(release, tmp_path):
    with pytest.raises(InputError, match="option size of cohort 'nih_cxr14' is 0"):
        datasets.load("nih_cxr14", release, tmp_path, size=0)


# --- damaged releases ---

LINE = 14
FIELDS = {"image": 0, "labels": 1, "patient": 3, "age": 4, "sex": 5, "view": 6}


def row(**values):
    """Give row LINE of the table other values."""

    def damage(root):
        table = (root / TABLE).read_text().splitlines()
        fields = table[LINE - 1].split(",")
        for name, value in values.items():
            fields[FIELDS[name]] = value
        table[LINE - 1] = ",".join(fields)
        (root / TABLE).write_text("\n".join(table) + "\n")

    return damage


def image(change):
    def damage(root):
        change(root / "images" / rows_of(root / TABLE)[LINE - 2][0])

    return damage


def listed(change):
    def damage(root):
        names = [row[0] for row in rows_of(root / TABLE) if int(row[3]) % 4 == 0]
        (root / "test_list.txt").write_text("\n".join(change(names)) + "\n")

    return damage


DAMAGE = {
    "finding unknown": (
        row(labels="Effusion|Broken Heart"),
        r"Data_Entry_2017_v2020.csv: row 14, column 'Finding Labels': .*"
        "'Broken Heart' is not a finding",
    ),
    "finding and none": (
        row(labels="Effusion|No Finding"),
        r"row 14, column 'Finding Labels': .*"
        "'No Finding' is not a finding; expected 'No Finding', or findings",
    ),
    "finding empty": (row(labels=""), r"row 14, column 'Finding Labels': ''; '' is not a finding"),
    "finding NaN": (row(labels="nan"), r"row 14, column 'Finding Labels': 'nan'"),
    "finding of a million": (
        row(labels="|".join(["Mass"] * 250_000)),
        r"row 14, column 'Finding Labels': .*more than 100,000 characters|"
        "Data_Entry_2017_v2020.csv: not a readable csv",
    ),
    "image twice": (
        row(image="00000001_000.png", patient="1"),
        r"row 14, column 'Image Index': '00000001_000.png'; "
        "this Image Index is in the table already",
    ),
    "image a path out": (
        row(image="../00000001_000.png"),
        r"row 14, column 'Image Index': '../00000001_000.png'; expected a name",
    ),
    "another's image": (
        row(patient="39"),
        r"row 14, column 'Patient ID': '39'; not the patient in the image's name",
    ),
    "patient in words": (
        row(patient="P7"),
        r"row 14, column 'Patient ID': 'P7'; expected a whole number",
    ),
    "sex unknown": (
        row(sex="X"),
        r"row 14, column 'Patient Gender': 'X'; expected one of 'F', 'M'",
    ),
    "view unknown": (row(view="LL"), r"row 14, column 'View Position': 'LL'"),
    "age in words": (
        row(age="5 years"),
        r"row 14, column 'Patient Age': '5 years'; expected a whole number of years",
    ),
    "patient in both splits": (
        listed(lambda names: [*names[1:], "00000003_001.png"]),
        r"row \d+, column 'Image Index': '00000003_000.png'; "
        "test_list.txt has other images of this patient",
    ),
    "list of others' images": (
        listed(lambda names: [*names[:3], "00000099_000.png", *names[3:]]),
        r"test_list.txt: row 4: '00000099_000.png' is not an image of",
    ),
    "list empty": (listed(lambda names: []), r"test_list.txt: empty"),
    "list of all": (
        lambda root: (root / "test_list.txt").write_text(
            "\n".join(row[0] for row in rows_of(root / TABLE))
        ),
        r"all 66 images that are there belong to the test set",
    ),
    "image cut short": (
        image(lambda path: path.write_bytes(path.read_bytes()[:300])),
        r"\d+_000.png \(Data_Entry_2017_v2020.csv: row 14\): ",
    ),
    "image of points": (
        image(lambda path: Image.new("F", (9, 9)).save(path, format="TIFF")),
        r"\(Data_Entry_2017_v2020.csv: row 14\): a picture of mode 'F'; expected 8 bits",
    ),
    "image a pointer": (
        image(lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n")),
        r"\(Data_Entry_2017_v2020.csv: row 14\): a pointer of Git LFS",
    ),
    "image a link out": (
        image(lambda path: link_out(path, path.parents[2] / "elsewhere.png")),
        r"\(Data_Entry_2017_v2020.csv: row 14\): .*leads out of the root",
    ),
    "image a link to nothing": (
        image(lambda path: (path.unlink(), path.symlink_to("/nowhere/at/all.png"))),
        r"\(Data_Entry_2017_v2020.csv: row 14\): ",
    ),
    "a line cut short": (
        quick.text(TABLE, lambda table: table[:-40]),
        r"Data_Entry_2017_v2020.csv: .*",
    ),
    "a column less": (
        quick.text(TABLE, lambda table: table.replace(b"Patient Age", b"Age", 1)),
        r"lacks the column 'Patient Age'",
    ),
    "a null byte": (
        quick.text(TABLE, lambda table: table.replace(b",M,", b",\x00,", 1)),
        r"Data_Entry_2017_v2020.csv: .*",
    ),
    "no images": (
        lambda root: shutil.rmtree(root / "images"),
        r"holds none of the 66 images that Data_Entry_2017_v2020.csv names",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_release_is_refused_in_one_line(
    damage, release, data, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(decode.futures, "ProcessPoolExecutor", Threads)
    refused("nih_cxr14", release, data, DAMAGE[damage][0], DAMAGE[damage][1], tmp_path, capsys)


# --- the real files ---


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    folder = SHARED / "nih-chestxray14"
    if not folder.is_dir():
        pytest.skip(f"the real table is not at {folder}")
    root = tmp_path_factory.mktemp("real")
    shutil.copy(folder / f"{TABLE}.gz", root)
    with tarfile.open(folder / "NIH1000_64x64.tar.xz") as archive:
        archive.extractall(root, filter="data")
    return root


@pytest.mark.slow
def test_the_real_images(real, tmp_path):
    cohort = datasets.load("nih_cxr14", real, tmp_path)
    rows = rows_of(real / f"{TABLE}.gz")
    paths = {path.name: path for path in real.rglob("*.png")}
    test, there = held_out(rows), [row for row in rows if row[0] in paths]
    assert (
        len(rows),
        len({row[3] for row in rows}),
        len(there),
        len({row[3] for row in there}),
    ) == (112_120, 30_805, 1_000, 264)  # SOURCE.md
    pool = [row for row in there if row[3] not in test]
    agree(cohort, pool)
    agree(cohort.test, [row for row in there if row[3] in test])
    assert (
        "images: 1,000 are there, of 264 patients; 111,120 of the table are not, and are left out"
        in cohort.notes
    )
    assert not any("publisher's release" in note for note in cohort.notes)
    for sex, many in (("Male", 491), ("Female", 509)):
        assert (
            sum(int((half.records["sex"] == sex).sum()) for half in (cohort, cohort.test)) == many
        )
    assert sum(int((half.records["view"] == "PA").sum()) for half in (cohort, cohort.test)) == 637
    for record in range(0, len(pool), 61):  # 64 x 64 as stored: no resize
        with Image.open(paths[pool[record][0]]) as image:
            np.testing.assert_array_equal(
                cohort.inputs[record, :, :, 0], np.asarray(image)[:, :, 0]
            )
    disagree = sum(
        (row[1] == "No Finding") != (paths[row[0]].parent.name == "0_normal") for row in there
    )
    assert disagree == 1  # SOURCE.md: the folders agree with the labels for 999 of 1,000


def test_images_that_are_no_pictures_are_left_out_and_counted(release, tmp_path, monkeypatch):
    monkeypatch.setattr(decode.futures, "ProcessPoolExecutor", Threads)
    root = tmp_path / "r"
    shutil.copytree(release, root)
    paths = sorted((root / "images").iterdir())
    for path in paths[3:9]:
        path.write_text("<html>Sign in</html>")
    for path in paths[9::2]:
        path.rename(path.with_suffix(".PNG"))
    cohort = datasets.load("nih_cxr14", root, tmp_path / "data", size=16)
    notes = (*cohort.notes, *cohort.test.notes)
    counts = [int(note.split()[0]) for note in notes if "is a web page, not a picture" in note]
    assert sum(counts) == 6
    assert len(cohort) + len(cohort.test) == len(paths) - 6


def test_a_table_with_patient_sex_is_read(release, tmp_path):
    root = tmp_path / "r"
    shutil.copytree(release, root)
    path = root / TABLE
    path.write_text(path.read_text().replace("Patient Gender", "Patient Sex", 1))
    assert read(root).records.equals(read(release).records)
    path.write_text(path.read_text().replace("View Position", "View", 1))
    with pytest.raises(InputError, match=r"lacks the column 'View Position'; .*2020.* or .*2017"):
        read(root)


@pytest.mark.slow
def test_the_whole_real_table(real, monkeypatch):
    rows = rows_of(real / f"{TABLE}.gz")
    monkeypatch.setattr(nih_cxr14, "find_images", lambda root, top, names: "images/" + names)
    cohort = read(real)
    test = held_out(rows)
    agree(cohort, [row for row in rows if row[3] not in test])
    agree(cohort.test, [row for row in rows if row[3] in test])
    counts = Counter(name for row in rows for name in row[1].split("|"))
    assert (cohort.labels.sum(axis=0) + cohort.test.labels.sum(axis=0)).tolist() == [
        counts[name] for name in NAMES
    ]
    assert len(test) == 6_161
    assert not any("found" in note for note in cohort.notes)
