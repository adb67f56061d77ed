"""The door to rehearsals: which there are, whole or not at all, the same each time."""

import subprocess
import sys

import pytest

from rollcall import datasets, rehearse
from rollcall.data.release import SIMULATED
from rollcall.util.errors import InputError
from tests.datasets.quick import read_files


def test_what_can_be_rehearsed_are_datasets():
    assert len(datasets.REHEARSABLE) == 7
    assert set(datasets.REHEARSABLE) < set(datasets.NAMES)


@pytest.mark.parametrize("name", datasets.REHEARSABLE)
def test_a_release_is_the_same_each_time(name, tmp_path):
    first, second = (
        read_files(rehearse.write(name, tmp_path / folder, 40, seed=3)) for folder in ("a", "b")
    )
    assert first
    assert first == second


def test_another_seed_is_another_release(tmp_path):
    first, second = (
        read_files(rehearse.write("mimic_iv_ed", tmp_path / str(seed), 40, seed)) for seed in (1, 2)
    )
    assert first.keys() == second.keys()
    assert not [name for name in first if first[name] == second[name]]


def test_the_marker_says_what_it_is(tmp_path):
    root = rehearse.write("mimic_iv_ed", tmp_path / "root", 40, seed=5)
    text = (root / SIMULATED).read_text()
    assert "in the layout of mimic_iv_ed: 40 invented patients, seed 5" in text
    assert [path.name for path in tmp_path.iterdir()] == ["root"]


def test_a_release_that_is_there_is_left_as_it_is(tmp_path):
    root = rehearse.write("mimic_iv_ed", tmp_path / "root", 40, seed=5)
    before = read_files(root)
    assert rehearse.write("mimic_iv_ed", root, 50, seed=6) == root
    assert read_files(root) == before


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="is not a rehearsal"):
        rehearse.write("chexpert", tmp_path / "root", 40)
    assert [path.name for path in (tmp_path / "root").iterdir()] == ["mine.txt"]


def test_a_release_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def fail(root, patients, seed):
        (root / "half").write_text("")
        raise OSError("no space left on device")

    monkeypatch.setattr("rollcall.rehearse.mimic_iv_ed.write", fail)
    with pytest.raises(OSError, match="no space left"):
        rehearse.write("mimic_iv_ed", tmp_path / "root", 40)
    assert not list(tmp_path.iterdir())


def test_what_a_killed_process_left_is_cleared_and_no_other(tmp_path):
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    prefix = rehearse._prefix()
    for name in (f"{prefix}{ended.pid}-a", f"{prefix}{other.pid}-b", ".rehearsal-00000000-1-c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half.csv").write_text("")
    rehearse.write("mimic_iv_ed", tmp_path / "root", 40)
    other.communicate(b"\n")
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == sorted([f"{prefix}{other.pid}-b", ".rehearsal-00000000-1-c", "root"])
