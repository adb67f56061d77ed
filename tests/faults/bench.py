"""Reference runs, made once; and trials: a fault, then the same command left in peace."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rollcall.util.errors import InputError
from rollcall.util.faults import MachineError
from tests.faults import messages, outcome
from tests.faults.faults import FAULTS, draw_limits
from tests.faults.ground import Ground, copy_state
from tests.faults.process import Command, kill_all, start, wait_for, wait_for_end
from tests.faults.reading import read_given, read_simulated
from tests.faults.stages import (
    CASES,
    GROWN,
    MARKS,
    PLAN,
    STAGES,
    TARGETS,
    fill_in,
    make_mark,
    with_targets,
    write_given,
)

ENDING_SECONDS = 25.0  # for processes whose parent was killed
READERS = {"simulated": read_simulated, "given": read_given}
SHORTEST_WINDOW = 0.1  # seconds
# What takes an audit to a state that later stages start from.
ENTER = """
import json, sys
from rollcall import auditing
if __name__ == "__main__":
    study = auditing.plan(**json.loads(sys.argv[1]))
    if sys.argv[2] == "trained":
        study.train()
"""


@dataclass
class Trial:
    """What was done in one trial, and what was wrong."""

    stage: str
    fault: str
    what: str = ""
    status: int | None = 0
    late: bool = False  # the command had ended before
    wrong: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    seconds: float = 0


@dataclass
class Bench:
    """The ground, how commands are run, and the references that there are so far.

    A reference is a folder; `said` is what its command said on stdout, `marks` when it passed
    which mark.
    """

    ground: Ground
    mode: str
    say: Callable[[str], None]
    said: dict[tuple, str] = field(default_factory=dict)
    marks: dict[str, dict[str, float]] = field(default_factory=dict)
    digests: dict[tuple, dict[str, str]] = field(default_factory=dict)

    def words(self, case: str, targets: int = TARGETS) -> list[str]:
        """Return a case's command."""
        words = CASES[case].words
        if targets != TARGETS:
            words = with_targets(words, targets)
        return fill_in(words, self.ground.place)

    def run(self, case: str) -> Path:
        """Return the folder of a case's run, in the place."""
        return self.ground.place / CASES[case].run

    def reach(self, case: str, state: str, targets: int = TARGETS) -> Path:
        """Return the folder that holds a state of a case; it is made at first use."""
        kept = self.ground.kept / f"{case}-{state}-{targets}"
        if kept.exists():
            return kept
        before = {"given": None, "prepared": "given", "trained": "prepared", "finished": "given"}
        if targets != TARGETS:
            before["finished"] = "trained"
        earlier = before.get(state, "finished")
        if earlier:
            self.ground.enter(self.reach(case, earlier))
        else:
            self.ground.clear()
        self.say(f"making {case}, {state}" + f", {targets} targets" * (targets != TARGETS))
        prepare = CASES[case].prepare
        if state == "given" and prepare:
            prepare(self.ground.place)
        elif state == "other":  # the folder of another audit
            shutil.rmtree(self.ground.place / "given")
            write_given(self.ground.place, seed=2)
            self._finish(case, targets, None)
            shutil.rmtree(self.ground.place / "given")
            write_given(self.ground.place)
        elif state in ("prepared", "trained"):
            plan = {"out": str(self.ground.place / "out"), "data": str(self.ground.place / "data")}
            script = [sys.executable, "-c", ENTER, json.dumps(plan | PLAN), state]
            subprocess.run(script, check=True, stderr=subprocess.DEVNULL)
            if state == "prepared":
                shutil.rmtree(self.ground.place / "out")
        elif state == "finished":
            self._finish(case, targets, (case, targets))
        copy_state(self.ground.place, kept)
        return kept

    def _finish(self, case: str, targets: int, name: tuple | None) -> None:
        """Run a case's command to its end, undisturbed."""
        command = start(self.words(case, targets), self.ground.temporary, self.mode)
        marks = {}
        for mark in MARKS:
            wait_for(make_mark(mark, command, self.run(case)), command)
            marks[mark] = time.time() - command.started
        code = command.wait()
        said = messages.list_words(command.text("stderr"))
        assert code == 0, f"undisturbed, {case} ended with {code}: {' // '.join(said[-3:])}"
        left = wait_for_end(command.token, ENDING_SECONDS)
        assert not left, f"undisturbed, {case} left processes"
        if name:
            self.said[name] = command.text("stdout")
            self.marks.setdefault(case, marks)

    def try_fault(self, stage: str, fault: str, rng: random.Random) -> Trial:
        """Disturb a stage at a random instant, run the same command again, and compare."""
        trial, begun = Trial(stage, fault), time.monotonic()
        where, how = STAGES[stage], FAULTS[fault]
        grows = fault.startswith("grow")
        counts = [TARGETS] * (1 + how.beside) if not grows else list(GROWN)
        for targets in {*counts, TARGETS}:
            self.reach(where.case, "finished", targets)
        state = rng.choice(where.states)
        self.ground.enter(self.reach(where.case, state))
        marks = self.marks[where.case]
        length = max(marks[where.last] - marks[where.first], SHORTEST_WINDOW)
        limits = draw_limits(how, rng)
        before = outcome.stamp_targets(self.run(where.case))
        commands = []
        for number, targets in enumerate(counts):
            words = self.words(where.case, targets)
            commands.append(start(words, self.ground.temporary, self.mode, limits))
            if number < len(counts) - 1:
                time.sleep(rng.choice([0, rng.uniform(0, length)]))
        first = commands[0]
        delay = rng.uniform(0, length)
        if not limits and fault not in ("two", "three", "grow"):
            if wait_for(make_mark(where.first, first, self.run(where.case)), first):
                time.sleep(delay)
            trial.late = first.process.poll() is not None
            trial.what = how.strike(first, self.ground, rng)
        trial.what = f"from {state}, {delay:.2f} s after {where.first}: {trial.what or limits}"
        for command, targets in zip(commands, counts, strict=True):
            self._judge(trial, command, how.allowed, (where.case, targets))
        self.ground.mend()
        if rng.random() < 0.5:  # half of the users look first whether all is gone
            self._look_for_processes(trial, commands)
        after = outcome.stamp_targets(self.run(where.case))
        self._compare_targets(trial, before, after)
        if not grows and where.case in READERS:
            trial.wrong += self._read(where.case, ("finished", state))
        last = max(counts)
        again = start(self.words(where.case, last), self.ground.temporary, self.mode)
        self._judge(trial, again, set(), (where.case, last), again=True)
        self._look_for_processes(trial, [*commands, again])
        self._compare_targets(trial, after, outcome.stamp_targets(self.run(where.case)))
        reference = self.reach(where.case, "finished", last)
        if again.process.returncode == 0:
            trial.wrong += outcome.compare(self.ground.place, reference)
        trial.wrong += [f"left: {name}" for name in self.ground.list_left()]
        trial.seconds = time.monotonic() - begun
        return trial

    def _judge(
        self, trial: Trial, command: Command, allowed: set[int], name: tuple, again: bool = False
    ) -> None:
        """Wait for a command's end and note what is wrong with it."""
        code = command.wait()
        stderr, stdout = command.text("stderr"), command.text("stdout")
        wrong = messages.judge(code, stderr, allowed)
        if code == 0:
            wrong += messages.compare_speech(stdout, self.said[name])
        elif again:
            wrong = [f"stuck: {line}" for line in wrong]
        trial.wrong += wrong
        trial.status = trial.status if again else code
        trial.texts += [f"status {code}", stdout, *messages.list_words(stderr)]

    def _read(self, case: str, states: tuple[str, ...]) -> list[str]:
        """Read what a disturbed command left: it is refused, or wholly one of these states."""
        for state in states:
            if (case, state) not in self.digests:
                self.digests[case, state] = self._read_copy(case, self.reach(case, state))[1]
        line, digests = self._read_copy(case, self.ground.place)
        same = digests and any(digests == self.digests[case, state] for state in states)
        return [] if line.startswith("said") or same else [f"read: {line or 'something mixed'}"]

    def _read_copy(self, case: str, state: Path) -> tuple[str, dict]:
        """Read a copy of a place; return what was said, and digests."""
        place = self.ground.kept / "look"
        copy_state(state, place)
        try:
            return "", READERS[case](place)
        except (InputError, MachineError) as error:
            return f"said {error}", {}
        except Exception as error:
            return f"{type(error).__name__}: {str(error)[:200]}", {}
        finally:
            shutil.rmtree(place)

    def _look_for_processes(self, trial: Trial, commands: list[Command]) -> None:
        for command in commands:
            left = wait_for_end(command.token, ENDING_SECONDS)
            trial.wrong += [f"process: {len(left)} left"] if left else []
            kill_all(command.token)

    def _compare_targets(self, trial: Trial, before: dict, after: dict) -> None:
        again = [name for name, stamp in before.items() if after.get(name) != stamp]
        trial.wrong += [f"lost: {len(again)} targets stored again or gone"] if again else []
