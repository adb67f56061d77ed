"""Temporary folders are their process's alone, and do not outlive it for longer than a next run."""

import errno
import os
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from rollcall.util import temporary
from rollcall.util.faults import MachineError
from rollcall.util.temporary import LONGEST_INSIDE, LONGEST_SOCKET, list_parents, private_folder

HOLD = """
import sys
from rollcall.util.temporary import private_folder
with private_folder() as folder:
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def parent(monkeypatch):
    """A folder for temporary files with a short path, named by TMPDIR."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)


@pytest.fixture
def holder(parent):
    """Another process that holds a private folder, and the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process, Path(process.stdout.readline().strip())
    process.kill()
    process.communicate()


def test_a_folder_is_private_and_goes(parent):
    with private_folder() as folder:
        assert folder.parent == parent
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "file").touch()
    assert not list(parent.iterdir())


def test_two_at_once_are_two_folders(parent):
    with private_folder() as first, private_folder() as second:
        assert first != second
        assert first.is_dir()


def test_what_a_killed_process_left_is_cleared(parent, holder):
    process, folder = holder
    with private_folder():
        assert folder.is_dir(), "its owner lives"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert folder.is_dir()
    with private_folder():
        assert not folder.exists()


def test_what_is_not_ours_stays(parent):
    """A folder of that name without a lock, a file, a link, one that is about to be locked."""
    (parent / "rollcall-notes").mkdir()
    (parent / "rollcall-file").touch()
    (parent / "elsewhere").mkdir()
    (parent / "elsewhere" / temporary.LOCK).touch()
    (parent / "rollcall-link").symlink_to(parent / "elsewhere")
    (parent / ".rollcall-new").mkdir()
    before = sorted(parent.rglob("*"))
    with private_folder():
        pass
    assert sorted(parent.rglob("*")) == before


def test_one_that_was_never_locked_goes_in_time(parent):
    (parent / ".rollcall-new").mkdir()
    os.utime(parent / ".rollcall-new", (0, 0))
    with private_folder():
        assert not (parent / ".rollcall-new").exists()


def test_a_name_too_long_for_sockets_is_passed_over(monkeypatch, tmp_path):
    short = Path("/tmp") / ("x" * (LONGEST_SOCKET - LONGEST_INSIDE - len("/tmp/")))
    monkeypatch.setattr(os.path, "isdir", lambda path: True)
    monkeypatch.setenv("TMPDIR", str(short))
    assert list_parents()[0] == short
    monkeypatch.setenv("TMPDIR", f"{short}x")
    assert list_parents()[0] == Path("/tmp")


@pytest.mark.parametrize("named", ["/nonexistent", "", "relative"])
def test_a_name_that_is_no_folder_is_passed_over(monkeypatch, tmp_path, named):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", named)
    assert list_parents()[0] == Path("/tmp")


def test_a_full_one_is_passed_over(parent, monkeypatch):
    def write(path, content):
        if parent in path.parents:
            raise OSError(errno.ENOSPC, "full", str(path))
        return len(content)

    monkeypatch.setattr(Path, "write_bytes", write)
    monkeypatch.setattr(Path, "unlink", lambda path: None)
    with private_folder() as folder:
        assert folder.parent == Path("/tmp")
    assert not list(parent.iterdir())


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "no space left on the disk"),
        (errno.EROFS, "the file system is read-only"),
        (errno.EACCES, "no permission"),
        (errno.EMFILE, "too many open files"),
    ],
)
def test_where_none_can_be_written_the_reason_is_given(parent, monkeypatch, code, words):
    def refuse(**where):
        raise OSError(code, "no", str(where["dir"]))

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    with pytest.raises(MachineError, match=rf"{parent}: {words}.*TMPDIR"), private_folder():
        pass


def test_a_stop_while_the_folder_is_tried_leaves_nothing(parent, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", stop)
    with pytest.raises(KeyboardInterrupt), private_folder():
        pass
    assert not list(parent.iterdir())
