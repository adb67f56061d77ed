"""Patients, members and attributes are joined by name, cleaned, or refused with one line."""

import os
import shutil

import numpy as np
import pandas as pd
import pytest

from rollcall.runs.given.people import read_members, read_patients
from rollcall.util.errors import InputError
from tests.runs.given.files import PATIENTS, TARGETS, create, make


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people") / "in"
    return folder, *make(folder)


@pytest.fixture
def files(source, tmp_path):
    folder, _, members, names, owner = source
    copied = shutil.copytree(folder, tmp_path / "in")
    return copied, members, names, owner


def read(folder, names, owner, file):
    codes, patients = pd.factorize(pd.Series(names[owner]))
    return read_members(folder / file, TARGETS, codes, patients)


@pytest.mark.parametrize(
    "change",
    [
        lambda ids: "patient_id;site\n" + "".join(f"{p};{n % 2}\n" for n, p in enumerate(ids)),
        lambda ids: "record\tpatient_id\n" + "".join(f"{n}\t{p}\n" for n, p in enumerate(ids)),
        lambda ids: "patient_id\r" + "\r".join(ids) + "\r",
        lambda ids: " patient_id \n" + "".join(f"{p}{' ' * (n % 2)}\n" for n, p in enumerate(ids)),
        lambda ids: "\ufeffpatient_id\r\n" + "".join(f"{p}\r\n" for p in ids),
        lambda ids: '"patient_id"\n' + "".join(f'"{p}"\n' for p in ids),
    ],
)
def test_ids_are_read_as_people_save_them(files, change):
    folder, _, names, owner = files
    (folder / "other.csv").write_bytes(change(names[owner]).encode())
    assert (read_patients(folder / "other.csv").to_numpy() == names[owner]).all()


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("record_id", "lacks the column 'patient_id'; it has 'record_id'; name the column"),
        ("Patient ID", "name column 'Patient ID' of each record so"),
        ("PATIENT_ID,site", "name column 'PATIENT_ID' of each record so"),
        ("P0001", "lacks the column 'patient_id'; it has 'P0001'"),
        ("subject_id;site", "lacks the column 'patient_id'; it has 'subject_id', 'site'"),
    ],
)
def test_a_column_of_another_name_is_not_guessed(tmp_path, header, message):
    row = "p1" + "".join(mark + "x" for mark in header if mark in ",;")
    (tmp_path / "ids.csv").write_text(f"{header}\n{row}\n")
    with pytest.raises(InputError, match=message):
        read_patients(tmp_path / "ids.csv")


def as_table(members, names, words=("0", "1")):
    table = pd.DataFrame(
        {f"t{n}": np.array(words)[row.astype(int)] for n, row in enumerate(members)}
    )
    return pd.DataFrame({"patient_id": names}).join(table)


@pytest.mark.parametrize("words", [("0", "1"), ("False", "True"), ("0.0", "1.0"), ("no", " YES")])
@pytest.mark.parametrize("name", ["m.csv", "m.csv.gz", "m.tsv"])
def test_members_may_be_a_table_in_any_order(files, words, name):
    folder, members, names, owner = files
    table = as_table(members, names, words).sample(frac=1, random_state=1)
    table.to_csv(folder / name, index=False, sep="\t" if name.endswith("tsv") else ",")
    assert (read(folder, names, owner, name) == members).all()


def test_members_may_be_numbers_by_patient_or_record(files):
    folder, members, names, owner = files
    for array in (members.astype(np.int8), members.astype(float), members[:, owner].astype(int)):
        np.save(folder / "m.npy", array)
        assert (read(folder, names, owner, "m.npy") == members).all()


def repeat(members):
    members = members.copy()
    members[6:8] = members[1], members[0]
    return members


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m, t: (m.T, None), r"\(80, 16\), expected \(16, 80\) .*save array.T"),
        (lambda m, t: (m * 2, None), r"values other than 0 and 1; .*astype\(bool\)"),
        (lambda m, t: (m.astype("S1"), None), "expected bool"),
        (lambda m, t: (m[:, 1:], None), r"\(16, 79\), expected"),
        (lambda m, t: (repeat(m), None), "targets 1 and 6 had the same patients"),
        (lambda m, t: (None, t.drop(columns="t3")), "15 columns beside 'patient_id'; expected"),
        (
            lambda m, t: (None, t.rename(columns={"patient_id": "subject_id"})),
            "17 columns beside 'patient_id', which it lacks",
        ),
        (lambda m, t: (None, t[1:]), r"no row for patient 'P\d+' \(1 of 80 patients without\)"),
        (lambda m, t: (None, pd.concat([t, t[:1]])), "row 82, column 'patient_id': .*each once"),
        (lambda m, t: (None, t.replace({"t4": {"1": "2"}})), "column 't4': '2'; expected 0 or 1"),
        (lambda m, t: (None, t.replace({"t4": {"1": ""}})), "column 't4': ''; expected 0 or 1"),
        (
            lambda m, t: (None, t[["patient_id", *sorted(t.columns[1:])]]),
            "in the order t0, t1, t10, ...; expected that of the scores' rows",
        ),
    ],
)
def test_members_that_do_not_fit_are_one_line(files, change, message):
    folder, members, names, owner = files
    array, table = change(members, as_table(members, names))
    if table is None:
        np.save(folder / "m.npy", array)
    else:
        table.to_csv(folder / "m.csv", index=False)
    with pytest.raises(InputError, match=message) as caught:
        read(folder, names, owner, "m.npy" if table is None else "m.csv")
    assert "\n" not in str(caught.value)
    assert ("m.npy" if table is None else "m.csv") in str(caught.value)


def through_floats(names):
    return [f"{int(name)}.0" for name in names]


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table[::-1],
        lambda table: table.assign(patient_id=table["patient_id"] + " "),
        lambda table: table.assign(patient_id=through_floats(table["patient_id"])),
        lambda table: table.assign(patient_id=table["patient_id"].str.zfill(9)),
        lambda table: pd.concat([table, table[:1].assign(patient_id="99999")]),
        lambda table: table.assign(group=table["group"] + " "),
    ],
)
def test_attributes_are_joined_by_name(tmp_path, change):
    folder = tmp_path / "in"
    *_, owner = make(folder, name="{}")
    before = pd.read_csv(folder / "table.csv", dtype=str)
    change(before).to_csv(folder / "table.csv", index=False)
    _, cohort = create(folder)
    assert (cohort.records["group"] == np.where(owner < PATIENTS // 8, "B", "A")).all()


def test_attributes_by_record_may_say_whose_they_are(files):
    folder, _, names, owner = files
    view = np.where(np.arange(len(owner)) % 3, "a", "b")
    table = pd.DataFrame({"patient_id": names[owner], "view": view})
    table.to_csv(folder / "table.csv", index=False)
    _, cohort = create(folder)
    assert (cohort.records["view"] == view).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t.rename(columns={"patient_id": "subject_id"}).sort_values("subject_id"),
            "the column 'subject_id' holds ids of the patients; name it 'patient_id'",
        ),
        (
            lambda t: t.rename(columns={"patient_id": "MRN"}).assign(site="x"),
            "the column 'MRN' holds ids of the patients",
        ),
        (lambda t: t.iloc[:, :1], "no column but patient_id"),
        (lambda t: t[1:], r"no row for patient 'P\d+'"),
        (lambda t: pd.concat([t, t[:1]]), "this patient_id is in the table already"),
        (lambda t: t.assign(patient_id=""), "expected the id of a patient"),
        (lambda t: t.assign(group="note " + t["patient_id"]), "no column makes groups .*free text"),
    ],
)
def test_attributes_that_do_not_fit_are_one_line(files, change, message):
    folder, *_ = files
    table = pd.read_csv(folder / "table.csv", dtype=str)
    change(table).to_csv(folder / "table.csv", index=False)
    with pytest.raises(InputError, match=message) as caught:
        create(folder)
    assert "\n" not in str(caught.value)
    assert not (folder.parent / "out").exists()


def test_what_is_done_to_columns_is_noted(files):
    folder, *_ = files
    table = pd.read_csv(folder / "table.csv", dtype=str)
    rng = np.random.default_rng(0)
    table["age"] = rng.uniform(18, 95, len(table)).round(2)
    table["note"] = [f"seen on day {n}" for n in range(len(table))]
    table["group"] = np.where(rng.random(len(table)) < 0.3, "NA", table["group"])
    table.to_csv(folder / "table.csv", index=False)
    _, cohort = create(folder)
    assert cohort.attributes == ("group", "age")
    assert set(cohort.records["group"].dropna()) == {"A", "B"}
    assert cohort.notes == (
        "group: 'NA' taken as missing",
        "age: in bands, 0-17, 18-39, 40-59, 60-79, 80+ years",
        "note: left out, 80 different words, as of free text or ids",
    )


@pytest.mark.parametrize("name", ["scores", "members", "patients", "attributes"])
def test_a_folder_or_a_pipe_is_no_file(tmp_path, name):
    """A pipe would be waited for for ever."""
    make(tmp_path / "in")
    (tmp_path / "in" / "folder").mkdir()
    os.mkfifo(tmp_path / "in" / "pipe")
    for other, words in (("folder", "a folder"), ("pipe", "a pipe or a device")):
        with pytest.raises(InputError, match=f"{other}: {words}; expected a file"):
            create(tmp_path / "in", **{name: other})
    assert not (tmp_path / "out").exists()
