import csv
import gzip
import os
import shutil
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rollcall import datasets, rehearse
from rollcall.data.decode import SkipRecord
from rollcall.datasets import fairvision
from rollcall.util.errors import InputError
from tests.datasets.damaged import refused
from tests.datasets.quick import read_files

CLASSES = {
    "Glaucoma": {"no": "healthy", "yes": "glaucoma"},
    "DR": {
        "non-vision threatening dr": "non-vision-threatening DR",
        "vision threatening dr": "vision-threatening DR",
    },
    "AMD": {
        "normal": "healthy",
        "early amd": "early AMD",
        "intermediate amd": "intermediate AMD",
        "late amd": "late AMD",
    },
}
ORDER = [
    "healthy",
    "non-vision-threatening DR",
    "vision-threatening DR",
    "glaucoma",
    "early AMD",
    "intermediate AMD",
    "late AMD",
]
BANDS = ((18, "0-17"), (40, "18-39"), (60, "40-59"), (80, "60-79"), (999, "80+"))
CONTROL = "race (healthy or non-vision-threatening DR)"
TABLES = {disease: f"{disease}/ReadMe/data_summary_{disease.lower()}.csv" for disease in CLASSES}


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return rehearse.write("fairvision", tmp_path_factory.mktemp("fairvision") / "release", 60, 1)


@pytest.fixture(scope="module")
def data(release, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    datasets.load("fairvision", release, folder)
    return folder


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def blank(path):
    """Whether the quality filter should take an image out."""
    with Image.open(path) as image:
        values = np.asarray(image, float)
    values = values if values.ndim == 2 else values[:, :, 0]
    return values.std() <= 3 or values.mean() <= 1


def twin(root):
    """The records of a release, pool and test, row by row; and how many of each were dropped."""
    parts, dropped = {True: [], False: []}, Counter()
    for disease, words in CLASSES.items():
        for row in rows_of(root / TABLES[disease]):
            number = row["filename"][5:-4]
            path = f"{disease}/{row['use'].capitalize()}/slo_fundus_{number}.jpg"
            pool = row["use"] != "test"
            if blank(root / path):
                dropped[pool] += 1
                continue
            label, race = words[row[disease.lower()]], row["race"].capitalize() or None
            age = row["age"]
            parts[pool].append(
                {
                    "patient_id": f"{disease[0].lower()}_{number}",
                    "label": label,
                    "race": race,
                    CONTROL: race if label in ORDER[:2] else None,
                    "sex": row["gender"].capitalize(),
                    "path": path,
                    "age": next(name for top, name in BANDS if float(age) < top) if age else None,
                }
            )
    return parts[True], parts[False], dropped


def check(cohort, root):
    pool, test, dropped = twin(root)
    for part, wanted, count in ((cohort, pool, dropped[True]), (cohort.test, test, dropped[False])):
        table = part.records.astype(object).where(part.records.notna(), None)
        for record, row in zip(wanted, table.to_dict("records"), strict=True):
            assert {name: record[name] for name in row} == row
        assert part.labels.tolist() == [ORDER.index(record["label"]) for record in wanted]
        assert part.inputs.shape == (len(wanted), 64, 64, 1)
        assert (
            f"{count:,} records dropped: quality: "
            "standard deviation of at most 3 or mean of at most 1" in part.notes
        )
    return pool, test


def test_records_labels_attributes_and_split_are_those_worked_out_by_hand(release, data):
    cohort = datasets.load("fairvision", release, data)
    pool, _ = check(cohort, release)
    assert cohort.classes == tuple(ORDER)
    assert cohort.restricted
    assert cohort.simulated
    assert cohort.unit == "patient"
    assert "records of DR: 20 found, 10,000 in the publisher's release" in cohort.notes
    assert len({record["patient_id"] for record in pool}) == len(pool) == len(cohort.patients)
    assert len({record["patient_id"][2:] for record in pool}) < len(
        pool
    )  # a number is another patient in each disease


def test_paper_is_the_same_here(release, data, tmp_path):
    check(datasets.load("fairvision", release, tmp_path, rules="paper"), release)


def test_pixels_are_those_of_an_independent_decoding(release, data):
    cohort = datasets.load("fairvision", release, data)
    pool, _, _ = twin(release)
    modes = set()
    for place in range(0, len(pool), 5):
        with Image.open(release / pool[place]["path"]) as image:
            modes.add(image.mode)
            wanted = np.asarray(image.resize((64, 64), Image.Resampling.BICUBIC))
        np.testing.assert_array_equal(
            cohort.inputs[place, :, :, 0], wanted if wanted.ndim == 2 else wanted[:, :, 0]
        )
    assert modes == {"L", "RGB"}


@pytest.mark.parametrize(
    ("values", "dropped"),
    [
        (np.full((32, 40), 100), True),
        (np.zeros((32, 40)), True),
        (np.tile([98, 104], (32, 20)), True),
        (np.tile([96, 104], (32, 20)), False),
        (np.tile([0] * 39 + [40], (32, 1)), True),
        (np.tile([0] * 39 + [41], (32, 1)), False),
    ],
)
def test_the_quality_filter_is_inclusive_and_looks_at_the_full_picture(tmp_path, values, dropped):
    Image.fromarray(values.astype(np.uint8)).save(
        tmp_path / "a.png"
    )  # PNG keeps the numbers as they are
    if dropped:
        with pytest.raises(SkipRecord, match="quality"):
            fairvision.decode_fundus(tmp_path / "a.png", 8, 8)
    else:
        assert fairvision.decode_fundus(tmp_path / "a.png", 8, 8).shape == (8, 8, 1)


def test_the_filter_and_the_picture_are_the_first_channels(tmp_path):
    values = np.zeros((32, 40, 3), np.uint8)
    values[:, :, 1] = np.arange(40) * 5
    Image.fromarray(values).save(tmp_path / "green.png")
    with pytest.raises(SkipRecord):
        fairvision.decode_fundus(tmp_path / "green.png", 8, 8)
    Image.fromarray(values[:, :, [1, 0, 2]]).save(tmp_path / "red.png")
    np.testing.assert_array_equal(
        fairvision.decode_fundus(tmp_path / "red.png", 32, 40)[:, :, 0], values[:, :, 1]
    )


def mini(root, **changes):
    """A release of 30 patients a disease, half of them for testing.

    changes: {column: value} of the first glaucoma row.
    """
    rng = np.random.default_rng(0)
    for disease, words in CLASSES.items():
        rows = [
            {
                "filename": f"data_{n:05d}.npz",
                "age": 50 + n,
                "gender": ["Female", "male"][n % 2],
                "race": ["white", "Black", "asian"][n % 3],
                disease.lower(): list(words)[n % len(words)],
                "use": ["training", "validation", "test", "test"][n % 4],
            }
            for n in range(30)
        ]
        if disease == "Glaucoma":
            rows[0] |= changes
        folder = root / disease / "ReadMe"
        folder.mkdir(parents=True)
        with open(root / TABLES[disease], "w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        for n, row in enumerate(rows):
            path = root / disease / row["use"].capitalize() / f"slo_fundus_{n:05d}.jpg"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(rng.integers(0, 255, (16, 20), np.uint8)).save(path)
    return root


def read(root, **options):
    return fairvision.read(fairvision.locate(root, root), root, **options)


@pytest.mark.parametrize(
    ("changes", "column", "default", "paper"),
    [
        ({"race": "Black or African American"}, "race", "Black", "Black"),
        ({"race": "two or more"}, "race", "Two or more", None),
        ({"race": ""}, "race", None, None),
        ({"gender": "FEMALE"}, "sex", "Female", "Female"),
        ({"gender": "other"}, "sex", "Other", None),
        ({"gender": " "}, "sex", None, None),
        ({"age": ""}, "age", None, None),
        ({"age": "17.99"}, "age", "0-17", "0-17"),
        ({"glaucoma": "Yes"}, "label", "glaucoma", "glaucoma"),
    ],
)
def test_words_as_found(tmp_path, changes, column, default, paper):
    root = mini(tmp_path / "r", **changes)
    for rules, wanted in (("default", default), ("paper", paper)):
        cohort = read(root, rules=rules)
        value = cohort.records[column][0]
        assert (wanted is None and pd.isna(value)) or value == wanted
        if wanted is None:
            assert f"{column}: missing for fewer than 10 records" in cohort.notes


def layout_flat(root):
    for disease, path in TABLES.items():
        shutil.move(root / path, root / path.split("/")[-1])
        (root / disease / "ReadMe").rmdir()


def layout_renamed(root):
    for disease in CLASSES:
        for old, new in (("Training", "train"), ("Validation", "val"), ("Test", "test")):
            (root / disease / old).rename(root / disease / new)
        for path in (root / disease).rglob("*.jpg"):
            path.rename(path.with_name(path.name.replace("slo_fundus_", "slo_")))


def layout_unpacked(root):
    (root / "AMD" / "Dataset").mkdir()
    for use in ("Training", "Validation", "Test"):
        (root / "AMD" / use).rename(root / "AMD" / "Dataset" / use)
    layout = root / TABLES["DR"]
    (root / (TABLES["DR"] + ".gz")).write_bytes(gzip.compress(layout.read_bytes()))
    layout.unlink()


@pytest.mark.parametrize("change", [layout_flat, layout_renamed, layout_unpacked])
def test_other_layouts_are_told_apart(tmp_path, change):
    root = mini(tmp_path / "r")
    before = read(root)
    change(root)
    after = read(root)
    assert after.records.equals(before.records)
    assert after.test.records.equals(before.test.records)
    assert all((root / path).is_file() for path in after.inputs.paths)


@pytest.mark.parametrize("endings", [(".JPG",), (".jpg", ".jpeg"), (".Jpg", ".png")])
def test_endings_count_in_any_case(release, tmp_path, endings):
    root = tmp_path / "r"
    shutil.copytree(release, root)
    for number, path in enumerate(sorted(root.rglob("slo_*.jpg"))):
        path.rename(path.with_suffix(endings[number % len(endings)]))
    changed, plain = (
        fairvision.read(fairvision.locate(place, place), place) for place in (root, release)
    )
    assert changed.records.equals(plain.records)
    for one, other in zip(changed.inputs.paths, plain.inputs.paths, strict=True):
        assert (root / one).read_bytes() == (release / other).read_bytes()


def test_what_lies_beside_the_pictures_is_never_opened(release, tmp_path):
    root = tmp_path / "r"
    shutil.copytree(release, root)
    names = list(root.rglob("*.npz"))
    assert names
    for path in names:  # whoever opens it waits for ever
        path.unlink()
        os.mkfifo(path)
    datasets.load("fairvision", root, tmp_path / "data", size=16)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 4}, "16 to 1024"),
        ({"size": 5000}, "16 to 1024"),
        ({"rules": "papers"}, "'default', 'paper'"),
    ],
)
def test_options_out_of_range(release, tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        datasets.load("fairvision", release, tmp_path, **options)


def test_without_a_root_the_way_to_it_is_named(tmp_path):
    with pytest.raises(InputError, match=r"ROOT=.*grants access at https://"):
        datasets.load("fairvision", data=tmp_path)


def test_a_rehearsal_is_the_same_each_time(release, tmp_path):
    again = rehearse.write("fairvision", tmp_path / "again", 60, 1)
    assert read_files(release) == read_files(again)


# --- damaged releases ---


def table_edit(disease, row, **values):
    def damage(root):
        rows = rows_of(root / TABLES[disease])
        rows[row] |= values
        with open(root / TABLES[disease], "w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    return damage


def bytes_edit(name, change):
    return lambda root: (root / name).write_bytes(change((root / name).read_bytes()))


def in_two_uses(root):
    with open(root / TABLES["DR"], "a") as file:
        file.write(rows_of_line(root, 0).replace("training", "test") + "\n")


def rows_of_line(root, row):
    return (root / TABLES["DR"]).read_text().splitlines()[1 + row]


def short_row(root):
    lines = (root / TABLES["AMD"]).read_text().splitlines()
    lines[3] = lines[3].rsplit(",", 2)[0]
    (root / TABLES["AMD"]).write_text("\n".join(lines) + "\n")


def link_out(root):
    outside = root.parent / "outside.jpg"
    outside.write_bytes((root / PICTURE).read_bytes())
    (root / PICTURE).unlink()
    os.symlink(outside, root / PICTURE)


def folder_link_out(root):
    shutil.move(root / "DR" / "ReadMe", root.parent / "ReadMe")
    os.symlink(root.parent / "ReadMe", root / "DR" / "ReadMe")


def save_as(mode, kind):
    def damage(root):
        image = (
            Image.new(mode, (60, 40))
            if kind != "PNG"
            else Image.fromarray(np.arange(2400, dtype=np.uint16).reshape(40, 60))
        )
        image.save(root / PICTURE, kind)

    return damage


PICTURE = "DR/Training/slo_fundus_00003.jpg"  # row 4 of the DR table
AT = r"slo_fundus_00003\.jpg \(release: row 4 of data_summary_dr\.csv\): "
DAMAGES = {
    "table empty": (bytes_edit(TABLES["DR"], lambda c: b""), r"data_summary_dr\.csv: empty"),
    "table a web page": (
        bytes_edit(TABLES["AMD"], lambda c: b"<html><body>Sign in</body></html>\n"),
        r"data_summary_amd\.csv: lacks the column 'filename'",
    ),
    "column missing": (
        bytes_edit(TABLES["AMD"], lambda c: c.replace(b"amd,use", b"stage,use", 1)),
        "lacks the column 'amd'",
    ),
    "column twice": (
        bytes_edit(TABLES["AMD"], lambda c: c.replace(b"language", b"race", 1)),
        "has more than once the column 'race'",
    ),
    "table gone": (
        lambda root: (root / TABLES["Glaucoma"]).unlink(),
        r"holds no Glaucoma/ReadMe/data_summary_glaucoma\.csv",
    ),
    "row too short": (short_row, r"data_summary_amd\.csv: not a readable csv .*4"),
    "quote not closed": (
        bytes_edit(TABLES["AMD"], lambda c: c.replace(b"non-hispanic", b'"non-hispanic', 1)),
        r"data_summary_amd\.csv: (not a readable csv|row 2)",
    ),
    "not UTF-8": (
        bytes_edit(TABLES["AMD"], lambda c: c.replace(b"female", b"f\xe9male", 1)),
        r"data_summary_amd\.csv: row \d+ is not UTF-8",
    ),
    "patient in two uses": (
        in_two_uses,
        r"row 22, column 'filename': 'data_00001\.npz'; this filename is in the table already",
    ),
    "use unknown": (
        table_edit("DR", 4, use="holdout"),
        "row 6, column 'use': 'holdout'; expected one of 'training', 'validation', 'test'",
    ),
    "label missing": (table_edit("DR", 4, dr=""), "row 6, column 'dr': ''; expected one of"),
    "label NaN": (
        table_edit("Glaucoma", 0, glaucoma="nan"),
        "row 2, column 'glaucoma': 'nan'; expected one of 'no', 'yes'",
    ),
    "age of 300": (
        table_edit("AMD", 7, age="300"),
        "row 9, column 'age': '300'; expected a number from 0 to 130",
    ),
    "age in words": (table_edit("AMD", 7, age="seventy"), "row 9, column 'age': 'seventy'"),
    "path in a filename": (
        table_edit("DR", 2, filename="../../etc/data_00003.npz"),
        r"row 4, column 'filename': '../../etc/data_00003\.npz'; expected data_<number>\.npz",
    ),
    "million characters": (
        table_edit("DR", 2, race="w" * 1_000_000),
        "row 4, column 'race': 'w+'; a field of more than 100,000 characters",
    ),
    "link of a folder": (folder_link_out, r"data_summary_dr\.csv: leads out of the root"),
    "picture gone": (
        lambda root: (root / PICTURE).unlink(),
        r"data_summary_dr\.csv: row 4: .*"
        r"slo_fundus_00003\.jpg does not exist; complete the release",
    ),
    "link of a picture": (link_out, AT + ".*leads out of the root"),
    "picture cut short": (
        bytes_edit(PICTURE, lambda c: c[: len(c) // 2]),
        AT + "image file is truncated",
    ),
    "picture empty": (bytes_edit(PICTURE, lambda c: b""), AT + "an empty file, not a picture"),
    "picture a web page": (
        bytes_edit(PICTURE, lambda c: b"<html>Sign in</html>"),
        AT + "a web page, not a picture",
    ),
    "picture of 32 bits": (
        save_as("F", "TIFF"),
        AT + "a picture of mode 'F'; expected 8 bits a channel",
    ),
    "picture a PPM": (save_as("L", "PPM"), AT + "cannot identify image file"),
    "picture an OCT file": (
        bytes_edit(PICTURE, lambda c: b"PK\x03\x04" + b"\0" * 100),
        AT + "a zip archive, not a picture",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_release_is_one_line_and_leaves_the_cache(name, release, data, tmp_path, capsys):
    damage, match = DAMAGES[name]
    refused("fairvision", release, data, damage, match, tmp_path, capsys)


def test_a_disease_of_test_patients_alone(release, tmp_path):
    root = tmp_path / "r"
    shutil.copytree(release, root)
    for disease in CLASSES:
        for row in range(20):
            table_edit(disease, row, use="test")(root)
        for folder in ("Training", "Validation"):
            for path in (root / disease / folder).glob("*.jpg"):
                path.rename(root / disease / "Test" / path.name)
    with pytest.raises(
        InputError, match="no record of the three tables has 'use' training or validation"
    ):
        read(root)
