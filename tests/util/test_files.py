"""Files whole or not at all; and where data, results and notebooks lie, installed or not."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from rollcall.util import files

TOP = Path(__file__).resolve().parents[2]


def test_a_file_is_written_whole(tmp_path):
    path = tmp_path / "a"
    files.write_json(path, {"b": [1]})
    assert path.read_text() == '{\n "b": [\n  1\n ]\n}'
    files.write_table(tmp_path / "t", pd.DataFrame({"x": [1, 2]}))
    assert pd.read_parquet(tmp_path / "t")["x"].tolist() == [1, 2]
    assert {entry.name for entry in tmp_path.iterdir()} == {"a", "t"}


def write_and_fail(path: Path) -> None:
    with files.atomic_write(path) as file:
        file.write(b"half")
        raise RuntimeError


def test_or_not_at_all(tmp_path):
    path = tmp_path / "a"
    with pytest.raises(RuntimeError):
        write_and_fail(path)
    assert not list(tmp_path.iterdir())
    path.write_bytes(b"before")
    with pytest.raises(RuntimeError):
        write_and_fail(path)
    assert path.read_bytes() == b"before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_the_hash_of_a_file(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    assert files.sha256(tmp_path / "a") == hashlib.sha256(b"content").hexdigest()


# --- home, clone, notebooks


@pytest.fixture(autouse=True)
def unnamed(monkeypatch):
    monkeypatch.delenv("ROLLCALL_HOME", raising=False)


def pretend(monkeypatch, package: Path) -> None:
    """Let the package lie elsewhere."""
    package.mkdir(parents=True)
    monkeypatch.setattr(files, "PACKAGE", package)


def test_here_it_runs_from_a_clone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert files.clone() == TOP
    assert files.home() == TOP
    assert files.notebooks() == TOP / "notebooks"


def test_rollcall_home_comes_first(tmp_path, monkeypatch):
    monkeypatch.setenv("ROLLCALL_HOME", str(tmp_path / "elsewhere"))
    assert files.home() == tmp_path / "elsewhere"
    pretend(monkeypatch, tmp_path / "site-packages" / "rollcall")
    assert files.home() == tmp_path / "elsewhere"


def test_a_relative_rollcall_home_is_relative_to_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROLLCALL_HOME", "here")
    assert files.home() == tmp_path / "here"
    monkeypatch.setenv("ROLLCALL_HOME", "")
    assert files.home() == TOP


def test_installed_it_works_in_the_current_folder(tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "rollcall"
    pretend(monkeypatch, package)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    assert files.clone() is None
    assert files.home() == tmp_path / "work"
    assert files.notebooks() == package / "notebooks"


@pytest.mark.parametrize("lacking", ["", "notebooks", "pyproject.toml", "its name in there"])
def test_a_clone_has_notebooks_and_a_pyproject(tmp_path, monkeypatch, lacking):
    top = tmp_path / "clone"
    pretend(monkeypatch, top / "lib" / "rollcall")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    if lacking != "notebooks":
        (top / "notebooks").mkdir()
    if lacking != "pyproject.toml":
        name = "another" if lacking == "its name in there" else "rollcall"
        (top / "pyproject.toml").write_text(f'[project]\nname = "{name}"\n')
    if lacking:
        assert files.clone() is None
        assert files.home() == tmp_path / "work"
        assert files.notebooks() == top / "lib" / "rollcall" / "notebooks"
    else:
        assert files.clone() == files.home() == top
        assert files.notebooks() == top / "notebooks"


def test_a_lib_that_is_no_clone_does_not_count(tmp_path, monkeypatch):
    """As /usr/lib/rollcall would be, or python3/lib beside somebody's notebooks."""
    pretend(monkeypatch, tmp_path / "python3" / "site-packages" / "rollcall")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "pyproject.toml").write_text("")
    assert files.clone() is None


def test_asking_writes_nothing(tmp_path):
    code = "from rollcall.util import files; files.home(), files.clone(), files.notebooks()"
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        check=True,
        env=os.environ | {"ROLLCALL_HOME": str(tmp_path / "home"), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert not list(tmp_path.iterdir())


def test_some_columns_of_a_table_are_those_of_the_whole(tmp_path):
    table = pd.DataFrame(
        {"name": ["a", None], "auc": [0.5, float("nan")], "exposed": [True, False], "n": [1, 2]}
    )
    files.write_table(tmp_path / "a.parquet", table)
    with open(tmp_path / "a.parquet", "rb") as file:
        whole, part = (files.parse_table(file, columns) for columns in ((), ("n", "name", "auc")))
    pd.testing.assert_frame_equal(part, whole[["n", "name", "auc"]])
