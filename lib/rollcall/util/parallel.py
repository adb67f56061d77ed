"""The cores and the memory that may be used, and columns in blocks that every core works on.

Numpy computes outside Python's lock.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rollcall.util.faults import MachineError

LEAST_FILES, ENOUGH_FILES = 128, 1024  # that a process of an audit has open at once
LEAST_ADDRESSES = 1_800_000_000  # bytes that it reserves, with torch loaded
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
        path = (
            (root / "proc/self/cgroup")
            .read_text(encoding="utf-8")
            .strip()
            .rpartition(":")[2]
            .lstrip("/")
        )
        group = top / path
        for folder in [group, *(parent for parent in group.parents if parent.is_relative_to(top))]:
            if not (folder / "memory.max").exists():
                continue
            limit = (folder / "memory.max").read_text(encoding="utf-8").strip()
            if limit != "max":
                lines = (folder / "memory.stat").read_text(encoding="utf-8").splitlines()
                # cached files count as used, and are given back on demand
                cached = int(dict(line.split() for line in lines)["file"])
                used = int((folder / "memory.current").read_text(encoding="utf-8")) - cached
                free = min(free, int(limit) - used)
    except (OSError, KeyError, ValueError):  # no cgroups, or of another kind
        pass
    return max(free, 0)


def check_limits() -> None:
    """Check that this process may open files and reserve memory as an audit must.

    The number of open files is raised as far as the system lets us. MachineError if that is not
    enough: beyond here, kernels and libraries would die of it without a word.
    """
    try:
        import resource
    except ImportError:  # Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < ENOUGH_FILES:
        most = ENOUGH_FILES if hard == resource.RLIM_INFINITY else min(hard, ENOUGH_FILES)
        if most < LEAST_FILES:
            raise MachineError(
                f"too many open files: only {most} at once are allowed here, and an audit needs "
                f"{LEAST_FILES}; raise the limit: ulimit -n {ENOUGH_FILES}"
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
    addresses = resource.getrlimit(resource.RLIMIT_AS)[0]
    if addresses != resource.RLIM_INFINITY and addresses < LEAST_ADDRESSES:
        raise MachineError(
            f"too little memory: a process may take only {addresses / 1e9:.1f} GB here, and an "
            f"audit needs {LEAST_ADDRESSES / 1e9:.1f} GB; lift the limit: ulimit -v unlimited"
        )
