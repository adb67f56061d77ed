import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from rollcall.data.arrays.inputs import read_inputs
from rollcall.util.errors import InputError

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("X", "shape", "dtype"),
    [
        (np.zeros((5, 3)), (5, 3), "float32"),
        (np.zeros((5, 3), int), (5, 3), "float32"),
        (np.zeros((5, 3), bool), (5, 3), "float32"),
        ([[1, 2], [3, 4]], (2, 2), "float32"),
        (np.zeros((5, 8, 9), np.uint8), (5, 8, 9, 1), "uint8"),
        (np.zeros((5, 8, 9, 3), np.uint8), (5, 8, 9, 3), "uint8"),
        (np.full((5, 8, 9, 3), 255), (5, 8, 9, 3), "uint8"),
        (np.zeros((5, 100, 12), np.int16), (5, 100, 12), "int16"),
        (np.zeros((5, 100, 12), np.float16), (5, 100, 12), "float16"),
        (np.zeros((5, 100, 12), np.float32), (5, 100, 12), "float32"),
        (np.zeros((5, 100, 12)), (5, 100, 12), "float32"),
        (np.zeros((5, 48, 76)), (5, 48, 76), "float32"),
        (np.full((5, 100, 12), -300), (5, 100, 12), "int16"),
        (np.full((5, 100, 12), 70_000), (5, 100, 12), "float32"),
    ],
)
def test_what_an_array_is_follows_from_its_axes_and_type(X, shape, dtype):
    inputs, _, _ = read_inputs(X)
    assert inputs.shape == shape
    assert inputs.dtype == dtype
    assert (inputs.ravel() == np.asarray(X).ravel()).all()


def test_images_are_not_copied():
    images = np.zeros((5, 8, 8, 3), np.uint8)
    assert read_inputs(images)[0] is images


def test_columns_of_a_table_name_the_features():
    table = pd.DataFrame({"age": [1, 2, 3], "ill": [True, False, True], 3: [0.5, 1.5, 2.5]})
    inputs, names, _ = read_inputs(table)
    assert names == ("age", "ill", "3")
    assert inputs.tolist() == [[1, 1, 0.5], [2, 0, 1.5], [3, 1, 2.5]]


@given(st.integers(0, 4), st.integers(0, 3), st.sampled_from([np.nan, np.inf, -np.inf]))
def test_the_place_of_a_missing_number_is_named(row, column, value):
    X = np.zeros((5, 4))
    X[row, column] = value
    with pytest.raises(InputError, match=rf"row {row}, feature {column + 1}"):
        read_inputs(X)
    table = pd.DataFrame(X, columns=list("abcd"))
    with pytest.raises(InputError, match=rf"row {row}, {'abcd'[column]}:"):
        read_inputs(table)


@pytest.mark.parametrize(
    ("X", "says"),
    [
        (np.zeros(5), r"X\.reshape\(-1, 1\)"),
        (np.zeros((5, 0)), "empty"),
        (np.zeros((2, 3, 4, 5, 1)), "expected features"),
        (np.zeros((5, 3, 32, 32), np.uint8), r"transpose\(0, 2, 3, 1\)"),
        (np.zeros((5, 32, 32, 4), np.uint8), "1 or 3"),
        (RNG.random((5, 8, 8, 3)), r"\(255 \* X\)"),
        (RNG.normal(size=(5, 8, 8, 3)), "scale it to 0 to 255"),
        (np.full((5, 8, 8, 3), 256), "scale it to 0 to 255"),
        (np.zeros((5, 12, 1000), np.float32), r"transpose\(0, 2, 1\)"),
        (np.zeros((5, 100, 12), bool), "bool"),
        (np.full((5, 2), 1e300), "row 0, feature 1: 1e[+]300"),
        (np.array([["a", "b"]]), "holds words"),
        (np.zeros((5, 2), complex), "complex"),
        (np.zeros((5, 2), "M8[s]"), "dates"),
        (np.array([[1, None]], object), "Python objects"),
        ([[1, 2], [3]], "same length"),
        (np.ma.masked_array(np.zeros((2, 2)), [[0, 1], [0, 0]]), "masked"),
        (sparse.csr_array((3, 3)), "toarray"),
        (pd.DataFrame(index=range(3)), "no columns"),
        (pd.DataFrame({"sex": ["f", "m"]}), "column 'sex'"),
        (pd.DataFrame({"day": pd.to_datetime(["2020-01-01"])}), "column 'day': datetime"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns 'a'"),
        (pd.DataFrame({"a": pd.Series([1, None], dtype="Int64")}), "row 1, a: missing"),
        (pd.DataFrame({"a": pd.Categorical([1, 2])}), "column 'a': category"),
    ],
)
def test_what_is_no_input_is_refused_in_a_line(X, says):
    with pytest.raises(InputError, match=says) as refused:
        read_inputs(X)
    assert "\n" not in str(refused.value)


def test_features_that_tell_nothing_or_are_far_from_unit_spread_are_noted():
    table = pd.DataFrame({"a": RNG.normal(size=50), "one": 1.0, "income": RNG.normal(4e4, 1e4, 50)})
    _, _, notes = read_inputs(table)
    assert len(notes) == 2
    assert "'one' of one value" in notes[0]
    assert "'income' far from" in notes[1]
    assert not read_inputs(table[["a"]])[2]
