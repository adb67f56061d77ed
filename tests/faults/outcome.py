"""What two places have in common: the outcome of an audit, bit by bit.

Compared, file by file: prepared cohorts (every file), members, logits, statistic (bytes); every
table, `shown_*` and `paper_*` included (values, types, order, missing ones); run.json, the targets'
json, cohort.json and report.json apart from times; figures (PNG: bytes; PDF: that it is there);
notebooks and the page (that they are there). A file that only one of the two has is a difference:
unfinished ones as well. Not compared: locks/, logs/, and stamps, which hold times and inodes.
"""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

IGNORED_FOLDERS = ("locks", "logs", "tmp", "given", "release")
STAMPS = ("verified.json", ".tables.json")
BY_NAME = (".html", ".ipynb", ".pdf", ".lock")
TIMES = ("started", "finished", "seconds", "Started", "checksum", "made", "command")


def list_files(place: Path) -> dict[str, Path]:
    """Return what is compared of a place, by relative path."""
    files = {}
    for path in sorted(place.rglob("*")):
        name = path.relative_to(place)
        ignored = path.name in STAMPS or any(part in IGNORED_FOLDERS for part in name.parts)
        if path.is_file() and not ignored:
            files[str(name)] = path
    return files


def compare(place: Path, reference: Path) -> list[str]:
    """List how a place differs from the reference."""
    here, there = list_files(place), list_files(reference)
    wrong = [f"left: {name}" for name in sorted(set(here) - set(there))]
    wrong += [f"lost: {name}" for name in sorted(set(there) - set(here))]
    for name in sorted(set(here) & set(there)):
        wrong += [f"{kind}: {name}" for kind in compare_file(here[name], there[name])]
    return wrong


def compare_file(here: Path, there: Path) -> list[str]:
    """Return "half" where the file cannot be read, "wrong" where it differs."""
    if here.suffix in BY_NAME:
        return [] if here.stat().st_size or not there.stat().st_size else ["half"]
    if here.suffix not in (".parquet", ".json"):
        return [] if here.read_bytes() == there.read_bytes() else ["wrong"]
    read = read_table if here.suffix == ".parquet" else read_json
    try:
        content = read(here)
    except (OSError, ValueError):
        return ["half"]
    expected = read(there)
    same = content.equals(expected) if here.suffix == ".parquet" else content == expected
    return [] if same else ["wrong"]


def read_table(path: Path) -> pd.DataFrame:
    """Read a table."""
    return pd.read_parquet(path)


def read_json(path: Path):
    """Read a json without the times in it."""
    content = json.loads(path.read_text())
    if isinstance(content.get("files"), dict):  # hashes of pages and lists that hold times
        content["files"] = sorted(content["files"])
    return _drop_times(content)


def _drop_times(value):
    if isinstance(value, dict):
        return {key: _drop_times(each) for key, each in value.items() if key not in TIMES}
    return [_drop_times(each) for each in value] if isinstance(value, list) else value


def stamp_targets(run: Path) -> dict[str, int]:
    """Return when each stored target was stored."""
    stamps = {}
    for path in (run / "targets").glob("*.json"):
        if not path.name.startswith("."):
            stamps[path.name] = path.stat().st_mtime_ns
    return stamps
