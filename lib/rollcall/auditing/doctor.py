"""What this machine has, what an audit will use of it, and what would stop one; nothing is kept."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from rollcall.util.faults import MachineError, describe_machine_fault
from rollcall.util.files import home
from rollcall.util.forkserver import GPU_FILES
from rollcall.util.parallel import ENOUGH_FILES, LEAST_FILES, cores, free_bytes
from rollcall.util.temporary import private_folder

GIGABYTE = 10**9
LEAST_DISK, LOW_DISK = (
    GIGABYTE // 10,
    5 * GIGABYTE,
)  # under which no audit runs, or a large one fails
LEAST_MEMORY, LOW_MEMORY = GIGABYTE, 4 * GIGABYTE
LOW_FILES = 256
LOW_SHARED = GIGABYTE // 50
LOW_ADDRESSES = 8 * GIGABYTE  # of a process; torch alone reserves several
LIBRARIES = ("torch", "numpy", "pandas", "matplotlib", "papermill")


@dataclass(frozen=True)
class Finding:
    """One line: what it is about, what there is, and what to do about it if anything.

    stops: no audit can run before it is mended.
    """

    about: str
    state: str
    advice: str = ""
    stops: bool = False

    def __str__(self) -> str:
        warning = f"; {'STOPS AN AUDIT' if self.stops else 'warning'}: {self.advice}"
        return f"{self.about:<14}{self.state}{warning if self.advice else ''}"


def examine(out: str = "", data: str = "") -> tuple[list[str], bool]:
    """Examine this machine; return a line for each finding, and whether an audit can run.

    out, data: the folders for results and prepared cohorts, as auditing.plan has them.
    """
    folders = {
        "results": Path(out or home() / "results"),
        "data": Path(data or home() / "data"),
    }
    gpus = list_gpus()
    findings = [
        check_versions(),
        check_cores(),
        check_memory(),
        check_gpus(gpus),
        *(check_folder(name, folder.absolute()) for name, folder in folders.items()),
        check_temporary(),
        check_open_files(),
        check_limits(),
        check_shared_memory(),
        describe_use(gpus),
    ]
    return [str(finding) for finding in findings], not any(each.stops for each in findings)


def check_versions() -> Finding:
    """Say which Python and libraries there are."""
    versions, missing = [], []
    for name in LIBRARIES:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    state = ", ".join([f"Python {platform.python_version()}", *versions])
    state += f"; {platform.system()} {platform.machine()}"
    advice = f"install {', '.join(missing)}" if missing else ""
    return Finding("versions", state, advice, bool(missing))


def check_cores() -> Finding:
    """Say how many cores may be used, and whether they multiply bf16."""
    state = f"{cores()} usable of {os.cpu_count()}, {'with' if has_bf16() else 'without'} bf16"
    advice = "training many models takes long on one core" if cores() == 1 else ""
    return Finding("cores", state, advice)


def has_bf16(root: Path = Path("/")) -> bool:
    """Tell whether Linux says that the CPU has bf16 instructions (AVX-512 BF16 or AMX)."""
    with contextlib.suppress(OSError):
        words = (root / "proc/cpuinfo").read_text(encoding="utf-8").split()
        return "avx512_bf16" in words or "amx_tile" in words
    return False


def check_memory() -> Finding:
    """Say how much memory is free, where a container or a job has a limit within that limit."""
    import psutil

    free, total = free_bytes(), psutil.virtual_memory().total
    inside = psutil.virtual_memory().available
    state = f"{_size(free)} free of {_size(total)}"
    if free < 0.9 * inside:
        state += ", by the limit of this container or job"
    advice = ""
    if free < LOW_MEMORY:
        advice = "close some programs or ask for more; large cohorts and networks need it"
    return Finding("memory", state, advice, free < LEAST_MEMORY)


def list_gpus() -> list[str]:
    """List the GPUs that torch can use, in words; torch is loaded where there is one at all."""
    if not any(map(os.path.exists, GPU_FILES)) and sys.platform != "win32":
        return []
    import torch

    gpus = []
    for number in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(number)
        bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        words = f"{about.name}, {_size(about.total_memory)}, {'with' if bf16 else 'without'} bf16"
        gpus.append(words)
    return gpus


def check_gpus(gpus: list[str]) -> Finding:
    """Say which GPUs there are; warn of one that torch cannot use."""
    if gpus:
        return Finding("GPUs", "; ".join(gpus))
    if any(map(os.path.exists, GPU_FILES)):
        advice = "install a build of torch that has CUDA or ROCm, or see CUDA_VISIBLE_DEVICES"
        return Finding("GPUs", "there is one, and torch cannot use it", advice)
    return Finding("GPUs", "none")


def check_folder(name: str, folder: Path) -> Finding:
    """Say where a folder is or would be, how much space it has, whether files and locks work."""
    there = next(each for each in [folder, *folder.parents] if each.exists())
    free = shutil.disk_usage(there).free
    state = f"{folder}: {_size(free)} free"
    try:
        with tempfile.TemporaryDirectory(prefix=".rollcall-", dir=there) as probe:
            Path(probe, "file").write_bytes(b"1")
            if not locks_hold(Path(probe)):
                advice = "locks do not hold on this file system; choose a folder on another disk"
                return Finding(name, state, advice, stops=True)
    except OSError as error:
        reason = describe_machine_fault(error) or str(error)
        return Finding(name, state, f"cannot be written ({reason})", stops=True)
    advice = "" if free >= LOW_DISK else "free some space, or choose a folder on another disk"
    return Finding(name, f"{state}, locks work", advice, free < LEAST_DISK)


def locks_hold(folder: Path) -> bool:
    """Tell whether a lock in a folder keeps a second one out."""
    from filelock import FileLock, Timeout

    first, second = FileLock(folder / "lock"), FileLock(folder / "lock")
    try:
        with first.acquire(blocking=False), contextlib.suppress(Timeout):
            second.acquire(blocking=False)
            second.release()
            return False
    except (NotImplementedError, Timeout):
        return False
    return True


def check_temporary() -> Finding:
    """Say where temporary files and sockets go."""
    try:
        with private_folder() as folder:
            parent, free = folder.parent, shutil.disk_usage(folder).free
    except MachineError as error:
        return Finding("temporary", "none", str(error), stops=True)
    advice, named = "", os.environ.get("TMPDIR")
    if named and Path(named).absolute() != parent:
        advice = f"TMPDIR is {named}, which cannot be written or whose path is too long for sockets"
    elif free < LEAST_DISK:
        advice = "free some space"
    return Finding("temporary", f"{parent}: {_size(free)} free", advice)


def check_open_files() -> Finding:
    """Say how many files a process may have open."""
    limit = next(_limits("RLIMIT_NOFILE"), None)
    if limit is None:
        return Finding("open files", "without limit")
    advice = f"raise the limit: ulimit -n {ENOUGH_FILES}" if limit < LOW_FILES else ""
    return Finding("open files", f"{limit} at once", advice, limit < LEAST_FILES)


def check_limits() -> Finding:
    """Say which limits on a process's memory and on the size of a file there are."""
    parts, advice = [], ""
    for name, words, option, low in (
        ("RLIMIT_AS", "memory of a process", "-v", LOW_ADDRESSES),
        ("RLIMIT_FSIZE", "size of a file", "-f", LOW_DISK),
    ):
        for limit in _limits(name):
            parts.append(f"{words} {_size(limit)}")
            advice = advice or (f"lift it: ulimit {option} unlimited" if limit < low else "")
    return Finding("limits", ", ".join(parts) or "none", advice)


def _limits(name: str) -> Iterator[int]:
    """Yield the limit of that name that a process has here, if it has one."""
    with contextlib.suppress(ImportError, AttributeError, ValueError):
        import resource  # not on Windows

        limit = resource.getrlimit(getattr(resource, name))[0]
        if limit != resource.RLIM_INFINITY:
            yield limit


def check_shared_memory(folder: Path = Path("/dev/shm")) -> Finding:
    """Say how much shared memory processes have, where it is a folder."""
    if not folder.is_dir():
        return Finding("shared memory", "no folder of its own")
    free = shutil.disk_usage(folder).free
    advice = "" if free >= LOW_SHARED else "processes may fail to start; docker: --shm-size 1g"
    return Finding("shared memory", f"{_size(free)} free", advice)


def describe_use(gpus: list[str]) -> Finding:
    """Say on what an audit would train, with how many processes, in which precision."""
    if gpus:
        bf16 = all("with bf16" in gpu for gpu in gpus)
        where = f"{len(gpus)} GPU{'s' * (len(gpus) > 1)}, a process each"
    else:
        bf16, count = has_bf16(), cores()
        where = f"the CPU, {count} process{'es' * (count > 1)}, fewer where memory is short"
    precision = "bf16 for large networks of images, float32 for the rest" if bf16 else "float32"
    return Finding("an audit uses", f"{where}; {precision}")


def _size(count: float) -> str:
    """Write a number of bytes: 2.1 GB."""
    return f"{count / GIGABYTE:.1f} GB" if count >= GIGABYTE // 10 else f"{count / 1e6:.1f} MB"
