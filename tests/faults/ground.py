"""The ground a command works on: a small file system, so that it can be full or read-only.

Where we are root on Linux the harness has mounts of its own, which end with it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rollcall.util import temporary
from rollcall.util.files import PACKAGE

ROOM = 256 << 20  # bytes, more than any trial takes
INSIDE = "ROLLCALL_FAULTS_INSIDE"  # set once we have mounts of our own


def copy_state(state: Path, place: Path) -> None:
    """Copy a folder, links as links, times too; not sockets that dead processes left."""

    def list_sockets(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if Path(folder, name).is_socket()]

    shutil.copytree(state, place, ignore=list_sockets, dirs_exist_ok=True, symlinks=True)


@dataclass(frozen=True)
class Ground:
    """Folders of a session: `place` is worked on, `kept` holds references.

    refused: why it cannot be filled or made read-only; empty if it can. private: whether /tmp is
    ours alone.
    """

    place: Path
    kept: Path
    refused: str
    private: bool

    @property
    def temporary(self) -> Path:
        """The folder for temporary files."""
        return self.place / "tmp"

    def clear(self) -> None:
        """Empty the place, and give it all its room."""
        self.mend()
        for entry in self.place.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        self.temporary.mkdir()

    def enter(self, state: Path) -> None:
        """Put a copy of a state in the place; times of files stay."""
        self.clear()
        copy_state(state, self.place)

    def fill(self, left: int) -> None:
        """Leave so many bytes of space."""
        status = os.statvfs(self.place)
        used = (status.f_blocks - status.f_bfree) * status.f_frsize
        _remount(self.place, f"size={used + left}")

    def close(self) -> str:
        """Make it read-only, or, while a file is open for writing, its folders unchangeable."""
        if _remount(self.place, "ro"):
            return "read-only"
        subprocess.run(["chattr", "-R", "+i", str(self.place)], capture_output=True)
        return "unchangeable"

    def mend(self) -> None:
        """Undo `fill` and `close`."""
        if not self.refused:
            assert _remount(self.place, f"rw,size={ROOM}")
            subprocess.run(["chattr", "-R", "-i", str(self.place)], capture_output=True)

    def list_left(self) -> list[str]:
        """List what lies in the folders for temporary files.

        But a folder whose lock was still to be taken, which is cleared when it is old enough; and
        Python's own of a killed process that had no notebook kernel, with nothing but a socket.
        """
        left = [
            str(path)
            for path in self.temporary.glob("*")
            if not path.name.startswith(temporary.NEW)
            and not (path.name.startswith("pymp-") and all(map(Path.is_socket, path.iterdir())))
        ]
        if self.private:
            left += [str(path) for path in Path("/tmp").iterdir() if path != self.place.parent]
        return left


def _remount(place: Path, options: str) -> bool:
    words = ["mount", "-o", f"remount,{options}", str(place)]
    return not subprocess.run(words, capture_output=True).returncode


def move_inside() -> None:
    """Start this program again with mounts of its own, where that is possible."""
    if INSIDE in os.environ or sys.platform != "linux" or os.geteuid() or not _may_mount():
        return
    words = ["unshare", "--mount", "--propagation", "private"]
    os.environ[INSIDE] = "1"
    os.execvp(words[0], [*words, sys.executable, "-m", "tests.faults", *sys.argv[1:]])


def _may_mount() -> bool:
    """Try what a session needs, in a process that takes its mount along when it ends."""
    script = 'mount -t tmpfs -o size=1m tmpfs "$0" && mount -o remount,size=2m "$0"'
    with tempfile.TemporaryDirectory() as folder:
        words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, folder]
        return (
            shutil.which("unshare") is not None
            and not subprocess.run(words, capture_output=True).returncode
        )


def open_ground() -> Ground:
    """Make the folders of a session; with mounts of our own, /tmp is ours as well."""
    inside = INSIDE in os.environ
    needed = map(Path, (PACKAGE, sys.prefix, sys.base_prefix, os.getcwd()))
    private = inside and not any(path.is_relative_to("/tmp") for path in needed)
    if private:
        _mount(Path("/tmp"), f"size={8 * ROOM},mode=1777")
    folder = Path(tempfile.mkdtemp(prefix="faults-", dir="/tmp"))
    place, kept = folder / "place", folder / "kept"
    place.mkdir()
    kept.mkdir()
    if inside:
        _mount(place, f"size={ROOM},mode=700")
    refused = "" if inside else "needs Linux, root and mounts of its own"
    return Ground(place, kept, refused, private)


def _mount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)


def leave(ground: Ground) -> None:
    """Remove the folders of a session."""
    if not ground.refused:
        for _ in range(100):
            if not subprocess.run(["umount", str(ground.place)], capture_output=True).returncode:
                break
            time.sleep(0.1)
    shutil.rmtree(ground.place.parent, ignore_errors=True)
