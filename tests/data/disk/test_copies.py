"""Records of several patients that hold the same: what a prepared cohort says, and `once`."""

import json

import numpy as np
import pandas as pd
import pytest

from rollcall.data import store
from rollcall.data.cohort import validate
from rollcall.data.decode import FileInputs
from rollcall.util.errors import InputError
from tests.data.made_up import decode_unless_blank, make_cohort, make_test_set, write_images


def pictures(seed: int = 0, **changes):
    inputs = np.random.default_rng(seed).integers(0, 255, (40, 8, 8, 1)).astype(np.uint8)
    return make_cohort(inputs=inputs, features=(), **changes)


def saved(cohort, folder, duplicates="keep"):
    store.save(cohort, folder, duplicates=duplicates)
    return store.open_saved(folder)


def copied(cohort, source: int, targets) -> None:
    """The records `targets` get the picture of `source`, in place."""
    cohort.inputs[list(targets)] = cohort.inputs[source]


def test_a_cohort_without_copies_is_what_it_was(tmp_path):
    cohort = pictures()
    for duplicates in ("keep", "once"):
        got = saved(cohort, tmp_path / duplicates, duplicates)
        assert got.fingerprint == validate(cohort).fingerprint
        assert got.notes == cohort.notes == ()


def test_copies_are_counted_by_record_and_patient(tmp_path):
    cohort = pictures()
    copied(cohort, 0, range(2, 30, 2))  # one of the two records of patients 1 to 14
    got = saved(cohort, tmp_path / "c")
    assert len(got) == 40
    assert got.notes == (
        "duplicates: 15 records of 15 patients are identical pictures, each of another patient as "
        "well; a model that did not train on such a record may have seen its copy, so risk reads "
        "too low (option duplicates=once keeps each once)",
    )


def test_few_copies_are_not_counted_out(tmp_path):
    cohort = pictures()
    copied(cohort, 0, [2])
    (note,) = saved(cohort, tmp_path / "c").notes
    assert note.startswith(
        "duplicates: fewer than 10 records of fewer than 10 patients are identical pictures"
    )


def test_each_is_kept_once(tmp_path):
    cohort = pictures()
    copied(cohort, 0, range(2, 30, 2))
    copied(cohort, 31, [30])  # of one patient: twice the same, without a word, and once
    kept = np.setdiff1d(np.arange(40), [*range(2, 30, 2), 31])
    got = saved(cohort, tmp_path / "c", "once")
    np.testing.assert_array_equal(got.inputs, cohort.inputs[kept])
    np.testing.assert_array_equal(got.labels, cohort.labels[kept])
    pd.testing.assert_frame_equal(got.records, cohort.records.iloc[kept].reset_index(drop=True))
    assert got.notes == (
        "duplicates: 15 records of 15 patients left out, each the same picture as an earlier "
        "record, identical or nearly so (duplicates=once)",
    )


def test_patients_without_a_record_left_are_counted(tmp_path):
    cohort = pictures()
    copied(cohort, 0, range(2, 8))
    (note,) = saved(cohort, tmp_path / "c", "once").notes
    assert note.endswith("; fewer than 10 patients have no record left")


def test_the_same_picture_twice_of_one_patient_is_no_fault(tmp_path):
    cohort = pictures()
    copied(cohort, 0, [1])
    assert saved(cohort, tmp_path / "c").notes == ()


def test_black_pictures_are_said_to_be_black(tmp_path):
    cohort = pictures()
    cohort.inputs[:24:2] = 0
    keep, once = (saved(cohort, tmp_path / each, each) for each in ("keep", "once"))
    note = "12 records of 12 patients are blank pictures, of one value throughout"
    assert keep.notes == (note,)
    assert once.notes[0] == note
    assert len(once) == 29


def test_signals_are_called_signals(tmp_path):
    inputs = np.random.default_rng(0).integers(-99, 99, (40, 20, 3)).astype(np.int16)
    inputs[20:40:2] = inputs[0]
    (note,) = saved(make_cohort(inputs=inputs, features=()), tmp_path / "c").notes
    assert note.startswith("duplicates: 11 records of 11 patients are identical signals")


def test_rows_of_a_table_may_agree_now_and_then(tmp_path):
    few, many = make_cohort(), make_cohort()
    few.inputs[3] = few.inputs[0]
    many.inputs[0:24:2] = many.inputs[0]
    assert saved(few, tmp_path / "few").notes == ()
    (note,) = saved(many, tmp_path / "many").notes
    assert note.startswith("duplicates: 12 records of 12 patients are identical rows")
    assert "option" not in note


def test_the_test_set_may_hold_pictures_of_the_pool(tmp_path):
    test = make_test_set(inputs=pictures(seed=1).inputs, features=())
    cohort = pictures(test=test)
    test.inputs[[3, 5]] = cohort.inputs[0]
    keep, once = (saved(cohort, tmp_path / each, each) for each in ("keep", "once"))
    assert keep.notes == (
        "duplicates: fewer than 10 pictures of the test set are in the audit pool as well, so "
        "models do better on it than they should",
    )
    assert len(keep.test) == 40
    assert (len(once), len(once.test)) == (40, 38)
    np.testing.assert_array_equal(once.test.inputs, np.delete(test.inputs, [3, 5], axis=0))
    assert "of the test set left out" in once.notes[0]


def test_a_test_set_of_nothing_new_is_none(tmp_path):
    cohort = pictures()
    cohort = pictures(test=make_test_set(inputs=cohort.inputs.copy(), features=()))
    got = saved(cohort, tmp_path / "c", "once")
    assert got.test is None
    assert got.notes[-1] == "no test set: every record of it is in the audit pool as well"
    assert not (tmp_path / "c" / "test").exists()


def test_a_cohort_of_one_picture_is_refused(tmp_path):
    cohort = pictures()
    copied(cohort, 0, range(40))
    with pytest.raises(InputError, match="1 patient"):
        saved(cohort, tmp_path / "c", "once")
    assert not (tmp_path / "c").exists()


def test_files_are_decoded_and_kept_once(tmp_path):
    """Those that the decoder left out first; and the same again gives the same."""
    names = write_images(tmp_path / "root", 40, blank=[7])
    for name in names[10:30:2]:
        (tmp_path / "root" / name).write_bytes((tmp_path / "root" / names[0]).read_bytes())
    inputs = FileInputs(
        tmp_path / "root",
        names,
        decode_unless_blank,
        (8, 8, 1),
        "uint8",
        tmp_path / "table.csv",
        np.arange(40),
        (np.zeros(40, int),),
    )
    cohort = make_cohort(inputs=inputs, features=())
    keep, once, again = (
        saved(cohort, tmp_path / str(number), each)
        for number, each in enumerate(("keep", "once", "once"))
    )
    assert (len(keep), len(once)) == (39, 29)
    assert any("11 records of 11 patients are identical" in note for note in keep.notes)
    assert once.fingerprint == again.fingerprint != keep.fingerprint
    rows = np.setdiff1d(np.arange(39), range(9, 29, 2))
    np.testing.assert_array_equal(once.inputs, keep.inputs[rows])
    assert store.is_current(once.folder, tmp_path / "root")
    assert json.loads((once.folder / "cohort.json").read_text())["notes"] == list(once.notes)
