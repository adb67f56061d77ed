"""The cores and the memory that may be used, and columns in blocks that every core works on.

Numpy computes outside Python's lock.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rollcall.util.faults import MachineError

LEAST_FILES, ENOUGH_FILES = 128, 1024  # that a process of an audit has open at once
LEAST_ADDRESSES = 1_800_000_000  # bytes that it reserves, with torch loaded
MOST_STEPS = 100  # of a progress bar
# Of a group of processes: files of its limit and of what it takes; files in memory, in memory.stat
MEMORY_V2 = ("memory.max", "memory.current", "file")
MEMORY_V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_cache")
QUOTA = ("quota", "period")  # of time on the cores, in microseconds, v1
UNLIMITED = ("max", "-1")  # or a number beyond all memory


def make_blocks(columns: int, size: int) -> list[slice]:
    """Return slices of `size` columns that cover them all; the last may be shorter."""
    return [slice(start, min(start + size, columns)) for start in range(0, columns, size)]


def map_blocks(work: Callable, blocks: list[slice], progress=iter) -> list:
    """Call `work` with a share of the blocks on every core; return the results in order.

    progress wraps the calls: one per core, or up to 100 when progress is shown.
    """
    threads = min(cores(), len(blocks)) if len(blocks) > 1 else 1
    shares = threads if progress is iter else max(threads, min(MOST_STEPS, len(blocks)))
    parts = [blocks[first::shares] for first in range(shares)]
    if threads == 1:
        return [work(part) for part in progress(parts)]
    with ThreadPoolExecutor(threads) as pool:
        calls = [pool.submit(work, part) for part in parts]
        return [call.result() for call in progress(calls)]


def cores(root: Path = Path("/")) -> int:
    """Return the number of CPU cores that this process may use.

    As many as it may run on, or fewer where a container or a job has a quota (cgroups, v1 and v2,
    under `root`). One in a browser tab, where no thread can be started.
    """
    if sys.platform == "emscripten":
        return 1
    allowed = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    for folder in _list_groups(root, "cpu"):
        with contextlib.suppress(OSError, ValueError, ZeroDivisionError):  # the root has none
            if (folder / "cpu.max").exists():
                quota, period = _read(folder / "cpu.max").split()
            else:
                quota, period = (_read(folder / f"cpu.cfs_{name}_us") for name in QUOTA)
            if quota not in UNLIMITED:
                allowed = min(allowed, math.ceil(int(quota) / int(period)))
    return max(allowed, 1)


def free_bytes(root: Path = Path("/")) -> int:
    """Return the bytes that this process and its children may still take.

    The system's free memory, or less where a container or a job has a limit (cgroups, v1 and v2,
    under `root`).
    """
    import psutil  # most commands need none

    free = psutil.virtual_memory().available
    for folder in _list_groups(root, "memory"):
        with contextlib.suppress(OSError, KeyError, ValueError):  # the root has none
            limit, used, cached = MEMORY_V1 if (folder / MEMORY_V1[0]).exists() else MEMORY_V2
            if (most := _read(folder / limit)) not in UNLIMITED:
                lines = _read(folder / "memory.stat").splitlines()
                # cached files count as used, and are given back on demand
                given_back = int(dict(line.split() for line in lines)[cached])
                free = min(free, int(most) - int(_read(folder / used)) + given_back)
    return max(free, 0)


def _list_groups(root: Path, controller: str) -> Iterator[Path]:
    """Yield the folders of this process's group of a controller, and of the groups around it.

    Inside a container the path is the host's and the folders begin at the container's own group:
    what is not there is passed over, and the top is it.
    """
    top = root / "sys/fs/cgroup"
    try:
        lines = _read(root / "proc/self/cgroup").splitlines()
    except OSError:  # no cgroups
        return
    for line in lines:
        number, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controller in controllers.split(","):  # v1
            tops = dict.fromkeys((top / controllers, top / controller))
        elif (number, controllers) == ("0", ""):  # v2, alone or beside v1
            tops = dict.fromkeys((top, top / "unified"))
        else:
            continue
        for first in tops:
            group = first / path.lstrip("/")
            around = (parent for parent in group.parents if parent.is_relative_to(first))
            yield from (folder for folder in (group, *around) if folder.is_dir())


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()


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
