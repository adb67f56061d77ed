"""Find CheXpert's tables and films in a download as it unpacks.

The zips of the full release unpack to a folder each: "CheXpert-v1.0 batch 1 (validate & csv)" with
both tables and valid/, and "... batch 2 (train 1)" to 4, whose patients lie directly in the batch,
or in train/. The small release, and one that was joined, is one tree with train/ and valid/.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import release
from rollcall.util.errors import InputError

MAX_DEPTH = 4  # folders below the root in which tables and patients are looked for
PATIENT = re.compile(r"patient[0-9]+")
SPLITS = ("train", "valid", "test")  # folders of patients, in which no table lies
BATCH = re.compile(r"chexpert-v1\.0[ _]batch", re.IGNORECASE)  # how a batch's name begins
RELEASE = re.compile(r"chexpert", re.IGNORECASE)
DEMOGRAPHICS = re.compile(
    r"chexpert[ _-]*demo(?:[ ._-]*(?:xlsx)?[ ._-]*sheet1)?\.(?P<kind>csv|csv\.gz|xlsx?)",
    re.IGNORECASE,
)


def find_tables(root: Path) -> dict[str, Path]:
    """Find train.csv, valid.csv and the table of demographics; the last two may be absent.

    valid.csv lies beside train.csv or in another folder of root, and so does the table of
    demographics. Of several the one nearest to the root counts, then the first by name. InputError
    if there are two train.csv side by side, or if the demographics are a spreadsheet alone.
    """
    folders = list(_table_folders(root))
    train = _find_train(root, folders)
    files = {"train": train}
    for folder in [train.parent, *folders]:
        for name in ("valid.csv", "valid.csv.gz"):
            if "valid" not in files and (folder / name).is_file():
                files["valid"] = release.resolve_inside(root, (folder / name).relative_to(root))
    demographics = [
        (match["kind"].lower(), folder / name)
        for folder in [train.parent, *folders]
        for name in sorted(os.listdir(folder))
        if (match := DEMOGRAPHICS.fullmatch(name))
    ]
    tables = [path for kind, path in demographics if kind.startswith("csv")]
    if tables:
        files["demographics"] = release.resolve_inside(root, tables[0].relative_to(root))
    elif demographics:
        raise InputError(
            f"{demographics[0][1]}: a spreadsheet; open it and save it as CSV (UTF-8) under the "
            "name CHEXPERT_DEMO.csv in the same folder"
        )
    return files


def _find_train(root: Path, folders: list[Path]) -> Path:
    """Find train.csv in the folder nearest to the root."""
    paths = [
        folder / name
        for folder in folders
        for name in ("train.csv", "train.csv.gz")
        if (folder / name).is_file()
    ]
    if not paths:
        raise InputError(
            f"{root}: holds no train.csv or train.csv.gz; ROOT must name the folder with the "
            "release's files: CheXpert-v1.0, CheXpert-v1.0-small, or the one that holds all of its "
            "'CheXpert-v1.0 batch ...' folders (see docs/datasets.md)"
        )
    depth = len(paths[0].parts)
    homes = {path.parent for path in paths if len(path.parts) == depth}
    if len(homes) > 1:
        raise InputError(
            f"{root}: holds train.csv more than once ({paths[0]}, {paths[1]}); "
            "ROOT must name the folder of one release"
        )
    return release.resolve_inside(root, paths[0].relative_to(root))


def _table_folders(root: Path) -> Iterator[Path]:
    """Yield root and the folders below it, nearest first, but for those of patients."""
    level = [root]
    for _ in range(MAX_DEPTH):
        yield from level
        below = [folder / name for folder in level for name in _folders_in(folder)]
        level = [path for path in below if path.name not in SPLITS and not path.is_symlink()]


def _folders_in(folder: Path) -> list[str]:
    """List the folders of a folder by name, but for hidden ones and those of patients."""
    with os.scandir(folder) as entries:
        return sorted(
            entry.name
            for entry in entries
            if not PATIENT.fullmatch(entry.name)
            and not entry.name.startswith((".", "__MACOSX"))
            and entry.is_dir()
        )


def film_paths(root: Path, home: Path, table: pd.DataFrame) -> np.ndarray:
    """Find each film's path relative to root: (films,), of columns Path, rest, set and folder.

    home: the folder of train.csv, in which the path of the table goes on. Where a film is not
    there, it is looked for wherever under root its patient has a folder. InputError if home is one
    batch alone.
    """
    above = home.relative_to(root).as_posix()
    paths = ("" if above == "." else f"{above}/") + table["rest"]
    paths = paths.to_numpy(dtype=object)
    gone = np.flatnonzero([not os.path.isfile(root / path) for path in paths])
    if not len(gone):
        return paths
    homes = _patient_homes(root, set(table["folder"].iloc[gone]))
    for row in gone:
        line = table.iloc[row]
        small = "small" in line["Path"].split("/")[0]
        places = sorted(
            homes.get(line["folder"], []),
            key=lambda place: (("small" in place) != small, line["set"] not in place, place),
        )
        below = line["rest"].split("/", 1)[1]  # without train/ or valid/
        candidates = [f"{place}{below}" for place in places]
        if candidates:
            there = (path for path in candidates if os.path.isfile(root / path))
            paths[row] = next(there, candidates[0])
        elif home == root and BATCH.match(root.resolve().name):
            raise InputError(
                f"{root}: one batch of the release; ROOT must name the folder that holds all of "
                "its 'CheXpert-v1.0 batch ...' folders"
            )
    return paths


def _patient_homes(root: Path, wanted: set[str]) -> dict[str, list[str]]:
    """Find the folders that hold a folder of each wanted patient, relative to root, with a slash.

    InputError for a folder of the release that is a link out of the root.
    """
    homes: dict[str, list[str]] = {}
    level = [""]
    for _ in range(MAX_DEPTH + 1):
        below = []
        for place in level:
            for name in os.listdir(root / place):
                if name in wanted:
                    homes.setdefault(name, []).append(place)
            for name in _folders_in(root / place):
                if os.path.islink(root / place / name) and (RELEASE.match(name) or name in SPLITS):
                    release.resolve_inside(root, f"{place}{name}/any")
                elif os.path.islink(root / place / name):
                    continue
                below.append(f"{place}{name}/")
        level = below
    return homes
