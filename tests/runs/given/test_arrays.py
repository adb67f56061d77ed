"""Files that are no arrays, or other ones: one line each, without numpy's advice about pickles."""

import io
import pickle

import numpy as np
import pytest

from rollcall.runs.given.arrays import check_shape, open_array
from rollcall.util.errors import InputError
from rollcall.util.faults import MachineError


def saved(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def zipped(array):
    file = io.BytesIO()
    np.savez(file, a=array)
    return file.getvalue()


GOOD = np.zeros((8, 20), np.float32)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"1,2\n3,4\n", "it is something else; save it with numpy.save"),
        (zipped(GOOD), "an .npz or zip, of several arrays"),
        (pickle.dumps(GOOD), "a pickle, or a model's file, which is not opened"),
        (b"PAR1" + b"\0" * 50, "a parquet table"),
        (saved(np.array([{}], object), allow_pickle=True), "it holds Python objects; save numbers"),
        (saved(GOOD)[:-5], "it is cut short"),
        (saved(GOOD)[:20], "not a readable .npy"),
        (saved(GOOD)[:20] + b"(" * 20 + saved(GOOD)[40:], "not a readable .npy"),
        (saved(GOOD).replace(b"(8, 20)", b"(8,2**)"), "not a readable .npy"),
        (saved(GOOD).replace(b"(8, 20)", b"(8, -2)"), "not a readable .npy"),
        (saved(GOOD.astype(complex)), "complex128 .*; expected numbers"),
        (saved(GOOD.astype("M8[s]")), "datetime64"),
        (saved(GOOD.astype(str)), "expected numbers"),
        (saved(np.zeros(3, [("a", "f4")])), "expected numbers"),
    ],
)
def test_what_is_no_array_of_numbers_is_one_line(tmp_path, content, message):
    path = tmp_path / "a.npy"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        open_array(path, "numbers")
    assert "\n" not in str(caught.value)
    assert "allow_pickle" not in str(caught.value)


def test_what_is_not_there_or_cannot_be_read_is_called_so(tmp_path):
    with pytest.raises(InputError, match="there is no such file"):
        open_array(tmp_path / "a.npy", "numbers")
    with pytest.raises(MachineError, match="a folder stands where a file is expected"):
        open_array(tmp_path, "numbers")


@pytest.mark.parametrize(
    "shape", [(), (20,), (8, 19), (8, 20, 2, 2), (8, 20, 0), (20, 8), (20, 8, 2)]
)
def test_other_shapes_are_refused(tmp_path, shape):
    with pytest.raises(InputError, match=r"expected \(targets, 20\): a column for each row of ids"):
        check_shape(tmp_path, np.zeros(shape), 20, "ids.csv")


def test_a_third_axis_of_one_is_none(tmp_path):
    assert check_shape(tmp_path, np.zeros((8, 20, 1)), 20, "ids.csv").shape == (8, 20)
