"""Where the files lie that a column names: with or without their endings, in folders below."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import tables
from rollcall.data.release import resolve_inside
from rollcall.datasets.described.description import Description
from rollcall.util.errors import InputError
from rollcall.util.faults import raise_machine_fault

MOST_SHOWN = 3  # names in a message
MAX_DEPTH = 8  # folders below the one that is named


def find_files(
    described: Description, table: pd.DataFrame, endings: tuple[str, ...]
) -> tuple[np.ndarray, list[str]]:
    """Return the path of each row's file, relative to the description's folder, and notes.

    The column `files` names them: with their endings or without, with the folders they lie in below
    `folder` or without. Folders that are not there, of another machine, are left off, if each name
    still has a file of its own. endings: of files that are looked for, in small letters; a name
    that has its ending may have any. InputError names the row of a name that is empty, not there,
    or of several files.
    """
    column, path = described.files, described.table_path
    names = table[column].str.replace("\\", "/").str.removeprefix("./")
    tables.refuse_rows(path, table, column, names == "", "expected the name of a file")
    top = resolve_inside(described.root, described.folder) if described.folder else described.root
    if not top.is_dir():
        raise InputError(f"{described.path}: folder = {described.folder!r}: {top} is no folder")
    by_name = _list_by_name(described.root, top, set(endings))
    codes, different = pd.factorize(names)
    answers = [_look_up(str(name), by_name) for name in different]
    notes = _leave_off_folders(column, [str(name) for name in different], answers, by_name)
    _refuse_ambiguous(described, table, codes, answers)
    gone = np.array([not paths for paths in answers])[codes]
    if gone.all():
        every = sorted({path for paths in by_name.values() for path in paths})
        there = [path for path in every if path.lower().endswith(endings)][:MOST_SHOWN]
        raise InputError(
            f"{path}: column {column!r}: none of its {len(names):,} files is in {top} or below, "
            f"the first {names.iloc[0]!r:.60} (of {', '.join(endings[:2])} and the like are there: "
            f'{", ".join(there) or "none"}); say folder = "..." and files = "the column with their '
            'names", and format = "..." of recordings'
        )
    where = f"no such file in {top} or below; complete the folder, or leave such rows out"
    tables.refuse_rows(path, table, column, gone, where)
    return np.array([paths[0] for paths in answers], object)[codes], notes


def _list_by_name(root: Path, top: Path, endings: set[str]) -> dict[str, list[str]]:
    """List files in `top` and below by each name they go by, in small letters.

    A file a/b/C.PNG goes by c.png, b/c.png and a/b/c.png, and by each without .png, if that is one
    of `endings`. Hidden files and folders, and those of a Mac's zip, are left out.
    """
    by_name = defaultdict(list)
    for folder, below, files in os.walk(top, onerror=_raise):
        below[:] = sorted(name for name in below if not name.startswith((".", "__MACOSX")))
        parts = Path(folder).relative_to(top).parts
        for name in below:
            if os.path.islink(os.path.join(folder, name)):
                resolve_inside(root, Path(folder).relative_to(root) / name / "any")
        if len(parts) >= MAX_DEPTH:
            below.clear()
        home = Path(folder).relative_to(root).as_posix()
        for name in sorted(files):
            if name.startswith("."):
                continue
            path = name if home == "." else f"{home}/{name}"
            stem, ending = os.path.splitext(name)
            for shown in (name, stem) if ending.lower() in endings else (name,):
                for start in range(len(parts) + 1):
                    by_name["/".join((*parts[start:], shown)).lower()].append(path)
    return by_name


def _raise(error: OSError) -> None:
    raise_machine_fault(error)
    raise error


def _look_up(name: str, by_name: dict[str, list[str]]) -> list[str]:
    """Return the files that a name means: one, none, or those that cannot be told apart.

    Capitals count where files differ by them alone.
    """
    paths = by_name.get(name.lower(), [])
    if len(paths) > 1:
        stem = os.path.splitext(name)[0] + "."
        same = [path for path in paths if f"/{path}".endswith(f"/{name}")]
        same = same or [path for path in paths if f"/{stem}" in f"/{path}"]
        return same or paths
    return paths


def _leave_off_folders(
    column: str, names: list[str], answers: list[list[str]], by_name: dict[str, list[str]]
) -> list[str]:
    """Look again for names that have none, their first folders left off one by one; return notes.

    `answers` is changed where each of these names gets a file, or files, of its own.
    """
    shorter = {}
    for position, name in enumerate(names):
        parts = name.split("/")
        tails = ["/".join(parts[start:]) for start in range(1, len(parts))]
        if not answers[position]:
            shorter[position] = next(filter(None, (_look_up(tail, by_name) for tail in tails)), [])
    meant = [path for paths in (*answers, *shorter.values()) for path in paths]
    alone = len(set(meant)) == len(meant)
    if not alone or not any(shorter.values()):
        return []
    for position, paths in shorter.items():
        answers[position] = paths
    return [f"files: folders in column {column!r} that are not there were left off"]


def _refuse_ambiguous(described: Description, table, codes, answers) -> None:
    """InputError where a name is that of several files."""
    several = np.array([len(paths) > 1 for paths in answers])[codes]
    for row in np.flatnonzero(several)[:1]:
        paths = answers[codes[row]]
        tables.refuse_rows(
            described.table_path,
            table,
            described.files,
            several,
            f"{len(paths)} files go by this name, such as {paths[0]} and {paths[1]}; write the "
            "name with its ending, and with its folder where several have it",
        )


def spread(count: int, most: int) -> np.ndarray:
    """Return positions of up to `most` of `count`, evenly spaced."""
    return np.unique(np.linspace(0, count - 1, min(most, count)).astype(int))
