"""The command line of the harness: trials, a table of them, exit status 1 if anything is wrong."""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

from tests.faults import ground as grounds
from tests.faults.bench import Bench, Trial
from tests.faults.faults import FAULTS
from tests.faults.stages import STAGES


def main(words: list[str]) -> int:
    """Run trials or damage, print what came out; return 1 if anything was wrong."""
    arguments = parse(words)
    ground = grounds.open_ground()
    if ground.refused:
        print(f"full and read-only disks are skipped: it {ground.refused}")
    try:
        if arguments.what == "damage":
            from tests.faults import damage

            counts = (arguments.trials or 400, arguments.seed)
            return damage.run(ground, *counts, arguments.mode, arguments.subject or ())
        return run_trials(ground, arguments)
    finally:
        grounds.leave(ground)


def parse(words: list[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("what", nargs="?", choices=("trials", "damage"), default="trials")
    parser.add_argument("--trials", type=int, default=0, help="300 trials, or 400 of damage")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stage", action="append", choices=list(STAGES))
    parser.add_argument("--fault", action="append", choices=list(FAULTS))
    parser.add_argument("--subject", action="append", help="what is damaged, of damage.SUBJECTS")
    parser.add_argument("--mode", choices=("real", "light"), default="real")
    parser.add_argument("--trial", type=int, help="this one alone, by its number")
    parser.add_argument("--log", type=Path, help="folder for what disturbed commands said")
    parser.add_argument("--minutes", type=float, default=1e9, help="no trial begins after that")
    return parser.parse_args(words)


def list_cells(arguments: argparse.Namespace, able: bool) -> list[tuple[str, str]]:
    """Return the pairs of stage and fault that are tried, shuffled by the seed."""
    cells = [
        (stage, fault)
        for stage, fault in itertools.product(arguments.stage or STAGES, arguments.fault or FAULTS)
        if (fault in STAGES[stage].only if STAGES[stage].only else not fault.startswith("grow"))
        if able or not FAULTS[fault].needs_ground
    ]
    random.Random(arguments.seed).shuffle(cells)
    return cells


def run_trials(ground: grounds.Ground, arguments: argparse.Namespace) -> int:
    """Run trials, one after another."""
    began, done = time.monotonic(), []
    bench = Bench(ground, arguments.mode, lambda line: print(line, flush=True))
    cells = list_cells(arguments, not ground.refused)
    numbers = range(arguments.trials or 300) if arguments.trial is None else [arguments.trial]
    for number in numbers:
        if time.monotonic() - began > 60 * arguments.minutes:
            break
        stage, fault = cells[number % len(cells)]
        trial = bench.try_fault(stage, fault, random.Random(f"{arguments.seed}-{number}"))
        done.append(trial)
        verdict = "; ".join(trial.wrong[:4]) or "alike"
        print(
            f"{number:3d} {stage}, {fault} ({trial.what}): {'late, ' * trial.late}{trial.status}, "
            f"{trial.seconds:.0f} s, "
            f"{verdict[:600]}",
            flush=True,
        )
        if arguments.log and trial.wrong:
            arguments.log.mkdir(parents=True, exist_ok=True)
            text = "\n".join([f"{stage} {fault} {trial.what}", *trial.wrong, "", *trial.texts])
            (arguments.log / f"{arguments.seed}-{number}.txt").write_text(text)
    print_table(done)
    return int(any(trial.wrong for trial in done))


def print_table(trials: list[Trial]) -> None:
    """Print stage by fault: trials, how many resumed alike, and what was wrong in the others.

    Late: those where the command had ended when the fault came.
    """
    cells = defaultdict(list)
    for trial in trials:
        cells[trial.stage, trial.fault].append(trial)
    print(f"\n{'stage':15} {'fault':12} {'trials':>6} {'late':>6} {'alike':>6}  wrong")
    for stage, fault in itertools.product(STAGES, FAULTS):
        tried = cells[stage, fault]
        if tried:
            kinds = Counter(
                kind for trial in tried for kind in {line.split(":")[0] for line in trial.wrong}
            )
            alike = sum(not trial.wrong for trial in tried)
            text = ", ".join(f"{kind} {count}" for kind, count in kinds.items())
            late = sum(trial.late for trial in tried)
            print(f"{stage:15} {fault:12} {len(tried):6} {late:6} {alike:6}  {text}")
    alike = sum(not trial.wrong for trial in trials)
    late = sum(trial.late for trial in trials)
    print(f"{'all':28} {len(trials):6} {late:6} {alike:6}")


if __name__ == "__main__":
    grounds.move_inside()
    sys.exit(main(sys.argv[1:]))
