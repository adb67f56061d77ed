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


def as_others_write_it(change):
    """The rows of the invented release, and each changed."""

    def rows_changed():
        rows = diabetes_rows()
        for number, row in enumerate(rows):
            row["max_glu_serum"] = ("None", ">200", "Norm")[number % 3]
            row["diag_1"] = ("428", "250.83", "?")[number % 3]
        return rows, [change(dict(row)) for row in rows]

    return rows_changed


def replace_missing(word, test=None):
    """Another word for "?", and for the "None" of a test that was not made."""

    def change(row):
        tests = dict.fromkeys(diabetes130.TESTS, "None")
        row = {name: word if value == "?" else value for name, value in row.items()}
        for name, none in tests.items():
            if row[name] == none:
                row[name] = word if test is None else test
        return row

    return as_others_write_it(change)


def as_floats(row):
    names = ("encounter_id", "patient_nbr", *diabetes130.IDS, *diabetes130.COUNTS)
    return row | {name: f"{row[name]}.0" for name in names}


COPIES = {
    "empty fields, as ucimlrepo and pandas write": replace_missing(""),
    "NA, as R writes": replace_missing("NA"),
    "nan": replace_missing("nan"),
    "NULL of a database": replace_missing("NULL"),
    "a question mark with spaces": replace_missing(" ? ", "None"),
    "empty, but for tests": replace_missing("", "None"),
    "spaces in every field": as_others_write_it(
        lambda row: {name: f" {value} " for name, value in row.items()}
    ),
    "numbers that went through floats": as_others_write_it(as_floats),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_of_the_release_is_the_release(name, tmp_path):
    """The very same cohort: groups, features, inputs, notes."""
    rows, copy = COPIES[name]()
    expected, got = load(tmp_path / "a", rows), load(tmp_path / "b", copy)
    assert got.features == expected.features
    pd.testing.assert_frame_equal(got.records, expected.records)
    assert got.fingerprint == expected.fingerprint
    assert set(got.records["race"].dropna()) == {"Caucasian", "Asian"}
    assert "Missing" in set(got.records["payer"])
    assert got.records["diagnosis"].isna().any()


def test_a_copy_with_dots_in_its_columns_and_one_more_column(tmp_path):
    """As R writes names, and pandas an index."""
    rows = diabetes_rows()
    copy = [
        {"": str(number), **{name.replace("-", "."): value for name, value in row.items()}}
        for number, row in enumerate(rows)
    ]
    got = load(tmp_path / "b", copy, columns=list(copy[0]))
    assert got.fingerprint == load(tmp_path / "a", rows).fingerprint


@pytest.mark.parametrize("folder", ["dataset_diabetes", "uci/dataset_diabetes", "."])
def test_the_table_may_lie_in_the_folder_of_its_zip(folder, tmp_path):
    """Beside the table of ids and whatever else."""
    home = write_release(tmp_path / "root" / folder, diabetes_rows())
    (home / "IDs_mapping.csv").write_text("admission_type_id,description\n1,Emergency\n")
    assert len(datasets.load("diabetes130", root=tmp_path / "root", data=tmp_path / "data")) == 60


def test_a_zip_that_is_not_unpacked_is_named(tmp_path):
    (tmp_path / "dataset_diabetes.zip").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"holds no diabetic_data.*unpack dataset_diabetes\.zip"):
        diabetes130.locate(tmp_path, tmp_path)


def test_a_table_without_ids_names_the_editions(tmp_path):
    """As ucimlrepo's features are."""
    columns = [name for name in diabetes130.COLUMNS if name not in ("encounter_id", "patient_nbr")]
    with pytest.raises(InputError, match=r"lacks the column 'encounter_id'.*UCI.*data\.original"):
        load(tmp_path, columns=columns)


def test_the_real_table_with_empty_fields(diabetes_release, tmp_path):
    """As case and count: the first 20,000 stays, with "?" and without."""
    path = diabetes_release / "diabetic_data.csv.gz"
    table = pd.read_csv(path, dtype=str, keep_default_na=False, nrows=20_000)
    cohorts = []
    for name, some in (("mark", table), ("empty", table.replace("?", ""))):
        (tmp_path / name).mkdir()
        some.to_csv(tmp_path / name / "diabetic_data.csv", index=False)
        root = tmp_path / name
        cohorts.append(diabetes130.read(diabetes130.locate(root, root), root))
    pd.testing.assert_frame_equal(cohorts[0].records, cohorts[1].records)
    np.testing.assert_array_equal(cohorts[0].inputs, cohorts[1].inputs)
    assert cohorts[0].notes == cohorts[1].notes


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
