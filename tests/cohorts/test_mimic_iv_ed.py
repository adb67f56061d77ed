"""MIMIC-IV-ED: the 64 features against plain loops, on the simulated release and on the open demo; damaged releases."""

import csv
import gzip
import hashlib
import io
import os
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib import cohorts, rehearse
from lib.cohorts import mimic_iv_ed as module
from lib.cohorts.ed_table import FEATURES, master_table, within
from tests.cohorts import naive_ed
from tests.cohorts.damaged import refused
from tests.conftest import SHARED

ED, HOSP, ICU = "mimic-iv-ed/2.2/ed", "mimiciv/2.2/hosp", "mimiciv/2.2/icu"


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return rehearse.write("mimic_iv_ed", tmp_path_factory.mktemp("release") / "root", 60, seed=2)


@pytest.fixture(scope="module")
def prepared(release, tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    return data, cohorts.load("mimic_iv_ed", release, data)


@pytest.fixture(scope="module")
def demo():
    if not (SHARED / "mimic-iv-ed-demo").is_dir():
        pytest.skip(f"the MIMIC-IV-ED demo is not at {SHARED}")
    return SHARED


def agrees(files):
    """The master table equals the naive one in all 64 features of every visit; returns both."""
    table, truth = master_table(files), naive_ed.table(files)
    assert list(table["stay_id"]) == list(truth)
    for name in FEATURES:
        expected = np.array([np.nan if row[name] is None else row[name] for row in truth.values()], float)
        assert np.allclose(table[name], expected, rtol=0, atol=1e-9, equal_nan=True), name
    assert table["outcome_hospitalization"].tolist() == [row["hospitalised"] for row in truth.values()]
    return table, truth


def test_there_are_64_features_in_the_benchmarks_order():
    assert len(FEATURES) == len(set(FEATURES)) == 64
    assert FEATURES[:5] == ("age", "gender_binarized", "n_ed_30d", "n_ed_90d", "n_ed_365d") and FEATURES[11] == "triage_temperature"
    assert FEATURES[29] == "cci_MI" and FEATURES[45] == "cci_HIV" and FEATURES[46] == "eci_Arrhythmia" and FEATURES[-1] == "eci_Depression"


def test_the_simulated_table_is_what_loops_make(release):
    table, truth = agrees(module.locate(release, None))
    assert 0 < len(table) < len(naive_ed.rows(release / ED / "edstays.csv.gz"))  # minors and visits without acuity are left out
    for name in ("n_ed_365d", "n_hosp_365d", "n_icu_365d", "cci_DM1", "eci_Depression", "chiefcom_cough"):
        assert table[name].sum() > 0, name
    assert table["triage_temperature"].between(26, 45).sum() + table["triage_temperature"].isna().sum() == len(table)


def test_the_demo_table_is_what_loops_make(demo):
    """All stays of the open demo, 64 features each."""
    table, _ = agrees(module.locate(demo, None))
    assert len(table) == 207 and table["subject_id"].nunique() <= 64
    assert table["n_medrecon"].sum() > 0 and table["n_med"].sum() > 0 and table["ed_heartrate_last"].notna().any()
    assert (table["ed_los"] > 0).all() and table["outcome_hospitalization"].sum() <= 172


BY_HAND = {4: "f71e21b26e5b8d90", 11: "1d64f65bb78f0cad", 58: "6f9e3f6f5c932574", 94: "622ca07cc340de40", 104: "c0bb3cd6fbe32f2e",
           128: "1713179e2948f8a6", 132: "8c3e559d61a78823", 160: "439c00c3fb71f4df", 162: "77704f1de5f31bf7", 201: "c2f059072b937a72"}  # row of the table: sha256 of its 64 features to two places, read off the raw csv rows and checked by eye on 24 November 2026


@pytest.mark.parametrize("row", BY_HAND)
def test_ten_stays_of_the_demo_were_checked_by_hand(demo, row):
    """The values themselves stay out of the repository; a change in any of the 64 shows."""
    values = master_table(module.locate(demo, None))[list(FEATURES)].iloc[row]
    assert hashlib.sha256(" ".join(f"{value:.2f}" for value in values).encode()).hexdigest()[:16] == BY_HAND[row]


def test_last_signs_and_medicines(demo):
    files = module.locate(demo, None)
    table = master_table(files)
    signs, recon, dispensed = (naive_ed.rows(files[name]) for name in ("vitalsign", "medrecon", "pyxis"))
    for _, row in table.iterrows():
        for sign in ("temperature", "heartrate", "pain"):
            own = sorted((naive_ed.when(r["charttime"]), place, naive_ed.cleaned(sign, r[sign])) for place, r in enumerate(signs)
                         if r["stay_id"] == row["stay_id"] and naive_ed.cleaned(sign, r[sign]) is not None)
            assert row[f"ed_{sign}_last"] == own[-1][2] if own else np.isnan(row[f"ed_{sign}_last"])
        assert row["n_medrecon"] == len({r["name"] for r in recon if r["stay_id"] == row["stay_id"]})
        assert row["n_med"] == len({r["med_rn"] for r in dispensed if r["stay_id"] == row["stay_id"]})


def test_the_demo_is_open_and_loads(demo, tmp_path):
    cohort = cohorts.load("mimic_iv_ed", demo, tmp_path)
    assert not cohort.restricted and "ODbL" in cohort.source and not cohort.simulated
    assert cohort.inputs.shape == (len(cohort), 64) and cohort.inputs.dtype == np.float32
    assert len(cohort) + len(cohort.test) == 207 and not set(cohort.patients) & set(cohort.test.patients)
    assert any("418,007" in note for note in cohort.notes)


def test_default_and_paper(release, prepared, tmp_path):
    _, cohort = prepared
    files = module.locate(release, None)
    table = master_table(files)
    paper = module.read(files, release, rules="paper")
    assert cohort.restricted and cohort.simulated and cohort.features == FEATURES and cohort.task == "binary"
    whole = table.set_index("stay_id")
    raw = np.concatenate([paper.inputs, paper.test.inputs])
    assert paper.straddles and set(paper.patients) & set(paper.test.patients)
    assert sorted(raw[:, 0].tolist()) == sorted(whole["age"].tolist())  # years, not z-scores
    assert len(paper.test) == -(-len(table) // 5)
    assert not set(cohort.patients) & set(cohort.test.patients) and len(cohort.test.patients) == -(-table["subject_id"].nunique() // 5)
    pool = np.asarray(cohort.inputs, float)
    flags = module.FLAGS
    varying = [place for place in range(64) if place not in flags and pool[:, place].std() > 0]
    assert np.allclose(pool[:, varying].mean(0), 0, atol=1e-5) and np.allclose(pool[:, varying].std(0), 1, atol=1e-4)
    assert set(np.unique(pool[:, flags])) <= {0, 1}
    assert set(paper.records["insurance"].dropna().unique()) == {"Medicare", "Medicaid"} and "Other" in set(cohort.records["insurance"].dropna())
    assert set(paper.records["race"].dropna().unique()) <= {"Asian", "Black", "White"}


def test_missing_vital_signs_become_the_median_of_the_pool(release):
    files = module.locate(release, None)
    table, paper = master_table(files).reset_index(drop=True), module.read(files, release, rules="paper")
    held_out = module.held_out_fifth(table["stay_id"])
    place = FEATURES.index("triage_heartrate")
    missing = table["triage_heartrate"].isna()
    assert missing[~held_out].any()
    assert (paper.inputs[missing[~held_out].to_numpy(), place] == np.float32(table["triage_heartrate"][~held_out].median())).all()


def test_attributes(release, prepared):
    truth = {row["stay_id"]: row for row in naive_ed.rows(release / ED / "edstays.csv.gz")}
    paid = {row["hadm_id"]: row["insurance"] for row in naive_ed.rows(release / HOSP / "admissions.csv.gz")}
    files = module.locate(release, None)
    table = master_table(files)
    records = module._records(table, paper=False)
    races = {"WHITE": "White", "WHITE - RUSSIAN": "White", "BLACK/AFRICAN AMERICAN": "Black", "ASIAN - CHINESE": "Asian", "OTHER": "Other",
             "HISPANIC/LATINO - PUERTO RICAN": "Hispanic", "UNKNOWN": None, "UNABLE TO OBTAIN": None}
    for stay, (_, row) in zip(table["stay_id"], records.iterrows()):
        assert row["patient_id"] == truth[stay]["subject_id"] and row["sex"] == {"F": "Female", "M": "Male"}[truth[stay]["gender"]]
        for value, expected in ((row["race"], races[truth[stay]["race"]]), (row["insurance"], paid.get(truth[stay]["hadm_id"]))):
            assert pd.isna(value) if expected is None else value == expected
        assert row["hospitalised"] == ("yes" if truth[stay]["hadm_id"] else "no") and row["label"] == ("hospitalised" if truth[stay]["hadm_id"] else "not hospitalised")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40 * 86_400)), max_size=30), st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40 * 86_400)), min_size=1, max_size=10),
       st.sampled_from([1, 7, 30]))
def test_counts_in_a_window(events, now, days):
    key = [10**12 * (subject + 1) + second for subject, second in events]
    found = within(np.sort(np.array(key, np.int64)), np.array([10**12 * (subject + 1) + second for subject, second in now], np.int64), days)
    for count, (subject, at) in zip(found, now):
        assert count == sum(who == subject and at - days * 86_400 <= second < at for who, second in events)


# --- damage -----------------------------------------------------------------------------------------------------------------------------

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
    return lambda rows: [{name: value for name, value in row.items() if name != column} for row in rows]


def twice(row):
    return lambda rows: [*rows, rows[row]]


def link(root):
    os.replace(root / ED / "triage.csv.gz", root.parent / "elsewhere.csv.gz")
    os.symlink(root.parent / "elsewhere.csv.gz", root / ED / "triage.csv.gz")


DAMAGES = {
    "stay twice": (edit(f"{ED}/edstays.csv.gz", twice(3)), r"edstays.csv.gz: row \d+, column 'stay_id'.*in the table already"),
    "triage of an unknown stay": (edit(f"{ED}/triage.csv.gz", put(4, stay_id="999")), r"triage.csv.gz: row 6, column 'stay_id': '999'; this stay is not in edstays"),
    "triage of another subject": (edit(f"{ED}/triage.csv.gz", put(4, subject_id="5")), r"triage.csv.gz: row 6, column 'subject_id': '5'; another subject"),
    "garbage time": (edit(f"{ED}/edstays.csv.gz", put(2, intime="yesterday")), r"edstays.csv.gz: row 4, column 'intime': 'yesterday'; expected a time"),
    "ends before it begins": (edit(f"{ED}/edstays.csv.gz", put(2, outtime="1999-01-01 00:00:00")), r"row 4, column 'outtime'.*ends before it begins"),
    "unknown subject": (edit(f"{HOSP}/patients.csv.gz", lambda rows: rows[1:]), r"edstays.csv.gz: row \d+, column 'subject_id'.*not in patients.csv.gz"),
    "admission twice": (edit(f"{HOSP}/admissions.csv.gz", twice(0)), r"admissions.csv.gz: row \d+, column 'hadm_id'.*in the table already"),
    "ICD version 11": (edit(f"{HOSP}/diagnoses_icd.csv.gz", put(0, icd_version="11")), r"diagnoses_icd.csv.gz: row 2, column 'icd_version': '11'"),
    "diagnosis of no admission": (edit(f"{HOSP}/diagnoses_icd.csv.gz", put(9, hadm_id="1")), r"diagnoses_icd.csv.gz: row 11, column 'hadm_id': '1'"),
    "gender": (edit(f"{ED}/edstays.csv.gz", put(0, gender="X")), r"edstays.csv.gz: row 2, column 'gender': 'X'; expected one of 'M', 'F'"),
    "acuity 6": (edit(f"{ED}/triage.csv.gz", put(0, acuity="6")), r"triage.csv.gz: row 2, column 'acuity': '6'"),
    "temperature in words": (edit(f"{ED}/triage.csv.gz", put(7, temperature="hot")), r"triage.csv.gz: row 9, column 'temperature': 'hot'; expected a number or nothing"),
    "anchor age": (edit(f"{HOSP}/patients.csv.gz", put(0, anchor_age="NaN")), r"patients.csv.gz: row 2, column 'anchor_age': 'NaN'; expected a number from 0 to 120"),
    "a million characters": (edit(f"{ED}/triage.csv.gz", put(5, chiefcomplaint="a" * 1_000_000)), r"triage.csv.gz: row 7, column 'chiefcomplaint'.*more than 100,000"),
    "missing column": (edit(f"{ED}/triage.csv.gz", without("o2sat")), r"triage.csv.gz: lacks the column 'o2sat'"),
    "empty": (lambda root: (root / ED / "edstays.csv.gz").write_bytes(gzip.compress(b"")), r"edstays.csv.gz: empty"),
    "cut short": (lambda root: (root / HOSP / "admissions.csv.gz").write_bytes((root / HOSP / "admissions.csv.gz").read_bytes()[:-40]), r"admissions.csv.gz: damaged or cut short"),
    "Latin-1": (lambda root: (root / ED / "triage.csv.gz").write_bytes(gzip.compress(gzip.decompress((root / ED / "triage.csv.gz").read_bytes()).replace(b"Syncope", b"Sync\xf3pe"))),
                r"triage.csv.gz: row \d+ is not UTF-8"),
    "gone": (lambda root: (root / ICU / "icustays.csv.gz").unlink(), r"holds no icu/icustays.csv"),
    "a link out of the root": (link, r"triage.csv.gz: leads out of the root"),
    "two releases": (lambda root: ((root / "other" / "2.0" / "ed").mkdir(parents=True), (root / "other" / "2.0" / "ed" / "edstays.csv").write_text("x\n")), r"holds ed/edstays.csv more than once"),
    "nobody has an acuity": (edit(f"{ED}/triage.csv.gz", lambda rows: [row | {"acuity": ""} for row in rows]), r"no visit of an adult with an acuity"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_release_is_one_line(name, release, prepared, tmp_path, capsys):
    damage, match = DAMAGES[name]
    refused("mimic_iv_ed", release, prepared[0], damage, match, tmp_path, capsys)


def test_options_and_no_root(release):
    files = module.locate(release, None)
    with pytest.raises(ValueError, match="option rules .* expected one of 'default', 'paper'"):
        module.read(files, release, rules="papre")
    with pytest.raises(ValueError, match="PhysioNet grants access"):
        module.locate(None, None)
    assert replace(module.read(files, release)).unit == "patient"
