"""How the cost of training grows: time and memory against the number of targets and of records."""

from __future__ import annotations

import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd

from benchmarks.training import cases, invented
from rollcall import training
from rollcall.runs import run as _run


def growth(
    targets: tuple[int, ...] = (1, 4, 16, 64, 256),
    records: tuple[int, ...] = (1_000, 4_000, 16_000),
    epochs: int = 2,
) -> pd.DataFrame:
    """Seconds and peak memory (MB, proportional share of all processes) of training runs of an mlp of 292 features, by targets and by records."""
    case = cases("cpu")[0]
    rows = []
    for count, size in [(count, records[1]) for count in targets] + [
        (targets[2], size) for size in records
    ]:
        with tempfile.TemporaryDirectory() as folder:
            found = invented(case, Path(folder) / "cohort", size)
            made = _run.create(
                Path(folder) / "run",
                found,
                replace(case.recipe, epochs=epochs),
                max(targets + (8,)) // 2 * 2,
            )
            started = time.perf_counter()
            with Peak() as peak:
                training.train(_run.Run(made.path, made.config | {"targets": count}), found)
            rows.append(
                {
                    "targets": count,
                    "records": size,
                    "seconds": time.perf_counter() - started,
                    "peak_mb": peak.most / 1e6,
                }
            )
    return pd.DataFrame(rows)


class Peak:
    """The most memory that this process and its children have at once inside the block, in bytes; pages they share count once."""

    def __enter__(self):
        import psutil

        self.most, self.over, me = 0, threading.Event(), psutil.Process()

        def watch() -> None:
            while not self.over.wait(0.2):
                total = 0
                for process in (me, *me.children(recursive=True)):
                    try:
                        held = process.memory_full_info()
                        total += getattr(held, "pss", held.rss)
                    except psutil.Error:
                        continue  # it has just ended
                self.most = max(self.most, total)

        self.thread = threading.Thread(target=watch, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
