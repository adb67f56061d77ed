"""Faults of the machine are named as what they are, wherever they come from and whatever hides."""

import errno
import io
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rollcall.util import faults, files
from rollcall.util.errors import InputError
from rollcall.util.faults import MachineError, describe_machine_fault, raise_machine_fault
from tests.util.refusing import (
    as_nobody,
    few_files,
    limited,
    needs_root,
    small_disk,
    unprivileged,
)

# --- what an error is


@pytest.mark.parametrize("code", faults.CAUSES)
def test_every_cause_is_one_line_with_its_file(code):
    error = OSError(code, os.strerror(code), "/a/b.npy")
    line = describe_machine_fault(error)
    assert line == f"/a/b.npy: {faults.CAUSES[code]}"
    assert "\n" not in line
    with pytest.raises(MachineError) as caught:
        raise_machine_fault(OSError(code, os.strerror(code)), "/c")
    assert str(caught.value) == f"/c: {faults.CAUSES[code]}"
    assert not any(word in line for word in ("damaged", "delete", "fetch"))


@pytest.mark.parametrize(
    "error",
    [
        ValueError("labels are 3, expected 4"),
        FileNotFoundError(errno.ENOENT, "No such file or directory"),
        OSError("image file is truncated (3 bytes not processed)"),
        OSError("Couldn't deserialize thrift: TProtocolException: Invalid data"),
        InputError("a.csv: row 3: Permission denied is no age"),
        KeyError("digest"),
        KeyboardInterrupt(),
    ],
)
def test_what_is_no_fault_of_the_machine_passes(error):
    assert describe_machine_fault(error) is None
    raise_machine_fault(error, "/c")


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (OSError("250000 requested and 204672 written"), faults.SHORT_WRITE),  # numpy's
        (OSError("out of memory error when reading image file"), faults.MEMORY),  # Pillow's
        (
            OSError("Failed to open local file. Detail: [errno 24] Too many open files"),
            faults.CAUSES[errno.EMFILE],
        ),
        (
            ValueError("Unable to open (errno = 13, error message = 'Permission denied')"),
            faults.CAUSES[errno.EACCES],
        ),
        (RuntimeError("write failed: No space left on device"), faults.CAUSES[errno.ENOSPC]),
        (ValueError("reading block 7: Input/output error"), faults.CAUSES[errno.EIO]),
        (np.linalg.LinAlgError("Cannot allocate memory"), faults.MEMORY),
        (MemoryError("Unable to allocate 9 TiB"), faults.MEMORY),
    ],
)
def test_a_fault_in_the_message_alone_is_seen(error, cause):
    assert describe_machine_fault(error) == cause


def chain(how: str) -> Exception:
    try:
        try:
            raise OSError(errno.EMFILE, "Too many open files", "/a")
        except OSError as cause:
            if how == "from":
                raise ValueError("not readable") from cause
            if how == "from None":
                raise ValueError("not readable") from None
            raise ValueError("not readable")  # noqa: B904
    except ValueError as error:
        return error


@pytest.mark.parametrize(("how", "seen"), [("from", True), ("while", True), ("from None", False)])
def test_what_an_error_came_from_counts(how, seen):
    assert (describe_machine_fault(chain(how)) is not None) == seen


def test_a_circle_of_causes_ends():
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    assert describe_machine_fault(one) is None


def test_some_causes_may_be_the_inputs():
    error = IsADirectoryError(errno.EISDIR, "Is a directory", "/a.png")
    assert describe_machine_fault(error, faults.PATH_FAULTS) is None
    assert describe_machine_fault(error) is not None


# --- what libraries raise of it


@pytest.fixture
def readable(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(9))
    pd.DataFrame({"a": [1, 2]}).to_parquet(tmp_path / "a.parquet")
    pd.DataFrame({"a": [1, 2]}).to_csv(tmp_path / "a.csv")
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "a.png")
    calls = {
        "a.npy": np.load,
        "a.parquet": pd.read_parquet,
        "a.csv": pd.read_csv,
        "a.png": lambda path: Image.open(path).close(),
    }
    for name, call in calls.items():
        call(tmp_path / name)  # what they import must be there before the limit is
    return calls


def machine_fault_of(call, *arguments) -> str | None:
    try:
        call(*arguments)
    except Exception as error:
        return describe_machine_fault(error) or repr(error)
    return None


def test_too_many_open_files_are_seen_in_every_library(tmp_path, readable):
    with few_files(0):
        lines = {name: machine_fault_of(call, tmp_path / name) for name, call in readable.items()}
    for name, line in lines.items():
        assert "too many open files" in str(line), (name, line)


@unprivileged
def test_no_permission_is_seen_in_every_library(tmp_path, readable):
    for name in readable:
        (tmp_path / name).chmod(0)
    with as_nobody():
        lines = {name: machine_fault_of(call, tmp_path / name) for name, call in readable.items()}
    for name, line in lines.items():
        assert "no permission" in str(line), (name, line)


def test_an_array_too_large_for_the_machine_is_memory():
    assert machine_fault_of(np.zeros, 2**57) == faults.MEMORY


# --- files are written whole, or refused in one line


WRITERS = {
    "bytes": lambda path: files.write_bytes(path, bytes(300_000)),
    "json": lambda path: files.write_json(path, {"a": [0] * 100_000}),
    "table": lambda path: files.write_table(
        path, pd.DataFrame({"a": np.random.default_rng(0).random(40_000)})
    ),
    "array": lambda path: files.write_array(path, np.zeros(300_000, np.uint8)),
}


@needs_root
@pytest.mark.parametrize("kind", WRITERS)
def test_a_full_disk_is_one_line_and_leaves_what_was_there(tmp_path, kind):
    with small_disk(tmp_path / "disk", 200):
        path = tmp_path / "disk" / "a"
        path.write_bytes(b"before")
        with pytest.raises(MachineError, match=r"/disk/a: no space left .*resumes") as caught:
            WRITERS[kind](path)
        assert "\n" not in str(caught.value)
        assert path.read_bytes() == b"before"
        assert [entry.name for entry in path.parent.iterdir()] == ["a"]


@needs_root
def test_no_byte_of_an_array_is_lost_on_a_disk_that_is_just_too_small(tmp_path):
    """numpy's own `save` loses up to 4 KB there without a word."""
    with small_disk(tmp_path / "disk", 200):
        path = tmp_path / "disk" / "a.npy"
        room = 200 * 1024 - 128
        for size in (room - 1, room, room + 1, room + 100, room + 1000, room + 4000):
            try:
                files.write_array(path, np.ones(size, np.uint8))
            except MachineError:
                assert size > room
                assert not list(path.parent.iterdir())
            else:
                assert size <= room
                assert path.stat().st_size == 128 + size
                path.unlink()


@pytest.mark.parametrize("kind", WRITERS)
def test_a_limit_of_size_is_one_line(tmp_path, kind):
    with limited("FSIZE", 100_000), pytest.raises(MachineError, match="larger than allowed"):
        WRITERS[kind](tmp_path / "a")
    assert not list(tmp_path.iterdir())
    WRITERS[kind](tmp_path / "a")


@pytest.mark.parametrize("kind", WRITERS)
def test_too_many_open_files_are_one_line(tmp_path, kind):
    WRITERS[kind](tmp_path / "before")
    with few_files(0), pytest.raises(MachineError, match="/a: too many open files"):
        WRITERS[kind](tmp_path / "a")


@needs_root
def test_a_file_system_to_read_only_is_one_line(tmp_path):
    with small_disk(tmp_path / "disk", 200) as remount:
        remount("ro")
        for kind, write in WRITERS.items():
            with pytest.raises(MachineError, match=r"/disk/a: .*read-only"):
                write(tmp_path / "disk" / "a")
            assert kind
        with pytest.raises(MachineError, match="read-only"):
            files.make_private(tmp_path / "disk" / "folder" / "below")


@unprivileged
def test_no_permission_to_write_is_one_line(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with as_nobody():
            with pytest.raises(MachineError, match="/a: no permission"):
                files.write_bytes(tmp_path / "a", b"")
            with pytest.raises(MachineError, match="no permission"):
                files.make_private(tmp_path / "folder")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("below", ["", "a/b", "../file/c"])
@pytest.mark.parametrize("dangling", [False, True])
def test_a_file_in_place_of_a_folder_is_one_line(tmp_path, below, dangling):
    path = tmp_path / "file"
    if dangling:
        path.symlink_to(tmp_path / "nowhere" / "at" / "all")
    else:
        path.write_text("")
    with pytest.raises(MachineError, match="a file stands where a folder is expected") as caught:
        files.make_private(path / below if below else path)
    assert "file" in str(caught.value)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="no such folder on this system")
@pytest.mark.parametrize("folder", ["/proc/rollcall", "/proc/rollcall/a", "/proc/self/a/b"])
def test_where_the_system_makes_no_folders_is_one_line(folder):
    with pytest.raises(MachineError, match=f"{folder}: the system makes no folder there"):
        files.make_private(Path(folder))


def test_a_folder_in_place_of_a_file_is_one_line(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    with pytest.raises(MachineError, match="a folder stands where a file is expected"):
        files.write_bytes(tmp_path / "a", b"x")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


# --- private, whatever the umask


@pytest.mark.parametrize("umask", [0, 0o022, 0o277, 0o777])
def test_what_is_written_is_its_owners_alone(tmp_path, umask):
    before = os.umask(umask)
    try:
        folder = files.make_private(tmp_path / "folder")
        for name, write in WRITERS.items():
            write(folder / name)
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_a_folder_that_is_there_keeps_its_mode(tmp_path):
    (tmp_path / "shared").mkdir(mode=0o755)
    files.make_private(tmp_path / "shared")
    assert stat.S_IMODE((tmp_path / "shared").stat().st_mode) == 0o755


# --- arrays in numpy's own format


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12, dtype=np.float32).reshape(3, 4),
        np.zeros((0, 3), np.uint8),
        np.array(7),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.arange(20)[::3],
        np.ones((3, 0)),
        np.array([True, False]),
        np.arange(3, dtype=">i4"),
    ],
)
def test_an_array_is_written_as_numpy_writes_it(tmp_path, array, monkeypatch):
    monkeypatch.setattr(files, "BLOCK_BYTES", 16)
    files.write_array(tmp_path / "a.npy", array)
    again = np.load(tmp_path / "a.npy")
    assert again.dtype == array.dtype
    assert again.shape == array.shape
    assert (again == array).all()
    if array.flags.c_contiguous:
        expected = io.BytesIO()
        np.save(expected, array)
        assert (tmp_path / "a.npy").read_bytes() == expected.getvalue()


def test_an_array_of_objects_or_of_another_length_is_not_written(tmp_path):
    with pytest.raises(TypeError, match="objects"):
        files.write_array(tmp_path / "a.npy", np.array([{}]))
    with pytest.raises(ValueError, match="expected 24"):
        files.write_blocks(tmp_path / "a.npy", "i8", (3,), (np.arange(2),))
    assert not list(tmp_path.iterdir())


# --- several writers of one file


WRITER = """
import sys
from pathlib import Path
import pandas as pd
from rollcall.util.files import write_table
for _ in range(25):
    write_table(Path(sys.argv[1]), pd.DataFrame({"x": [int(sys.argv[2])] * 20_000}))
"""


def test_two_writers_and_a_reader_of_one_file(tmp_path):
    path = tmp_path / "a.parquet"
    files.write_table(path, pd.DataFrame({"x": [0] * 20_000}))
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, path, str(number)]) for number in (1, 2)
    ]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        values = pd.read_parquet(path)["x"]
        assert len(values) == 20_000
        assert values.nunique() == 1
        seen.add(int(values[0]))
    for writer in writers:
        assert writer.wait() == 0
    assert seen >= {1, 2}
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.parquet"]


@pytest.mark.parametrize("kind", WRITERS)
def test_three_writers_of_every_kind_in_one_process(tmp_path, kind):
    failures = []

    def write():
        try:
            for _ in range(10):
                WRITERS[kind](tmp_path / "a")
        except Exception as error:
            failures.append(error)

    WRITERS[kind](tmp_path / "a")
    expected = (tmp_path / "a").read_bytes()
    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert (tmp_path / "a").read_bytes() == expected
    assert not failures
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_what_killed_writers_left_is_cleared(tmp_path):
    old, young = tmp_path / ".a.1.part", tmp_path / ".b.2.part"
    for path in (old, young, tmp_path / "c.part", tmp_path / ".d"):
        Path(path).write_text("")
    os.utime(old, (0, 0))
    files.clear_unfinished(tmp_path, older_than=3600)
    assert {entry.name for entry in tmp_path.iterdir()} == {".b.2.part", "c.part", ".d"}
    files.clear_unfinished(tmp_path)
    assert {entry.name for entry in tmp_path.iterdir()} == {"c.part", ".d"}
