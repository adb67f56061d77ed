"""The cores and the memory that may be used, and columns in blocks that every core works on.

Numpy computes outside Python's lock.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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


def free_bytes(root: Path = Path("/")) -> int:
    """Return the bytes that this process and its children may still take.

    The system's free memory, or less where a container or a job has a limit (cgroup v2, under
    `root`).
    """
    import psutil  # most commands need none

    free = psutil.virtual_memory().available
    top = root / "sys/fs/cgroup"
    try:
        path = (root / "proc/self/cgroup").read_text().strip().rpartition(":")[2].lstrip("/")
        group = top / path
        for folder in [group, *(parent for parent in group.parents if parent.is_relative_to(top))]:
            if not (folder / "memory.max").exists():
                continue
            limit = (folder / "memory.max").read_text().strip()
            if limit != "max":
                lines = (folder / "memory.stat").read_text().splitlines()
                # cached files count as used, and are given back on demand
                cached = int(dict(line.split() for line in lines)["file"])
                used = int((folder / "memory.current").read_text()) - cached
                free = min(free, int(limit) - used)
    except (OSError, KeyError, ValueError):  # no cgroups, or of another kind
        pass
    return max(free, 0)
