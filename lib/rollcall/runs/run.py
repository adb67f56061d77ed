"""A run: one folder under results/ that holds everything an audit reads and writes.

It can be killed at any instant, resumed, grown and worked on by many processes. A target exists when its json exists, which is
written last, by atomic rename, under a lock that the operating system frees when its holder dies.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout

from rollcall.data.cohort import Cohort
from rollcall.recipes import Recipe
from rollcall.runs.environment import describe, now
from rollcall.stats.members import check_targets, draw_members
from rollcall.util.errors import InputError
from rollcall.util.files import atomic_write, sha256, write_json

BEGUN = (
    "locks",
    "targets",
    "members.npy",
    "members.npy.part",
    "run.json.part",
)  # what a run killed while it was created may have left


@dataclass(frozen=True)
class Run:
    """A run folder and what its run.json says: cohort, fingerprint, recipe, seed, targets, scores, versions, hardware."""

    path: Path
    config: dict

    @property
    def targets(self) -> int:
        return self.config["targets"]

    @property
    def seed(self) -> int:
        return self.config["seed"]

    @property
    def recipe(self) -> Recipe:
        return Recipe(**self.config["recipe"])

    @property
    def unit(self) -> str:
        """What the audit counts: "patient", or what the cohort has in its place."""
        return self.config.get("unit", "patient")

    @property
    def simulated(self) -> bool:
        """Whether the cohort is a rehearsal, every value of it invented."""
        return self.config.get("simulated", False)

    def members(self) -> np.ndarray:
        """bool (targets, patients)."""
        return np.load(self.path / "members.npy", allow_pickle=False)[: self.targets]

    def scores(self) -> np.ndarray:
        """Scores that were given and not computed from logits (rollcall.runs.external), (targets, records) float32, memory-mapped."""
        return np.load(self.path / "scores.npy", mmap_mode="r", allow_pickle=False)

    def file(self, name: str) -> Path:
        return self.path / name

    def has(self, target: int) -> bool:
        return self._target(target, "json").exists()

    def missing(self) -> list[int]:
        return [target for target in range(self.targets) if not self.has(target)]

    def _target(self, target: int, suffix: str) -> Path:
        return self.path / "targets" / f"{target:04d}.{suffix}"

    def claim(self, target: int) -> FileLock | None:
        """The held lock of a target that is still to be trained; None if it exists already or another process has it."""
        (self.path / "locks").mkdir(exist_ok=True)
        lock = FileLock(self.path / "locks" / f"{target:04d}.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return None
        if self.has(target):  # finished between our look and our lock
            lock.release()
            return None
        return lock

    def write_target(self, target: int, logits: np.ndarray, info: dict) -> None:
        """Store a target's logits (records, outputs) float32 and its json; the caller holds its claim."""
        path = self._target(target, "npy")
        with atomic_write(path) as file:
            np.save(file, logits)
        write_json(self._target(target, "json"), {"target": target, **info, "sha256": sha256(path)})

    def info(self, target: int) -> dict:
        return json.loads(self._target(target, "json").read_text())

    def logits(self, target: int) -> np.ndarray:
        """(records, outputs) float32, memory-mapped; InputError if the target is missing or not what its json says."""
        path = self._target(target, "npy")
        if not self.has(target):
            raise InputError(
                f"{self.path}: target {target} is not trained yet; finish 1_train (make audit resumes where it stopped)"
            )
        try:
            if sha256(path) != self.info(target)["sha256"]:
                raise ValueError("its sha256 is not the one in its json")
            return np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, KeyError) as error:
            raise InputError(
                f"{path}: damaged ({error}); delete {path.stem}.json and run again: the target is trained anew"
            ) from error

    def set_once(self, key: str, value):
        """What run.json says of `key`; `value` from now on, if it says nothing yet. Whoever comes first decides for all."""
        with FileLock(self.path / "locks" / "run.lock"):
            config = open_run(self.path).config
            if config.get(key) is None:
                config |= {key: value}
                write_json(self.path / "run.json", config)
        return config[key]

    def finish(self) -> None:
        """Note in run.json that every target is there."""
        self.set_once("finished", now())


def create(
    path: str | Path,
    cohort: Cohort,
    recipe: Recipe,
    targets: int,
    seed: int = 0,
    scores: str = "exact",
) -> Run:
    """Open the run at `path`, creating it or letting it grow to `targets`; InputError if it belongs to anything else."""
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
    if (
        path.exists()
        and not (path / "run.json").exists()
        and (
            any(entry.name not in BEGUN for entry in path.iterdir()) or any(path.glob("targets/*"))
        )
    ):
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
            found = open_run(path).config
            for key, ours in identity.items():
                if found.get(key) != ours:
                    raise InputError(
                        f"{path}: this run's {key} is {_short(found.get(key))}, yours is {_short(ours)}; "
                        "a run is never mixed: choose another --run, or delete the folder"
                    )
            if targets <= found["targets"]:
                return Run(path, found | {"targets": targets})
            config = found | {"targets": targets, "finished": None}
        with atomic_write(path / "members.npy") as file:
            np.save(file, draw_members(targets, len(cohort.patients), seed))
        write_json(path / "run.json", config)
    return Run(path, config)


def open_run(path: str | Path) -> Run:
    """Open an existing run; InputError if there is none."""
    file = Path(path) / "run.json"
    try:
        return Run(Path(path), json.loads(file.read_text()))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{file}: not a readable run ({error}); train first, with `rollcall audit`"
        ) from error


def _short(value) -> str:
    text = json.dumps(value)
    return text if len(text) <= 300 else text[:299] + "…"


def read_table(run: Run, name: str) -> pd.DataFrame:
    """A table of the run by name (attacks, pooled, roc, records, patients, floor, risk, disparity, paper_*); InputError if it was not made yet."""
    path = run.file(f"{name}.parquet")
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: not readable ({error}); run the audit's notebooks in order: 1_train, 2_attack, 3_disparity"
        ) from error
