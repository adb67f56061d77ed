import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from rollcall import datasets as cohorts
from rollcall.data.cohort import Cohort, validate
from rollcall.data.groups import patient_attributes
from rollcall.data.store import open_saved, save
from rollcall.util.errors import InputError


def cohort(**changes) -> Cohort:
    patients = np.repeat([f"p{i}" for i in range(20)], 2)
    given = {
        "name": "test",
        "records": pd.DataFrame(
            {"patient_id": patients, "sex": pd.Categorical(np.tile(["f", "m"], 20))}
        ),
        "inputs": np.arange(80, dtype=np.float32).reshape(40, 2),
        "labels": np.tile([0, 1], 20),
        "task": "binary",
        "classes": ("no", "yes"),
        "attributes": ("sex",),
        "features": ("age", "weight"),
    }
    return Cohort(**(given | changes))


def test_patients_are_in_order_of_first_appearance(tiny):
    assert tiny.patients[0] == tiny.records["patient_id"].iloc[0]
    assert (tiny.patients[tiny.patient_index] == tiny.records["patient_id"]).all()


def test_the_cache_gives_back_what_was_saved(tiny, tmp_path):
    save(tiny, tmp_path / "c")
    again = open_saved(tmp_path / "c")
    assert again.fingerprint == tiny.fingerprint
    assert (again.inputs == tiny.inputs).all()
    assert again.records.equals(tiny.records)
    assert again.attributes == tiny.attributes
    assert isinstance(again.inputs, np.memmap)
    assert not list(tmp_path.glob(".building*"))


@pytest.mark.parametrize("name", ["inputs.npy", "labels.npy", "records.parquet", "cohort.json"])
def test_a_damaged_cache_is_named(tiny, tmp_path, name):
    save(tiny, tmp_path / "c")
    path = tmp_path / "c" / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match="damaged.*delete this folder"):
        open_saved(tmp_path / "c")


def test_a_changed_cache_is_noticed(tiny, tmp_path):
    save(tiny, tmp_path / "c")
    labels = np.load(tmp_path / "c" / "labels.npy")
    labels[3] = (labels[3] + 1) % 3
    np.save(tmp_path / "c" / "labels.npy", labels)
    with pytest.raises(InputError, match="fingerprint"):
        open_saved(tmp_path / "c")


def test_the_fingerprint_sees_every_part(tiny):
    base = validate(cohort()).fingerprint
    inputs = np.arange(80, dtype=np.float32).reshape(40, 2)
    inputs[39, 1] += 1
    for changed in (
        cohort(inputs=inputs),
        cohort(labels=np.tile([1, 0], 20)),
        cohort(name="other"),
        cohort(classes=("no", "ja")),
    ):
        assert validate(changed).fingerprint != base
    assert validate(cohort()).fingerprint == base


def _with(**columns):
    return cohort(records=cohort().records.assign(**columns))


def nan_inputs():
    inputs = np.zeros((40, 2), np.float32)
    inputs[7, 1] = np.nan
    return inputs


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (lambda: cohort(task="regression"), "task is 'regression'"),
        (lambda: cohort(labels=np.zeros(39, int)), "40 records, 40 inputs and 39 labels"),
        (lambda: cohort(labels=np.zeros(40, int)), "every record has the label 'no'"),
        (lambda: cohort(labels=np.r_[np.tile([0, 1], 19), 0, 2]), "row 39: label 2"),
        (lambda: cohort(inputs=nan_inputs()), "row 7, weight: input is NaN"),
        (lambda: cohort(attributes=("race",)), "lack the column 'race'"),
        (lambda: _with(patient_id=["p"] * 40), r"1 patient\(s\)"),
        (lambda: _with(patient_id=[None] + ["p"] * 39), "row 0, column 'patient_id': missing"),
        (lambda: cohort(test=cohort()), "both the audit pool and the test set"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(bad, message):
    with pytest.raises(InputError, match=message) as caught:
        validate(bad())
    assert "\n" not in str(caught.value)


def test_patient_attributes_take_the_most_frequent_then_the_first():
    records = pd.DataFrame(
        {
            "patient_id": ["a", "a", "a", "b", "b", "c", "c"],
            "payer": pd.Categorical(["x", "y", "y", "y", "x", None, "x"], ["x", "y", "z"]),
            "race": pd.Categorical([None, None, None, "w", None, None, None]),
        }
    )
    made = patient_attributes(
        Cohort(
            "t",
            records,
            np.zeros((7, 1)),
            np.zeros(7, int),
            "binary",
            ("a", "b"),
            ("payer", "race"),
        )
    )
    assert made["payer"].tolist() == ["y", "y", "x"]
    assert made["race"].isna().tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda data: cohorts.load("simulatd", data=data),
            "unknown cohort 'simulatd'; did you mean 'simulated'",
        ),
        (lambda data: cohorts.load("simulated", data=data, patient=3), "did you mean 'patients'"),
        (
            lambda data: cohorts.load("diabetes130", root=data / "nowhere", data=data),
            "no such folder",
        ),
        (
            lambda data: cohorts.load("diabetes130", root=data, data=data),
            "holds no diabetic_data.csv or diabetic_data.csv.gz",
        ),
    ],
)
def test_loading_what_is_not_there(tmp_path, call, message):
    with pytest.raises(InputError, match=message):
        call(tmp_path)


def test_no_pickle_is_ever_loaded(tiny, tmp_path):
    save(tiny, tmp_path / "c")
    np.save(
        tmp_path / "c" / "labels.npy",
        np.array([{"code": "run me"}], dtype=object),
        allow_pickle=True,
    )
    with pytest.raises(InputError, match="damaged"):
        open_saved(tmp_path / "c")


def test_meta_holds_no_patient(tiny):
    meta = json.loads((tiny.folder / "cohort.json").read_text())
    assert not any(str(patient) in json.dumps(meta) for patient in tiny.patients)
    assert dataclasses.is_dataclass(tiny)
