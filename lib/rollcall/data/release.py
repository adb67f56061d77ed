"""The files of a release as its publisher ships it, under one root.

The root is never left or written to. Every message names the file; `rollcall.data.tables` adds the
row and the column.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Literal, overload

from rollcall.util.errors import InputError

# Lies in the root of a rehearsal's release: every value there is invented.
SIMULATED = "SIMULATED_BY_ROLLCALL.txt"
DEPTHS = ("", "*/", "*/*/")  # where a table may lie: releases come with and without their folder


def resolve_inside(root: Path, name: str | Path) -> Path:
    """Return root/name.

    InputError if that is not under root: an absolute name, `..`, or a link that leads out.
    """
    name = str(name)
    parts = name.replace("\\", "/").split("/")
    if not name or os.path.isabs(name) or ".." in parts or "\0" in name:
        raise InputError(
            f"{root}: {name[:80]!r} is not a path inside the release; "
            "expected a relative path without '..'"
        )
    path = root / name
    top = _resolve_folder(root)
    if not _resolve_folder(path.parent).is_relative_to(top) or (
        path.is_symlink() and not path.resolve().is_relative_to(top)
    ):
        raise InputError(f"{path}: leads out of the root {root}; copy the file into it")
    return path


@lru_cache(maxsize=100_000)  # images by the hundred thousand share their folders
def _resolve_folder(folder: Path) -> Path:
    return folder.resolve()


def forget_folders() -> None:
    """Forget where folders lead: they may have been replaced since they were last looked at."""
    _resolve_folder.cache_clear()


def find_file(root: Path, *names: str) -> Path:
    """Return the first of `names` that is a regular file under `root`.

    InputError if none is, or if a link leads out of the root.
    """
    for name in names:
        if (root / name).is_file():
            return resolve_inside(root, name)
    raise InputError(
        f"{root}: holds no {' or '.join(names)}; ROOT must name the folder with the release's "
        "files (see docs/datasets.md)"
    )


@overload
def find_table(root: Path, name: str, required: Literal[True] = True) -> Path: ...
@overload
def find_table(root: Path, name: str, required: bool) -> Path | None: ...
def find_table(root: Path, name: str, required: bool = True) -> Path | None:
    """Return `name` or `name`.gz under `root`, at the top or up to two folders down.

    None if there is none and it is not required. InputError if there are several.
    """
    for depth in DEPTHS:
        paths = sorted(
            path
            for suffix in ("", ".gz")
            for path in root.glob(depth + name + suffix)
            if path.is_file()
        )
        if len({path.with_suffix("") if path.suffix == ".gz" else path for path in paths}) > 1:
            raise InputError(
                f"{root}: holds {name} more than once ({paths[0]}, {paths[1]}); "
                "ROOT must name the folder of one release"
            )
        if paths:
            return resolve_inside(root, paths[0].relative_to(root))
    if required:
        raise _name_missing(root, [name])
    return None


def find_tables(
    root: Path, names: Mapping[str, str], required: Collection[str]
) -> dict[str, Path | None]:
    """Return find_table of each name; InputError that names all the required ones that are gone."""
    paths = {key: find_table(root, name, required=False) for key, name in names.items()}
    missing = [name for key, name in names.items() if key in required and paths[key] is None]
    if missing:
        raise _name_missing(root, missing)
    return paths


def _name_missing(root: Path, names: list[str]) -> InputError:
    missing = f"no {names[0]} or {names[0]}.gz"
    if len(names) > 1:
        missing = f"none of {', '.join(names)} (or these as .gz)"
    return InputError(
        f"{root}: holds {missing}; ROOT must name the folder with the release's "
        "files (see docs/datasets.md)"
    )


def is_simulated(root: Path | None) -> bool:
    """Say whether the release under `root` was written by `make rehearse`."""
    return root is not None and (root / SIMULATED).is_file()
