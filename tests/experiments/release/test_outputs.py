"""The files of a release check: what is read, by what names, and what is refused in one line."""

import numpy as np
import pandas as pd
import pytest

from rollcall.attacks.scores import exact_scores
from rollcall.data.cohort import Cohort
from rollcall.experiments.release import outputs
from rollcall.util.errors import InputError


def make_cohort(task: str = "binary", patients: int = 30) -> Cohort:
    rng = np.random.default_rng(0)
    index = np.repeat(np.arange(patients), 2)
    classes = ("a", "b", "c") if task != "binary" else ("no", "yes")
    shape = (len(index), 3) if task == "multilabel" else (len(index),)
    labels = rng.integers(0, 3 if task == "multiclass" else 2, shape)
    records = pd.DataFrame({"patient_id": [f"p{number:02d}" for number in index]})
    inputs = rng.normal(size=(len(index), 4)).astype(np.float32)
    return Cohort("made", records, inputs, labels, task, classes, ())


def save(path, values):
    np.save(path, values)
    return path


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_logits_probabilities_and_losses_become_the_same_log_odds(tmp_path, task):
    cohort = make_cohort(task)
    z = np.random.default_rng(1).normal(size=(len(cohort), cohort.outputs))
    truth = exact_scores(z, cohort.labels, task)
    p = (
        np.exp(z) / np.exp(z).sum(1, keepdims=True)
        if task == "multiclass"
        else 1 / (1 + np.exp(-z))
    )
    loss = np.log1p(np.exp(-truth.astype(float)))
    for kind, values in (("logits", z), ("proba", p), ("loss", loss), ("log-odds", truth)):
        got = outputs.read_outputs(save(tmp_path / "x.npy", values), cohort, kind)
        np.testing.assert_allclose(got, truth, rtol=1e-3, atol=1e-4)
    if task == "binary":
        both = np.concatenate([1 - p, p], axis=1)
        got = outputs.read_outputs(save(tmp_path / "x.npy", both), cohort, "proba")
        np.testing.assert_allclose(got, truth, rtol=1e-3, atol=1e-4)


def test_a_csv_is_read_by_row_and_its_ids_must_be_those_of_the_records(tmp_path):
    cohort = make_cohort()
    path, values = tmp_path / "x.csv", np.random.default_rng(2).normal(size=len(cohort))
    table = pd.DataFrame({"patient_id": cohort.records["patient_id"], "z": values})
    table.to_csv(path, index=False)
    got = outputs.read_outputs(path, cohort, "logits")
    np.testing.assert_allclose(got, (2 * cohort.labels - 1) * values, rtol=1e-5)
    table[::-1].to_csv(path, index=False)
    with pytest.raises(InputError, match="row by row"):
        outputs.read_outputs(path, cohort, "logits")


@pytest.mark.parametrize(
    ("values", "kind", "words"),
    [
        (np.zeros(59), "logits", "expected a row for each of the 60 records"),
        (np.zeros((60, 2, 2)), "logits", "expected a row for each"),
        (np.zeros((60, 3)), "logits", "expected 1 column"),
        (np.full(60, np.nan), "logits", "NaN or infinite"),
        (np.full(60, 2.0), "proba", "no probability"),
        (np.zeros(60) - 1.0, "loss", "negative"),
        (np.array(["a"] * 60), "logits", "expected logits"),
    ],
)
def test_outputs_of_another_shape_or_kind_are_refused(tmp_path, values, kind, words):
    with pytest.raises(InputError, match=words):
        outputs.read_outputs(save(tmp_path / "x.npy", values), make_cohort(), kind)


def test_members_are_joined_by_name(tmp_path):
    cohort, path = make_cohort(), tmp_path / "m.csv"
    flags = np.random.default_rng(3).random(30) < 0.5
    table = pd.DataFrame({"patient_id": cohort.patients, "trained": flags.astype(int)})
    for written in (
        table,
        table.sample(frac=1, random_state=0),
        table.replace({1: "yes", 0: "No"}),
    ):
        written.to_csv(path, index=False)
        assert (outputs.read_flags(path, cohort) == flags).all()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda t: t[:-1], "no row for patient"),
        (lambda t: pd.concat([t, t[:1]]), "already"),
        (lambda t: t.assign(trained=2), "expected 0 or 1"),
        (lambda t: t.rename(columns={"patient_id": "id"}), "expected 'patient_id'"),
        (lambda t: t.assign(more=1), "expected 'patient_id' and one"),
        (lambda t: t.assign(trained=""), "expected 0 or 1"),
    ],
)
def test_members_that_do_not_say_are_refused(tmp_path, spoil, words):
    cohort, path = make_cohort(), tmp_path / "m.csv"
    spoil(pd.DataFrame({"patient_id": cohort.patients, "trained": 1})).to_csv(path, index=False)
    with pytest.raises(InputError, match=words):
        outputs.read_flags(path, cohort)


def test_references_may_be_given_as_arrays_or_with_a_table_of_members(tmp_path):
    cohort, rng = make_cohort(), np.random.default_rng(4)
    scores, members = rng.normal(size=(6, 60)), rng.random((6, 30)) < 0.5
    path = save(tmp_path / "s.npy", scores)
    by_array = outputs.read_references(path, save(tmp_path / "m.npy", members), cohort, "log-odds")
    table = pd.DataFrame(members.T.astype(int), columns=[f"m{n}" for n in range(6)])
    table.insert(0, "patient_id", cohort.patients)
    table[::-1].to_csv(tmp_path / "m.csv", index=False)
    by_table = outputs.read_references(path, tmp_path / "m.csv", cohort, "log-odds")
    for one, other in zip(by_array, by_table, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(InputError, match=r"expected \(6, 30\)"):
        outputs.read_references(path, save(tmp_path / "m.npy", members.T), cohort, "log-odds")


def test_records_are_written_in_their_order(tmp_path):
    cohort = make_cohort("multiclass")
    outputs.write_records(tmp_path / "r.csv", cohort)
    table = pd.read_csv(tmp_path / "r.csv")
    assert list(table["patient_id"]) == list(cohort.records["patient_id"])
    assert list(table["label"]) == [cohort.classes[label] for label in cohort.labels]
