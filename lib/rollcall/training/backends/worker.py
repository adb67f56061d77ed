"""One worker: it claims missing targets of a run, trains, stores and, if need be, retries them."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from filelock import FileLock

from rollcall.data.cohort import Cohort
from rollcall.data.store import open_saved
from rollcall.runs.run import Run, open_run
from rollcall.training import memory
from rollcall.training.batches import target_seed
from rollcall.training.device import choose_precision, device_name, prepare_process
from rollcall.training.evaluation import measure_performance
from rollcall.training.gpu.choosing import find_layout, mark_failed
from rollcall.training.gpu.failures import free_memory
from rollcall.training.layout import MICRO_BATCHES_KEY, NETWORK_KEY, Layout, cpu_stack
from rollcall.training.private.terms import PRIVACY_KEY, Terms
from rollcall.training.stack import DeviceCohort, to_device
from rollcall.training.trainer import Trainer
from rollcall.util.errors import InputError
from rollcall.util.files import PRIVATE_FILE, make_private
from rollcall.util.parallel import cores

ATTEMPTS = 3  # seeds that a target is tried with before its recipe is said to diverge


@dataclass
class Worker:
    """One process's share in a run: its cohort on the device, and a trainer for all its targets.

    lacks_layout: on a GPU while another worker measures; targets train one after another meanwhile.
    """

    run: Run
    data: DeviceCohort
    trainer: Trainer
    log: logging.Logger
    lacks_layout: bool = False

    def train(
        self, targets: list[int], report: Callable[[float], None] = lambda done: None, most: int = 0
    ) -> int:
        """Claim those of `targets` that nobody has, train and store them; return their number.

        most: to claim; 0: all. report(targets done, in fractions). A target that diverges (NaN or
        infinite logits) does not touch those beside it; it is trained again with another seed,
        ATTEMPTS times in all, and its json names the seeds. InputError after that.
        """
        claims = {}
        try:
            for target in targets:
                if (not most or len(claims) < most) and (lock := self.run.claim(target)):
                    claims[target] = lock
            finished = self._train_claimed(claims, report)
        finally:
            for lock in claims.values():
                lock.release()
        if self.lacks_layout and self.run.missing():
            self._look_for_layout()
        return finished

    def _look_for_layout(self) -> None:
        """Take the layout that was measured meanwhile; measure, if who did so is gone."""
        run, trainer, device = self.run, self.trainer, self.data.device
        trainer.stacks = []
        free_memory(device)
        layout = find_layout(run, self.data.cohort, device, trainer.precision, self.log, wait=False)
        if layout:
            self.log.info("%s", layout)
            trainer.layout, self.lacks_layout = layout, False

    def _train_claimed(self, claims: dict[int, FileLock], report: Callable[[float], None]) -> int:
        """Train and store the targets of `claims`, and release each when it is stored."""
        finished = 0
        seeds = {target: [target_seed(self.run.seed, target)] for target in claims}
        waiting = list(claims)
        while waiting:
            diverged = []
            progress = partial(_report_share, report, finished, len(claims))
            for target, logits, info in self._results(waiting, seeds, progress):
                if info is None:
                    diverged.append(target)
                    continue
                self.run.write_target(target, logits, info, self.trainer.spread)
                claims.pop(target).release()
                finished += 1
                self.log.info("target %d stored, %.1f s", target, info["seconds"])
                report(finished)
            for target in diverged:
                self._note_divergence(target, seeds[target])
                seeds[target].append(target_seed(self.run.seed, target, len(seeds[target])))
            waiting = diverged
        return finished

    def _note_divergence(self, target: int, seeds: list[int]) -> None:
        """Log that a target diverged with the last of `seeds`; InputError if that was the last."""
        self.log.warning(
            "target %d diverged with seed %d (attempt %d of %d)",
            target,
            seeds[-1],
            len(seeds),
            ATTEMPTS,
        )
        if len(seeds) == ATTEMPTS:
            raise InputError(
                f"{self.run.path}: target {target} diverged (NaN or infinite logits) with each of "
                f"{ATTEMPTS} seeds; lower the recipe's learning_rate, now "
                f"{self.run.recipe.learning_rate:g}"
            )

    def _results(
        self, targets: list[int], seeds: dict[int, list[int]], progress: Callable[[float], None]
    ) -> Iterator[tuple[int, np.ndarray, dict | None]]:
        """Yield (target, logits, what its json says) of each; None in its place if it diverged."""
        members, cohort, started = self.run.members(), self.data.cohort, time.perf_counter()
        terms = self.trainer.terms
        rows = [members[target][cohort.patient_index] for target in targets]
        with np.errstate(over="ignore", invalid="ignore"):
            results = self.trainer.train(
                [np.flatnonzero(member & cohort.trainable) for member in rows],
                [seeds[target][-1] for target in targets],
                progress,
            )
            for target, member, (logits, test) in zip(targets, rows, results, strict=True):
                if not np.isfinite(logits).all() or not (test is None or np.isfinite(test).all()):
                    yield target, logits, None
                    continue
                *diverged, seed = seeds[target]
                yield (
                    target,
                    logits,
                    {
                        "seed": seed,
                        **({"diverged_seeds": diverged} if diverged else {}),
                        **({PRIVACY_KEY: terms.describe(len(seeds[target]))} if terms else {}),
                        "device": device_name(self.data.device),
                        "precision": self.trainer.precision,
                        "seconds": round((time.perf_counter() - started) / len(targets), 3),
                        "metrics": measure_performance(cohort, logits, member, test),
                    },
                )


def _report_share(report: Callable[[float], None], done: int, count: int, share: float) -> None:
    """Report that a `share` of the `count` targets now training is done beside the `done` ones."""
    report(done + share * count)


def join_run(
    run_path: str, targets: int, cohort_folder: str, device: str, wait: bool = False
) -> Worker:
    """Take part in a run in this process, as far as its first `targets`.

    wait: for the layout that another worker measures. InputError if the cohort is not the run's, or
    one target does not fit into memory.
    """
    prepare_process(device)
    stored = open_run(run_path)
    run = Run(stored.path, stored.config | {"targets": targets})
    cohort = open_saved(Path(cohort_folder))
    if not cohort.has_fingerprint(run.config["fingerprint"]):
        raise InputError(f"{cohort_folder}: not the cohort of run {run_path}")
    log = _open_log(run)
    for note in run.config.get(NETWORK_KEY, {}).get("notes", ()):
        log.info("%s: %s", run.recipe.model, note)
    precision = run.set_once("precision", choose_precision(run.recipe, device))
    if device == "cpu":
        micro_batches = run.config.get(MICRO_BATCHES_KEY) or fit_to_memory(run, cohort, cores())[1]
        layout = Layout(stack=fit_stack(run), micro_batches=micro_batches)
    else:
        layout = find_layout(run, cohort, device, precision, log, wait)
    log.info("%s, %s, %s", device, precision, layout or "a layout is being measured")
    note_failure = partial(_note_failure, run, device_name(device), log)
    data = to_device(cohort, device)
    terms = None
    if run.recipe.private:
        terms = Terms.from_config(run.config[PRIVACY_KEY])
        log.info("private, so no step is recorded or compiled: %s", terms)
    trainer = Trainer(data, run.recipe, layout or Layout(), precision, note_failure, terms)
    return Worker(run, data, trainer, log, lacks_layout=layout is None)


def _note_failure(
    run: Run, name: str, log: logging.Logger, layout: Layout, reason: str, for_good: bool
) -> None:
    """Log that a layout failed on a kind of GPU; note in run.json if no worker shall take it."""
    log.warning("%s failed: %s", layout, reason)
    if for_good:
        mark_failed(run, name, reason)


def fit_stack(run: Run) -> int:
    """Return the number of targets in a stack on the CPU, as the run has it."""
    return cpu_stack(run.recipe, run.config.get(NETWORK_KEY))


def fit_to_memory(run: Run, cohort: Cohort, workers: int) -> tuple[int, int]:
    """Return (how many of `workers` fit into this machine's memory, micro-batches), on the CPU.

    The first who trains decides the micro-batches of the run.
    """
    precision = run.set_once("precision", choose_precision(run.recipe, "cpu"))
    workers, micro_batches = memory.fit_workers(
        cohort,
        run.recipe,
        precision,
        workers,
        fit_stack(run),
        open_run(run.path).config.get(MICRO_BATCHES_KEY, 0),
    )
    return workers, run.set_once(MICRO_BATCHES_KEY, micro_batches)


def _open_log(run: Run) -> logging.Logger:
    """Open this process's log, a file of its own in the run's logs/."""
    folder, name = run.path / "logs", f"{socket.gethostname()}-{os.getpid()}"
    make_private(folder)
    path = folder / f"{name}.log"
    path.touch(PRIVATE_FILE)
    log = logging.getLogger(f"{__name__}.{run.path}")
    for old in log.handlers[:]:
        log.removeHandler(old)
        old.close()
    handler = logging.FileHandler(path, delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    return log
