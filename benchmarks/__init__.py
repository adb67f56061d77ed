"""How fast this machine does each part of an audit: `python -m benchmarks PART`.

A table on the screen and, with --out, in a csv file.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd  # the processes that benchmarks.audit watches import it when they need it

# part -> module with a function table()
TABLES = {
    "training": "benchmarks.training",
    "audit": "benchmarks.audit",
    "growth": "benchmarks.growth",
    "prepare": "benchmarks.decode",
    "attacks": "benchmarks.attacks",
    "risk": "benchmarks.risk",
}
# of the training table, that are shown on the screen
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
    "times_tensors_in_memory",
    "times_leakpro_like",
    "times_ml_privacy_meter_like",
    "times_scikit_learn",
    "failed",
)


def table(part: str, **options) -> pd.DataFrame:
    """Measure one part; options: of its module's function table()."""
    return import_module(TABLES[part]).table(**options)


def time_calls(run: Callable, times: int) -> tuple[list[float], int]:
    """Return the seconds of each of `times` calls of `run`, and the peak bytes of another call."""
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    tracemalloc.start()
    run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return seconds, peak


def format_table(rows: pd.DataFrame) -> str:
    """Return a table as text; of the training table, COLUMNS alone."""
    columns = [name for name in COLUMNS if name in rows]
    return rows[columns or [*rows]].to_string(
        index=False,
        na_rep="",
        float_format=lambda value: f"{value:,.3g}" if value < 1000 else f"{value:,.0f}",
    )
