"""How the cost of training grows: time and memory against the number of targets and of records."""

from __future__ import annotations

import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import psutil

from benchmarks.cases import invent_cohort, list_cases
from rollcall import training
from rollcall.runs.run import Run, create
from rollcall.stats.members import MIN_TARGETS

LOOK_SECONDS = 0.2  # between two looks at the memory


def table(
    targets: tuple[int, ...] = (1, 4, 16, 64, 256),
    records: tuple[int, ...] = (1_000, 4_000, 16_000),
    epochs: int = 2,
) -> pd.DataFrame:
    """Measure training runs of an mlp of 292 features, by targets and by records.

    Seconds, and peak memory in MB: the proportional share of all processes.
    """
    case = list_cases("cpu")[0]
    recipe = replace(case.recipe, epochs=epochs)
    sizes = [(count, records[1]) for count in targets] + [(targets[2], size) for size in records]
    most = max(*targets, MIN_TARGETS) // 2 * 2
    rows = []
    for count, size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            cohort = invent_cohort(case, Path(folder) / "cohort", size)
            run = create(Path(folder) / "run", cohort, recipe, most)
            started = time.perf_counter()
            with MemoryPeak() as peak:
                training.train(Run(run.path, run.config | {"targets": count}), cohort)
            rows.append(
                {
                    "targets": count,
                    "records": size,
                    "seconds": time.perf_counter() - started,
                    "peak_mb": peak.bytes / 1e6,
                }
            )
    return pd.DataFrame(rows)


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
