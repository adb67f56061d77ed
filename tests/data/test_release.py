"""The files of a release: found, and never out of the root."""

import gzip
import os

import pytest

from rollcall.data import release
from rollcall.util.errors import InputError


@pytest.mark.parametrize(
    "name", ["../a.csv", "x/../../a.csv", "/etc/passwd", "", "x\0y", "..\\a.csv", ".."]
)
def test_a_path_out_of_the_root_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="not a path inside the release"):
        release.resolve_inside(tmp_path, name)


@pytest.mark.parametrize(
    "make",
    [
        lambda root, out: os.symlink(out / "a.csv", root / "a.csv"),  # the file itself
        lambda root, out: os.symlink(
            out, root / "folder", target_is_directory=True
        ),  # a folder on the way
    ],
)
def test_a_link_out_of_the_root_is_refused(tmp_path, make):
    root, out = tmp_path / "root", tmp_path / "out"
    root.mkdir(), out.mkdir()
    (out / "a.csv").write_text("x\n1\n")
    make(root, out)
    name = "a.csv" if (root / "a.csv").is_symlink() else "folder/a.csv"
    with pytest.raises(InputError, match="leads out of the root"):
        release.resolve_inside(root, name)
    with pytest.raises(InputError, match="leads out of the root"):
        release.find_file(root, name)


def test_a_link_within_the_root_is_followed(tmp_path):
    (tmp_path / "a.csv").write_text("x\n1\n")
    os.symlink(tmp_path / "a.csv", tmp_path / "b.csv")
    assert release.find_file(tmp_path, "b.csv").read_text() == "x\n1\n"


def test_a_table_is_found_at_the_top_and_two_folders_down(tmp_path):
    for folder in ("", "one/", "one/two/"):
        root = tmp_path / f"root-{folder.count('/')}"
        (root / folder / "ed").mkdir(parents=True)
        (root / folder / "ed" / "t.csv.gz").write_bytes(gzip.compress(b"x\n1\n"))
        assert release.find_table(root, "ed/t.csv").name == "t.csv.gz"
    with pytest.raises(InputError, match=r"holds no ed/u\.csv or ed/u\.csv\.gz"):
        release.find_table(root, "ed/u.csv")
    assert release.find_table(root, "ed/u.csv", required=False) is None


def test_all_tables_that_are_gone_are_named_at_once(tmp_path):
    (tmp_path / "a.csv").write_text("x\n1\n")
    names = {"a": "a.csv", "b": "b.csv", "c": "hosp/c.csv", "d": "d.csv"}
    with pytest.raises(InputError, match=r"holds none of b\.csv, hosp/c\.csv \(or these as \.gz\)"):
        release.find_tables(tmp_path, names, ("a", "b", "c"))
    with pytest.raises(InputError, match=r"holds no b\.csv or b\.csv\.gz"):
        release.find_tables(tmp_path, names, ("a", "b"))
    assert release.find_tables(tmp_path, names, ("a",))["d"] is None


def test_two_releases_under_one_root_are_not_guessed_between(tmp_path):
    for version in ("2.0", "2.2"):
        (tmp_path / version / "ed").mkdir(parents=True)
        (tmp_path / version / "ed" / "t.csv").write_text("x\n1\n")
    with pytest.raises(InputError, match="more than once"):
        release.find_table(tmp_path, "ed/t.csv")


def test_a_folder_that_was_replaced_is_looked_at_again(tmp_path):
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "folder").mkdir(parents=True)
    (root / "folder" / "a.csv").write_text("x\n1\n")
    release.resolve_inside(root, "folder/a.csv")
    os.rename(root / "folder", outside)
    os.symlink(outside, root / "folder", target_is_directory=True)
    release.forget_folders()
    with pytest.raises(InputError, match="leads out of the root"):
        release.resolve_inside(root, "folder/a.csv")


def test_a_simulated_release_is_known_by_a_file(tmp_path):
    assert not release.is_simulated(None)
    assert not release.is_simulated(tmp_path)
    (tmp_path / release.SIMULATED).write_text("invented")
    assert release.is_simulated(tmp_path)
