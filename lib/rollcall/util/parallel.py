"""Columns in blocks that every core works on; numpy computes outside Python's lock."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

MOST_STEPS = 100  # of a progress bar


def make_blocks(columns: int, size: int) -> list[slice]:
    """Return slices of `size` columns that cover them all; the last may be shorter."""
    return [slice(start, min(start + size, columns)) for start in range(0, columns, size)]


def map_blocks(work: Callable, blocks: list[slice], progress=iter) -> list:
    """Call `work` with a share of the blocks on every core; return the results in order.

    progress wraps the calls: one per core, or up to 100 when progress is shown.
    """
    threads = max(1, min(cores(), len(blocks)))
    shares = threads if progress is iter else max(threads, min(MOST_STEPS, len(blocks)))
    with ThreadPoolExecutor(threads) as pool:
        calls = [pool.submit(work, blocks[first::shares]) for first in range(shares)]
        return [call.result() for call in progress(calls)]


def cores() -> int:
    """Return the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
