import os
import subprocess
import sys
from types import SimpleNamespace

import psutil
import pytest

from rollcall.util import parallel
from rollcall.util.parallel import cores, free_bytes, make_blocks, map_blocks


@pytest.mark.parametrize(("columns", "size"), [(0, 4), (3, 4), (8, 4), (9, 4)])
def test_blocks_cover_every_column_once(columns, size):
    blocks = make_blocks(columns, size)
    covered = [column for block in blocks for column in range(block.start, block.stop)]
    assert covered == list(range(columns))
    assert all(block.stop - block.start <= size for block in blocks)


@pytest.mark.parametrize("threads", [1, 3, 200])
def test_every_block_is_worked_on_once(threads, monkeypatch):
    monkeypatch.setattr(parallel, "cores", lambda: threads)
    blocks = make_blocks(1000, 7)
    shares = map_blocks(list, blocks)
    assert len(shares) == min(threads, len(blocks))
    assert sorted(block.start for share in shares for block in share) == list(range(0, 1000, 7))


@pytest.mark.parametrize(("blocks", "steps"), [(1, 1), (40, 40), (1000, 100)])
def test_progress_sees_up_to_a_hundred_steps(blocks, steps, monkeypatch):
    monkeypatch.setattr(parallel, "cores", lambda: 2)
    seen = []

    def progress(calls):
        for call in calls:
            seen.append(call)
            yield call

    shares = map_blocks(len, make_blocks(blocks, 1), progress)
    assert len(seen) == steps
    assert sum(shares) == blocks


def test_an_error_in_a_block_is_raised():
    with pytest.raises(ZeroDivisionError):
        map_blocks(lambda blocks: 1 / 0, make_blocks(4, 1))


def test_there_is_a_core():
    assert cores() >= 1


def make_groups(root, cgroup, files):
    """Make files as Linux has them of the groups of a process, under a root of our own."""
    for path, text in {"proc/self/cgroup": cgroup, **files}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text + "\n", encoding="utf-8")


V1 = "4:memory:/docker/ab\n2:cpu,cpuacct:/docker/ab\n1:name=systemd:/docker/ab\n0::/docker/ab"
MEMORY = "sys/fs/cgroup/memory"
HALF = {"memory.limit_in_bytes": "4000000", "memory.usage_in_bytes": "3000000"}
STAT = "cache 5\nrss 7\ntotal_cache 2000000"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        # inside a container its own group is the top; on the host it lies below
        (
            {f"{MEMORY}/{k}": v for k, v in HALF.items()} | {f"{MEMORY}/memory.stat": STAT},
            3_000_000,
        ),
        (
            {f"{MEMORY}/docker/ab/{k}": v for k, v in HALF.items()}
            | {f"{MEMORY}/docker/ab/memory.stat": STAT}
            | {f"{MEMORY}/memory.limit_in_bytes": "9223372036854771712"},
            3_000_000,
        ),
        # of Slurm: the job's limit, not the step's
        (
            {f"{MEMORY}/docker/{k}": v for k, v in HALF.items()}
            | {f"{MEMORY}/docker/memory.stat": STAT}
            | {f"{MEMORY}/docker/ab/memory.limit_in_bytes": "-1"},
            3_000_000,
        ),
        ({f"{MEMORY}/memory.limit_in_bytes": "9223372036854771712"}, 5_000_000),
        ({f"{MEMORY}/memory.limit_in_bytes": "what is this"}, 5_000_000),
        ({}, 5_000_000),
        # version 2 beside version 1
        (
            {
                "sys/fs/cgroup/unified/docker/ab/memory.max": "1000000",
                "sys/fs/cgroup/unified/docker/ab/memory.current": "600000",
                "sys/fs/cgroup/unified/docker/ab/memory.stat": "file 100000",
            },
            500_000,
        ),
    ],
)
def test_limits_of_memory_are_read_of_both_versions(tmp_path, monkeypatch, files, expected):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=5_000_000))
    make_groups(tmp_path, V1, files)
    assert free_bytes(tmp_path) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 64),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 64),
        ({"cpu/cpu.cfs_quota_us": "250000", "cpu/cpu.cfs_period_us": "100000"}, 3),
        ({"cpu/cpu.cfs_quota_us": "5000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "5000"}, 64),
        ({"cpu,cpuacct/docker/ab/cpu.cfs_quota_us": "400000"}, 64),
        (
            {
                "cpu,cpuacct/docker/ab/cpu.cfs_quota_us": "400000",
                "cpu,cpuacct/docker/ab/cpu.cfs_period_us": "100000",
            },
            4,
        ),
        ({"docker/ab/cpu.max": "max 100000", "docker/cpu.max": "200000 100000"}, 2),
        ({"docker/ab/cpu.max": "9900000 100000"}, 64),
    ],
)
def test_a_quota_of_cores_is_read_of_both_versions(tmp_path, monkeypatch, files, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(64)))
    make_groups(tmp_path, V1, {f"sys/fs/cgroup/{path}": text for path, text in files.items()})
    assert cores(tmp_path) == expected


@pytest.mark.parametrize(
    ("limits", "status", "words"),
    [
        ({"NOFILE": (32, 32)}, 1, "only 32 at once are allowed here"),
        ({"NOFILE": (20, 100)}, 1, "only 100 at once are allowed here"),
        ({"AS": (10**9, 10**9)}, 1, "may take only 1.0 GB here"),
        ({"NOFILE": (32, 500)}, 0, "500"),
        ({"NOFILE": (600, 600), "AS": (10**10, 10**10)}, 0, "600"),
    ],
)
def test_limits_that_no_audit_survives_are_named(limits, status, words):
    """In a process of its own, which is limited for good; what may be raised, is."""
    code = (
        "import resource, sys\n"
        "from rollcall.util.faults import MachineError\n"
        "from rollcall.util.parallel import check_limits\n"
        f"for name, limit in {limits!r}.items():\n"
        "    resource.setrlimit(getattr(resource, 'RLIMIT_' + name), limit)\n"
        "try:\n"
        "    check_limits()\n"
        "except MachineError as error:\n"
        "    print(error)\n"
        "    sys.exit(1)\n"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    assert words in done.stdout
