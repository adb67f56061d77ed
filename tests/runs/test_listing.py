"""How far runs are, from folders that others write into."""

import os
import socket

import pytest

from rollcall import recipes
from rollcall.runs import listing
from rollcall.runs.run import create
from rollcall.util.errors import InputError

NOW = 2_000_000_000.0
GONE = 4_194_304  # above the largest process number of Linux


@pytest.fixture
def run(tiny, tmp_path):
    made = create(tmp_path / "simulated" / "a", tiny, recipes.choose("simulated"), 16)
    os.utime(made.path / "run.json", (NOW - 1000, NOW - 1000))
    return made


def store(run, targets, seconds_ago):
    """Store targets, as far as a listing looks at them."""
    for target in targets:
        path = run.path / "targets" / f"{target:04d}.json"
        path.write_text("{}")
        os.utime(path, (NOW - seconds_ago, NOW - seconds_ago))


def begin(run, seconds_ago, process, machine=""):
    """Write the log of a process that began to train."""
    from datetime import datetime

    (run.path / "logs").mkdir(exist_ok=True)
    log = run.path / "logs" / f"{machine or socket.gethostname()}-{process}.log"
    stamp = datetime.fromtimestamp(NOW - seconds_ago).strftime(listing.STAMP)
    log.write_text(f"{stamp},123 INFO cpu\n")
    os.utime(log, (NOW - seconds_ago, NOW - seconds_ago))


def test_the_others_take_as_long_as_those_before(run):
    begin(run, 100, os.getpid())
    store(run, range(4), 60)
    store(run, range(4, 8), 20)  # 8 in 80 seconds
    state = listing.read_state(run.path, NOW)
    assert (state.name, state.trained, state.missing) == ("simulated/a", tuple(range(8)), 8)
    assert state.left == pytest.approx(8 * 10 - 20)
    assert not state.stopped
    assert not state.report


def test_what_an_earlier_training_stored_tells_no_pace(run):
    begin(run, 90_000, GONE)
    store(run, range(8), 89_000)
    begin(run, 30, os.getpid())
    assert listing.read_state(run.path, NOW).left is None
    store(run, [8, 9], 10)  # two in 20 seconds
    assert listing.read_state(run.path, NOW).left == pytest.approx(6 * 10 - 10)


def test_it_has_stopped_when_its_processes_are_gone(run):
    begin(run, 100, GONE)
    store(run, range(4), 60)
    assert listing.read_state(run.path, NOW).stopped


def test_of_other_machines_it_is_told_by_silence(run):
    begin(run, 400, 1, "node7")
    store(run, range(4), 380)
    assert listing.read_state(run.path, NOW).stopped  # 20 seconds a burst, then 380
    store(run, range(4, 8), 70)
    assert not listing.read_state(run.path, NOW).stopped


def test_a_run_that_is_trained_has_nothing_left_and_is_not_stopped(run):
    begin(run, 100, GONE)
    store(run, range(16), 60)
    state = listing.read_state(run.path, NOW)
    assert (state.missing, state.left, state.stopped) == (0, None, False)


def test_names_are_helped_and_nothing_is_made(run, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match="did you mean 'simulated/a'"):
        listing.find_state("simulated/aa", str(tmp_path))
    with pytest.raises(InputError, match="no run yet"):
        listing.find_state("", str(tmp_path / "none"))
    assert listing.list_states(str(tmp_path / "none")) == []
    assert listing.find_state("", str(tmp_path)).name == "simulated/a"
    assert sorted(tmp_path.rglob("*")) == before


def test_a_damaged_run_is_left_out(run, tmp_path):
    (tmp_path / "simulated" / "b").mkdir()
    (tmp_path / "simulated" / "b" / "run.json").write_text("{")
    assert [state.name for state in listing.list_states(str(tmp_path))] == ["simulated/a"]
