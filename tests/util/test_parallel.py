import subprocess
import sys

import pytest

from rollcall.util import parallel
from rollcall.util.parallel import cores, make_blocks, map_blocks


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
