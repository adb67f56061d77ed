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
