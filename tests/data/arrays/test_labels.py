import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.data.arrays.labels import code_labels
from rollcall.util.errors import InputError

MANY = np.tile([0, 1], 20)


@pytest.mark.parametrize(
    ("y", "classes", "task", "first"),
    [
        (MANY, ("0", "1"), "binary", 0),
        (MANY.astype(float), ("0", "1"), "binary", 0),
        (MANY.astype(bool), ("False", "True"), "binary", 0),
        (list(MANY), ("0", "1"), "binary", 0),
        (MANY[:, None], ("0", "1"), "binary", 0),
        (pd.Series(MANY, index=range(40, 0, -1)), ("0", "1"), "binary", 0),
        (pd.DataFrame({"died": MANY}), ("0", "1"), "binary", 0),
        (np.where(MANY, "yes", "no"), ("no", "yes"), "binary", 0),
        (np.tile(["c", "b", "a", "b"], 10), ("a", "b", "c"), "multiclass", 2),
        (np.tile([3, 7, 7, 9], 10), ("3", "7", "9"), "multiclass", 0),
        (
            pd.Series(pd.Categorical(np.tile(["low", "high"], 20), ["low", "high", "never"])),
            ("low", "high"),
            "binary",
            0,
        ),
    ],
)
def test_classes_are_the_values_in_their_order(y, classes, task, first):
    labels, got_task, got, _ = code_labels(y)
    assert (got_task, got, labels[0]) == (task, classes, first)
    assert labels.dtype == np.int64


@given(st.lists(st.sampled_from("abcd"), min_size=20, max_size=60))
def test_codes_lead_back_to_the_words(words):
    if len(set(words)) < 2:
        return
    labels, _, classes, _ = code_labels(words)
    assert [classes[code] for code in labels] == words


def test_classes_give_the_order_or_the_names_of_numbers():
    words = np.where(MANY, "ill", "well")
    assert code_labels(words, ["well", "ill"])[0].tolist() == MANY.tolist()
    assert code_labels(words, ["ill", "well"])[0].tolist() == (1 - MANY).tolist()
    labels, _, classes, _ = code_labels(MANY, ["well", "ill"])
    assert (labels.tolist(), classes) == (MANY.tolist(), ("well", "ill"))
    labels, task, classes, notes = code_labels(MANY, ["well", "ill", "dead"])
    assert (task, classes) == ("multiclass", ("well", "ill", "dead"))
    assert "fewer than 10 records of dead" in notes[0]


def test_several_labels_at_once_take_the_names_of_columns():
    y = np.random.default_rng(0).integers(0, 2, (40, 3))
    labels, task, classes, _ = code_labels(y)
    assert (task, classes) == ("multilabel", ("label 1", "label 2", "label 3"))
    assert (labels == y).all()
    table = pd.DataFrame(y.astype(bool), columns=["MI", "CD", "HYP"])
    assert code_labels(table)[2] == ("MI", "CD", "HYP")
    assert (code_labels(table)[0] == y).all()


@pytest.mark.parametrize(
    ("y", "more", "says"),
    [
        (np.linspace(0, 1, 40), {}, r"cut it, as in y > 0\.5"),
        (np.arange(40), {}, "a quantity"),
        ([f"word {n}" for n in range(40)], {}, "40 different values in 40 records"),
        (pd.Series(pd.date_range("2020-01-01", periods=40)), {}, "dates"),
        (np.eye(4)[MANY], {}, r"argmax\(axis=1\)"),
        (np.random.default_rng(0).random((40, 3)), {}, "probabilities are no labels"),
        (np.full((40, 2), 2), {}, "row 0, column 0: 2; expected 0 or 1"),
        (np.full((40, 2), "x"), {}, "of words"),
        (np.where(MANY, 1, np.nan), {}, "row 0: missing"),
        (np.where(MANY, "a", None), {}, "row 0: missing"),
        (np.zeros(40), {}, "every record is '0'"),
        (np.zeros((2, 2, 2)), {}, r"\(2, 2, 2\)"),
        (MANY, {"classes": ["a", "b"], "task": "multilabel"}, "multilabel"),
        (MANY, {"task": "regression"}, "task is 'regression'"),
        (np.tile([0, 1, 2], 10), {"task": "binary"}, "3 classes"),
        (np.tile([0, 1, 2], 10), {"classes": ["a", "b"]}, "'2'.*0 to 1"),
        (np.where(MANY, "a", "c"), {"classes": ["a", "b"]}, "'c'"),
        (MANY, {"classes": "ab"}, "a list of names"),
        (MANY, {"classes": ["a", "a"]}, "each name once"),
        (np.array([1, "1"] * 20, object), {}, "several kinds|read the same"),
    ],
)
def test_what_is_no_label_is_refused_in_a_line(y, more, says):
    with pytest.raises(InputError, match=says) as refused:
        code_labels(y, **more)
    assert "\n" not in str(refused.value)


def test_a_class_of_few_records_is_noted_without_its_number():
    y = np.array(["a"] * 30 + ["b"] * 30 + ["rare"] * 3)
    notes = code_labels(y)[3]
    assert notes == [
        "labels: fewer than 10 records of rare; half of the patients may have none",
    ]
