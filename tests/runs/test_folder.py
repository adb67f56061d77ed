import os
import subprocess
from dataclasses import replace

import pytest

from rollcall import auditing, recipes
from rollcall.runs import folder, run
from rollcall.util import files
from rollcall.util.errors import InputError
from rollcall.util.faults import MachineError


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_run_is_its_owners_alone(tmp_path, tiny, invent, umask):
    before = os.umask(umask)
    try:
        made = invent(tmp_path / "r", tiny).run
        made.finish()
    finally:
        os.umask(before)
    for path in [made.path, *made.path.rglob("*")]:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_a_folder_of_an_older_version_becomes_private(tmp_path):
    old = tmp_path / "r"
    old.mkdir(mode=0o755)
    folder.furnish(old)
    assert old.stat().st_mode & 0o777 == 0o700
    old.chmod(0o770)  # shared on purpose
    folder.furnish(old)
    assert old.stat().st_mode & 0o777 == 0o770


def test_git_sees_nothing_of_it(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    folder.furnish(tmp_path / "deep" / "er" / "r")
    (tmp_path / "deep" / "er" / "r" / "patients.parquet").write_bytes(b"ids")
    folder.hide_from_git(tmp_path / "figures")
    (tmp_path / "figures" / "a.png").write_bytes(b"")
    command = ["git", "-C", str(tmp_path), "status", "--short", "-uall"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_the_note_names_every_file_with_ids(tmp_path):
    folder.furnish(tmp_path / "r")
    text = (tmp_path / "r" / folder.NOTE).read_text()
    assert all(name in text for name in folder.WITH_IDS)
    assert max(map(len, text.splitlines())) <= 100
    assert folder.list_files_with_ids(tmp_path / "r") == []
    (tmp_path / "r" / "patients.parquet").write_bytes(b"")
    assert folder.list_files_with_ids(tmp_path / "r") == ["patients.parquet"]


@pytest.mark.parametrize(
    ("names", "left"),
    [
        ([], True),
        (["locks", "targets", "members.npy", ".gitignore", folder.NOTE], True),
        ([".run.json.0f.part", ".members.npy.1e.part", ".READ_ME_FIRST.txt.2.part"], True),
        (["targets/.0000.npy.1e.part"], True),
        (["targets/0000.npy"], False),
        (["thesis.txt"], False),
        (["members.npy", "scores.npy"], False),
        ([".git"], False),
    ],
)
def test_what_a_killed_creation_leaves(tmp_path, names, left):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert folder.is_leftover(tmp_path) is left


def test_a_creation_killed_after_any_write_is_repeated(tmp_path, tiny, monkeypatch):
    """Each way in which the folder can be filled so far, and then the creation again."""

    class Killed(BaseException):
        pass

    recipe, real, counts = recipes.load("simulated"), files.os.replace, []
    for last in range(20):
        path = tmp_path / f"{last}"

        def replace(source, target, last=last):
            counts[-1] += 1
            if counts[-1] > last:
                raise Killed
            real(source, target)

        counts.append(0)
        with monkeypatch.context() as patch:
            patch.setattr(files.os, "replace", replace)
            patch.setattr(files.Path, "unlink", lambda self, missing_ok=False: None)
            try:
                run.create(path, tiny, recipe, 8)
                killed = False
            except Killed:
                killed = True
        made = run.create(path, tiny, recipe, 8)
        assert run.open_run(path) == made
        assert made.members().shape == (8, 60)
        assert not list(path.rglob("*.part"))
        if not killed:
            return
    raise AssertionError("never done")


def test_a_folder_that_cannot_be_made_is_the_machines_fault(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineError, match="a file stands where a folder is expected"):
        folder.furnish(tmp_path / "file" / "r")


def test_a_run_of_an_impossible_recipe_is_not_left_behind(tmp_path, tiny):
    recipe = replace(recipes.load("simulated"), settings={"width": -1})
    path = tmp_path / "out" / "simulated" / "mlp"
    study = auditing.Audit(run.create(path, tiny, recipe, 8), tiny)
    with pytest.raises(InputError):
        auditing.train(study)
    assert not path.parent.exists()
    assert (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["targets/0003.npy", "attacks.parquet", "thesis.txt", "notebooks"])
def test_a_run_that_holds_anything_stays(tmp_path, tiny, name):
    made = run.create(tmp_path / "r", tiny, recipes.load("simulated"), 8)
    (made.path / name).write_bytes(b"")
    folder.remove_untrained(made.path)
    assert run.open_run(made.path) == made
