"""The folder of an audit of own scores: never mixed, never on top of somebody's files."""

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rollcall.auditing import plan
from rollcall.runs import external
from rollcall.runs.given import replacing
from rollcall.util.errors import InputError
from rollcall.util.faults import MachineError
from tests.runs.given.files import create, make


@pytest.fixture(scope="module")
def audits(tmp_path_factory):
    """Two audits of other scores in their folders, and the files that they came from."""
    top = tmp_path_factory.mktemp("audits")
    for name, seed in (("a", 0), ("b", 1)):
        make(top / name, seed)
        create(top / name, top / f"out_{name}", attributes="table.csv" if name == "a" else None)
    return top


@pytest.fixture
def two(audits, tmp_path):
    return shutil.copytree(audits, tmp_path / "two")


def fingerprints(top):
    return [external.read(top / f"out_{name}")[0].config["fingerprint"] for name in "ab"]


@pytest.mark.parametrize("where", [".", "deep", "link"])
def test_inputs_inside_the_folder_are_never_written_over(two, monkeypatch, where):
    monkeypatch.chdir(two / "a")
    before = {path.name: path.read_bytes() for path in Path().iterdir()}
    (two / "deep").mkdir()
    (two / "link").symlink_to(two / "a")
    (two / "deep" / "scores.npy").symlink_to(two / "a" / "scores.npy")
    out = {".": Path(), "deep": two / "deep", "link": two / "link" / ""}[where]
    scores = two / "deep" / "scores.npy" if where == "deep" else Path("scores.npy")
    with pytest.raises(InputError, match=r"holds the input .*choose another --out"):
        external.create(scores, Path("members.npy"), Path("ids.csv"), None, out)
    assert before == {path.name: path.read_bytes() for path in Path().iterdir()}


def test_an_audit_is_not_its_own_input(two):
    with pytest.raises(InputError, match="holds the input"):
        create(two / "a", two / "out_b", scores=two / "out_b" / "scores.npy")


@pytest.mark.parametrize("name", ["scores.npy", "notes.txt", "run.json"])
def test_a_strangers_folder_is_left_alone(two, name):
    (two / "mine").mkdir()
    (two / "mine" / name).write_bytes(b"{}")
    with pytest.raises(InputError, match=r"not an audit of own scores|not a readable run"):
        create(two / "a", two / "mine")
    assert [path.name for path in (two / "mine").iterdir()] == [name]
    with pytest.raises(InputError, match="a file; expected a folder"):
        create(two / "a", two / "mine" / name)


def test_a_second_audit_leaves_nothing_of_the_first(two):
    out = two / "out_a"
    for name in ("records.parquet", "statistic.npy", "report.html", "notebooks/1.ipynb", "made/x"):
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_bytes(b"old")
    (out / "my own notes.txt").write_text("mine")
    create(two / "b", out, attributes=None)
    assert fingerprints(two)[0] == fingerprints(two)[1]
    assert (out / "my own notes.txt").read_text() == "mine"
    left = {path.name for path in out.iterdir()} - {"my own notes.txt"}
    assert left == {path.name for path in (two / "out_b").iterdir()}


def test_the_current_folder_relative_names_and_links(two, monkeypatch):
    (two / "here").mkdir()
    monkeypatch.chdir(two / "here")
    for out in (Path(), Path("../here"), Path("sub/"), two / "here" / "sub" / ".." / "more"):
        run, _ = create(two / "a", out)
        assert run.config["fingerprint"] == fingerprints(two)[0]
    (two / "real").mkdir()
    (two / "link").symlink_to(two / "real")
    create(two / "a", two / "link")
    assert (two / "real" / "scores.npy").is_file()


CALLS = ("rename", "replace", "unlink", "rmdir", "rmtree")


@pytest.mark.parametrize("first", [False, True])
def test_killed_at_any_step_it_is_the_old_audit_or_the_new(two, first):
    """Each call that changes the folder is once the last one; then somebody reads it."""
    old, new = fingerprints(two)
    made = [two / "out_b" / name for name in (*external.FILES, "run.json")]

    def replace(out):
        replacing.replace_folder(out, lambda to: [shutil.copy(path, to) for path in made])

    outcomes, died, step = [], True, 0
    while died:
        out = two / f"try_{step}"
        if not first:
            shutil.copytree(two / "out_a", out)
        child = os.fork()
        if not child:
            _die_at(step)
            replace(out)
            os._exit(0)
        died = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
        replacing.check_folder(out, (), "own")
        try:
            run, _ = external.read(out)
            outcomes.append(run.config["fingerprint"])
            assert set(os.listdir(out)) <= set(os.listdir(two / "out_b")) | {".new"}
        except InputError:
            outcomes.append("none")  # an audit that never was
        replace(out)
        assert external.read(out)[0].config["fingerprint"] == new
        assert not (out / ".new").exists()
        step += 1
    before = "none" if first else old
    turn = outcomes.index(new)
    assert outcomes == [before] * turn + [new] * (step - turn)
    assert 0 < turn < step > 8


def _die_at(step):
    """Let the process die in place of call number `step` that changes a folder."""
    left = step

    def dying(call):
        def wrapped(*arguments, **named):
            nonlocal left
            left -= 1
            if left < 0:
                os._exit(9)
            return call(*arguments, **named)

        return wrapped

    for name in CALLS:
        for holder in (Path, os, shutil):
            if hasattr(holder, name):
                setattr(holder, name, dying(getattr(holder, name)))


def test_a_disk_that_is_full_leaves_the_old_audit(two, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(external, "write_table", full)
    for out in (two / "out_a", two / "new"):
        with pytest.raises(MachineError, match="no space left"):
            create(two / "b", out, attributes=None)
    assert fingerprints(two)[0] != fingerprints(two)[1]
    assert not (two / "new").exists()


@pytest.mark.parametrize("name", external.FILES)
@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "swap", "gone"])
def test_other_or_damaged_files_are_refused_when_read(two, name, damage):
    path = two / "out_a" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    {
        "flip": lambda: path.write_bytes(data),
        "cut": lambda: path.write_bytes(data[:-5]),
        "empty": lambda: path.write_bytes(b""),
        "swap": lambda: shutil.copy(two / "out_b" / name, path),
        "gone": path.unlink,
    }[damage]()
    with pytest.raises(InputError, match=rf"{name}: damaged or replaced .*run `rollcall attack`"):
        plan(cohort="own", out=str(two / "out_a"))


def test_the_same_files_make_the_same_audit(two):
    run, _ = create(two / "a", two / "again")
    assert run.config["fingerprint"] == fingerprints(two)[0]
    table = pd.read_csv(two / "a" / "table.csv")
    table.loc[0, "group"] = "other"
    table.to_csv(two / "a" / "table.csv", index=False)
    run, _ = create(two / "a", two / "again")
    assert run.config["fingerprint"] != fingerprints(two)[0]
    assert np.load(two / "again" / "scores.npy").dtype == np.float32
    assert (two / "again").stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o077 == 0 for path in (two / "again").iterdir())


def test_what_was_begun_is_finished_by_whoever_opens_it(two):
    os.rename(two / "out_b", two / "out_a" / replacing.READY)
    for name in (".gitignore", "READ_ME_FIRST.txt", "locks"):
        moved = two / "out_a" / replacing.READY / name
        shutil.rmtree(moved) if moved.is_dir() else moved.unlink(missing_ok=True)
    run, cohort = external.read(two / "out_a")
    assert cohort.attributes == ()
    assert not replacing.is_unsettled(run.path)
