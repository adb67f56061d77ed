import numpy as np
import pytest

from rollcall.datasets.described.records import npy_files


@pytest.mark.parametrize("dtype", ["int16", "float16", "float32", "float64", "uint8"])
@pytest.mark.parametrize("shape", [(50,), (50, 3)])
def test_arrays_are_samples_and_channels(dtype, shape, tmp_path):
    array = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    np.save(tmp_path / "r.npy", array)
    layout = npy_files.describe(tmp_path / "r.npy")
    assert (layout.samples[0], len(layout.samples), layout.dtype) == (50, array[0].size, dtype)
    assert (npy_files.read(tmp_path / "r.npy", 7) == array.reshape(50, -1)[:7]).all()
    assert len(npy_files.read(tmp_path / "r.npy", 0)) == 50


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros((2, 2, 2)), r"\(2, 2, 2\)"),
        (np.zeros((0, 2)), r"\(0, 2\)"),
        (np.zeros(()), r"\(\)"),
        (np.zeros((12, 1000)), "save array.T"),
        (np.array(["a", "b"]), "no array of numbers"),
        (np.array([1 + 1j]), "no array of numbers"),
        (np.array([True]), "no array of numbers"),
    ],
)
def test_other_arrays_are_refused(array, says, tmp_path):
    np.save(tmp_path / "r.npy", array)
    with pytest.raises(ValueError, match=says):
        npy_files.read(tmp_path / "r.npy", 0)


@pytest.mark.parametrize("length", [0, 5, 20, 127, 200])
def test_a_file_that_is_cut_short_is_refused(length, tmp_path):
    np.save(tmp_path / "r.npy", np.zeros((50, 3)))
    content = (tmp_path / "r.npy").read_bytes()[:length]
    (tmp_path / "r.npy").write_bytes(content)
    with pytest.raises(ValueError, match="npy"):
        npy_files.read(tmp_path / "r.npy", 0)


def test_objects_and_archives_are_never_loaded(tmp_path):
    np.save(tmp_path / "r.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(ValueError, match="not a readable"):
        npy_files.read(tmp_path / "r.npy", 0)
    np.savez(tmp_path / "r.npz", np.zeros(3))
    (tmp_path / "r.npz").rename(tmp_path / "r.npy")
    with pytest.raises(ValueError, match=r"not a \.npy"):
        npy_files.read(tmp_path / "r.npy", 0)
