"""MIMIC-CXR-JPG: the loader against plain loops over the written tables; damaged releases."""

import gzip
import os

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rollcall import datasets, rehearse
from rollcall.datasets import mimic_cxr
from rollcall.datasets.parts import chest
from rollcall.util.errors import InputError
from tests.datasets.damaged import refused
from tests.datasets.quick import link_out, row, rows_of, text, write_rows

pytestmark = pytest.mark.usefixtures("threads")

HOME, HOSP = "mimic-cxr-jpg/2.0.0", "mimiciv/3.1/hosp"
META, SPLIT, NEGBIO, CHEXPERT = (
    f"{HOME}/mimic-cxr-2.0.0-{name}.csv.gz" for name in ("metadata", "split", "negbio", "chexpert")
)
ADMISSIONS, PATIENTS = f"{HOSP}/admissions.csv.gz", f"{HOSP}/patients.csv.gz"
GROUP = {
    "WHITE": "White",
    "WHITE - RUSSIAN": "White",
    "BLACK/AFRICAN AMERICAN": "Black",
    "BLACK/CAPE VERDEAN": "Black",
    "ASIAN": "Asian",
    "ASIAN - CHINESE": "Asian",
    "ASIAN - SOUTH EAST ASIAN": "Asian",
    "HISPANIC/LATINO - PUERTO RICAN": "Hispanic",
    "OTHER": "Other",
    "UNKNOWN": None,
    "UNABLE TO OBTAIN": None,
    "PATIENT DECLINED TO ANSWER": None,
}


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    return rehearse.write(
        "mimic_cxr", tmp_path_factory.mktemp("mimic_cxr") / "release", patients=60, seed=4
    )


@pytest.fixture(scope="module")
def prepared(intact, tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    datasets.load("mimic_cxr", root=intact, data=data)
    return data


@pytest.fixture(scope="module")
def cohort(intact, prepared):
    return datasets.load("mimic_cxr", root=intact, data=prepared)


def band(age):
    return next(
        name
        for low, name in ((80, "80+"), (60, "60-79"), (40, "40-59"), (18, "18-39"), (0, "0-17"))
        if age >= low
    )


def truth(intact, paper=False, labels=NEGBIO):
    """[(expected row, image path, split)] of every image, by loops."""
    split = {r["dicom_id"]: r["split"] for r in rows_of(intact / SPLIT)}
    named = {(r["subject_id"], r["study_id"]): r for r in rows_of(intact / labels)}
    people = {r["subject_id"]: r for r in rows_of(intact / PATIENTS)}
    races = {}
    for r in rows_of(intact / ADMISSIONS):
        races.setdefault(r["subject_id"], set()).add(r["race"])
    loaded = []
    for r in rows_of(intact / META):
        subject, study = r["subject_id"], r["study_id"]
        strings = races.get(subject, set())
        if paper:
            groups = (
                {GROUP[next(iter(strings))]} & {"White", "Black", "Asian"}
                if len(strings) == 1
                else set()
            )
        else:
            groups = {GROUP[one] for one in strings} - {None}
        person, year = people.get(subject), int(r["StudyDate"][:4])
        view = (
            r["ViewPosition"]
            if r["ViewPosition"]
            and not (paper and r["ViewPosition"] not in ("AP", "PA", "LATERAL", "LL"))
            else None
        )
        expected_row = {
            "patient_id": subject,
            "race": groups.pop() if len(groups) == 1 else None,
            "sex": person and {"F": "Female", "M": "Male"}[person["gender"]],
            "age": person and band(int(person["anchor_age"]) + year - int(person["anchor_year"])),
            "view": view,
        }
        label = named.get((subject, study))
        expected_row |= {
            finding: int(label is not None and label[finding] != "" and float(label[finding]) != 0)
            for finding in chest.FINDINGS
        }
        loaded.append(
            (
                expected_row,
                f"{HOME}/files/p{subject[:2]}/p{subject}/s{study}/{r['dicom_id']}.jpg",
                split[r["dicom_id"]],
            )
        )
    return loaded


def agrees(part, rows, intact=None):
    assert len(part) == len(rows)
    table = part.records.astype(object)
    for index, (expected, path, _) in enumerate(rows):
        got = table.iloc[index]
        for column in ("patient_id", "race", "sex", "age", "view"):
            assert (None if pd.isna(got[column]) else got[column]) == expected[column], (
                index,
                column,
            )
        for position, finding in enumerate(chest.FINDINGS):
            assert (
                part.labels[index, position] == expected[finding] == int(got[f"finding: {finding}"])
            )
        if intact is not None and index % 17 == 0:
            with Image.open(intact / path) as film:
                assert (
                    part.inputs[index, :, :, 0]
                    == np.asarray(film.resize((64, 64), Image.Resampling.BICUBIC))
                ).all()


def test_default_is_what_loops_make(cohort, intact):
    rows = truth(intact)
    agrees(cohort, [r for r in rows if r[2] != "test"], intact)
    agrees(cohort.test, [r for r in rows if r[2] == "test"], intact)
    assert not set(cohort.patients) & set(cohort.test.patients)
    assert cohort.task == "multilabel"
    assert cohort.restricted
    assert cohort.simulated
    assert cohort.classes == chest.FINDINGS
    assert cohort.attributes[:4] == ("race", "sex", "age", "view")
    assert cohort.attributes[4] == "finding: No Finding"
    notes = " | ".join(cohort.notes)
    for strings in (
        "377,110 in the publisher's release",
        "race: missing for",
        "test:",
        "uncertain (-1)",
        "are of studies that",
    ):
        assert strings in notes, strings


def test_the_papers_rules(intact):
    files = mimic_cxr.locate(intact, None)
    whole = mimic_cxr.read(files, intact, rules="paper")
    assert whole.test is None
    assert set(whole.records["race"].dropna()) <= {"White", "Black", "Asian"}
    table, rows = whole.records.astype(object), truth(intact, paper=True)
    assert len(whole) == len(rows)
    assert whole.inputs.paths.tolist() == [path for _, path, _ in rows]
    for index, (expected, _, _) in enumerate(rows):
        for column in ("patient_id", "race", "sex", "age", "view"):
            got = table[column].iloc[index]
            assert (None if pd.isna(got) else got) == expected[column], (index, column)


def test_the_other_labeller(intact):
    part = mimic_cxr.read(mimic_cxr.locate(intact, None), intact, labels="chexpert")
    rows = [r for r in truth(intact, labels=CHEXPERT) if r[2] != "test"]
    assert part.labels.tolist() == [
        [expected[finding] for finding in chest.FINDINGS] for expected, _, _ in rows
    ]


def test_without_mimic_iv_the_attributes_are_missing_and_said_so(intact, tmp_path):
    import shutil

    shutil.copytree(intact / HOME, tmp_path / "root" / HOME)
    part = mimic_cxr.read(mimic_cxr.locate(tmp_path / "root", None), tmp_path / "root")
    assert part.records[["race", "sex", "age"]].isna().all().all()
    assert "race: MIMIC-IV's hosp/admissions.csv is not under ROOT" in part.notes


def test_wrong_options(intact):
    files = mimic_cxr.locate(intact, None)
    for options, message in (
        ({"labels": "chexprt"}, "option labels"),
        ({"rules": "x"}, "option rules"),
        ({"size": 3}, "option size"),
    ):
        with pytest.raises(InputError, match=message):
            mimic_cxr.read(files, intact, **options)
    with pytest.raises(InputError, match="PhysioNet grants access"):
        mimic_cxr.locate(None, None)


# --- damage ---


def first_film(root):
    return sorted(root.glob(f"{HOME}/files/*/*/*/*.jpg"))[0]


def twice(table):
    def damage(root):
        rows = rows_of(root / table)
        write_rows(root / table, [*rows, rows[0]])

    return damage


def without(table, column):
    def damage(root):
        write_rows(
            root / table,
            [
                {key: value for key, value in r.items() if key != column}
                for r in rows_of(root / table)
            ],
        )

    return damage


def straddle(root):
    """One film of a training patient with several films is put in the test set."""
    rows = rows_of(root / SPLIT)
    train = [r["subject_id"] for r in rows if r["split"] == "train"]
    next(r for r in rows if train.count(r["subject_id"]) > 1)["split"] = "test"
    write_rows(root / SPLIT, rows)


DAMAGES = {
    "film cut short": (
        lambda root: first_film(root).write_bytes(first_film(root).read_bytes()[:400]),
        r"\.jpg \(mimic-cxr-2.0.0-metadata.csv.gz: row \d+\): .*fetch this file again",
    ),
    "film gone": (
        lambda root: first_film(root).unlink(),
        r"metadata.csv.gz: row \d+: .*\.jpg does not exist",
    ),
    "film is a page": (
        lambda root: first_film(root).write_bytes(b"<html>sign in</html>"),
        r"\.jpg \(.*: row \d+\): a web page, not a picture",
    ),
    "film is a link out": (
        lambda root: link_out(first_film(root), root.parent / "out.jpg"),
        r"\.jpg .*leads out of the root",
    ),
    "path escapes": (
        row(META, 4, subject_id="../../10000001"),
        r"metadata.csv.gz: row 4, column 'subject_id': '../../10000001'; expected a whole number",
    ),
    "id escapes": (
        row(META, 5, dicom_id="../x"),
        r"metadata.csv.gz: row 5, column 'dicom_id': '../x'; expected five groups",
    ),
    "image twice": (
        twice(META),
        r"metadata.csv.gz: row \d+, column 'dicom_id'.*in the table already",
    ),
    "study twice": (
        twice(NEGBIO),
        r"negbio.csv.gz: row \d+, column 'study_id'.*in the table already",
    ),
    "label 2": (
        row(NEGBIO, 3, Edema="2.0"),
        r"negbio.csv.gz: row 3, column 'Edema': '2.0'; expected one of",
    ),
    "label NaN": (
        row(NEGBIO, 6, Fracture="NaN"),
        r"negbio.csv.gz: row 6, column 'Fracture': 'NaN'",
    ),
    "no such split": (
        row(SPLIT, 2, split="tets"),
        r"split.csv.gz: row 2, column 'split': 'tets'; expected one of 'train', 'validate', 'test'",
    ),
    "patient straddles": (
        straddle,
        r"split.csv.gz: row \d+, column 'subject_id'.*in the test set and outside it",
    ),
    "another patient in the split": (
        row(SPLIT, 7, subject_id="10000000"),
        r"split.csv.gz: row 7, column 'subject_id': '10000000'; another subject_id",
    ),
    "date": (
        row(META, 3, StudyDate="2180-05"),
        r"metadata.csv.gz: row 3, column 'StudyDate': '2180-05'; expected a date",
    ),
    "a column is gone": (
        without(META, "ViewPosition"),
        r"metadata.csv.gz: lacks the column 'ViewPosition'",
    ),
    "empty": (lambda root: (root / SPLIT).write_bytes(gzip.compress(b"")), r"split.csv.gz: empty"),
    "cut short": (text(META, lambda data: data[:-100]), r"metadata.csv.gz: damaged or cut short"),
    "Latin-1": (
        text(
            ADMISSIONS,
            lambda data: gzip.compress(gzip.decompress(data).replace(b"WHITE", b"WH\xcfTE", 1)),
        ),
        r"admissions.csv.gz: row \d+ is not UTF-8",
    ),
    "a million characters": (
        row(ADMISSIONS, 2, race="W" * 1_000_000),
        r"admissions.csv.gz: row 2, column 'race'.*more than 100,000",
    ),
    "gender": (row(PATIENTS, 2, gender="W"), r"patients.csv.gz: row 2, column 'gender': 'W'"),
    "anchor age": (
        row(PATIENTS, 3, anchor_age="old"),
        r"patients.csv.gz: row 3, column 'anchor_age': 'old'",
    ),
    "table is a link out": (
        lambda root: link_out(root / SPLIT, root.parent / "out.csv.gz"),
        r"split.csv.gz: leads out of the root",
    ),
    "labels gone": (lambda root: os.remove(root / NEGBIO), r"holds no mimic-cxr-2.0.0-negbio.csv"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_release_is_one_line(name, intact, prepared, tmp_path, capsys):
    damage, match = DAMAGES[name]
    refused("mimic_cxr", intact, prepared, damage, match, tmp_path, capsys)
