"""MIMIC-CXR-JPG joined with MIMIC-IV: ages by hand, the open demo's real people, no MIMIC-IV."""

import gzip
import os
import shutil

import numpy as np
import pandas as pd
import pytest

from rollcall import datasets, rehearse
from rollcall.datasets import mimic_cxr
from rollcall.util.errors import InputError
from tests.conftest import SHARED
from tests.datasets.damaged import refused
from tests.datasets.quick import rows_of, write_rows

pytestmark = pytest.mark.usefixtures("threads")

HOME, HOSP = "mimic-cxr-jpg/2.0.0", "mimiciv/3.1/hosp"
META, SPLIT, NEGBIO = (
    f"{HOME}/mimic-cxr-2.0.0-{name}.csv.gz" for name in ("metadata", "split", "negbio")
)
GROUPS = (
    ("BLACK", "Black"),
    ("WHITE", "White"),
    ("ASIAN", "Asian"),
    ("HISPANIC", "Hispanic"),
    ("UNABLE", None),
    ("DECLINED", None),
    ("UNKNOWN", None),
)


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    return rehearse.write(
        "mimic_cxr", tmp_path_factory.mktemp("mimic_cxr") / "release", patients=48, seed=6
    )


@pytest.fixture(scope="module")
def prepared(intact, tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    datasets.load("mimic_cxr", root=intact, data=data)
    return data


def group_of(text):
    return next((group for part, group in GROUPS if part in text), "Other")


def band(age):
    return next(
        name
        for low, name in ((80, "80+"), (60, "60-79"), (40, "40-59"), (18, "18-39"), (0, "0-17"))
        if age >= low
    )


def test_age_from_the_anchor_by_hand(intact, tmp_path):
    root = tmp_path / "release"
    shutil.copytree(intact, root)
    people, films = rows_of(root / HOSP / "patients.csv.gz"), rows_of(root / META)
    subjects = [row["subject_id"] for row in people][:3]
    for index, subject in enumerate(subjects):
        for row in people:
            if row["subject_id"] == subject:
                row |= {"anchor_year": "2150", "anchor_age": ("91", "17", "0")[index]}
        for film in films:
            if film["subject_id"] == subject:
                film["StudyDate"] = ("21520101", "21511231", "21490601")[index]
    write_rows(root / HOSP / "patients.csv.gz", people)
    write_rows(root / META, films)
    loaded = mimic_cxr.read(mimic_cxr.locate(root, None), root, rules="paper")
    ages = [
        set(loaded.records.loc[loaded.records["patient_id"] == subject, "age"].astype(object))
        for subject in subjects
    ]
    assert ages[:2] == [{"80+"}, {"18-39"}]
    assert all(pd.isna(age) for age in ages[2])
    assert any("are dated before birth; taken as missing" in note for note in loaded.notes)


def test_plain_csv_is_the_same_cohort_and_one_table_of_mimic_iv_serves(intact, tmp_path):
    root = tmp_path / "release"
    shutil.copytree(intact / HOME, root)
    for name in ("metadata", "split", "negbio"):
        path = root / f"mimic-cxr-2.0.0-{name}.csv.gz"
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    shutil.copy(intact / HOSP / "patients.csv.gz", root)
    loaded, whole = (
        mimic_cxr.read(mimic_cxr.locate(root, None), root),
        mimic_cxr.read(mimic_cxr.locate(intact, None), intact),
    )
    pd.testing.assert_frame_equal(
        loaded.records.drop(columns="race"), whole.records.drop(columns="race")
    )
    np.testing.assert_array_equal(loaded.labels, whole.labels)
    assert loaded.records["race"].isna().all()
    assert "race: MIMIC-IV's hosp/admissions.csv is not under ROOT" in loaded.notes


def test_the_real_people_of_mimic_iv(intact, tmp_path):
    """The films are invented; MIMIC-IV's open demo gives the people."""
    demo = SHARED / "mimic-iv-demo" / "hosp"
    if not demo.is_dir():
        pytest.skip(f"the open demo of MIMIC-IV is not at {demo}")
    root, real, new = tmp_path / "release", rows_of(demo / "patients.csv.gz"), {}
    shutil.copytree(intact / HOME, root / "cxr")
    (root / "mimiciv" / "hosp").mkdir(parents=True)
    for name in ("admissions", "patients"):
        shutil.copy(demo / f"{name}.csv.gz", root / "mimiciv" / "hosp")
    people = {row["subject_id"]: row for row in real}
    for name in ("metadata", "negbio", "split"):
        path = root / "cxr" / f"mimic-cxr-2.0.0-{name}.csv.gz"
        rows = rows_of(path)
        for row in rows:
            if row["subject_id"] not in new:
                new[row["subject_id"]] = real[len(new)]["subject_id"]
            old, row["subject_id"] = row["subject_id"], new[row["subject_id"]]
            source, target = (
                root / "cxr/files" / f"p{subject[:2]}" / f"p{subject}"
                for subject in (old, new[old])
            )
            if source.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                source.rename(target)
            if name == "metadata":
                row["StudyDate"] = people[row["subject_id"]]["anchor_year"] + "0101"
        write_rows(path, rows)
    loaded = mimic_cxr.read(mimic_cxr.locate(root, None), root)
    groups_of_patient = {}
    for row in rows_of(demo / "admissions.csv.gz"):
        groups_of_patient.setdefault(row["subject_id"], set()).add(group_of(row["race"]))
    for part in (loaded, loaded.test):
        for _, got in part.records.astype(object).iterrows():
            person, groups = (
                people[got["patient_id"]],
                groups_of_patient[got["patient_id"]] - {None},
            )
            assert (None if pd.isna(got["race"]) else got["race"]) == (
                next(iter(groups)) if len(groups) == 1 else None
            )
            assert got["sex"] == {"F": "Female", "M": "Male"}[person["gender"]]
            assert got["age"] == band(int(person["anchor_age"]))


def study_linked_out(root):
    folder = sorted(root.glob(f"{HOME}/files/*/*/*"))[0]
    shutil.move(folder, root.parent / "outside")
    for film in (root.parent / "outside").iterdir():
        os.utime(
            film, (1e9, 1e9)
        )  # else size and time say that nothing has changed, and the cache serves
    os.symlink(root.parent / "outside", folder)


def other_release(root):
    write_rows(
        root / NEGBIO,
        [
            row | {"study_id": str(60_000_000 + index)}
            for index, row in enumerate(rows_of(root / NEGBIO))
        ],
    )


DAMAGES = {
    "study linked out": (study_linked_out, r"metadata.csv.gz: row \d+\): .*leads out of the root"),
    "labels of another release": (
        other_release,
        r"negbio.csv.gz: row 2, column 'study_id': .*not of one release",
    ),
    "image without a set": (
        lambda root: write_rows(root / SPLIT, rows_of(root / SPLIT)[:-1]),
        r"row \d+, column 'dicom_id': .*not in mimic-cxr-2.0.0-split.csv.gz",
    ),
    "not gz": (
        lambda root: (root / SPLIT).write_bytes(b"dicom_id,study_id,subject_id,split\n"),
        r"split.csv.gz: (damaged|not a readable)",
    ),
    "two versions of MIMIC-IV": (
        lambda root: shutil.copytree(root / "mimiciv" / "3.1", root / "mimiciv" / "2.2"),
        "holds hosp/admissions.csv more than once",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_release_is_one_line(name, intact, prepared, tmp_path, capsys):
    damage, match = DAMAGES[name]
    refused("mimic_cxr", intact, prepared, damage, match, tmp_path, capsys)


def change_ids(root, table, change, columns=("subject_id",)):
    rows = rows_of(root / table)
    for row in rows:
        row |= {column: change(row[column]) for column in columns}
    write_rows(root / table, rows)


@pytest.mark.parametrize("change", [lambda text: text + ".0", lambda text: f" {text} "])
def test_ids_that_went_through_floats_or_have_spaces_join(change, intact, tmp_path):
    """In any table: the cohort is the same."""
    root = tmp_path / "release"
    shutil.copytree(intact, root)
    for table, columns in (
        (f"{HOSP}/admissions.csv.gz", ("subject_id", "hadm_id")),
        (f"{HOSP}/patients.csv.gz", ("subject_id",)),
        (META, ("subject_id", "study_id")),
        (SPLIT, ("subject_id", "study_id")),
        (NEGBIO, ("subject_id", "study_id")),
    ):
        change_ids(root, table, change, columns)
    loaded, expected = (
        mimic_cxr.read(mimic_cxr.locate(each, None), each) for each in (root, intact)
    )
    assert expected.records["race"].notna().sum() > 60
    pd.testing.assert_frame_equal(loaded.records, expected.records)
    np.testing.assert_array_equal(loaded.labels, expected.labels)
    assert loaded.notes == expected.notes


@pytest.mark.parametrize("name", ["admissions", "patients"])
def test_tables_of_other_people_are_refused(name, intact, tmp_path):
    """As where the demo of MIMIC-IV lies beside all films."""
    root = tmp_path / "release"
    shutil.copytree(intact, root)
    change_ids(root, f"{HOSP}/{name}.csv.gz", lambda text: str(int(text) + 10**7))
    with pytest.raises(InputError, match=rf"{name}.csv.gz: no row of it names a patient of the"):
        mimic_cxr.read(mimic_cxr.locate(root, None), root)


def test_few_people_in_common_are_said(intact, tmp_path):
    root = tmp_path / "release"
    shutil.copytree(intact, root)
    path = root / HOSP / "admissions.csv.gz"
    films = list(dict.fromkeys(row["subject_id"] for row in rows_of(root / META)))
    write_rows(path, [row for row in rows_of(path) if row["subject_id"] in films[:15]])
    notes = mimic_cxr.read(mimic_cxr.locate(root, None), root).notes
    about_race = [note for note in notes if note.startswith("race: 1")]
    assert any(
        "of 48 patients of the films are in admissions.csv.gz" in note for note in about_race
    )


def test_the_editions_of_mimic_iv_are_named(intact, tmp_path):
    """MIMIC-IV 1.0 called race ethnicity."""
    root = tmp_path / "release"
    shutil.copytree(intact, root)
    path = root / HOSP / "admissions.csv.gz"
    rows = rows_of(path)
    write_rows(path, [{("ethnicity" if k == "race" else k): v for k, v in r.items()} for r in rows])
    with pytest.raises(InputError, match=r"lacks the column 'race'.*ethnicity.*take 2\.2 or 3\.1"):
        mimic_cxr.read(mimic_cxr.locate(root, None), root)
