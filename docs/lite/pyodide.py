"""Pyodide's files: which are needed, taken out of its distribution, and its lock file with ours."""

from __future__ import annotations

import contextlib
import hashlib
import json
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from rollcall.util.errors import InputError

LOCK = Path(__file__).with_name("pyodide-lock.json")
SOURCE = "https://github.com/pyodide/pyodide/releases/download/{0}/pyodide-{0}.tar.bz2"
NEEDS = {  # what wheels of ours need beside them in the browser
    "rollcall": ["numpy", "scipy", "pandas", "matplotlib", "ipython", "ipywidgets"],
    "ipywidgets": ["comm", "ipython", "traitlets"],
    "comm": ["traitlets"],
}


def read_lock() -> dict:
    """Read which files of pyodide are needed: `core` by name, `packages` as its lock file does."""
    return json.loads(LOCK.read_text(encoding="utf-8"))


def take_pyodide(source: Path, to: Path) -> None:
    """Copy the files that are needed out of a folder or an archive, and check each.

    InputError naming those that are not there, or are others.
    """
    lock = read_lock()
    wanted = dict(lock["core"])
    wanted |= {each["file_name"]: each["sha256"] for each in lock["packages"].values()}
    with _open_source(source) as read:
        wrong = [name for name, digest in wanted.items() if not _take(read, name, digest, to)]
    if wrong:
        version = lock["info"]["version"]
        raise InputError(
            f"{source}: {', '.join(wrong[:3])}{' and others' if len(wrong) > 3 else ''} "
            f"not there, or not pyodide {version}'s; unpack {SOURCE.format(version)}"
        )


def _take(read: Callable[[str], bytes | None], name: str, digest: str, to: Path) -> bool:
    content = read(name)
    if content is None or hashlib.sha256(content).hexdigest() != digest:
        return False
    (to / name).write_bytes(content)
    return True


@contextlib.contextmanager
def _open_source(source: Path) -> Iterator[Callable[[str], bytes | None]]:
    """Give a function that reads a file by its name, in whatever folder it lies; None if none."""
    if source.is_dir():
        paths = {path.name: path for path in source.rglob("*") if path.is_file()}
        yield lambda name: paths[name].read_bytes() if name in paths else None
    elif zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            paths = {Path(each).name: each for each in archive.namelist()}
            yield lambda name: archive.read(paths[name]) if name in paths else None
    elif source.is_file() and tarfile.is_tarfile(source):
        with tempfile.TemporaryDirectory() as folder, tarfile.open(source) as archive:
            archive.extractall(folder, filter="data")
            with _open_source(Path(folder)) as read:
                yield read
    else:
        raise InputError(f"{source}: no folder and no archive; expected pyodide's distribution")


def make_lock(wheels: list[Path]) -> dict:
    """Return the lock file of the site: pyodide's packages, and these wheels."""
    lock = read_lock()
    lock.pop("core")
    for wheel in wheels:
        name, version = wheel.name.split("-")[:2]
        lock["packages"][name] = {
            "name": name,
            "version": version,
            "file_name": wheel.name,
            "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
            "depends": NEEDS[name],
            "imports": [name],
            "install_dir": "site",
            "package_type": "package",
            "unvendored_tests": False,
        }
    return lock
