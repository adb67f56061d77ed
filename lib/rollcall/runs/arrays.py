"""The arrays that a run is of: who is in which training set, and scores that were given."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rollcall.stats.design import check_design
from rollcall.stats.members import draw_members
from rollcall.util.errors import InputError, first_line
from rollcall.util.faults import raise_machine_fault
from rollcall.util.files import UNREADABLE, sha256

CONTENTS = "contents"  # what run.json of given scores calls the sha256 of its files, by name


def read_members(folder: Path, config: dict, targets: int) -> np.ndarray:
    """Return who is in each target's training set, bool (targets, patients).

    InputError, which says what to do, unless it is what the seed draws, or what was given.
    """
    path = folder / "members.npy"
    members = read_given(path, config)
    if "recipe" not in config:
        return np.array(check_design(members[:targets]))
    rows = max(config["targets"], len(members) if members.ndim else 0)
    drawn = draw_members(rows - rows % 2, config["patients"], config["seed"])
    if members.dtype != bool or not np.array_equal(members, drawn):
        raise InputError(
            f"{path}: damaged (not what seed {config['seed']} draws); {_say_again(config)}"
        )
    return drawn[:targets]


def read_given(path: Path, config: dict) -> np.ndarray:
    """Map an array of a run; InputError if it is not what run.json has the sha256 of."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        expected = config.get(CONTENTS, {}).get(path.name)
        if expected is not None and sha256(path) != expected:
            raise ValueError("its sha256 is not the one in run.json")
    except UNREADABLE as error:
        raise_machine_fault(error, path)
        raise InputError(f"{path}: damaged ({first_line(error)}); {_say_again(config)}") from error
    return array


def read_sealed_array(path: Path, digest: str) -> np.ndarray:
    """Map an array of a target; InputError, which says what to do, unless it has this sha256."""
    try:
        if sha256(path) != digest:
            raise ValueError("its sha256 is not the one in its json")
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise_machine_fault(error, path)
        raise InputError(
            f"{path}: damaged ({error}); delete {path.name.split('.')[0]}.json and run again: "
            "the target is trained anew"
        ) from error


def pack_spread(spread: np.ndarray) -> np.ndarray:
    """Return a spread of losses as float16, which is finite wherever the spread is a number."""
    return np.clip(spread, 0, np.finfo(np.float16).max).astype(np.float16)


def _say_again(config: dict) -> str:
    """Say what brings an array of a run back."""
    if "recipe" in config:
        return "delete it and audit again: it is drawn anew from the seed"
    return "run `rollcall attack` again, with the files of the first time"
