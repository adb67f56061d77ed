"""Columns in blocks, dealt out to every core: numpy works outside Python's lock."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor


def make_blocks(columns: int, size: int) -> list[slice]:
    """Slices of `size` columns that cover them all."""
    return [slice(start, min(start + size, columns)) for start in range(0, columns, size)]


def map_blocks(work, slices: list[slice], progress=iter) -> list:
    """[work(some of the slices), ...], in order, on every core. `progress` sees one item for each call of work: one a core, or up to 100 to be seen."""
    threads = max(1, min(cores(), len(slices)))
    parts = threads if progress is iter else max(threads, min(100, len(slices)))
    with ThreadPoolExecutor(threads) as pool:
        return [
            task.result()
            for task in progress(
                [pool.submit(work, slices[first::parts]) for first in range(parts)]
            )
        ]


def cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
