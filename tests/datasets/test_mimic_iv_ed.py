"""MIMIC-IV-ED: the 64 features against plain loops, simulated and real; damaged releases."""

import csv
import gzip
import hashlib
import io
import os
import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcall import datasets, rehearse
from rollcall.datasets import mimic_iv_ed
from rollcall.datasets.parts.common import count_text
from rollcall.datasets.release_tables.emergency import FEATURES, build_master_table, count_within
from rollcall.util.errors import InputError
from tests.conftest import SHARED
from tests.datasets.damaged import refused
from tests.datasets.quick import write_rows
from tests.oracles import emergency as naive_ed

ED, HOSP, ICU = "mimic-iv-ed/2.2/ed", "mimiciv/2.2/hosp", "mimiciv/2.2/icu"


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return rehearse.write("mimic_iv_ed", tmp_path_factory.mktemp("release") / "root", 60, seed=2)


@pytest.fixture(scope="module")
def prepared(release, tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    return data, datasets.load("mimic_iv_ed", release, data)


@pytest.fixture(scope="module")
def demo():
    if not (SHARED / "mimic-iv-ed-demo").is_dir():
        pytest.skip(f"the MIMIC-IV-ED demo is not at {SHARED}")
    return SHARED


def agrees(files):
    """The master table equals the naive one in all 64 features of every visit; returns both.

    By the published rules, and then by the default's.
    """
    _agree(build_master_table(files, paper=True), naive_ed.table(files))
    table = build_master_table(files)
    return _agree(table, naive_ed.table(files, naive_ed.cleaned_by_default))


def _agree(table, truth):
    assert list(table["stay_id"]) == list(truth)
    for name in FEATURES:
        expected = np.array(
            [np.nan if row[name] is None else row[name] for row in truth.values()], float
        )
        assert np.allclose(table[name], expected, rtol=0, atol=1e-9, equal_nan=True), name
    assert table["outcome_hospitalization"].tolist() == [
        row["hospitalised"] for row in truth.values()
    ]
    return table, truth


def test_there_are_64_features_in_the_benchmarks_order():
    assert len(FEATURES) == len(set(FEATURES)) == 64
    assert FEATURES[:5] == ("age", "gender_binarized", "n_ed_30d", "n_ed_90d", "n_ed_365d")
    assert FEATURES[11] == "triage_temperature"
    assert FEATURES[29] == "cci_MI"
    assert FEATURES[45] == "cci_HIV"
    assert FEATURES[46] == "eci_Arrhythmia"
    assert FEATURES[-1] == "eci_Depression"


def test_the_simulated_table_is_what_loops_make(release):
    table, _ = agrees(mimic_iv_ed.locate(release, None))
    assert (
        0 < len(table) < len(naive_ed.rows(release / ED / "edstays.csv.gz"))
    )  # minors and visits without acuity are left out
    for name in (
        "n_ed_365d",
        "n_hosp_365d",
        "n_icu_365d",
        "cci_DM1",
        "eci_Depression",
        "chiefcom_cough",
    ):
        assert table[name].sum() > 0, name
    assert table["triage_temperature"].between(26, 45).sum() + table[
        "triage_temperature"
    ].isna().sum() == len(table)


def test_the_demo_table_is_what_loops_make(demo):
    """All stays of the open demo, 64 features each."""
    table, _ = agrees(mimic_iv_ed.locate(demo, None))
    assert len(table) == 207
    assert table["subject_id"].nunique() <= 64
    assert table["n_medrecon"].sum() > 0
    assert table["n_med"].sum() > 0
    assert table["ed_heartrate_last"].notna().any()
    assert (table["ed_los"] > 0).all()
    assert table["outcome_hospitalization"].sum() <= 172


# row of the table: sha256 of its 64 features to two places, read off the raw csv rows and checked
# by eye on 24 November 2026
BY_HAND = {
    4: "f71e21b26e5b8d90",
    11: "1d64f65bb78f0cad",
    58: "6f9e3f6f5c932574",
    94: "622ca07cc340de40",
    104: "c0bb3cd6fbe32f2e",
    128: "1713179e2948f8a6",
    132: "8c3e559d61a78823",
    160: "439c00c3fb71f4df",
    162: "77704f1de5f31bf7",
    201: "c2f059072b937a72",
}


@pytest.mark.parametrize("row", BY_HAND)
def test_ten_stays_of_the_demo_were_checked_by_hand(demo, row):
    """The values themselves stay out of the repository; a change in any of the 64 shows."""
    values = build_master_table(mimic_iv_ed.locate(demo, None))[list(FEATURES)].iloc[row]
    assert (
        hashlib.sha256(" ".join(f"{value:.2f}" for value in values).encode()).hexdigest()[:16]
        == BY_HAND[row]
    )


@pytest.mark.slow
def test_last_signs_and_medicines(demo):
    files = mimic_iv_ed.locate(demo, None)
    table = build_master_table(files)
    signs, recon, dispensed = (
        naive_ed.rows(files[name]) for name in ("vitalsign", "medrecon", "pyxis")
    )
    for _, row in table.iterrows():
        for sign in ("temperature", "heartrate", "pain"):
            values = [
                (naive_ed.when(r["charttime"]), index, naive_ed.cleaned_by_default(sign, r[sign]))
                for index, r in enumerate(signs)
                if r["stay_id"] == row["stay_id"]
            ]
            own_signs = sorted(value for value in values if value[2] is not None)
            assert (
                row[f"ed_{sign}_last"] == own_signs[-1][2]
                if own_signs
                else np.isnan(row[f"ed_{sign}_last"])
            )
        assert row["n_medrecon"] == len(
            {r["name"] for r in recon if r["stay_id"] == row["stay_id"]}
        )
        assert row["n_med"] == len(
            {r["med_rn"] for r in dispensed if r["stay_id"] == row["stay_id"]}
        )


def test_the_demo_is_open_and_loads(demo, tmp_path):
    cohort = datasets.load("mimic_iv_ed", demo, tmp_path)
    assert not cohort.restricted
    assert "ODbL" in cohort.source
    assert not cohort.simulated
    assert cohort.inputs.shape == (len(cohort), 64)
    assert cohort.inputs.dtype == np.float32
    assert len(cohort) + len(cohort.test) == 207
    assert not set(cohort.patients) & set(cohort.test.patients)
    assert any("418,007" in note for note in cohort.notes)


def test_default_and_paper(release, prepared, tmp_path):
    _, cohort = prepared
    files = mimic_iv_ed.locate(release, None)
    table = build_master_table(files)
    paper = mimic_iv_ed.read(files, release, rules="paper")
    assert cohort.restricted
    assert cohort.simulated
    assert cohort.features == FEATURES
    assert cohort.task == "binary"
    whole = table.set_index("stay_id")
    raw = np.concatenate([paper.inputs, paper.test.inputs])
    assert paper.test_shares_patients
    assert set(paper.patients) & set(paper.test.patients)
    assert sorted(raw[:, 0].tolist()) == sorted(whole["age"].tolist())  # years, not z-scores
    assert len(paper.test) == -(-len(table) // 5)
    assert not set(cohort.patients) & set(cohort.test.patients)
    assert len(cohort.test.patients) == -(-table["subject_id"].nunique() // 5)
    pool = np.asarray(cohort.inputs, float)
    flags = mimic_iv_ed.FLAGS
    varying = [index for index in range(64) if index not in flags and pool[:, index].std() > 0]
    assert np.allclose(pool[:, varying].mean(0), 0, atol=1e-5)
    assert np.allclose(pool[:, varying].std(0), 1, atol=1e-4)
    assert set(np.unique(pool[:, flags])) <= {0, 1}
    assert set(paper.records["insurance"].dropna().unique()) == {
        "Medicare",
        "Medicaid",
    }
    assert "Other" in set(cohort.records["insurance"].dropna())
    assert set(paper.records["race"].dropna().unique()) <= {"Asian", "Black", "White"}


def test_missing_vital_signs_become_the_median_of_the_pool(release):
    files = mimic_iv_ed.locate(release, None)
    table, paper = (
        build_master_table(files).reset_index(drop=True),
        mimic_iv_ed.read(files, release, rules="paper"),
    )
    held_out = mimic_iv_ed.held_out_fifth(table["stay_id"])
    index = FEATURES.index("triage_heartrate")
    missing = table["triage_heartrate"].isna()
    assert missing[~held_out].any()
    assert (
        paper.inputs[missing[~held_out].to_numpy(), index]
        == np.float32(table["triage_heartrate"][~held_out].median())
    ).all()


def test_attributes(release, prepared):
    truth = {row["stay_id"]: row for row in naive_ed.rows(release / ED / "edstays.csv.gz")}
    paid = {
        row["hadm_id"]: row["insurance"]
        for row in naive_ed.rows(release / HOSP / "admissions.csv.gz")
    }
    files = mimic_iv_ed.locate(release, None)
    table = build_master_table(files)
    records = mimic_iv_ed._make_records(table, paper=False)
    races = {
        "WHITE": "White",
        "WHITE - RUSSIAN": "White",
        "BLACK/AFRICAN AMERICAN": "Black",
        "ASIAN - CHINESE": "Asian",
        "OTHER": "Other",
        "HISPANIC/LATINO - PUERTO RICAN": "Hispanic",
        "UNKNOWN": None,
        "UNABLE TO OBTAIN": None,
    }
    for stay, (_, row) in zip(table["stay_id"], records.iterrows(), strict=True):
        assert row["patient_id"] == truth[stay]["subject_id"]
        assert row["sex"] == {"F": "Female", "M": "Male"}[truth[stay]["gender"]]
        for value, expected in (
            (row["race"], races[truth[stay]["race"]]),
            (row["insurance"], paid.get(truth[stay]["hadm_id"])),
        ):
            assert pd.isna(value) if expected is None else value == expected
        stayed = bool(truth[stay]["hadm_id"])
        assert row["hospitalised"] == ("yes" if stayed else "no")
        assert row["label"] == ("hospitalised" if stayed else "not hospitalised")


# Written by hand: subject 1 has the borders of every window, subject 2 the release's quirks.
MINI = {
    "ed/edstays.csv": "subject_id,hadm_id,stay_id,intime,outtime,gender,race,"
    """arrival_transport,disposition
1,,10,2150-06-30 12:00:00,2150-06-30 14:00:00,M,WHITE,WALK IN,HOME
1,,11,2150-07-30 12:00:00,2150-07-30 14:00:00,M,WHITE,WALK IN,HOME
1,50.0,12,2150-07-30 12:00:01,2150-07-30 15:00:01,M,WHITE,WALK IN,ADMITTED
1,,13,2150-07-30 12:00:01,2150-07-30 13:00:01,M,WHITE,WALK IN,HOME
2,,20,2151-01-01 00:00:00,2151-01-01 06:00:00,F,OTHER,WALK IN,HOME
2,,21,2152-01-01 00:00:00,2152-01-01 06:00:00,F,OTHER,WALK IN,HOME
3,,30,2150-01-01 00:00:00,2150-01-01 06:00:00,F,OTHER,WALK IN,HOME
""",
    "ed/triage.csv": "subject_id,stay_id,temperature,heartrate,resprate,o2sat,sbp,dbp,pain,"
    """acuity,chiefcomplaint
1,10,36.5,391,331,151,376,879,13,3,"Chest pain, N/V"
1,11,98.6,390,330,150,375,375,unable,2.0,"s/p ""fall"", ABD PAIN"
1,12,116.7,0,0,0,0,0,0,1,SOB
1,13,-98.6,,,,,-1,10,5,presyncope
2,20,77,80,18,98,120,80,UA,,Dizziness
2,21,77,80,18,98,120,80,5,4,Lightheadedness
3,30,98.6,80,18,98,120,80,5,4,Fever
""",
    "hosp/patients.csv": """subject_id,gender,anchor_age,anchor_year,anchor_year_group,dod
1,M,91,2150,2011 - 2013,
2,F,40,2151,2011 - 2013,
3,F,17,2150,2011 - 2013,
""",
    "hosp/admissions.csv": """subject_id,hadm_id,admittime,dischtime,insurance,hospital_expire_flag
1,50,2150-07-30 15:00:00,2150-08-02 12:00:00,Medicare,1
1,51,2145-09-10 12:00:00,2145-09-14 12:00:00,Other,0
1,52,2145-09-10 12:00:00,2145-09-14 12:00:01,Other,0
1,53,2150-07-30 12:00:00,2150-07-30 12:00:00,Other,0
1,54,2150-01-01 00:00:00,,Other,0
2,60,2150-12-31 23:59:59,2150-12-31 23:59:59,,0
""",
    "hosp/diagnoses_icd.csv": """subject_id,hadm_id,seq_num,icd_code,icd_version
1,50,1,C7951,10
1,51,1,4280   ,9
1,52,1,E6601,10
1,53,1,41071,9
1,54,1,042,9
2,60,1,i10,10
2,60,2,2724,9
""",
    "icu/icustays.csv": "subject_id,hadm_id,stay_id,intime\n"
    "1,50,90,2150-07-31 03:00:01\n1,53,91,2150-07-30 12:00:00\n",
}


def mini(root, **changed):
    for name, text in (MINI | changed).items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    return mimic_iv_ed.locate(root, None)


def test_borders_and_quirks_by_hand(tmp_path):
    table = build_master_table(mini(tmp_path), paper=True).set_index("stay_id")
    assert list(table.index) == ["10", "11", "12", "13", "21"]
    assert table.attrs["left out"] == {"under 18 years": 1, "no acuity": 1}
    assert table["age"].tolist() == [91, 91, 91, 91, 41]  # 91 stands for everybody over 89
    # 10 lies 30 days before 11 to the second, and so counts; for 12 and 13 it is a second too far;
    # 12 and 13 are at the same moment, and do not count
    assert table["n_ed_30d"].tolist() == [0, 1, 1, 1, 0]
    assert table["n_ed_90d"].tolist() == [0, 1, 2, 2, 0]
    assert table["n_ed_365d"].tolist() == [0, 1, 2, 2, 1]
    assert table["n_hosp_30d"].tolist() == [0, 0, 1, 1, 0]
    assert table["n_icu_30d"].tolist() == [
        0,
        0,
        1,
        1,
        0,
    ]
    assert table["n_hosp_365d"].tolist() == [1, 1, 2, 2, 0]  # 366 days since subject 2 was admitted
    # 51 ended 1,780 days before 11 to the second; 53 at that moment, a second before 12 and 13;
    # 54 has not ended; 50 ends later
    assert (np.datetime64("2150-07-30") - np.datetime64("2145-09-14")).astype(int) == 1_780
    assert table["cci_CHF"].tolist() == [1, 1, 0, 0, 0]
    assert table["eci_Obesity"].tolist() == [
        1,
        1,
        1,
        1,
        0,
    ]
    assert table["cci_MI"].tolist() == [0, 0, 1, 1, 0]
    assert table[["cci_HIV", "cci_Cancer2"]].to_numpy().sum() == 0
    assert table["eci_HTN1"].tolist() == [0, 0, 0, 0, 1]
    signs = {
        "temperature": [np.nan, 37, np.nan, np.nan, 26],
        "heartrate": [np.nan, 350, 0, np.nan, 80],
        "resprate": [np.nan, 300, 0, np.nan, 18],
        "o2sat": [np.nan, 100, 0, np.nan, 98],
        "sbp": [np.nan, 375, 0, np.nan, 120],
        "dbp": [np.nan, 375, 0, np.nan, 80],
        "pain": [np.nan, np.nan, 0, 10, 5],
        "acuity": [3, 2, 1, 5, 4],
    }
    for sign, expected in signs.items():
        assert np.allclose(table[f"triage_{sign}"], expected, equal_nan=True), sign
    complaints = {
        "chest_pain": [1, 0, 0, 0, 0],
        "abdominal_pain": [0, 1, 0, 0, 0],
        "nausea_vomiting": [0, 0, 0, 0, 0],
        "syncope": [0, 0, 0, 1, 0],
        "headache": [0, 0, 0, 0, 1],
        "shortness_of_breath": [0, 0, 0, 0, 0],
    }
    for name, expected in complaints.items():
        assert table[f"chiefcom_{name}"].tolist() == expected, name
    assert table.loc[
        "12",
        [
            "insurance",
            "outcome_hospitalization",
            "outcome_inhospital_mortality",
            "outcome_icu_transfer_12h",
        ],
    ].tolist() == ["Medicare", True, True, True]
    assert (table.drop("12")["insurance"] == "").all()
    assert not table.drop("12")["outcome_critical"].any()
    assert table["ed_los"].tolist() == [2, 2, 3, 1, 6]


@pytest.mark.parametrize(
    "moment",
    [
        "2150-06-30T12:00:00+05:00",
        "2150-06-30T12:00:00Z",
        "2150-06",
        "12:00",
        "2150-13-30 12:00:00",
    ],
)
def test_a_time_of_another_form_is_named(tmp_path, moment):
    files = mini(
        tmp_path,
        **{"ed/edstays.csv": MINI["ed/edstays.csv"].replace("2150-06-30 12:00:00", moment)},
    )
    with pytest.raises(InputError, match=r"edstays.csv: row 2, column 'intime'.*expected a time"):
        build_master_table(files)


def test_what_is_left_out_is_counted(release, prepared):
    stays, notes = naive_ed.rows(release / ED / "edstays.csv.gz"), "\n".join(prepared[1].notes)
    acuity = {
        row["stay_id"]: row["acuity"] for row in naive_ed.rows(release / ED / "triage.csv.gz")
    }
    born = {
        row["subject_id"]: int(row["anchor_year"]) - int(row["anchor_age"])
        for row in naive_ed.rows(release / HOSP / "patients.csv.gz")
    }
    minors = [
        row["stay_id"] for row in stays if int(row["intime"][:4]) - born[row["subject_id"]] < 18
    ]
    unrated = [
        row["stay_id"]
        for row in stays
        if row["stay_id"] not in minors and not acuity[row["stay_id"]]
    ]
    for why, those in (("under 18 years", minors), ("no acuity", unrated)):
        assert (f"{count_text(len(those))} visits left out: {why}" in notes) == bool(those)
    assert unrated


def test_a_made_up_list_does_not_open_a_release(tmp_path):
    """A restricted release stays restricted whatever list of 100 subjects lies beside it."""
    root = rehearse.write("mimic_iv_ed", tmp_path / "root", 100, seed=3)
    subjects = sorted({row["subject_id"] for row in naive_ed.rows(root / HOSP / "patients.csv.gz")})
    assert len(subjects) == 100
    (root / "demo_subject_id.csv").write_text("subject_id\n" + "\n".join(subjects) + "\n")
    cohort = mimic_iv_ed.read(mimic_iv_ed.locate(root, None), root)
    assert cohort.restricted
    assert "Use Agreement" in cohort.source


def test_a_visit_that_ends_before_it_begins_is_kept_without_a_length(release, tmp_path):
    shutil.copytree(release, tmp_path / "root")
    edit(f"{ED}/edstays.csv.gz", put(2, outtime="1999-01-01 00:00:00"))(tmp_path / "root")
    before, after = (
        build_master_table(mimic_iv_ed.locate(release, None)),
        build_master_table(mimic_iv_ed.locate(tmp_path / "root", None)),
    )
    assert after[list(FEATURES)].equals(before[list(FEATURES)])
    stay = naive_ed.rows(release / ED / "edstays.csv.gz")[2]["stay_id"]
    assert np.isnan(after.set_index("stay_id")["ed_los"][stay])
    assert after["ed_los"].isna().sum() == 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40 * 86_400)), max_size=30),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40 * 86_400)), min_size=1, max_size=10),
    st.sampled_from([1, 7, 30]),
)
def test_counts_in_a_window(events, now, days):
    key = [10**12 * (subject + 1) + second for subject, second in events]
    counts = count_within(
        np.sort(np.array(key, np.int64)),
        np.array([10**12 * (subject + 1) + second for subject, second in now], np.int64),
        days,
    )
    for count, (subject, at) in zip(counts, now, strict=True):
        assert count == sum(
            who == subject and at - days * 86_400 <= second < at for who, second in events
        )


# --- damage ---


def edit(name, change):
    """Rewrite the rows of a table."""

    def damage(root):
        path = root / name
        rows = naive_ed.rows(path)
        rows = change(rows) or rows
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        path.write_bytes(gzip.compress(text.getvalue().encode()))

    return damage


def put(row, **values):
    return lambda rows: rows[row].update(values)


def without(column):
    return lambda rows: [
        {name: value for name, value in row.items() if name != column} for row in rows
    ]


def twice(row):
    return lambda rows: [*rows, rows[row]]


def latin(root):
    path = root / ED / "triage.csv.gz"
    path.write_bytes(
        gzip.compress(gzip.decompress(path.read_bytes()).replace(b"Syncope", b"Sync\xf3pe"))
    )


def link(root):
    os.replace(root / ED / "triage.csv.gz", root.parent / "elsewhere.csv.gz")
    os.symlink(root.parent / "elsewhere.csv.gz", root / ED / "triage.csv.gz")


DAMAGES = {
    "stay twice": (
        edit(f"{ED}/edstays.csv.gz", twice(3)),
        r"edstays.csv.gz: row \d+, column 'stay_id'.*in the table already",
    ),
    "triage of an unknown stay": (
        edit(f"{ED}/triage.csv.gz", put(4, stay_id="999")),
        r"triage.csv.gz: row 6, column 'stay_id': '999'; this stay is not in edstays",
    ),
    "triage of another subject": (
        edit(f"{ED}/triage.csv.gz", put(4, subject_id="5")),
        r"triage.csv.gz: row 6, column 'subject_id': '5'; another subject",
    ),
    "garbage time": (
        edit(f"{ED}/edstays.csv.gz", put(2, intime="yesterday")),
        r"edstays.csv.gz: row 4, column 'intime': 'yesterday'; expected a time",
    ),
    "unknown subject": (
        edit(f"{HOSP}/patients.csv.gz", lambda rows: rows[1:]),
        r"edstays.csv.gz: row \d+, column 'subject_id'.*not in patients.csv.gz",
    ),
    "admission twice": (
        edit(f"{HOSP}/admissions.csv.gz", twice(0)),
        r"admissions.csv.gz: row \d+, column 'hadm_id'.*in the table already",
    ),
    "ICD version 11": (
        edit(f"{HOSP}/diagnoses_icd.csv.gz", put(0, icd_version="11")),
        r"diagnoses_icd.csv.gz: row 2, column 'icd_version': '11'",
    ),
    "diagnosis of no admission": (
        edit(f"{HOSP}/diagnoses_icd.csv.gz", put(9, hadm_id="1")),
        r"diagnoses_icd.csv.gz: row 11, column 'hadm_id': '1'",
    ),
    "gender": (
        edit(f"{ED}/edstays.csv.gz", put(0, gender="X")),
        r"edstays.csv.gz: row 2, column 'gender': 'X'; expected one of 'M', 'F'",
    ),
    "acuity 6": (
        edit(f"{ED}/triage.csv.gz", put(0, acuity="6")),
        r"triage.csv.gz: row 2, column 'acuity': '6'",
    ),
    "temperature in words": (
        edit(f"{ED}/triage.csv.gz", put(7, temperature="hot")),
        r"triage.csv.gz: row 9, column 'temperature': 'hot'; expected a number or nothing",
    ),
    "anchor age": (
        edit(f"{HOSP}/patients.csv.gz", put(0, anchor_age="NaN")),
        r"patients.csv.gz: row 2, column 'anchor_age': 'NaN'; expected a number from 0 to 120",
    ),
    "a million characters": (
        edit(f"{ED}/triage.csv.gz", put(5, chiefcomplaint="a" * 1_000_000)),
        r"triage.csv.gz: row 7, column 'chiefcomplaint'.*more than 100,000",
    ),
    "missing column": (
        edit(f"{ED}/triage.csv.gz", without("o2sat")),
        r"triage.csv.gz: lacks the column 'o2sat'",
    ),
    "empty": (
        lambda root: (root / ED / "edstays.csv.gz").write_bytes(gzip.compress(b"")),
        r"edstays.csv.gz: empty",
    ),
    "cut short": (
        lambda root: (root / HOSP / "admissions.csv.gz").write_bytes(
            (root / HOSP / "admissions.csv.gz").read_bytes()[:-40]
        ),
        r"admissions.csv.gz: damaged or cut short",
    ),
    "Latin-1": (latin, r"triage.csv.gz: row \d+ is not UTF-8"),
    "gone": (lambda root: (root / ICU / "icustays.csv.gz").unlink(), r"holds no icu/icustays.csv"),
    "a link out of the root": (link, r"triage.csv.gz: leads out of the root"),
    "two releases": (
        lambda root: (
            (root / "other" / "2.0" / "ed").mkdir(parents=True),
            (root / "other" / "2.0" / "ed" / "edstays.csv").write_text("x\n"),
        ),
        r"holds ed/edstays.csv more than once",
    ),
    "nobody has an acuity": (
        edit(f"{ED}/triage.csv.gz", lambda rows: [row | {"acuity": ""} for row in rows]),
        r"no visit of an adult with an acuity",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_release_is_one_line(name, release, prepared, tmp_path, capsys):
    damage, match = DAMAGES[name]
    refused("mimic_iv_ed", release, prepared[0], damage, match, tmp_path, capsys)


def test_options_and_no_root(release):
    files = mimic_iv_ed.locate(release, None)
    with pytest.raises(ValueError, match=r"option rules .* expected one of 'default', 'paper'"):
        mimic_iv_ed.read(files, release, rules="papre")
    with pytest.raises(ValueError, match="PhysioNet grants access"):
        mimic_iv_ed.locate(None, None)
    assert replace(mimic_iv_ed.read(files, release)).unit == "patient"


ED_IDS = {
    f"{ED}/edstays.csv.gz": ("subject_id", "stay_id", "hadm_id"),
    f"{ED}/triage.csv.gz": ("subject_id", "stay_id"),
    f"{ED}/vitalsign.csv.gz": ("stay_id",),
    f"{ED}/medrecon.csv.gz": ("stay_id",),
    f"{ED}/pyxis.csv.gz": ("stay_id",),
    f"{HOSP}/patients.csv.gz": ("subject_id",),
    f"{HOSP}/admissions.csv.gz": ("subject_id", "hadm_id"),
    f"{HOSP}/diagnoses_icd.csv.gz": ("subject_id", "hadm_id"),
    f"{ICU}/icustays.csv.gz": ("subject_id", "hadm_id"),
}


def change_column(root, table, column, change):
    rows = naive_ed.rows(root / table)
    for row in rows:
        row[column] = change(row[column])
    write_rows(root / table, rows)


@pytest.mark.parametrize("change", [lambda text: text and f"{text}.0", lambda text: f" {text} "])
def test_ids_that_went_through_floats_or_have_spaces_join(release, tmp_path, change):
    root = tmp_path / "release"
    shutil.copytree(release, root)
    for table, columns in ED_IDS.items():
        for column in columns:
            change_column(root, table, column, change)
    loaded, expected = (
        build_master_table(mimic_iv_ed.locate(each, None)) for each in (root, release)
    )
    pd.testing.assert_frame_equal(loaded, expected)


@pytest.mark.parametrize(
    ("table", "column", "what"),
    [
        (f"{HOSP}/patients.csv.gz", "subject_id", "patient of edstays"),
        (f"{HOSP}/admissions.csv.gz", "hadm_id", "admission of edstays"),
        (f"{HOSP}/diagnoses_icd.csv.gz", "hadm_id", "admission of admissions"),
        (f"{ICU}/icustays.csv.gz", "hadm_id", "admission of hosp/"),
        (f"{ED}/triage.csv.gz", "stay_id", "visit of edstays"),
        (f"{ED}/vitalsign.csv.gz", "stay_id", "visit of edstays"),
        (f"{ED}/medrecon.csv.gz", "stay_id", "visit of edstays"),
        (f"{ED}/pyxis.csv.gz", "stay_id", "visit of edstays"),
    ],
)
def test_a_table_of_others_is_refused(release, tmp_path, table, column, what):
    root = tmp_path / "release"
    shutil.copytree(release, root)
    change_column(root, table, column, lambda text: text and str(int(text) + 5 * 10**7))
    with pytest.raises(InputError, match=rf"no row of it names a[n]? {what}"):
        build_master_table(mimic_iv_ed.locate(root, None))


def test_the_first_edition_is_named(release, tmp_path):
    """MIMIC-IV-ED 1.0 had neither gender nor race in edstays."""
    root = tmp_path / "release"
    shutil.copytree(release, root)
    rows = naive_ed.rows(root / ED / "edstays.csv.gz")
    kept = ("subject_id", "hadm_id", "stay_id", "intime", "outtime")
    write_rows(root / ED / "edstays.csv.gz", [{name: row[name] for name in kept} for row in rows])
    with pytest.raises(InputError, match=r"lacks the column 'gender'.*1\.0 has no.*take 2\.2"):
        build_master_table(mimic_iv_ed.locate(root, None))


def test_mixed_units_and_impossible_values_are_counted_in_the_notes(release, tmp_path):
    root = tmp_path / "release"
    shutil.copytree(release, root)
    path = root / ED / "triage.csv.gz"
    rows = naive_ed.rows(path)
    for number, row in enumerate(rows):
        row |= {"temperature": "37.2"} if number % 2 else {}
        odd = {"heartrate": "0", "o2sat": "120", "sbp": "11000", "pain": "10+"}
        row |= odd if number % 3 == 0 else {}
    write_rows(path, rows)
    notes = mimic_iv_ed.read(mimic_iv_ed.locate(root, None), root).notes
    for text in (
        "temperature at triage: .. visits in Celsius among Fahrenheit, taken as such",
        "heartrate at triage: .. visits with a value not from 1 to 300, taken as missing",
        "o2sat at triage: .. visits with a value not from 1 to 100, taken as missing",
        "sbp at triage: .. visits with a value not from 1 to 400, taken as missing",
        "pain at triage: .. visits with words in place of a number, taken as missing",
    ):
        assert any(re.fullmatch(text, note) for note in notes), notes
    paper = mimic_iv_ed.read(mimic_iv_ed.locate(root, None), root, rules="paper").notes
    assert any("o2sat at triage" in note and "published rule" in note for note in paper)
    assert not any("Celsius" in note for note in paper)
