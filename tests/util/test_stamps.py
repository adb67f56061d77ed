"""Stamps: the same facts mean the same content, and nothing else is ever kept."""

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rollcall.util import stamps
from rollcall.util.files import sha256
from rollcall.util.stamps import hash_files, read_facts, read_stamp, settle, write_stamp


def write(path: Path, content: str = "content") -> Path:
    path.write_text(content)
    return path


def test_facts_see_what_a_time_set_back_hides(tmp_path):
    path = write(tmp_path / "a")
    before, facts = path.stat(), settle([path], tmp_path)
    path.write_text("CONTENT")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = read_facts([path])
    assert [facts[0][position] for position in (0, 1, 3)] == [
        after[0][position] for position in (0, 1, 3)
    ]
    assert facts != after
    assert read_facts([path, tmp_path / "gone"]) is None


def test_a_change_right_after_settling_always_shows(tmp_path):
    """The rule in one line, tried where it is tightest: written, settled, read, changed at once."""
    path = tmp_path / "a"
    for number in range(20):
        path.write_text(f"{number:04d} before")
        facts = settle([path], tmp_path)
        path.write_text(f"{number:04d} after!")
        assert facts is not None
        assert read_facts([path]) != facts


def test_settling_waits_only_for_what_is_new(tmp_path, monkeypatch):
    path = write(tmp_path / "a")
    waits = []
    monkeypatch.setattr(stamps.time, "sleep", waits.append)
    monkeypatch.setattr(stamps, "_read_clock", lambda folder: time.time_ns() + 10**12)
    real = time.time_ns
    monkeypatch.setattr(stamps.time, "time_ns", lambda: real() + 10**12)  # a quarter of an hour on
    assert settle([path], tmp_path) == read_facts([path])
    assert waits == [0]


@pytest.mark.parametrize("ahead_s", [3600, 0.5])
def test_times_ahead_of_the_clock_are_not_trusted(tmp_path, ahead_s):
    """A release's server may be ahead, or somebody set the time."""
    path = write(tmp_path / "a")
    later = path.stat().st_mtime_ns + int(ahead_s * 1e9)
    os.utime(path, ns=(later, later))
    assert settle([path], tmp_path) is None


def test_whole_seconds_are_a_coarse_clock(tmp_path, monkeypatch):
    """It may stand for two seconds: a file of this one is not trusted, an older one is."""
    path = write(tmp_path / "a")
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now)
    monkeypatch.setattr(stamps, "_read_clock", lambda folder: now)

    def facts_at(seconds_ago: int) -> None:
        second = (now // 10**9 - seconds_ago) * 10**9
        monkeypatch.setattr(stamps, "read_facts", lambda paths: [[7, second, second, 1]])

    facts_at(1)
    assert settle([path], tmp_path) is None
    facts_at(4)
    assert settle([path], tmp_path) is not None


def test_the_clock_is_that_of_the_folder(tmp_path, monkeypatch):
    path = write(tmp_path / "a")
    time.sleep(0.1)
    assert settle([path], tmp_path) is not None
    monkeypatch.setattr(stamps, "_read_clock", lambda folder: time.time_ns() - 10**9)
    assert settle([path], tmp_path) is None


def test_a_folder_that_is_not_there_yet_is_asked_above(tmp_path):
    path = write(tmp_path / "a")
    assert settle([path], tmp_path / "b" / "c") is not None
    assert {entry.name for entry in tmp_path.iterdir()} == {"a"}


def test_where_nothing_can_be_written_nothing_is_trusted(tmp_path, monkeypatch):
    def refuse(folder):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(stamps, "_read_clock", refuse)
    assert settle([write(tmp_path / "a")], tmp_path) is None
    write_stamp(tmp_path / "nowhere" / "stamp", {"a": 1})
    assert {entry.name for entry in tmp_path.iterdir()} == {"a"}


@pytest.mark.parametrize("content", ["", "{", "[1]", "null", "\x00"])
def test_a_damaged_stamp_is_empty(tmp_path, content):
    assert read_stamp(write(tmp_path / "stamp", content)) == {}
    assert read_stamp(tmp_path / "none") == {}


def test_a_stamp_comes_back_whoever_writes_it(tmp_path):
    contents = [{"writer": number, "text": "x" * 10_000} for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda content: write_stamp(tmp_path / "stamp", content), contents))
    assert read_stamp(tmp_path / "stamp") in contents
    assert [entry.name for entry in tmp_path.iterdir()] == ["stamp"]


# --- hashes of files


def test_files_are_hashed_once(tmp_path, monkeypatch):
    names = []
    monkeypatch.setattr(stamps, "sha256", lambda path: names.append(path.name) or sha256(path))
    files = {"one": write(tmp_path / "a"), "two": write(tmp_path / "b", "more")}
    digests, stamp = hash_files(files, {}, tmp_path)
    assert digests == {name: sha256(path) for name, path in files.items()}
    stamp = json.loads(json.dumps(stamp))  # as it is read back
    assert hash_files(files, stamp, tmp_path) == (digests, stamp)
    assert names == ["a", "b"]
    write(tmp_path / "b", "MORE")
    again, _ = hash_files(files, stamp, tmp_path)
    assert names == ["a", "b", "b"]
    assert again == {"one": digests["one"], "two": sha256(files["two"])}


def test_a_file_that_changes_while_it_is_hashed_is_hashed_again(tmp_path, monkeypatch):
    path = write(tmp_path / "a")

    def hash_and_change(path):
        digest = sha256(path)
        write(path, "CONTENT")
        return digest

    monkeypatch.setattr(stamps, "sha256", hash_and_change)
    digests, stamp = hash_files({"one": path}, {}, tmp_path)
    assert digests == {"one": digests["one"]}
    assert stamp == {}


def test_entries_of_files_that_are_gone_are_dropped(tmp_path):
    files = {"one": write(tmp_path / "a"), "two": write(tmp_path / "b")}
    _, stamp = hash_files(files, {}, tmp_path)
    assert len(stamp) == 2
    files["one"].unlink()
    _, stamp = hash_files({"two": files["two"]}, stamp, tmp_path)
    assert list(stamp) == [str(files["two"])]


def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        hash_files({"one": tmp_path / "gone"}, {}, tmp_path)


@pytest.mark.parametrize("entry", [None, 3, [], ["a"], [[1, 2, 3, 4], 5], "text"])
def test_a_damaged_entry_is_none(tmp_path, entry):
    path = write(tmp_path / "a")
    digests, _ = hash_files({"one": path}, {str(path): entry}, tmp_path)
    assert digests == {"one": sha256(path)}
