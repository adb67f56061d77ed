"""Reading a dataset's release as its publisher ships it: folders, files and tables under one root that is never left or written to.

Every message names the file and, for tables, the row (as a line of the file, the header being line 1) and the column.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from rollcall.util.errors import InputError

SIMULATED = "SIMULATED_BY_ROLLCALL.txt"  # lies in the root of a rehearsal's release: every value there is invented


# --- files ------------------------------------------------------------------------------------------------------------------------


def resolve_inside(root: Path, name: str | Path) -> Path:
    """root/name, or InputError if that is not under root: an absolute name, `..`, or a link that leads out."""
    name = str(name)
    if (
        not name
        or os.path.isabs(name)
        or ".." in name.replace("\\", "/").split("/")
        or "\0" in name
    ):
        raise InputError(
            f"{root}: {name[:80]!r} is not a path inside the release; expected a relative path without '..'"
        )
    path = root / name
    real = _real(root)
    if not _real(path.parent).is_relative_to(real) or (
        path.is_symlink() and not path.resolve().is_relative_to(real)
    ):
        raise InputError(f"{path}: leads out of the root {root}; copy the file into it")
    return path


@lru_cache(maxsize=100_000)  # images by the hundred thousand share their folders
def _real(folder: Path) -> Path:
    return folder.resolve()


def find_file(root: Path, *names: str) -> Path:
    """The first of `names` that is a regular file under `root`; InputError if none is, or if a link leads out of the root."""
    for name in names:
        if (root / name).is_file():
            return resolve_inside(root, name)
    raise InputError(
        f"{root}: holds no {' or '.join(names)}; ROOT must name the folder with the release's files (see data/README.md)"
    )


def find_table(root: Path, name: str, required: bool = True) -> Path | None:
    """`name` or `name`.gz under `root`, at the top or up to two folders down (releases are unpacked with and without their own folder)."""
    pattern = ("", "*/", "*/*/")
    for depth in pattern:
        found = sorted(
            path
            for suffix in ("", ".gz")
            for path in root.glob(depth + name + suffix)
            if path.is_file()
        )
        if len({path.with_suffix("") if path.suffix == ".gz" else path for path in found}) > 1:
            raise InputError(
                f"{root}: holds {name} more than once ({found[0]}, {found[1]}); ROOT must name the folder of one release"
            )
        if found:
            return resolve_inside(root, found[0].relative_to(root))
    if required:
        raise InputError(
            f"{root}: holds no {name} or {name}.gz; ROOT must name the folder with the release's files (see data/README.md)"
        )
    return None


def is_simulated(root: Path | None) -> bool:
    """Whether the release under `root` was written by `make rehearse`."""
    return root is not None and (root / SIMULATED).is_file()


# --- tables: strings first, every value checked before it is used -------------------------------------------------------------------
