"""A few faults and some damage; `python -m tests.faults` has all of them."""

import os
import subprocess
import sys
from collections import Counter

import pytest

from rollcall.data import decode
from tests.datasets.quick import Threads
from tests.faults import damage, messages, process
from tests.faults.bench import Bench
from tests.faults.ground import Ground

pytestmark = pytest.mark.slow


def test_a_disturbed_attack_resumes_to_the_same_bits():
    words = [sys.executable, "-m", "tests.faults", "--mode", "light", "--stage", "given"]
    faults = ["--fault", "kill-group", "--fault", "interrupt", "--trials", "2"]
    done = subprocess.run([*words, *faults], env=os.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_damage_of_a_prepared_cohort_is_never_silent(tmp_path, monkeypatch):
    """What is prepared anew after damage is decoded in this process: others take seconds each."""
    monkeypatch.setattr(decode.futures, "ProcessPoolExecutor", Threads)
    ground = Ground(tmp_path / "place", tmp_path / "kept", "not mounted", private=False)
    ground.place.mkdir()
    subject = damage.make_files(Bench(ground, "light", lambda line: None))
    outcomes = list(damage.damage(ground, subject, 40, seed=0))
    assert len(outcomes) == 40
    wrong = [outcome for outcome in outcomes if outcome[2] not in ("said", "same")]
    assert not wrong
    assert Counter(outcome[2] for outcome in outcomes)["said"] > 10


@pytest.mark.parametrize(
    ("code", "stderr", "allowed", "kind"),
    [
        (0, "Training: 100%|##| 8/8\n", set(), None),
        (130, "Training:   0%|  | 0/8\nrollcall: stopped\n", {130}, None),
        (130, "Traceback (most recent call last):\nrollcall: stopped\n", {130}, "traceback"),
        (1, "rollcall: one\nrollcall: two\n", {1, 2}, "words"),
        (1, "rollcall: one\n", set(), "status"),
        (2, "something else\nrollcall: one\n", {2}, "noise"),
        (None, "", {1}, "hung"),
    ],
)
def test_what_a_command_may_say(code, stderr, allowed, kind):
    wrong = messages.judge(code, stderr, allowed)
    assert [line.split(":")[0] for line in wrong] == ([kind] if kind else [])


def test_a_busy_machine_is_no_hung_command(tmp_path, monkeypatch):
    """It has as much longer as processes wait for a core; what hangs is ended."""
    monkeypatch.setattr(process.os, "getloadavg", lambda: (1e9, 0, 0))
    assert process.lengthen(2) > 1e6
    assert process.start(["list", "datasets"], tmp_path, "real").wait(longest=0.01) == 0
    monkeypatch.setattr(process.os, "getloadavg", lambda: (0, 0, 0))
    assert process.lengthen(2) == 2
    assert process.start(["list", "datasets"], tmp_path, "real").wait(longest=0.01) is None
