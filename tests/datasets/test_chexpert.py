"""CheXpert: the loader against plain loops over the written tables; damaged releases."""

import csv
import gzip
import os
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rollcall import datasets, rehearse
from rollcall.data import decode
from rollcall.datasets import chexpert
from rollcall.datasets.parts import chest
from rollcall.datasets.parts.common import count_text
from rollcall.datasets.parts.demographics import race_group
from rollcall.util.errors import InputError
from tests.datasets.damaged import refused
from tests.datasets.quick import Threads

RACES = {
    "White": "White",
    "White, non-Hispanic": "White",
    "White or Caucasian": "White",
    "Black or African American": "Black",
    "Black, non-Hispanic": "Black",
    "Asian": "Asian",
    "Asian, non-Hispanic": "Asian",
    "Other": "Other",
    "Other, Hispanic": "Hispanic",
    "Native Hawaiian or Other Pacific Islander": "Other",
}


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    return rehearse.write(
        "chexpert", tmp_path_factory.mktemp("chexpert") / "release", patients=48, seed=3
    )


@pytest.fixture(scope="module")
def prepared(intact, tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    datasets.load("chexpert", root=intact, data=data)
    return data


@pytest.fixture(scope="module")
def cohort(intact, prepared):
    return datasets.load("chexpert", root=intact, data=prepared)


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def rewrite(path, change, columns=None):
    """Change the rows of a csv (in place, or as the list that `change` returns)."""
    rows = rows_of(path)
    names = columns or list(rows[0])
    rows = change(rows) or rows
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def band(age):
    return next(
        name
        for low, name in ((80, "80+"), (60, "60-79"), (40, "40-59"), (18, "18-39"), (0, "0-17"))
        if age >= low
    )


def check(part, rows, race, views=("AP", "PA", "LL", "RL")):
    """The naive twin: one loop over the rows of the table."""
    assert len(part) == len(rows)
    table = part.records.astype(object)
    for index, row in enumerate(rows):
        patient = row["Path"].split("/")[2].removeprefix("patient")
        got = table.iloc[index]
        assert got["patient_id"] == patient
        wanted = {
            "race": race.get(patient),
            "sex": row["Sex"] if row["Sex"] != "Unknown" else None,
            "age": band(int(row["Age"])),
            "view": row["AP/PA"] if row["AP/PA"] in views else None,
        }
        for column, value in wanted.items():
            assert (None if pd.isna(got[column]) else got[column]) == value, (index, column)
        for position, finding in enumerate(chest.FINDINGS):
            value = int(row[finding] != "" and float(row[finding]) in (1, -1))
            assert part.labels[index, position] == value
            assert bool(got[f"finding: {finding}"]) == bool(value)


def check_pixels(part, rows, intact, size=64):
    for index in (0, len(rows) // 2, len(rows) - 1):
        with Image.open(intact / rows[index]["Path"]) as film:
            assert film.format == "JPEG"
            assert film.mode == "L"
            np.testing.assert_array_equal(
                part.inputs[index, :, :, 0],
                np.asarray(film.resize((size, size), Image.Resampling.BICUBIC)),
            )


def test_the_rehearsal_is_deterministic_and_has_the_publishers_tree(intact, tmp_path):
    again = rehearse.write("chexpert", tmp_path / "again", patients=48, seed=3)
    files = sorted(path.relative_to(intact) for path in intact.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(again) for path in again.rglob("*") if path.is_file())
    assert all((intact / file).read_bytes() == (again / file).read_bytes() for file in files)
    for name in ("train", "valid"):
        rows = rows_of(intact / "CheXpert-v1.0" / f"{name}.csv")
        assert list(rows[0]) == ["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *chest.FINDINGS]
        assert all((intact / row["Path"]).is_file() for row in rows)
    rows = rows_of(intact / "CheXpert-v1.0" / "train.csv")
    assert {row[finding] for row in rows for finding in chest.FINDINGS} == {
        "",
        "0.0",
        "1.0",
        "-1.0",
    }
    assert [row["Age"] for row in rows if row["Sex"] == "Unknown"] == ["0"]
    assert any(row["AP/PA"] == "" for row in rows)
    assert any(all(row[finding] == "" for finding in chest.FINDINGS) for row in rows)


def test_the_default_equals_a_naive_reading(intact, cohort):
    demographics = {
        row["PATIENT"].removeprefix("patient"): row["PRIMARY_RACE"]
        for row in rows_of(intact / "CHEXPERT_DEMO.csv")
    }
    race = {patient: RACES.get(value) for patient, value in demographics.items()}
    train, valid = (
        rows_of(intact / "CheXpert-v1.0" / f"{name}.csv") for name in ("train", "valid")
    )
    check(cohort, train, race)
    check(cohort.test, valid, race)
    check_pixels(cohort, train, intact)
    check_pixels(cohort.test, valid, intact)
    assert (
        cohort.task,
        cohort.unit,
        cohort.restricted,
        cohort.simulated,
        cohort.test_shares_patients,
    ) == (
        "multilabel",
        "patient",
        True,
        True,
        False,
    )
    assert cohort.classes == chest.FINDINGS
    assert cohort.attributes[:4] == ("race", "sex", "age", "view")
    assert len(cohort.attributes) == 18
    assert not set(cohort.patients) & set(cohort.test.patients)
    notes = "\n".join(cohort.notes)
    lacking = sum(
        race.get(row["Path"].split("/")[2].removeprefix("patient")) is None for row in train
    )
    uncertain = sum(row[finding] == "-1.0" for row in train for finding in chest.FINDINGS)
    none = sum(all(row[finding] in ("", "0.0") for finding in chest.FINDINGS) for row in train)
    laterals = sum(row["AP/PA"] == "" for row in train)
    for line in (
        f"images: {len(train)} found, 223,414 in the publisher's release",
        f"test images: {len(valid)} found, 234 in",
        f"race: missing for {count_text(lacking)} records",
        "sex: missing for fewer than 10 records",
        f"view: missing for {count_text(laterals)} records",
        f"labels: {uncertain} are uncertain",
        f"labels: {count_text(none)} records have none",
        f"test: {len(valid)} records of 16 other patients",
    ):
        assert line in notes
    assert "age: missing" not in notes


def test_paper_rules_drop_unknown_sex_and_test_three_races_and_two_views(intact, tmp_path):
    cohort = datasets.load("chexpert", root=intact, data=tmp_path, rules="paper", size=32)
    race = {
        row["PATIENT"].removeprefix("patient"): RACES.get(row["PRIMARY_RACE"])
        for row in rows_of(intact / "CHEXPERT_DEMO.csv")
    }
    race = {
        patient: value for patient, value in race.items() if value in ("White", "Black", "Asian")
    }
    everyone = rows_of(intact / "CheXpert-v1.0" / "train.csv")
    train = [row for row in everyone if row["Sex"] != "Unknown"]
    check(cohort, train, race, views=("AP", "PA"))
    check(cohort.test, rows_of(intact / "CheXpert-v1.0" / "valid.csv"), race, views=("AP", "PA"))
    check_pixels(cohort, train, intact, size=32)
    assert "fewer than 10 records dropped: sex is Unknown" in cohort.notes
    assert cohort.notes[0].startswith(f"images: {len(everyone)} found")


@pytest.mark.parametrize(
    ("written", "default", "paper"),
    [
        ("White, Hispanic", "White", "White"),
        ("White or Caucasian", "White", "White"),
        ("Caucasian", "White", "White"),
        ("Asian - Historical Conv", "Asian", "Asian"),
        ("Black, non-Hispanic", "Black", "Black"),
        ("Other, non-Hispanic", "Other", None),
        ("Other, Hispanic", "Hispanic", None),
        ("Native American, Hispanic", "Hispanic", None),
        ("Race and Ethnicity Unknown", None, None),
        ("Patient Refused", None, None),
        ("", None, None),
        ("  ", None, None),
        ("PORTUGUESE", "Other", None),
    ],
)
def test_race_groups(written, default, paper):
    for rule, wanted in ((False, default), (True, paper)):
        got = race_group(pd.Series([written]), rule)[0]
        assert (None if pd.isna(got) else got) == wanted


def mini(rows, folder):
    """A table of hand-written rows, each (path, sex, age, view, {finding: label})."""
    with open(folder / "train.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, chexpert.COLUMNS)
        writer.writeheader()
        for path, sex, age, view, labels in rows:
            writer.writerow(
                dict.fromkeys(chexpert.COLUMNS, "")
                | {
                    "Path": path,
                    "Sex": sex,
                    "Age": age,
                    "Frontal/Lateral": "Frontal",
                    "AP/PA": view,
                }
                | labels
            )
            film = folder / path.split("/", 1)[1]
            film.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (40, 30), 90).save(film)
    return chexpert.read(chexpert.locate(folder, folder), folder)


def test_quirks_by_hand(tmp_path):
    name = "CheXpert-v1.0-small/train/patient{:05d}/study1/view1_frontal.jpg"
    cohort = mini(
        [
            (name.format(7), "Female", "0", "AP", {"Edema": "-1", "Fracture": "0"}),
            (name.format(8), "Unknown", "90", "", {"No Finding": "1"}),
            (name.format(9), "Male", "", "RL", {"Edema": "0.0", "Pneumonia": "-1.0"}),
            (name.format(64540), "Male", "17", "PA", {}),
        ],
        tmp_path,
    )
    labels = [
        [finding for finding, has in zip(chest.FINDINGS, row, strict=True) if has]
        for row in cohort.labels
    ]
    assert labels == [["Edema"], ["No Finding"], ["Pneumonia"], []]
    assert list(cohort.records["patient_id"]) == ["00007", "00008", "00009", "64540"]
    assert cohort.records["age"].astype(object).where(
        cohort.records["age"].notna(), "?"
    ).tolist() == ["0-17", "80+", "?", "0-17"]
    assert cohort.records["sex"].isna().tolist() == [False, True, False, False]
    assert cohort.records["race"].isna().all()
    assert cohort.test is None
    notes = "\n".join(cohort.notes)
    assert "race: missing for all records, since there is no CHEXPERT_DEMO.csv" in notes
    assert "age: missing for fewer than 10 records" in notes
    assert "test: none" in notes
    assert "labels: 2 are uncertain" in notes
    assert "labels: fewer than 10 records have none" in notes


def test_root_may_be_the_release_or_its_parent_small_or_full_zipped_or_not(
    intact, cohort, tmp_path
):
    small = tmp_path / "release" / "CheXpert-v1.0-small"
    shutil.copytree(intact / "CheXpert-v1.0", small)
    for name in ("train", "valid"):
        text = (
            (small / f"{name}.csv")
            .read_text()
            .replace("CheXpert-v1.0/", "CheXpert-v1.0-small/")
            .replace("Path,", "\ufeffPath,", 1)
        )
        (small / f"{name}.csv").unlink()
        (small / f"{name}.csv.gz").write_bytes(gzip.compress(text.encode()))
    shutil.copy(intact / "CHEXPERT_DEMO.csv", small / "CHEXPERT DEMO.csv")
    for root in (small, small.parent, small.parent.parent):
        loaded = chexpert.read(chexpert.locate(root, tmp_path), root)
        pd.testing.assert_frame_equal(loaded.records, cohort.records)
        np.testing.assert_array_equal(loaded.labels, cohort.labels)
        assert (root / loaded.inputs.paths[0]).samefile(
            small / "train/patient00001/study1/view1_frontal.jpg"
        )
    (small / "CHEXPERT DEMO.csv").rename(tmp_path / "release" / "CHEXPERT_DEMO.csv")
    assert set(chexpert.locate(small, tmp_path)) == {"train", "valid"}  # outside the root: not read
    assert "demographics" in chexpert.locate(small.parent, tmp_path)


BATCHES = ("1 (validate & csv)", "2 (train 1)", "3 (train 2)", "4 (train 3)")


def unpack(intact, root, train="", valid="valid/", folder="", name="CheXpert-v1.0 batch {}"):
    """Write a release as its four zips unpack, in `folder` of root; patients in three batches.

    train, valid: the folder of a batch in which its patients lie. Sources of the layouts:
    tests/datasets/listings/chexpert.toml.
    """
    whole = intact / "CheXpert-v1.0"
    places = [root / folder / name.format(batch) for batch in BATCHES]
    for place in places:
        place.mkdir(parents=True)
    for table in ("train.csv", "valid.csv"):
        shutil.copy(whole / table, places[0])
    shutil.copytree(whole / "valid", places[0] / valid, dirs_exist_ok=True)
    for number, patient in enumerate(sorted((whole / "train").iterdir())):
        shutil.copytree(patient, places[1 + number // 11] / train / patient.name)
    shutil.copy(intact / "CHEXPERT_DEMO.csv", root)
    return root


def read_undecoded(root):
    return chexpert.read(chexpert.locate(root, root), root)


def same_films(loaded, cohort, intact, root):
    """The same records, and the same films behind them."""
    joined = chexpert.read(chexpert.locate(intact, intact), intact)
    for part, whole in ((loaded, joined), (loaded.test, joined.test)):
        pd.testing.assert_frame_equal(part.records, whole.records)
        for one, other in zip(part.inputs.paths, whole.inputs.paths, strict=True):
            assert (root / one).read_bytes() == (intact / other).read_bytes()
    assert loaded.records.equals(cohort.records)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"folder": "chexpertchestxrays-u20210408"},
        {"folder": "CheXpert-v1.0"},
        {"train": "train"},
        {"folder": "data/CheXpert-v1.0", "train": "train"},
        {"valid": "."},
        {"name": "CheXpert-v1.0 batch {0}/CheXpert-v1.0 batch {0}"},
        {"name": "CheXpert-v1.0_batch_{}", "folder": "chexpert"},
    ],
    ids=str,
)
def test_the_four_zips_as_they_unpack_are_the_joined_tree(intact, cohort, tmp_path, options):
    root = unpack(intact, tmp_path / "download", **options)
    same_films(read_undecoded(root), cohort, intact, root)


def test_the_four_zips_have_the_fingerprint_of_the_joined_tree(
    intact, cohort, tmp_path, monkeypatch
):
    monkeypatch.setattr(decode.futures, "ProcessPoolExecutor", Threads)
    root = unpack(intact, tmp_path / "download")
    (root / "SIMULATED_BY_ROLLCALL.txt").touch()
    loaded = datasets.load("chexpert", root, tmp_path / "data")
    assert loaded.fingerprint == cohort.fingerprint
    assert (
        pd.read_parquet(loaded.folder / "files.parquet")["path"][0]
        == "CheXpert-v1.0 batch 2 (train 1)/patient00001/study1/view1_frontal.jpg"
    )


def tables_at_the_top(root):
    for name in ("train.csv", "valid.csv"):
        shutil.move(root / f"CheXpert-v1.0 batch {BATCHES[0]}" / name, root / name)


def one_table_at_the_top(root):
    shutil.move(root / f"CheXpert-v1.0 batch {BATCHES[0]}" / "train.csv", root / "train.csv")


def half_moved(root):
    """The second batch was moved to train/ at the top, the others not yet."""
    tables_at_the_top(root)
    shutil.move(root / f"CheXpert-v1.0 batch {BATCHES[1]}", root / "train")


def a_patient_in_two_batches(root):
    patient = root / f"CheXpert-v1.0 batch {BATCHES[1]}" / "patient00002"
    several = next(place for place in patient.parent.iterdir() if (place / "study2").is_dir())
    other = root / f"CheXpert-v1.0 batch {BATCHES[2]}" / several.name
    other.mkdir()
    shutil.move(several / "study2", other / "study2")


def demographics_in_a_folder(root):
    folder = root / "chexpertdemodata-2"
    folder.mkdir()
    shutil.move(root / "CHEXPERT_DEMO.csv", folder / "Chexpert Demo.xlsx - Sheet1.CSV")
    (folder / "CHEXPERT DEMO.xlsx").write_bytes(b"PK\x03\x04")


def left_behind(root):
    """What a Mac's zip and the download itself leave beside the folders."""
    (root / "__MACOSX" / "train").mkdir(parents=True)
    (root / "__MACOSX" / "train.csv").write_text("")
    (root / "train_cheXbert.csv").write_text("Path\n")
    (root / "CheXpert-v1.0 batch 2 (train 1).zip").write_bytes(b"PK\x03\x04")


def loud_endings(root):
    for path in sorted(root.rglob("*.jpg"))[::2]:
        path.rename(path.with_suffix(".JPG"))


@pytest.mark.parametrize(
    "change",
    [
        tables_at_the_top,
        one_table_at_the_top,
        half_moved,
        a_patient_in_two_batches,
        demographics_in_a_folder,
        left_behind,
        loud_endings,
    ],
)
def test_what_people_do_to_the_batches_changes_nothing(intact, cohort, tmp_path, change):
    root = unpack(intact, tmp_path / "download")
    change(root)
    same_films(read_undecoded(root), cohort, intact, root)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.removeprefix("patient"),  # patient00001 is 00001
        lambda text: text.removeprefix("patient").lstrip("0"),  # and 1
        lambda text: text.removeprefix("patient").lstrip("0") + ".0",  # and 1.0
        lambda text: f" {text} ",
    ],
)
def test_demographics_join_however_their_ids_are_written(intact, tmp_path, change):
    root = tmp_path / "release"
    shutil.copytree(intact, root)
    rewrite(
        root / "CHEXPERT_DEMO.csv",
        lambda rows: [row | {"PATIENT": change(row["PATIENT"])} for row in rows],
    )
    expected = read_undecoded(intact)
    assert expected.records["race"].notna().any()
    pd.testing.assert_frame_equal(read_undecoded(root).records, expected.records)


def test_few_patients_of_the_demographics_are_said(intact, tmp_path):
    root = tmp_path / "release"
    shutil.copytree(intact, root)
    rewrite(root / "CHEXPERT_DEMO.csv", lambda rows: rows[:11])
    assert any(
        "patients of train.csv are in CHEXPERT_DEMO.csv" in note
        for note in read_undecoded(root).notes
    )


def test_films_under_several_patients_are_said_and_kept_once(intact, tmp_path):
    """The same file, the same picture saved anew, and black ones."""
    root = tmp_path / "release"
    shutil.copytree(intact, root)
    films = sorted((root / "CheXpert-v1.0" / "train").rglob("*.jpg"))
    for film in films[::4]:
        film.write_bytes(films[0].read_bytes())
    for number, film in enumerate(films[1:33:4]):
        Image.open(films[1]).resize((100 + number, 120)).save(film, quality=70 + 2 * number)
    for film in films[2:42:4]:
        Image.new("L", (90, 90)).save(film)
    keep = datasets.load("chexpert", root, tmp_path / "data")
    once = datasets.load("chexpert", root, tmp_path / "data", duplicates="once")
    notes = [note for note in keep.notes if "duplicates" in note or "blank" in note]
    assert notes[0].startswith("10 records of ")
    assert "blank pictures" in notes[0]
    assert re.match(r"duplicates: \d\d records of \d\d patients are identical pictures", notes[1])
    assert re.match(
        r"duplicates: .* are nearly identical pictures, .* risk reads too low", notes[2]
    )
    gone = (len(films[::4]) - 1) + 7 + 9
    assert len(once) == len(keep) - gone
    unique = np.unique(once.inputs.reshape(len(once), -1), axis=0)
    assert len(unique) == len(once)


def test_of_two_sizes_the_one_that_the_table_names_is_read(intact, tmp_path):
    root = unpack(intact, tmp_path / "download")
    tables_at_the_top(root)
    shutil.copytree(intact / "CheXpert-v1.0" / "train", root / "A CheXpert-v1.0-small" / "train")
    loaded = read_undecoded(root)
    assert not any("small" in path for path in loaded.inputs.paths)


def test_batches_that_are_incomplete_are_refused(intact, tmp_path):
    root = unpack(intact, tmp_path / "download")
    tables = root / f"CheXpert-v1.0 batch {BATCHES[0]}"
    with pytest.raises(
        InputError,
        match=r"folder that holds all of its 'CheXpert-v1\.0 batch \.\.\.' folders",
    ):
        read_undecoded(tables)
    shutil.rmtree(root / f"CheXpert-v1.0 batch {BATCHES[2]}" / "patient00020")
    with pytest.raises(InputError, match=r"train.csv: row \d+: .*patient00020/.* does not exist"):
        read_undecoded(root)


def test_a_batch_that_is_a_link_out_is_refused(intact, tmp_path):
    root = unpack(intact, tmp_path / "download")
    batch = root / f"CheXpert-v1.0 batch {BATCHES[1]}"
    shutil.move(batch, tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", batch)
    with pytest.raises(InputError, match=r"leads out of the root"):
        read_undecoded(root)


def test_options_out_of_range_are_refused(intact, tmp_path):
    for options, match in (
        ({"size": 4}, "size of cohort 'chexpert' is 4; expected"),
        ({"size": 64.0}, "expected a whole number"),
        ({"rules": "papr"}, "'default', 'paper'"),
    ):
        with pytest.raises(InputError, match=match):
            datasets.load("chexpert", root=intact, data=tmp_path, **options)


def test_without_a_root_the_way_to_the_data_is_named(tmp_path):
    with pytest.raises(InputError, match=r"ROOT= must name .*Stanford AIMI grants access at https"):
        datasets.load("chexpert", data=tmp_path)


# --- damaged releases ---

HOME = "CheXpert-v1.0"
FILM = f"{HOME}/train/patient00002/study1/view1_frontal.jpg"


def edit(name, row, **values):
    """Change fields of one row of a table (`row` as a line of the file)."""
    return lambda root: rewrite(root / name, lambda rows: rows[row - 2].update(values))


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def link_out(root):
    outside = root.parent / "outside.jpg"
    shutil.move(root / FILM, outside)
    os.utime(
        outside, (1e9, 1e9)
    )  # else size and time say that nothing has changed, and the cache serves
    os.symlink(outside, root / FILM)


def link_table(root):
    shutil.move(root / HOME / "valid.csv", root.parent / "valid.csv")
    os.symlink(root.parent / "valid.csv", root / HOME / "valid.csv")


def zipped_and_cut(root):
    path = root / HOME / "train.csv"
    whole = gzip.compress(path.read_bytes())
    path.unlink()
    path.with_suffix(".csv.gz").write_bytes(whole[: len(whole) // 2])


def spreadsheet(root):
    (root / "CHEXPERT_DEMO.csv").unlink()
    (root / "CHEXPERT DEMO.xlsx").write_bytes(b"PK\x03\x04")


def longer_row(root):
    path = root / HOME / "train.csv"
    header, first, rest = path.read_text().split("\n", 2)
    path.write_text(f"{header}\n{first},,,\n{rest}")


def in_both(root):
    rows = rows_of(root / HOME / "train.csv")
    edit(f"{HOME}/valid.csv", 4, Path=rows[0]["Path"].replace("/train/", "/valid/"))(root)


DAMAGES = {
    "film cut short": (
        lambda root: cut(root / FILM),
        r"patient00002/study1/view1_frontal.jpg \(train.csv: row \d+\): .*fetch this file again",
    ),
    "film empty": (
        lambda root: (root / FILM).write_bytes(b""),
        r"view1_frontal.jpg \(train.csv: row \d+\): an empty file, not a picture",
    ),
    "film a web page": (
        lambda root: (root / FILM).write_text("<html>Sign in</html>"),
        r"view1_frontal.jpg \(train.csv: row \d+\): a web page, not a picture",
    ),
    "film of another format": (
        lambda root: Image.new("L", (20, 20)).save(root / FILM, format="PPM"),
        r"view1_frontal.jpg \(train.csv: row \d+\): cannot identify image",
    ),
    "film gone": (
        lambda root: (root / FILM).unlink(),
        r"train.csv: row \d+: .*patient00002/study1/view1_frontal.jpg does not exist",
    ),
    "film linked out": (
        link_out,
        r"view1_frontal.jpg \(train.csv: row \d+\): .*leads out of the root",
    ),
    "test film cut short": (
        lambda root: cut(next((root / HOME / "valid").rglob("*.jpg"))),
        r"\(valid.csv: row \d+\): ",
    ),
    "table empty": (lambda root: (root / HOME / "train.csv").write_bytes(b""), r"train.csv: empty"),
    "header alone": (
        lambda root: rewrite(root / HOME / "train.csv", lambda rows: rows.clear()),
        r"train.csv: holds no rows",
    ),
    "table gone": (lambda root: (root / HOME / "train.csv").unlink(), r"holds no train.csv"),
    "two releases": (
        lambda root: shutil.copytree(
            root / HOME, root / "CheXpert-v1.0-small", ignore=lambda *_: ["train", "valid"]
        ),
        "train.csv more than once",
    ),
    "column gone": (
        lambda root: rewrite(
            root / HOME / "train.csv",
            lambda rows: None,
            [name for name in chexpert.COLUMNS if name != "Edema"],
        ),
        r"lacks the column 'Edema'; expected the columns of train.csv and valid.csv of CheXpert-v1",
    ),
    "row twice": (
        lambda root: rewrite(root / HOME / "train.csv", lambda rows: [*rows, rows[4]]),
        r"train.csv: row \d+, column 'Path': .*in the table already",
    ),
    "path up": (
        edit(f"{HOME}/train.csv", 5, Path="CheXpert-v1.0/train/../../../etc/view1_frontal.jpg"),
        r"train.csv: row 5, column 'Path': .*expected a path such as",
    ),
    "path absolute": (
        edit(f"{HOME}/valid.csv", 3, Path="/etc/passwd"),
        r"valid.csv: row 3, column 'Path': '/etc/passwd'",
    ),
    "label garbage": (
        edit(f"{HOME}/train.csv", 6, Edema="maybe"),
        r"train.csv: row 6, column 'Edema': 'maybe'; expected one of",
    ),
    "label NaN": (
        edit(f"{HOME}/valid.csv", 6, Fracture="nan"),
        r"valid.csv: row 6, column 'Fracture': 'nan'",
    ),
    "age garbage": (
        edit(f"{HOME}/train.csv", 7, Age="sixty"),
        r"train.csv: row 7, column 'Age': 'sixty'; expected a number from 0 to 150",
    ),
    "age 300": (edit(f"{HOME}/train.csv", 8, Age="300"), r"train.csv: row 8, column 'Age': '300'"),
    "sex garbage": (
        edit(f"{HOME}/train.csv", 9, Sex="M"),
        r"train.csv: row 9, column 'Sex': 'M'; expected one of 'Female', 'Male', 'Unknown'",
    ),
    "view garbage": (
        edit(f"{HOME}/train.csv", 9, **{"AP/PA": "sideways"}),
        r"train.csv: row 9, column 'AP/PA': 'sideways'",
    ),
    "long field": (
        edit(f"{HOME}/train.csv", 10, Path="x" * 1_000_000),
        r"train.csv: row 10, column 'Path': .*more than 100,000 characters",
    ),
    "patient in both": (
        in_both,
        r"valid.csv: row 4, column 'Path': .*this patient is in train.csv as well",
    ),
    "Latin-1": (
        lambda root: (
            edit("CHEXPERT_DEMO.csv", 3, PRIMARY_RACE="X")(root)
            or (root / "CHEXPERT_DEMO.csv").write_bytes(
                (root / "CHEXPERT_DEMO.csv").read_bytes().replace(b",X,", b",Fran\xe7ais,")
            )
        ),
        r"CHEXPERT_DEMO.csv: row 3 is not UTF-8",
    ),
    "gz cut short": (zipped_and_cut, r"train.csv.gz: damaged or cut short"),
    "table linked out": (link_table, r"valid.csv: leads out of the root"),
    "patient twice": (
        lambda root: rewrite(
            root / "CHEXPERT_DEMO.csv", lambda rows: [*rows, rows[0] | {"PRIMARY_RACE": "Asian"}]
        ),
        r"CHEXPERT_DEMO.csv: row \d+, column 'PATIENT': 'patient00001'; "
        "this PATIENT is in the table already",
    ),
    "other patients": (
        lambda root: rewrite(
            root / "CHEXPERT_DEMO.csv",
            lambda rows: [row.update(PATIENT="nobody") for row in rows] and None,
        ),
        r"CHEXPERT_DEMO.csv: no row of it names a patient of train.csv: column 'PATIENT' holds",
    ),
    "spreadsheet": (spreadsheet, r"CHEXPERT DEMO.xlsx: a spreadsheet; open it and save it as CSV"),
    "row too long": (longer_row, r"train.csv: not a readable csv \(.*(line|Row #)2"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_release_is_one_line_and_the_cache_stays(
    damage, intact, prepared, tmp_path, capsys
):
    change, match = DAMAGES[damage]
    refused("chexpert", intact, prepared, change, match, tmp_path, capsys)
