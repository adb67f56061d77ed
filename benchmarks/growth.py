"""How cost grows: time and memory by targets, records, labels, attributes and diagnoses."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

from benchmarks import time_calls
from benchmarks.attacks import FEATURES
from benchmarks.cases import invent_cohort, list_cases
from rollcall import attacks, training
from rollcall.risk import groups as risk_groups
from rollcall.risk.assess import FLOOR_DRAWS, assess_risk
from rollcall.runs.run import Run, create
from rollcall.stats.members import MIN_TARGETS, draw_members
from rollcall.util.progress import announce

LOOK_SECONDS = 0.2  # between two looks at the memory
DISPARITY_TARGETS = 16

Measured = Iterator[tuple[str, float, float]]  # step, seconds, bytes


@dataclass(frozen=True)
class Sweep:
    """One argument of `measure` that grows through `sizes`, and those that stay."""

    measure: Callable[..., Measured]
    grows: str
    sizes: tuple[int, ...]
    stays: dict[str, int]


def measure_training(targets: int, records: int, epochs: int) -> Measured:
    """Train an mlp of 292 features; memory: of all processes, shared pages counted once."""
    case = list_cases("cpu")[0]
    most = max(targets, MIN_TARGETS) // 2 * 2
    with tempfile.TemporaryDirectory() as folder:
        cohort = invent_cohort(case, Path(folder) / "cohort", records)
        run = create(Path(folder) / "run", cohort, replace(case.recipe, epochs=epochs), most)
        started = time.perf_counter()
        with MemoryPeak() as peak:
            training.train(Run(run.path, run.config | {"targets": targets}), cohort)
        yield "training", time.perf_counter() - started, peak.bytes


def measure_analysis(
    targets: int, records: int, labels: int, draws: int = FLOOR_DRAWS, seed: int = 0
) -> Measured:
    """Attack simulated scores of records // 2 patients, evaluate, assess risk, compare groups.

    Memory: what each step allocates beside the scores.
    """
    rng, patients = np.random.default_rng(seed), records // 2
    extra = rng.integers(0, patients, records - patients)
    index = np.sort(np.concatenate([np.arange(patients), extra]))
    members = draw_members(targets, patients, seed)
    by_record = members[:, index]
    scores = rng.standard_normal((targets, records, labels), np.float32)
    scores += 0.3 * by_record[:, :, None]
    if labels == 1:
        scores = scores[:, :, 0]
    features = rng.standard_normal((records, FEATURES), np.float32)
    results, risks = {}, []

    def attack() -> None:
        for key, run in attacks.ATTACKS.items():
            results[key] = run(scores, by_record)
        results[attacks.BLIND] = attacks.run_blind(features, by_record, index)

    def evaluate() -> None:
        kept = {key: partial(np.asarray, result) for key, result in results.items()}
        attacks.evaluate(kept, members, index)

    def assess() -> None:
        risks[:] = [assess_risk(scores, members, index, None, seed, draws)]

    yield _measure_step("attacks", attack)
    yield _measure_step("evaluation", evaluate)
    yield _measure_step("risk", assess)
    groups = _draw_attributes(rng, patients, {"sex": 2, "age": 5, "race": 6, "label": labels + 1})
    yield _measure_step(
        "disparity",
        partial(risk_groups.compare, risks[0].patients, groups, risks[0].statistic, members),
    )


def measure_disparity(patients: int, attributes: int, diagnoses: int, seed: int = 0) -> Measured:
    """Compare groups of patients: of binary attributes, each within the diagnosis."""
    rng = np.random.default_rng(seed)
    risk = pd.DataFrame(
        {
            "exposed": rng.random(patients) < 0.02,
            "chance": np.full(patients, 1e-3),
            "stratum": (label := rng.integers(0, 2, patients)),
            "label": label,
            "records": rng.integers(1, 4, patients),
        }
    )
    sizes = {f"attribute {number}": 2 for number in range(attributes)} | {"diagnosis": diagnoses}
    groups = _draw_attributes(rng, patients, sizes)
    members = draw_members(DISPARITY_TARGETS, patients, seed)
    statistic = rng.standard_normal(members.shape, np.float32)
    yield _measure_step("disparity", partial(risk_groups.compare, risk, groups, statistic, members))


SWEEPS = (
    Sweep(measure_training, "targets", (1, 4, 16, 64, 256), {"records": 4_000, "epochs": 2}),
    Sweep(measure_training, "records", (1_000, 4_000, 16_000), {"targets": 16, "epochs": 2}),
    Sweep(measure_analysis, "targets", (16, 64, 256), {"records": 25_000, "labels": 1}),
    Sweep(measure_analysis, "records", (25_000, 200_000, 1_000_000), {"targets": 16, "labels": 1}),
    Sweep(measure_analysis, "labels", (1, 2, 5, 14), {"targets": 64, "records": 25_000}),
    Sweep(measure_disparity, "attributes", (125, 500, 2_000), {"patients": 2_000, "diagnoses": 10}),
    Sweep(measure_disparity, "attributes", (15, 30, 60), {"patients": 70_000, "diagnoses": 10}),
    Sweep(measure_disparity, "diagnoses", (10, 50, 150), {"patients": 20_000, "attributes": 2}),
)


def table(
    sweeps: tuple[Sweep, ...] = SWEEPS, progress: Callable[[str], None] = announce
) -> pd.DataFrame:
    """Measure each step at each size.

    grows, size      what grows, and how large it is
    stays            what else there is
    step             training, attacks (all of them), their evaluation, risk, disparity
    seconds, peak_mb of the step; memory as measure_training and measure_analysis say
    exponent         in the row of a step's largest size: the slope of a line through the logarithms
                     of its sizes and seconds; 1 is linear
    """
    rows = []
    for sweep in sweeps:
        stays = ", ".join(f"{size:,} {name}" for name, size in sweep.stays.items())
        list(sweep.measure(**sweep.stays, **{sweep.grows: sweep.sizes[0]}))  # what loads, loads
        for size in sweep.sizes:
            progress(f"{size:,} {sweep.grows} ({stays})")
            for step, seconds, peak in sweep.measure(**sweep.stays, **{sweep.grows: size}):
                row = {"grows": sweep.grows, "size": size, "stays": stays, "step": step}
                rows.append(row | {"seconds": seconds, "peak_mb": peak / 1e6})
    each_step = ["grows", "stays", "step"]
    groups = pd.DataFrame(rows).groupby(each_step, sort=False)
    measured = pd.concat([rows for _, rows in groups], ignore_index=True)
    for _, steps in measured.groupby(each_step, sort=False):
        slope = np.polyfit(np.log(steps["size"]), np.log(steps["seconds"]), 1)[0]
        measured.loc[steps.index[-1], "exponent"] = slope
    return measured


def _measure_step(step: str, run: Callable) -> tuple[str, float, float]:
    seconds, peak = time_calls(run, 1)
    return step, seconds[0], peak


def _draw_attributes(
    rng: np.random.Generator, patients: int, sizes: dict[str, int]
) -> pd.DataFrame:
    """Draw attributes of patients, each with a number of groups of about equal size."""
    return pd.DataFrame(
        {
            name: pd.Categorical.from_codes(
                rng.integers(0, size, patients), [*map(str, range(size))]
            )
            for name, size in sizes.items()
        }
    )


class MemoryPeak:
    """The most `bytes` that this process and its children have at once inside the block.

    Pages they share count once, where the system says so.
    """

    def __enter__(self) -> MemoryPeak:
        self.bytes, self._ended = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        parent = psutil.Process()
        while not self._ended.wait(LOOK_SECONDS):
            total = 0
            for process in (parent, *parent.children(recursive=True)):
                try:
                    memory = process.memory_full_info()
                except psutil.Error:
                    continue  # it has just ended
                total += getattr(memory, "pss", memory.rss)
            self.bytes = max(self.bytes, total)
