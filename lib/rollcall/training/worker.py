"""Training into a run: worker processes that claim missing targets, train them and store them; what one diverged does next."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock

from rollcall import models
from rollcall.data.cohort import Cohort
from rollcall.data.store import open_saved
from rollcall.recipes import Recipe
from rollcall.runs.run import Run, open_run
from rollcall.training import device as _device
from rollcall.training import layout, memory
from rollcall.training.batches import steps_of, target_seed
from rollcall.training.evaluation import performance
from rollcall.training.layout import Way
from rollcall.training.stack import Ground, place
from rollcall.training.trainer import Trainer, measure
from rollcall.util.errors import InputError
from rollcall.util.parallel import cores

ATTEMPTS = 3  # seeds that a target is tried with before its recipe is said to diverge
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Worker:
    """One process's share in a run: the run, its cohort on the device, and a trainer that is used for all its targets."""

    run: Run
    ground: Ground
    trainer: Trainer
    log: logging.Logger

    def train(
        self, targets: list[int], report: Callable[[float], None] = lambda done: None, most: int = 0
    ) -> int:
        """Claim those of `targets` that nobody has (at most `most`, if given), train and store them; returns how many. report(done, in fractions).

        A target that diverges (NaN or infinite logits) does not touch those beside it; it is trained again with another seed, ATTEMPTS
        times in all, and its json says so. InputError after that.
        """
        claims = {}
        try:
            for target in targets:
                if (not most or len(claims) < most) and (lock := self.run.claim(target)):
                    claims[target] = lock
            finished, seeds, diverged = (
                0,
                {target: [target_seed(self.run.seed, target)] for target in claims},
                list(claims),
            )
            while diverged:
                todo, diverged = diverged, []
                for target, logits, info in self._results(
                    todo, seeds, lambda share: report(finished + share * len(claims))
                ):
                    if info is None:
                        diverged.append(target)
                        continue
                    self.run.write_target(target, logits, info)
                    claims.pop(target).release()
                    finished += 1
                    self.log.info("target %d stored, %.1f s", target, info["seconds"])
                    report(finished)
                for target in diverged:
                    self.log.warning(
                        "target %d diverged with seed %d (attempt %d of %d)",
                        target,
                        seeds[target][-1],
                        len(seeds[target]),
                        ATTEMPTS,
                    )
                    if len(seeds[target]) == ATTEMPTS:
                        raise InputError(
                            f"{self.run.path}: target {target} diverged (NaN or infinite logits) with each of {ATTEMPTS} seeds; "
                            f"lower the recipe's learning_rate, now {self.run.recipe.learning_rate:g}"
                        )
                    seeds[target].append(target_seed(self.run.seed, target, len(seeds[target])))
            return finished
        finally:
            for lock in claims.values():
                lock.release()

    def _results(self, todo: list[int], seeds: dict[int, list[int]], progress):
        """(target, logits, info) of each; info is None if it diverged."""
        members, cohort, started = self.run.members(), self.ground.cohort, time.perf_counter()
        rows = [members[target][cohort.patient_index] for target in todo]
        with np.errstate(over="ignore", invalid="ignore"):
            results = self.trainer.train(
                [np.flatnonzero(member) for member in rows],
                [seeds[target][-1] for target in todo],
                progress,
            )
            for target, member, (logits, test) in zip(todo, rows, results):
                if not np.isfinite(logits).all() or not (test is None or np.isfinite(test).all()):
                    yield target, logits, None
                    continue
                *lost, seed = seeds[target]
                yield (
                    target,
                    logits,
                    {
                        "seed": seed,
                        **({"diverged_seeds": lost} if lost else {}),
                        "device": _device.name(self.ground.device),
                        "precision": self.trainer.precision,
                        "seconds": round((time.perf_counter() - started) / len(todo), 3),
                        "metrics": performance(cohort, logits, member, test),
                    },
                )


def join(run_path: str, targets: int, cohort_folder: str, device: str) -> Worker:
    """Take part in a run in this process: InputError if the cohort is not the run's."""
    _device.prepare(device)
    found = open_run(run_path)
    run, cohort = (
        Run(found.path, found.config | {"targets": targets}),
        open_saved(Path(cohort_folder)),
    )
    if cohort.fingerprint != run.config["fingerprint"]:
        raise InputError(f"{cohort_folder}: not the cohort of run {run_path}")
    journal = _journal(run)
    ground = place(cohort, device)
    how = run.set_once("precision", _device.precision(run.recipe, device))
    if device == "cpu":
        way = Way(
            width=layout.stack_width(run.recipe),
            parts=run.config.get("parts") or _fitted(run, cohort, cores())[1],
        )
    else:
        way = _way(run, ground, how, journal)
    journal.info("%s, %s, %s", device, how, way)
    return Worker(run, ground, Trainer(ground, run.recipe, way, how), journal)


def _fitted(run: Run, cohort: Cohort, workers: int) -> tuple[int, int]:
    """(workers that fit into this machine's memory, parts of a batch): on the CPU. The parts are settled by the first who trains."""
    how = run.set_once("precision", _device.precision(run.recipe, "cpu"))
    workers, parts = memory.fitted(
        cohort,
        run.recipe,
        how,
        workers,
        layout.stack_width(run.recipe),
        open_run(run.path).config.get("parts", 0),
    )
    return workers, run.set_once("parts", parts)


def _way(run: Run, ground: Ground, how: str, journal: logging.Logger) -> Way:
    """The fastest way to train this run's targets on this kind of GPU: measured by the first worker, kept in run.json for the others."""
    key = f"way on {_device.name(ground.device)}"
    with FileLock(run.path / "locks" / "way.lock"):
        if key not in open_run(run.path).config:
            random = any(
                isinstance(part, torch.nn.Dropout) and part.p
                for part in _meta(run.recipe, ground.cohort).modules()
            )

            def timed(way: Way) -> float:
                try:
                    return measure(ground, run.recipe, way, how)
                finally:
                    torch.cuda.empty_cache()

            steps = len(run.missing()) * steps_of(run.recipe, len(ground.cohort))
            way, table = layout.choose(layout.ways(run.recipe, run.targets, random), timed, steps)
            for row in table:
                journal.info("%s", row)
            run.set_once(key, vars(way))
    return Way(**open_run(run.path).config[key])


def _journal(run: Run) -> logging.Logger:
    """This process's log, a file of its own in the run's logs/."""
    folder, name = run.path / "logs", f"{socket.gethostname()}-{os.getpid()}"
    folder.mkdir(exist_ok=True)
    journal = logging.getLogger(f"{__name__}.{run.path}")
    for old in journal.handlers[:]:
        journal.removeHandler(old)
        old.close()
    handler = logging.FileHandler(folder / f"{name}.log", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    journal.addHandler(handler)
    journal.setLevel(logging.INFO)
    journal.propagate = False
    return journal


def _meta(recipe: Recipe, cohort: Cohort) -> torch.nn.Module:
    with torch.device("meta"):
        return models.build(
            recipe.model, cohort.inputs.shape[1:], cohort.outputs, **recipe.settings
        )
