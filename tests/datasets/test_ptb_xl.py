"""PTB-XL: the loader against plain loops, mini releases, damaged ones, and real records."""

import csv
import gzip
import re
import shutil
import tarfile
import warnings

import numpy as np
import pytest

from rollcall import datasets, rehearse
from rollcall.datasets import ptb_xl
from rollcall.datasets.parts.signals import decode_ecg, load_wfdb
from rollcall.util.errors import InputError
from tests.conftest import SHARED
from tests.datasets import quick
from tests.datasets.damaged import refused
from tests.datasets.quick import link_out, rows_of

pytestmark = pytest.mark.usefixtures("threads")

wfdb = load_wfdb()
ORDER = ["NORM", "MI", "STTC", "CD", "HYP"]
DUPLICATES = {137, 139, 140, 141, 142, 143, 145, 456, 458, 459, 461, 462}
BANDS = ((18, "0-17"), (40, "18-39"), (60, "40-59"), (80, "60-79"), (999, "80+"))
TABLE = "ptbxl_database.csv"


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    root = rehearse.write("ptb_xl", tmp_path_factory.mktemp("ptb_xl") / "release", 50, 1)
    shutil.rmtree(root / "records500" / "01000", ignore_errors=True)
    return root


@pytest.fixture(scope="module")
def data(release, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    datasets.load("ptb_xl", release, folder)
    return folder


@pytest.fixture(scope="module")
def slim(release, tmp_path_factory):
    """The release without its 500 Hz files, to be copied and damaged."""
    root = tmp_path_factory.mktemp("slim") / "release"
    return shutil.copytree(release, root, ignore=shutil.ignore_patterns("records500"))


def twin(root, table=TABLE, drop=DUPLICATES, column="filename_lr"):
    """(pool, test): the records of a release, worked out row by row, with the line of each."""
    superclass = {
        row[""]: row["diagnostic_class"]
        for row in rows_of(root / "scp_statements.csv")
        if row["diagnostic"] == "1.0"
    }
    pool, test = [], []
    for line, row in enumerate(rows_of(root / table), 2):
        if int(row["ecg_id"]) in drop:
            continue
        codes = re.findall(r"'([^']+)': [0-9.]+", row["scp_codes"])
        age = row["age"] and next(band for limit, band in BANDS if float(row["age"]) < limit)
        (test if row["strat_fold"] == "10" else pool).append(
            {
                "line": line,
                "id": int(row["ecg_id"]),
                "patient": row["patient_id"].split(".")[0],
                "age": age or None,
                "sex": {"0": "Male", "1": "Female"}[row["sex"]],
                "extra beats": "noted" if row["extra_beats"] else "not noted",
                "labels": [
                    int(any(superclass.get(code) == name for code in codes)) for name in ORDER
                ],
                "dat": root / (row[column] + ".dat"),
            }
        )
    return pool, test


def agree(cohort, expected):
    records = cohort.records
    assert records["patient_id"].tolist() == [row["patient"] for row in expected]
    assert cohort.labels.tolist() == [row["labels"] for row in expected]
    for column in ("sex", "age", "extra beats"):
        assert [None if value != value else value for value in records[column].astype(object)] == [
            row[column] for row in expected
        ]
    for index, name in enumerate(ORDER):
        assert records[f"finding: {name}"].tolist() == [
            bool(row["labels"][index]) for row in expected
        ]


def test_the_simulated_release_reads_as_computed_row_by_row(release, data):
    cohort = datasets.load("ptb_xl", release, data)
    pool, test = twin(release)
    agree(cohort, pool)
    agree(cohort.test, test)
    assert cohort.classes == tuple(ORDER)
    assert cohort.task == "multilabel"
    assert not cohort.restricted
    assert cohort.unit == "patient"
    assert cohort.simulated
    assert cohort.inputs.dtype == np.int16
    assert cohort.inputs.shape == (len(pool), 1000, 12)
    assert cohort.scale * 235.4 == pytest.approx(1)
    assert cohort.attributes == (
        "sex",
        "age",
        "extra beats",
        *(f"finding: {name}" for name in ORDER),
    )
    assert any(f"records: {len(pool) + len(test)} found, 21,799" in note for note in cohort.notes)
    assert any(
        f"test set: {len(test)} records of {len({row['patient'] for row in test})} patients" in note
        for note in cohort.notes
    )
    without = sum(not any(row["labels"]) for row in pool)
    assert any(
        f"{without if without > 9 else 'fewer than 10'} records have none of the five" in note
        for note in cohort.notes
    )
    assert without
    for index in (0, len(pool) // 2, len(pool) - 1):
        stored = np.fromfile(pool[index]["dat"], "<i2").reshape(1000, 12)
        np.testing.assert_array_equal(cohort.inputs[index], stored)
        with open(
            pool[index]["dat"].with_suffix(".hea")
        ) as file:  # the samples are microvolts: 1000 a mV, no baseline
            assert file.read().count(" 1000.0(0)/mV ") == 12


def test_the_simulated_release_has_its_quirks(release):
    rows = rows_of(release / TABLE)
    assert len(rows[0]) == 28
    assert list(rows[0])[:4] == ["ecg_id", "patient_id", "age", "sex"]
    assert list(rows[0])[-2:] == ["filename_lr", "filename_hr"]
    assert {"300.0", ""} < {row["age"] for row in rows}
    assert all(row["patient_id"].endswith(".0") for row in rows)
    assert any("'NORM': 0.0" in row["scp_codes"] or ": 15.0" in row["scp_codes"] for row in rows)
    patients = {}
    for row in rows:
        patients.setdefault(row["patient_id"], set()).add(row["strat_fold"])
    assert all(len(folds) == 1 for folds in patients.values())
    assert len(rows) > len(patients)
    record = wfdb.rdrecord(str((release / rows[3]["filename_hr"]).resolve()))
    assert (record.fs, record.sig_len, record.units) == (500, 5000, ["mV"] * 12)
    assert record.sig_name == [
        "I",
        "II",
        "III",
        "AVR",
        "AVL",
        "AVF",
        "V1",
        "V2",
        "V3",
        "V4",
        "V5",
        "V6",
    ]
    slow = wfdb.rdrecord(str((release / rows[3]["filename_lr"]).resolve()))
    np.testing.assert_array_equal(record.p_signal[::5], slow.p_signal)
    np.testing.assert_allclose(
        record.p_signal[:, 2], record.p_signal[:, 1] - record.p_signal[:, 0], atol=0.5
    )  # Einthoven, noise aside


def test_500_hz_and_the_papers_rules(release, data, tmp_path):
    paper = datasets.load("ptb_xl", release, data, rules="paper")
    assert paper.scale == 1e-3
    assert paper.labels.tolist() == datasets.load("ptb_xl", release, data).labels.tolist()
    root = tmp_path / "release"
    shutil.copytree(release, root, ignore=shutil.ignore_patterns("records100"))
    fast = datasets.load("ptb_xl", root, tmp_path / "data", rate=500)
    pool, _ = twin(release, column="filename_hr")
    assert fast.inputs.shape == (len(pool), 5000, 12)
    np.testing.assert_array_equal(
        fast.inputs[-1], np.fromfile(pool[-1]["dat"], "<i2").reshape(5000, 12)
    )


# --- mini releases, written by hand, their signals by wfdb ---


def mini(root, rows, gain=1000.0, baseline=0, table=TABLE):
    """A release of `rows` (dicts of what differs from an ordinary row)."""
    columns = [
        "ecg_id",
        "patient_id",
        "age",
        "sex",
        "scp_codes",
        "extra_beats",
        "strat_fold",
        "filename_lr",
    ]
    (root / "records100" / "00000").mkdir(parents=True)
    filled = []
    for index, row in enumerate(rows):
        number = row.get("ecg_id", index + 1)
        filled.append(
            {
                "ecg_id": number,
                "patient_id": f"{index + 1000}.0",
                "age": "50.0",
                "sex": index % 2,
                "scp_codes": "{'NORM': 100.0, 'SR': 0.0}" if index % 2 else "{'IMI': 0.0}",
                "extra_beats": "",
                "strat_fold": 1 + index % 9,
                "filename_lr": f"records100/00000/{number:05d}_lr",
            }
            | row
        )
        signal = np.random.default_rng(number).normal(0, 0.3, (1000, 12))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # wfdb's, of pandas
            wfdb.wrsamp(
                f"{number:05d}_lr",
                100,
                ["mV"] * 12,
                list(ptb_xl.LEADS),
                p_signal=signal,
                fmt=["16"] * 12,
                adc_gain=[gain] * 12,
                baseline=[baseline] * 12,
                write_dir=str(root / "records100" / "00000"),
            )
    with open(root / table, "w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(filled)
    (root / "scp_statements.csv").write_text(
        ",description,diagnostic,diagnostic_class\nNORM,a,1.0,NORM\nIMI,b,1.0,MI\n"
        "LVH,c,1.0,HYP\nSR,d,,\nLAO/LAE,e,1.0,HYP\nPRC(S),f,,\n"
    )
    return root


def read(root, **options):
    return ptb_xl.read(ptb_xl.locate(root, None), root, **options)


def test_ages_sexes_beats_and_statements(tmp_path):
    rows = [{} for _ in range(20)]
    for index, age in enumerate(("300", "90.0", "91.0", "17", "18.0", "39.9", "", "0")):
        rows[index]["age"] = age
    rows[8] |= {"sex": 0, "extra_beats": "alles, VES"}
    rows[9] |= {"sex": 1, "extra_beats": "  "}
    rows[10] |= {"scp_codes": "{'LAO/LAE': 15.0, 'PRC(S)': 0.0, 'NORM': 0.0}"}
    rows[11] |= {"scp_codes": "{}"}
    rows[12] |= {"scp_codes": "{'SR':0.0}"}
    cohort = read(mini(tmp_path / "r", rows))
    assert cohort.records["age"].astype(object).tolist()[:6] == [
        "80+",
        "80+",
        "80+",
        "0-17",
        "18-39",
        "18-39",
    ]
    assert cohort.records["age"].isna().tolist()[6:8] == [True, False]
    assert cohort.records["sex"].tolist()[8:10] == ["Male", "Female"]
    assert cohort.records["extra beats"].tolist()[8:10] == ["noted", "not noted"]
    assert cohort.labels[10:13].tolist() == [[1, 0, 0, 0, 1], [0] * 5, [0] * 5]
    assert cohort.test is None
    assert "no test set: no record has strat_fold 10" in cohort.notes
    assert "age: missing for fewer than 10 records" in cohort.notes
    assert any(
        "labels: fewer than 10 records have none of the five" in note for note in cohort.notes
    )


def test_known_duplicates_are_left_out_by_default_alone(tmp_path):
    rows = [{"ecg_id": number} for number in (136, 137, 138, 139, 141, *range(144, 164))]
    root = mini(tmp_path / "r", rows)
    default, paper = read(root), read(root, rules="paper")
    assert len(paper) == 25
    assert len(default) == 21
    assert any("4 records dropped: duplicate recordings" in note for note in default.notes)
    assert not any("dropped" in note for note in paper.notes)
    assert default.records["patient_id"].tolist() == [
        patient
        for patient, row in zip(paper.records["patient_id"], rows, strict=True)
        if row["ecg_id"] not in DUPLICATES
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda name, text: f" {text}" if name in ("ecg_id", "patient_id", "sex") else text,
        lambda name, text: f"{text}.0" if name in ("ecg_id", "sex", "strat_fold") else text,
        lambda name, text: text.removesuffix(".0") if name == "patient_id" else text,
        lambda name, text: "nan" if name in ("age", "extra_beats") and not text else text,
    ],
)
def test_a_table_that_was_saved_anew_is_the_same(change, release, tmp_path):
    """Spaces, floats, whole numbers, a word for what is missing."""
    expected = ptb_xl.read(ptb_xl.locate(release, None), release)
    table = release / TABLE
    rows = [{name: change(name, text) for name, text in each.items()} for each in rows_of(table)]
    files = ptb_xl.locate(release, None) | {"records": release / "again.csv"}
    try:
        quick.write_rows(files["records"], rows)
        got = ptb_xl.read(files, release)
    finally:
        files["records"].unlink()
    assert got.records.equals(expected.records)
    assert (got.labels == expected.labels).all()
    assert got.notes == expected.notes


@pytest.mark.parametrize(("gain", "baseline"), [(200.0, 0), (1000.0, 25), (4000.0, -100)])
def test_another_gain_becomes_microvolts(tmp_path, gain, baseline):
    root = mini(tmp_path / "r", [{} for _ in range(2)], gain, baseline)
    stored = (
        np.fromfile(root / "records100/00000/00002_lr.dat", "<i2").reshape(1000, 12).astype(float)
    )
    loaded = decode_ecg(root / "records100/00000/00002_lr.dat", root, 100)
    assert loaded.dtype == np.int16
    np.testing.assert_array_equal(loaded, np.rint((stored - baseline) / gain * 1000))
    assert (
        np.abs(loaded / 1000 - np.random.default_rng(2).normal(0, 0.3, (1000, 12))).max()
        < 1 / gain + 1e-3
    )


def test_a_folder_around_the_release_and_a_zipped_table(tmp_path):
    root = mini(tmp_path / "r" / "ptb-xl-1.0.3", [{} for _ in range(20)])
    (root / f"{TABLE}.gz").write_bytes(gzip.compress((root / TABLE).read_bytes()))
    (root / TABLE).unlink()
    cohort = datasets.load("ptb_xl", tmp_path / "r", tmp_path / "data")
    assert cohort.inputs.shape == (20, 1000, 12)


def test_a_changed_header_prepares_anew(tmp_path):
    root = mini(tmp_path / "r", [{} for _ in range(20)])
    first = np.array(datasets.load("ptb_xl", root, tmp_path / "data").inputs[0])
    header = root / "records100/00000/00001_lr.hea"
    header.write_text(header.read_text().replace("1000.0(0)/mV", "500.0(0)/mV"))
    again = datasets.load("ptb_xl", root, tmp_path / "data").inputs[0]
    np.testing.assert_array_equal(again, 2 * first)


def test_without_a_root_the_publisher_is_named():
    with pytest.raises(InputError, match=r"physionet\.org/content/ptb-xl/1\.0\.3.*ROOT="):
        datasets.load("ptb_xl")


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"rate": 250}, "option rate of cohort 'ptb_xl' is 250; expected one of 100, 500"),
        (
            {"rules": "mine"},
            "option rules of cohort 'ptb_xl' is 'mine'; expected one of 'default', 'paper'",
        ),
        ({"rates": 100}, "did you mean 'rate'"),
    ],
)
def test_a_wrong_option_is_named(release, tmp_path, options, match):
    with pytest.raises(InputError, match=match):
        datasets.load("ptb_xl", release, tmp_path, **options)


# --- damaged releases ---

LINE = 12  # the row that is damaged


def row(**values):
    """Give row LINE of the table other values."""
    return quick.row(TABLE, LINE, **values)


def record(root, suffix):
    """The header or signal file of row LINE."""
    return root / (rows_of(root / TABLE)[LINE - 2]["filename_lr"] + suffix)


def header(change):
    def damage(root):
        path = record(root, ".hea")
        path.write_text(change(path.read_text(), path.stem))

    return damage


def signal(change):
    def damage(root):
        path = record(root, ".dat")
        path.write_bytes(change(path.read_bytes()))

    return damage


def statements(change):
    return quick.text("scp_statements.csv", lambda stored: change(stored.decode()).encode())


def straddle(root):
    rows = rows_of(root / TABLE)
    test = next(row for row in rows if row["strat_fold"] == "10")
    row(patient_id=test["patient_id"], strat_fold="3")(root)


DAMAGE = {
    "sex 2": (row(sex="2"), rf"{TABLE}: row 12, column 'sex': '2'; expected one of '0', '1'"),
    "fold 11": (row(strat_fold="11"), r"row 12, column 'strat_fold': '11'; expected one of '1'"),
    "age between": (
        row(age="140.0"),
        r"row 12, column 'age': '140.0'; expected at most 120 years, or 300",
    ),
    "age in words": (
        row(age="old"),
        r"row 12, column 'age': 'old'; expected a number from 0 to 300",
    ),
    "patient NaN": (
        row(patient_id="nan"),
        r"row 12, column 'patient_id': 'nan'; expected a whole number",
    ),
    "patient in half": (row(patient_id="15709.5"), r"row 12, column 'patient_id': '15709.5'"),
    "duplicate ecg_id": (
        row(ecg_id=lambda rows: rows[0]["ecg_id"]),
        r"row 12, column 'ecg_id': '\d+'; this ecg_id is in the table already",
    ),
    "codes a list": (
        row(scp_codes="['NORM', 'SR']"),
        r"row 12, column 'scp_codes': .*; expected a dict such as",
    ),
    "codes a call": (
        row(scp_codes="{'NORM': __import__('os').getcwd()}"),
        r"row 12, column 'scp_codes': .*expected a dict",
    ),
    "codes unclosed": (
        row(scp_codes="{'NORM': 100.0"),
        r"row 12, column 'scp_codes': .*expected a dict",
    ),
    "codes NaN": (row(scp_codes="{'NORM': nan}"), r"row 12, column 'scp_codes': .*expected a dict"),
    "codes huge": (
        row(scp_codes="{" + "'NORM': 100.0, " * 900 + "}"),
        r"row 12, column 'scp_codes': .*more than 2,000 characters",
    ),
    "a field of a million": (
        row(report="x" * 1_000_000, scp_codes="y" * 1_000_000),
        r"row 12, column 'scp_codes': 'y{40}'; a field of more than 100,000 characters",
    ),
    "unknown code": (
        row(scp_codes="{'NORMAL': 100.0}"),
        r"row 12, column 'scp_codes': .*'NORMAL' is not in scp_statements.csv",
    ),
    "path out": (
        row(filename_lr="../00012_lr"),
        r"row 12, column 'filename_lr': '../00012_lr'; expected a path inside the release",
    ),
    "path absolute": (
        row(filename_lr="/etc/passwd"),
        r"row 12, column 'filename_lr': '/etc/passwd'; expected a path inside",
    ),
    "path an address": (
        row(filename_lr="s3://bucket/00012_lr"),
        r"row 12, column 'filename_lr': 's3://bucket/00012_lr'; expected a path inside",
    ),
    "another's file": (
        row(filename_lr=lambda rows: rows[0]["filename_lr"]),
        r"row 12, column 'filename_lr': .*the file's number is not the row's ecg_id",
    ),
    "patient in both splits": (
        straddle,
        r"row 12, column 'patient_id': .*has records in fold 10, the test set, and in another fold",
    ),
    "signal missing": (
        lambda root: record(root, ".dat").unlink(),
        rf"{TABLE}: row 12: .*_lr.dat does not exist",
    ),
    "header missing": (
        lambda root: record(root, ".hea").unlink(),
        rf"{TABLE}: row 12: .*_lr.hea does not exist",
    ),
    "signal cut short": (
        signal(lambda stored: stored[:9_001]),
        r"_lr.dat \(ptbxl_database.csv: row 12\): holds 9,001 bytes "
        "where its header says 1,000 samples",
    ),
    "signal too long": (
        signal(lambda stored: stored * 2),
        r"_lr.dat \(ptbxl_database.csv: row 12\): holds 48,000 bytes",
    ),
    "a flipped bit": (
        signal(lambda stored: stored[:500] + bytes([stored[500] ^ 4]) + stored[501:]),
        r"row 12\): its samples do not add up to the checksums in \d+_lr.hea",
    ),
    "header longer than its signal": (
        header(lambda text, name: text.replace("12 100 1000", "12 100 2000")),
        r"row 12\): \d+_lr.hea has length 2000; expected 1000",
    ),
    "header of a year": (
        header(lambda text, name: text.replace("12 100 1000", "12 100 3000000000")),
        r"row 12\): \d+_lr.hea has length 3000000000; expected 1000",
    ),
    "header at another rate": (
        header(lambda text, name: text.replace("12 100 1000", "12 250 1000")),
        r"row 12\): \d+_lr.hea has sampling rate 250; expected 100",
    ),
    "header names another file": (
        header(lambda text, name: text.replace(f"{name}.dat", "../other.dat")),
        r"row 12\): \d+_lr.hea names the signal file '../other.dat'",
    ),
    "header names an address": (
        header(lambda text, name: text.replace(f"{name}.dat", "https://example.org/a.dat", 1)),
        r"row 12\): .*names the signal file 'https://example.org/a.dat'",
    ),
    "eleven leads": (
        header(
            lambda text, name: (
                "\n".join(text.replace(" 12 100", " 11 100").splitlines()[:-1]) + "\n"
            )
        ),
        r"row 12\): \d+_lr.hea describes 11 signals",
    ),
    "leads swapped": (
        header(
            lambda text, name: (
                text.replace(" 0 I\n", " 0 X\n")
                .replace(" 0 II\n", " 0 I\n")
                .replace(" 0 X\n", " 0 II\n")
            )
        ),
        r"row 12\): \d+_lr.hea has leads II, I, III, .*; expected I, II, III",
    ),
    "other units": (
        header(lambda text, name: text.replace("(0)/mV", "(0)/V")),
        r"row 12\): \d+_lr.hea has units V; expected mV",
    ),
    "another format": (
        header(lambda text, name: text.replace(".dat 16 ", ".dat 212 ")),
        r"row 12\): \d+_lr.hea has format 212; expected 16",
    ),
    "many segments": (
        header(lambda text, name: text.replace(f"{name} 12", f"{name}/3 12", 1)),
        r"row 12\): \d+_lr.hea describes 12 signals, or another record",
    ),
    "header not text": (
        header(lambda text, name: "\u00e9" * 40),
        r"row 12\): \d+_lr.hea is not a header",
    ),
    "gain nought": (
        header(lambda text, name: text.replace("1000.0(0)/mV", "0.0(0)/mV")),
        r"row 12\): \d+_lr.hea has a gain of '0.0\(0\)/mV'",
    ),
    "signal a link out": (
        lambda root: link_out(record(root, ".dat"), root.parent / "elsewhere.dat"),
        r"row 12\): .*leads out of the root",
    ),
    "header a link out": (
        lambda root: link_out(record(root, ".hea"), root.parent / "elsewhere.hea"),
        r"row 12\): .*leads out of the root",
    ),
    "statements empty": (statements(lambda text: ""), r"scp_statements.csv: empty"),
    "statements twice": (
        statements(lambda text: text + text.splitlines()[1] + "\n"),
        r"scp_statements.csv: row \d+, column '': .*in the table already",
    ),
    "statements without class": (
        statements(lambda text: text.replace("diagnostic_class", "klasse")),
        r"scp_statements.csv: lacks the column 'diagnostic_class'",
    ),
    "class unknown": (
        statements(lambda text: text.replace(",MI,", ",HEART,", 1)),
        r"scp_statements.csv: row 3, column 'diagnostic_class': 'HEART'",
    ),
    "table missing": (
        lambda root: (root / TABLE).unlink(),
        r"holds no ptbxl_database.csv or ptbxl_database.csv.gz",
    ),
    "table in another coding": (
        lambda root: (root / TABLE).write_bytes(
            (root / TABLE).read_bytes().replace(b"'NORM'", b"'N\xd6RM'", 1)
        ),
        rf"{TABLE}: row \d+ is not UTF-8",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_release_is_refused_in_one_line(
    damage, slim, data, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(
        "socket.socket.connect", lambda *address: pytest.fail("the network was asked")
    )
    refused("ptb_xl", slim, data, DAMAGE[damage][0], DAMAGE[damage][1], tmp_path, capsys)


def test_a_gz_cut_short_is_refused(slim, data, tmp_path, capsys):
    def damage(root):
        (root / f"{TABLE}.gz").write_bytes(gzip.compress((root / TABLE).read_bytes())[:-200])
        (root / TABLE).unlink()

    refused("ptb_xl", slim, data, damage, rf"{TABLE}.gz: damaged or cut short", tmp_path, capsys)


# --- the real files ---


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    folder = SHARED / "ptb-xl"
    if not folder.is_dir():
        pytest.skip(f"the real records are not at {folder}")
    root = tmp_path_factory.mktemp("real")
    for name in ("ptbxl_database.csv.gz", "scp_statements.csv"):
        shutil.copy(folder / name, root)
    for name in ("records100.tar.xz", "records500.tar.xz"):
        with tarfile.open(folder / name) as archive:
            archive.extractall(root, filter="data")
    return root


@pytest.mark.slow
def test_the_real_records(real, tmp_path):
    cohort = datasets.load("ptb_xl", real, tmp_path)
    pool, test = twin(real, f"{TABLE}.gz")
    agree(cohort, pool)
    agree(cohort.test, test)
    assert len(pool) + len(test) == 488
    assert len({row["patient"] for row in pool + test}) == 459
    assert len(test) == 66
    assert len(cohort.records["patient_id"].unique()) == 400
    assert any("12 records dropped: duplicate recordings" in note for note in cohort.notes)
    assert "age: missing for fewer than 10 records" in cohort.notes
    for part, rows in ((cohort, pool), (cohort.test, test)):
        for index in range(0, len(rows), 37):
            np.testing.assert_array_equal(
                part.inputs[index], np.fromfile(rows[index]["dat"], "<i2").reshape(1000, 12)
            )
    by_id = {row["id"]: index for index, row in enumerate(pool)}
    # by hand from the table: NORM + LVOLT + SR, female, 56;
    # IMI + LVH + ISC_ + IVCD, male, 67, at fold 8
    assert cohort.labels[by_id[1]].tolist() == [1, 0, 0, 0, 0]
    assert cohort.records.loc[by_id[1], ["patient_id", "sex", "age"]].tolist() == [
        "15709",
        "Female",
        "40-59",
    ]
    assert cohort.labels[by_id[500]].tolist() == [0, 1, 1, 1, 1]
    assert cohort.records.loc[by_id[500], ["patient_id", "sex", "age"]].tolist() == [
        "1168",
        "Male",
        "60-79",
    ]
    assert cohort.inputs[by_id[1], 0].tolist() == [
        -119,
        -55,
        64,
        86,
        -91,
        4,
        -69,
        -31,
        0,
        -26,
        -39,
        -79,
    ]  # as its header says
    values = cohort.inputs[:].astype(np.float32) * cohort.scale
    assert 0.8 < values.std() < 1.2


@pytest.mark.slow
def test_the_real_duplicates_are_one_recording_of_two_patients(real, tmp_path):
    cohort = datasets.load("ptb_xl", real, tmp_path, rules="paper")
    pool, test = twin(real, f"{TABLE}.gz", drop=())
    agree(cohort, pool)
    agree(cohort.test, test)
    assert len(pool) + len(test) == 500
    assert len({row["patient"] for row in pool + test}) == 466
    where = {
        row["id"]: (part, index, row["patient"])
        for part, rows in ((cohort, pool), (cohort.test, test))
        for index, row in enumerate(rows)
    }
    one, other = (
        where[number][0].inputs[where[number][1]].astype(float).ravel() for number in (145, 463)
    )
    assert np.corrcoef(one, other)[0, 1] > 0.9999
    assert where[145][2] != where[463][2]
    one, other = (where[number][0].inputs[where[number][1]] for number in (456, 457))
    assert (one == other).all()
    # 145 and 463 lie in one fold; of one patient, copies do no harm and are not said
    (note,) = [note for note in cohort.notes if note.startswith("duplicates")]
    assert "fewer than 10 records of fewer than 10 patients are nearly identical signals" in note


def test_the_real_500_hz_records(real, tmp_path):
    with pytest.raises(
        InputError,
        match=r"row 52: .*records500/00000/00051_hr.hea does not exist \(438 such rows\)",
    ):
        read(real, rate=500)
    root = tmp_path / "cut"
    shutil.copytree(real, root, ignore=shutil.ignore_patterns("records100", "*.gz"))
    with gzip.open(real / f"{TABLE}.gz", "rt", encoding="utf-8") as file:
        (root / TABLE).write_text("".join(file.readlines()[:51]))
    cohort = datasets.load("ptb_xl", root, tmp_path / "data", rate=500)
    pool, _ = twin(root, column="filename_hr")
    assert cohort.inputs.shape == (len(pool), 5000, 12)
    agree(cohort, pool)
    np.testing.assert_array_equal(
        cohort.inputs[7], np.fromfile(pool[7]["dat"], "<i2").reshape(5000, 12)
    )
