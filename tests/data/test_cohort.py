import dataclasses
import hashlib
import json

import numpy as np
import pandas as pd
import pytest

from rollcall.data.cohort import Cohort, check_cohort, describe_label, validate
from rollcall.util.errors import InputError
from tests.data.made_up import make_cohort, make_files, make_test_set, write_images

CONTENT_OF_0_1_0 = "ee2428bb23c224618a08606dbca7f5a84a455194a95119b450af1d140968cbac"


def test_patients_are_in_order_of_first_appearance(tiny):
    assert tiny.patients[0] == tiny.records["patient_id"].iloc[0]
    assert (tiny.patients[tiny.patient_index] == tiny.records["patient_id"]).all()


def test_the_fingerprint_sees_every_part(tiny):
    base = validate(make_cohort()).fingerprint
    inputs = np.arange(80, dtype=np.float32).reshape(40, 2)
    inputs[39, 1] += 1
    content = [
        make_cohort(inputs=inputs),
        make_cohort(labels=np.tile([1, 0], 20)),
        make_cohort(name="other"),
        make_cohort(classes=("no", "ja")),
        make_cohort(features=("age", "height")),
        make_cohort(scale=0.5),
        make_cohort(simulated=True),
        _with(sex=pd.Categorical(np.tile(["m", "f"], 20))),
    ]
    beside = [
        make_cohort(restricted=False),
        make_cohort(unit="lesion"),
        make_cohort(source="Made up."),
        make_cohort(notes=("one",)),
        make_cohort(notes=("one", "two")),
        make_cohort(test_shares_patients=True),
        make_cohort(test=make_test_set()),
        make_cohort(test=make_test_set(source="Made up.")),
    ]
    seen = [validate(each).fingerprint for each in (*content, *beside)]
    assert len({base, *seen}) == 1 + len(seen)
    assert validate(make_cohort()).fingerprint == base
    same = {validate(each).content for each in beside}
    assert same == {validate(make_cohort()).content}


def test_no_field_is_forgotten_by_the_fingerprint():
    """A new field must change either digest, or damage to it goes unseen."""
    known = {"records", "inputs", "labels", "test", "content", "fingerprint", "folder"}
    known |= {"name", "task", "classes", "attributes", "features", "scale", "simulated"}
    known |= {"restricted", "unit", "test_shares_patients", "source", "notes"}
    assert {field.name for field in dataclasses.fields(Cohort)} == known


def test_a_run_of_before_is_of_this_cohort():
    cohort = validate(make_cohort())
    assert cohort.has_fingerprint(cohort.fingerprint)
    assert cohort.has_fingerprint(CONTENT_OF_0_1_0)
    assert not cohort.has_fingerprint("0" * 64)


def test_the_content_is_of_the_whole_table():
    """Long enough for three pieces, hashed here at once.

    With missing values, numbers as categories, and text that needs quotes.
    """
    rng, count = np.random.default_rng(5), 20_000
    table = pd.DataFrame(
        {
            "patient_id": np.arange(count),
            "age": rng.normal(60, 15, count),
            "code": pd.Categorical(rng.integers(0, 5, count)),
            "text": rng.choice(["plain", "with, comma", 'with "quote"'], count),
            "flag": rng.random(count) < 0.5,
        }
    )
    table.loc[rng.choice(np.arange(9_000, count), 50), ["age", "code", "text"]] = np.nan
    table["code"] = table["code"].astype("category")
    made = validate(
        Cohort(
            "long",
            table,
            rng.random((count, 2), np.float32),
            np.arange(count) % 2,
            "binary",
            ("no", "yes"),
            ("code",),
        )
    )
    head = ["long", "binary", ("no", "yes"), ("code",), (), 1.0, False, "float32", (count, 2)]
    whole = hashlib.sha256(
        json.dumps(head).encode()
        + made.inputs.tobytes()
        + made.labels.tobytes()
        + table.astype(object).to_csv(index=False).encode()
    )
    assert made.content == whole.hexdigest()


def test_the_content_is_what_the_fingerprint_was_in_0_1_0():
    """Runs made then go on now: their run.json holds it."""
    assert validate(make_cohort()).content == CONTENT_OF_0_1_0


def test_files_have_no_fingerprint_yet(tmp_path):
    names = write_images(tmp_path, 40)
    assert validate(make_cohort(inputs=make_files(tmp_path, names))).fingerprint == ""


def _with(**columns):
    return make_cohort(records=make_cohort().records.assign(**columns))


def nan_inputs():
    inputs = np.zeros((40, 2), np.float32)
    inputs[7, 1] = np.nan
    return inputs


@pytest.mark.parametrize("check", [validate, check_cohort])
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (lambda: make_cohort(task="regression"), "task is 'regression'"),
        (lambda: make_cohort(labels=np.zeros(39, int)), "40 records, 40 inputs and 39 labels"),
        (lambda: make_cohort(labels=np.zeros(40, int)), "every record has the label 'no'"),
        (lambda: make_cohort(labels=np.r_[np.tile([0, 1], 19), 0, 2]), "row 39: label 2"),
        (lambda: make_cohort(inputs=nan_inputs()), "row 7, weight: input is NaN"),
        (
            lambda: make_cohort(inputs=nan_inputs(), features=()),
            r"row 7, position \(1,\): input is NaN",
        ),
        (lambda: make_cohort(attributes=("race",)), "lack the column 'race'"),
        (lambda: _with(patient_id=["p"] * 40), r"1 patient\(s\)"),
        (lambda: _with(patient_id=[None] + ["p"] * 39), "row 0, column 'patient_id': missing"),
        (lambda: make_cohort(test=make_cohort()), "both the audit pool and the test set"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(bad, message, check):
    with pytest.raises(InputError, match=message) as caught:
        check(bad())
    assert "\n" not in str(caught.value)


def test_a_test_set_of_other_patients_or_by_its_own_rule_is_right():
    check_cohort(make_cohort(test=make_test_set()))
    check_cohort(make_cohort(test=make_cohort(), test_shares_patients=True))


def test_labels_in_words():
    assert describe_label(make_cohort(), 1) == "yes"
    several = make_cohort(labels=np.tile([[0, 0], [1, 1]], (20, 1)), task="multilabel")
    assert [describe_label(several, record) for record in (0, 1)] == ["none", "no, yes"]


def test_every_field_says_how_it_is_stored(tiny):
    kinds = {"json", "array", "mapped", "table", "cohort", "derived"}
    for field in dataclasses.fields(tiny):
        assert field.metadata["stored"] in kinds, field.name
