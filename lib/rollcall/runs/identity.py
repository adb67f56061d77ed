"""What a run is of: its cohort, recipe and seed. It is never mixed with another."""

from __future__ import annotations

import json
from pathlib import Path

from rollcall.util.errors import InputError

LONGEST_VALUE = 300  # characters of a setting in a message


def check_same(path: Path, existing: dict, identity: dict) -> None:
    """Check that a run is the one that is asked for; InputError, naming what differs, if not."""
    before, after = (one.get("recipe") or {} for one in (existing, identity))
    if before.get("model") == after["model"]:
        _check_files(path, after["model"], before.get("files", {}), after.get("files", {}))
    for key, value in identity.items():
        if existing.get(key) != value:
            was, now = _keep_what_differs(existing.get(key), value)
            raise InputError(
                f"{path}: this run's {key} is {_shorten(was)}, yours is {_shorten(now)}; "
                "a run is never mixed: choose another --run, or delete the folder"
            )


def _check_files(path: Path, model: str, before: dict, after: dict) -> None:
    """Check that the files of a network that a user brings are as they were; or InputError."""
    for name in sorted(before | after):
        if before.get(name) != after.get(name):
            raise InputError(
                f"{path}: {name}, of this run's model {model!r}, is not as it was when the run "
                "began (its sha256); a run is never mixed: put it back as it was, or choose "
                "another --run"
            )


def _keep_what_differs(before, after) -> tuple:
    """Return two values; of tables only the keys, at any depth, that are not the same in both."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return before, after
    pairs = {
        key: _keep_what_differs(before.get(key), after.get(key))
        for key in [*before, *(key for key in after if key not in before)]
        if before.get(key) != after.get(key)
    }
    return tuple({key: pair[side] for key, pair in pairs.items()} for side in (0, 1))


def _shorten(value) -> str:
    text = json.dumps(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
