"""A run: one folder under results/ that holds everything an audit reads and writes.

It can be killed at any instant, resumed, grown and worked on by many processes. A target exists
when its json exists, which is written last, by atomic rename, under a lock that the operating
system frees when its holder dies.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout

from rollcall.data.cohort import Cohort
from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.recipes import Recipe
from rollcall.runs.environment import describe, now
from rollcall.stats.members import check_targets, draw_members
from rollcall.util.errors import InputError
from rollcall.util.files import sha256, write_array, write_json

# Files that a run may leave if it is killed during its creation.
LEFTOVERS = ("locks", "targets", "members.npy", "members.npy.part", "run.json.part")
LONGEST_VALUE = 300  # characters of a setting in a message
LEAST_CELL = 3  # of two patients either knows what the other is


@dataclass(frozen=True)
class Run:
    """Hold a run's folder and what its run.json says.

    That is: cohort, fingerprint, recipe, seed, targets, scores, versions, hardware, smallest cell.
    """

    path: Path
    config: dict

    @property
    def targets(self) -> int:
        """The number of target models."""
        return self.config["targets"]

    @property
    def seed(self) -> int:
        """The seed that every draw of the run follows from."""
        return self.config["seed"]

    @property
    def recipe(self) -> Recipe:
        """How each target is trained."""
        return Recipe(**self.config["recipe"])

    @property
    def unit(self) -> str:
        """What the audit counts: "patient", or what the cohort has in its place."""
        return self.config.get("unit", "patient")

    @property
    def simulated(self) -> bool:
        """Whether the cohort is a rehearsal, every value of it invented."""
        return self.config.get("simulated", False)

    @property
    def smallest_cell(self) -> int:
        """The smallest number of patients that a report of the run may show, but 0."""
        return self.config.get("smallest_cell", MIN_GROUP_SIZE)

    def members(self) -> np.ndarray:
        """Return who is in each target's training set, bool (targets, patients)."""
        return np.load(self.path / "members.npy", allow_pickle=False)[: self.targets]

    def scores(self) -> np.ndarray:
        """Return scores computed elsewhere (`rollcall.runs.external`), memory-mapped.

        (targets, records) or (targets, records, labels) float32.
        """
        return np.load(self.path / "scores.npy", mmap_mode="r", allow_pickle=False)

    def file(self, name: str) -> Path:
        """Return the path of a file of the run."""
        return self.path / name

    def has(self, target: int) -> bool:
        """Say whether a target is trained and stored."""
        return self._target(target, "json").exists()

    def missing(self) -> list[int]:
        """Return the targets that are still to be trained."""
        return [target for target in range(self.targets) if not self.has(target)]

    def _target(self, target: int, suffix: str) -> Path:
        return self.path / "targets" / f"{target:04d}.{suffix}"

    def claim(self, target: int) -> FileLock | None:
        """Return the held lock of a target that is still to be trained.

        None if the target exists already or another process has it.
        """
        (self.path / "locks").mkdir(exist_ok=True)
        lock = FileLock(self.path / "locks" / f"{target:04d}.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return None
        if self.has(target):  # finished before the lock was taken
            lock.release()
            return None
        return lock

    def write_target(self, target: int, logits: np.ndarray, info: dict) -> None:
        """Store a target's logits, (records, outputs) float32, and its json.

        The caller holds its claim.
        """
        path = self._target(target, "npy")
        write_array(path, logits)
        write_json(self._target(target, "json"), {"target": target, **info, "sha256": sha256(path)})

    def info(self, target: int) -> dict:
        """Return a target's json: its seed, metrics, seconds, sha256."""
        return json.loads(self._target(target, "json").read_text())

    def logits(self, target: int) -> np.ndarray:
        """Return a target's logits, (records, outputs) float32, memory-mapped.

        InputError if the target is missing or not what its json says.
        """
        path = self._target(target, "npy")
        if not self.has(target):
            raise InputError(
                f"{self.path}: target {target} is not trained yet; finish 1_train "
                "(make audit resumes where it stopped)"
            )
        try:
            if sha256(path) != self.info(target)["sha256"]:
                raise ValueError("its sha256 is not the one in its json")
            return np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, KeyError) as error:
            raise InputError(
                f"{path}: damaged ({error}); delete {path.stem}.json and run again: "
                "the target is trained anew"
            ) from error

    def set_once(self, key: str, value):
        """Return what run.json says of `key`; if nothing yet, let it say `value`.

        The first writer decides for all.
        """
        with FileLock(self.path / "locks" / "run.lock"):
            config = open_run(self.path).config
            if config.get(key) is None:
                config |= {key: value}
                write_json(self.path / "run.json", config)
        return config[key]

    def with_smallest_cell(self, smallest: int) -> Run:
        """Return the run with another smallest cell, noted in run.json; InputError as its check."""
        check_smallest_cell(smallest)
        if smallest == self.smallest_cell:
            return self
        (self.path / "locks").mkdir(exist_ok=True)
        with FileLock(self.path / "locks" / "run.lock"):
            config = open_run(self.path).config | {"smallest_cell": smallest}
            write_json(self.path / "run.json", config)
        return Run(self.path, self.config | {"smallest_cell": smallest})

    def finish(self) -> None:
        """Note in run.json that every target is there."""
        self.set_once("finished", now())


def check_smallest_cell(smallest: int) -> None:
    """Refuse a smallest cell under 3 patients, where one of two would know of the other."""
    if smallest < LEAST_CELL:
        raise InputError(
            f"smallest cell is {smallest}; expected a number of patients of at least {LEAST_CELL}: "
            "5, 10, ..., as whoever answers for the data says"
        )


def create(
    path: str | Path,
    cohort: Cohort,
    recipe: Recipe,
    targets: int,
    seed: int = 0,
    scores: str = "exact",
) -> Run:
    """Open the run at `path`, create it, or let it grow to `targets`.

    InputError if it belongs to another cohort, recipe or seed, or if the folder is no run.
    """
    path = Path(path)
    check_targets(targets)
    identity = {
        "cohort": cohort.name,
        "fingerprint": cohort.fingerprint,
        "records": len(cohort),
        "patients": len(cohort.patients),
        "recipe": recipe.asdict(),
        "seed": seed,
        "scores": scores,
    }
    identity = json.loads(json.dumps(identity))  # as it reads back
    if path.exists() and not (path / "run.json").exists() and not _is_leftover(path):
        raise InputError(
            f"{path}: exists and is not a run (it has no run.json); choose another --run or --out"
        )
    (path / "locks").mkdir(parents=True, exist_ok=True)
    (path / "targets").mkdir(exist_ok=True)
    with FileLock(path / "locks" / "run.lock"):
        config = identity | {
            "targets": targets,
            "unit": cohort.unit,
            "simulated": cohort.simulated,
            **describe(),
        }
        if (path / "run.json").exists():
            existing = open_run(path).config
            _check_same(path, existing, identity)
            if targets <= existing["targets"]:
                return Run(path, existing | {"targets": targets})
            config = existing | {"targets": targets, "finished": None}
        write_array(path / "members.npy", draw_members(targets, len(cohort.patients), seed))
        write_json(path / "run.json", config)
    return Run(path, config)


def _is_leftover(path: Path) -> bool:
    """Say whether a folder holds nothing but what a run killed during its creation leaves."""
    names = {entry.name for entry in path.iterdir()}
    return names <= set(LEFTOVERS) and not any(path.glob("targets/*"))


def _check_same(path: Path, existing: dict, identity: dict) -> None:
    for key, value in identity.items():
        if existing.get(key) != value:
            raise InputError(
                f"{path}: this run's {key} is {_shorten(existing.get(key))}, "
                f"yours is {_shorten(value)}; "
                "a run is never mixed: choose another --run, or delete the folder"
            )


def open_run(path: str | Path) -> Run:
    """Open an existing run; InputError if there is none."""
    file = Path(path) / "run.json"
    try:
        return Run(Path(path), json.loads(file.read_text()))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{file}: not a readable run ({error}); train first, with `rollcall audit`"
        ) from error


def _shorten(value) -> str:
    text = json.dumps(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def read_table(run: Run, name: str) -> pd.DataFrame:
    """Return a table of the run by name; InputError if it was not made yet.

    attacks, pooled, roc, records, patients, floor, risk, disparity, paper_*.
    """
    path = run.file(f"{name}.parquet")
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: not readable ({error}); run the audit's notebooks in order: "
            "1_train, 2_attack, 3_disparity"
        ) from error


def read_array(run: Run, name: str) -> np.ndarray:
    """Return an array of the run by name, statistic; InputError if it was not made yet."""
    path = run.file(f"{name}.npy")
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: not readable ({error}); run the notebook 2_attack again"
        ) from error
