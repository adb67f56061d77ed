import gzip
import hashlib
import os

import numpy as np
import pandas as pd
import pytest

from rollcall import datasets
from rollcall.datasets import diabetes130
from rollcall.util.errors import InputError
from tests.conftest import diabetes_rows, write_release


def load(tmp_path, rows=None, **options):
    return datasets.load(
        "diabetes130",
        root=write_release(tmp_path / "release", rows or diabetes_rows(), **options),
        data=tmp_path / "data",
    )


def test_the_invented_release_reads_as_computed_by_hand(tmp_path):
    rows = diabetes_rows()
    cohort = load(tmp_path, rows)
    table = pd.DataFrame(rows)
    assert (len(cohort), len(cohort.patients)) == (60, 40)
    assert (cohort.labels == (table["readmitted"] == "<30")).all()
    counts = table["num_medications"].astype(float)
    column = cohort.features.index("num_medications")
    np.testing.assert_allclose(
        cohort.inputs[:, column], (counts - counts.mean()) / counts.std(ddof=0), atol=1e-6
    )
    assert (
        cohort.inputs[:, cohort.features.index("race=Asian")] == (table["race"] == "Asian")
    ).all()
    assert (
        cohort.inputs[:, cohort.features.index("diag_1=Diabetes")] == (table["diag_1"] == "250.83")
    ).all()
    assert set(cohort.records["payer"]) == {
        "Medicare",
        "Medicaid",
        "Missing",
        "Self-pay",
        "Private",
        "Other",
    }
    assert cohort.records["race"].isna().sum() == (table["race"] == "?").sum()
    ever = table.groupby("patient_nbr")["readmitted"].transform(
        lambda stays: (stays == "<30").any()
    )
    assert ((cohort.records["readmitted"] == "within 30 days") == ever).all()
    assert any("60 found, 101,766" in note for note in cohort.notes)


def test_gz_and_csv_are_the_same_cohort(tmp_path):
    assert load(tmp_path / "a").fingerprint == load(tmp_path / "b", zipped=True).fingerprint


@pytest.mark.parametrize(
    ("code", "group"),
    [
        ("428", "Circulatory"),
        ("785.4", "Circulatory"),
        ("786", "Respiratory"),
        ("535.1", "Digestive"),
        ("250.83", "Diabetes"),
        ("999.9", "Injury"),
        ("739.9", "Musculoskeletal"),
        ("788", "Genitourinary"),
        ("239", "Neoplasms"),
        ("V27", "Other"),
        ("E909", "Other"),
        ("251", "Other"),
        ("?", "?"),
    ],
)
def test_diagnosis_groups(code, group):
    assert diabetes130.diagnosis_group(pd.Series([code]))[0] == group


def edit(row, **values):
    def change(rows):
        rows[row] |= values

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            edit(3, readmitted="soon"),
            r"row 5, column 'readmitted': 'soon'; expected one of 'NO', '>30', '<30'",
        ),
        (
            edit(4, num_medications="many"),
            r"row 6, column 'num_medications': 'many'; expected a number",
        ),
        (edit(4, num_medications="nan"), r"row 6, column 'num_medications'"),
        (edit(4, num_medications=""), r"row 6, column 'num_medications': ''"),
        (
            edit(5, encounter_id="1000"),
            r"row 7, column 'encounter_id': '1000'; this encounter_id is in the table already",
        ),
        (edit(0, patient_nbr=""), r"row 2, column 'patient_nbr'"),
        (edit(0, age="old"), r"row 2, column 'age': 'old'"),
        (lambda rows: [row.update(patient_nbr="7") for row in rows], r"1 patient\(s\)"),
        (lambda rows: [row.update(readmitted="NO") for row in rows], "every record has the label"),
        (lambda rows: rows.clear(), "holds no rows"),
    ],
)
def test_a_bad_table_is_named_by_file_row_and_column(tmp_path, change, message):
    rows = diabetes_rows()
    change(rows)
    root = write_release(tmp_path / "release", rows)
    with pytest.raises(InputError, match=message) as caught:
        datasets.load("diabetes130", root=root, data=tmp_path / "data")
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "data").rglob("*")) if (tmp_path / "data").exists() else True


def test_a_missing_column_is_named(tmp_path):
    columns = [column for column in diabetes130.COLUMNS if column != "payer_code"]
    with pytest.raises(InputError, match=r"diabetic_data.csv: lacks the column 'payer_code'"):
        load(tmp_path, columns=columns)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:300]),
        lambda path: path.write_bytes(b"\x1f\x8b" + b"x" * 99),
        lambda path: path.write_bytes(gzip.compress(b"\xff\xfe\x00a,b\n\xff")),
    ],
)
def test_a_damaged_gz_is_one_line(tmp_path, damage):
    root = write_release(tmp_path / "release", diabetes_rows(), zipped=True)
    damage(root / "diabetic_data.csv.gz")
    with pytest.raises(
        InputError, match=r"diabetic_data.csv.gz: (empty|damaged|row 1 is not UTF-8)"
    ) as caught:
        datasets.load("diabetes130", root=root, data=tmp_path / "data")
    assert "\n" not in str(caught.value)


def test_a_link_out_of_the_root_is_refused(tmp_path):
    outside = write_release(tmp_path / "outside", diabetes_rows())
    (tmp_path / "root").mkdir()
    os.symlink(outside / "diabetic_data.csv", tmp_path / "root" / "diabetic_data.csv")
    with pytest.raises(InputError, match="leads out of the root"):
        datasets.load("diabetes130", root=tmp_path / "root", data=tmp_path / "data")


def test_a_download_is_checked_by_hash(tmp_path, monkeypatch):
    import zipfile

    import pooch

    def retrieve(url, known_hash, path, fname, progressbar):
        path.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path / fname, "w") as archive:
            archive.write(
                write_release(tmp_path / "release", diabetes_rows()) / "diabetic_data.csv",
                "diabetic_data.csv",
            )
        return str(path / fname)

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    with pytest.raises(InputError, match="sha256"):
        datasets.load("diabetes130", data=tmp_path / "data")
    assert not (tmp_path / "data" / "diabetes130" / "diabetic_data.csv").exists()
    content = (tmp_path / "release" / "diabetic_data.csv").read_bytes()
    monkeypatch.setattr(diabetes130, "CSV_SHA256", hashlib.sha256(content).hexdigest())
    assert len(datasets.load("diabetes130", data=tmp_path / "data")) == 60


def test_without_network_the_way_out_is_named(tmp_path, monkeypatch):
    import pooch

    def retrieve(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    with pytest.raises(InputError, match=r"no route to host.*ROOT="):
        datasets.load("diabetes130", data=tmp_path / "data")


@pytest.mark.slow
def test_the_real_table(diabetes_release, tmp_path):
    cohort = datasets.load("diabetes130", root=diabetes_release, data=tmp_path)
    assert (len(cohort), len(cohort.patients)) == (101_766, 71_518)
    assert cohort.labels.sum() == 11_357
    assert cohort.records["race"].value_counts().to_dict() == {
        "Caucasian": 76_099,
        "AfricanAmerican": 19_210,
        "Hispanic": 2_037,
        "Other": 1_506,
        "Asian": 641,
    }
    assert cohort.records.groupby("patient_id").size().max() == 40
    assert not any("found" in note for note in cohort.notes)
