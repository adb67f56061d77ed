"""`python -m benchmarks training|prepare|attacks|risk`: how fast this machine does each part of an audit, as a table on the screen and in a csv file."""

from __future__ import annotations

import time
import tracemalloc
from importlib import import_module

import pandas as pd

from rollcall.util.progress import announce

TABLES = {
    "training": "benchmarks.training",
    "prepare": "benchmarks.decode",
    "attacks": "benchmarks.attacks",
    "risk": "benchmarks.risk",
}  # modules with a function table()
COLUMNS = (
    "dataset",
    "family",
    "model",
    "input",
    "way",
    "samples_per_s",
    "targets_per_hour",
    "hours_200_targets",
    "tflops",
    "share_of_products",
    "times_the_plain_loop",
    "failed",
)


def table(part: str, only: tuple[str, ...] = (), rounds: int = 0) -> pd.DataFrame:
    """The table of one part. training: `only` some families, datasets, or "growth" alone; each way measured `rounds` times (0: as many as usual)."""
    module = import_module(TABLES[part])
    if part != "training":
        return module.table()
    if only == ("growth",):
        return import_module("benchmarks.growth").growth()
    return module.table(only=only, progress=announce, **({"rounds": rounds} if rounds else {}))


def timed(run, times: int) -> tuple[list[float], int]:
    """(seconds of each of `times` calls of run, the most bytes that another call holds at once)."""
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    tracemalloc.start()
    run()
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return seconds, held


def shown(found: pd.DataFrame) -> str:
    """The table as text, without what is the same in every row of a csv."""
    columns = [name for name in COLUMNS if name in found] or [
        name for name in found if not name.startswith("version_")
    ]
    return found[columns].to_string(
        index=False,
        na_rep="",
        float_format=lambda value: f"{value:,.3g}" if value < 1000 else f"{value:,.0f}",
    )
