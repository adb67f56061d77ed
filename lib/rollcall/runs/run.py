"""A run: one folder under results/ that holds everything an audit reads and writes.

It can be killed at any instant, resumed, grown and worked on by many processes. A target exists
when its json exists, which is written last, by atomic rename, under a lock that the operating
system frees when its holder dies.
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from filelock import FileLock

from rollcall.data.cohort import Cohort
from rollcall.data.disk.locks import hold_lock, try_lock
from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.recipes import Recipe
from rollcall.runs.arrays import pack_spread, read_given, read_members, read_sealed_array
from rollcall.runs.config import check_info, digest_identity, read_config, write_config
from rollcall.runs.environment import describe, now
from rollcall.runs.folder import clear_parts, furnish, is_leftover
from rollcall.runs.identity import check_same
from rollcall.runs.sealed import read_sealed, write_sealed
from rollcall.stats.members import check_targets, draw_members
from rollcall.util.errors import InputError, first_line
from rollcall.util.files import make_private, sha256, write_array

SPREAD, SPREAD_DIGEST = "spread.npy", "spread_sha256"
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
        """How each target is trained; InputError if run.json does not say."""
        try:
            return Recipe(**self.config["recipe"], sources=self.config.get("sources", {}))
        except (KeyError, TypeError) as error:
            raise InputError(
                f"{self.path / 'run.json'}: no recipe that this version knows ({error!r}); audit "
                "again with the version that made the run, or into another --run"
            ) from error

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

    def hold(self, name: str) -> AbstractContextManager[None]:
        """Hold a lock of the run while a block runs; who must wait says so in the log.

        "audit": a command, from attack to report. "steps": attack, disparity or paper, to their
        last file; held by the steps themselves. "figures": a figure that is saved. Taken in this
        order; a thread may take again what it has. Freed when its holder dies.
        """
        return hold_lock(
            self.path / "locks" / f"{name}.lock",
            f"{self.path}: another process is at work on this run ({name}); waiting for its end",
        )

    def members(self) -> np.ndarray:
        """Return who is in each target's training set, bool (targets, patients), read-only.

        Read and compared once. InputError unless it is what the seed draws, or what was given.
        """
        return self._members

    @cached_property
    def _members(self) -> np.ndarray:
        members = read_members(self.path, self.config, self.targets)
        members.flags.writeable = False
        return members

    def scores(self) -> np.ndarray:
        """Return scores computed elsewhere (`rollcall.runs.external`), memory-mapped.

        (targets, records) or (targets, records, labels) float32. InputError if they are not those
        that were given.
        """
        return read_given(self.path / "scores.npy", self.config)

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
        make_private(self.path / "locks")
        lock = try_lock(self.path / "locks" / f"{target:04d}.lock")
        if lock is None:
            return None
        if self.has(target):  # finished before the lock was taken
            lock.release()
            return None
        clear_parts(*(self._target(target, suffix) for suffix in ("npy", "json", SPREAD)))
        return lock

    def write_target(
        self, target: int, logits: np.ndarray, info: dict, spread: np.ndarray | None = None
    ) -> None:
        """Store a target's logits, (records, outputs) float32, and its json.

        spread (records,): how each record's loss moved in training, kept as float16. The caller
        holds its claim.
        """
        path = self._target(target, "npy")
        write_array(path, logits)
        trained_for = {"run": digest_identity(self.config), "sha256": sha256(path)}
        if spread is not None and np.isfinite(spread).any():
            write_array(self._target(target, SPREAD), pack_spread(spread))
            trained_for[SPREAD_DIGEST] = sha256(self._target(target, SPREAD))
        write_sealed(self._target(target, "json"), {"target": target, **info, **trained_for})

    def info(self, target: int, *needed: str) -> dict:
        """Return a target's json: its seed, metrics, seconds, sha256; InputError if it is damaged.

        needed: keys that it must have.
        """
        path = self._target(target, "json")
        try:
            info = read_sealed(path)
            check_info(info, target, self.config, needed)
        except FileNotFoundError as error:
            raise self._untrained(target) from error
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path}: damaged ({first_line(error)}); delete it and audit again: the target is "
                "trained anew"
            ) from error
        return info

    def logits(self, target: int) -> np.ndarray:
        """Return a target's logits, (records, outputs) float32, memory-mapped.

        InputError if the target is missing or not what its json says.
        """
        return read_sealed_array(self._target(target, "npy"), self.info(target)["sha256"])

    def spread(self, target: int) -> np.ndarray | None:
        """Return how each record's loss moved while a target trained, (records,), memory-mapped.

        Q75 - Q25 over the epochs; NaN of records that it was not trained on. None where it was not
        kept: on a GPU, by older versions, of fewer than two epochs. InputError as `logits`.
        """
        digest = self.info(target).get(SPREAD_DIGEST)
        return digest and read_sealed_array(self._target(target, SPREAD), digest)

    def _untrained(self, target: int) -> InputError:
        return InputError(
            f"{self.path}: target {target} is not trained yet; finish 1_train "
            "(make audit resumes where it stopped)"
        )

    def set_once(self, key: str, value):
        """Return what run.json says of `key`; if nothing yet, let it say `value`.

        The first writer decides for all.
        """
        with self.hold("run"):
            config = read_config(self.path)
            if config.get(key) is None:
                config |= {key: value}
                write_config(self.path, config)
        return config[key]

    def with_smallest_cell(self, smallest: int) -> Run:
        """Return the run with another smallest cell, noted in run.json; InputError as its check."""
        check_smallest_cell(smallest)
        if smallest == self.smallest_cell:
            return self
        with self.hold("run"):
            write_config(self.path, read_config(self.path) | {"smallest_cell": smallest})
        return Run(self.path, self.config | {"smallest_cell": smallest})

    def finish(self) -> None:
        """Note in run.json that every target is there, unless the run has grown meanwhile."""
        if not open_run(self.path).missing():
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
    if path.exists() and not is_leftover(path) and not (path / "run.json").exists():
        raise InputError(
            f"{path}: exists and is not a run (it has no run.json); choose another --run or --out"
        )
    furnish(path)
    file = path / "members.npy"
    with hold_lock(path / "locks" / "run.lock"):
        clear_parts(file, path / "run.json")
        config = identity | {
            "targets": targets,
            "unit": cohort.unit,
            "simulated": cohort.simulated,
            **({"sources": recipe.sources} if recipe.sources else {}),
            **describe(),
        }
        if (path / "run.json").exists():
            existing = read_config(path)
            if cohort.has_fingerprint(existing["fingerprint"]):  # it may be of release 0.1.0
                identity["fingerprint"] = existing["fingerprint"]
            check_same(path, existing, identity)
            if file.exists():
                Run(path, existing).members()
            elif targets <= existing["targets"]:
                write_array(file, draw_members(existing["targets"], len(cohort.patients), seed))
            if recipe.sources != existing.get("sources", {}):  # they may have been moved
                existing |= {"sources": recipe.sources}
                write_config(path, existing)
            if targets <= existing["targets"]:
                return Run(path, existing | {"targets": targets})
            config = existing | {"targets": targets, "finished": None}
        write_array(file, draw_members(targets, len(cohort.patients), seed))
        write_config(path, config)
    return Run(path, config)


def open_run(path: str | Path) -> Run:
    """Open an existing run; InputError if there is none, or its run.json is damaged."""
    return Run(Path(path), read_config(Path(path)))
