"""Write simulated releases, in exactly the folder layout and file formats of their publishers.

Every value is invented. The datasets that can be rehearsed are `rollcall.datasets.REHEARSABLE`.
Each has a module here with `write(root, patients, seed)`, which writes the release of that many
patients into the empty folder `root`. The marker file that `write` below adds makes every report of
such a cohort say that its data are simulated.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import tempfile
from importlib import import_module
from pathlib import Path

import psutil

from rollcall import datasets
from rollcall.data.release import SIMULATED
from rollcall.util.errors import InputError, unknown_name

MIN_PATIENTS = 40  # with fewer, groups and test sets come out empty


def write(name: str, root: Path, patients: int = 300, seed: int = 0) -> Path:
    """Write the simulated release of dataset `name` to `root`, whole or not at all.

    One that is there already is left as it is. Returns root. Raises InputError for an unknown name,
    for fewer than MIN_PATIENTS patients, and for a folder that holds anything else.
    """
    if name not in datasets.REHEARSABLE:
        raise unknown_name("dataset to rehearse", name, datasets.REHEARSABLE)
    if patients < MIN_PATIENTS:
        raise InputError(f"patients is {patients}; expected at least {MIN_PATIENTS}")
    if (root / SIMULATED).is_file():
        return root
    if root.exists() and any(root.iterdir()):
        raise InputError(f"{root}: exists and is not a rehearsal; name an empty or a new folder")
    root.parent.mkdir(parents=True, exist_ok=True)
    _clear_left(root.parent)
    building = Path(tempfile.mkdtemp(prefix=f"{_prefix()}{os.getpid()}-", dir=root.parent))
    try:
        import_module(f"rollcall.rehearse.{name}").write(building, patients, seed)
        (building / SIMULATED).write_text(
            f"A simulated release in the layout of {name}: {patients} invented patients, "
            f"seed {seed}. No real person is in it.\n",
            encoding="utf-8",
        )
        if root.exists():
            root.rmdir()
        os.rename(building, root)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return root


def _prefix() -> str:
    """Return how folders that are being written on this machine are called."""
    return f".rehearsal-{hashlib.sha256(platform.node().encode()).hexdigest()[:8]}-"


def _clear_left(parent: Path) -> None:
    """Remove what processes of this machine left that were killed, or could not remove it."""
    for left in parent.glob(f"{_prefix()}*-*"):
        process = left.name.removeprefix(_prefix()).partition("-")[0]
        if process.isdigit() and not psutil.pid_exists(int(process)):
            shutil.rmtree(left, ignore_errors=True)
