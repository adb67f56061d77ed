"""Damage: one file at a time of a run or a prepared cohort, and then everything is read.

Silent is what gives another result without a word. What gives the same result is right.
"""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rollcall import auditing, rehearse
from rollcall.runs.derived.parts import STEPS, name_file
from tests.faults.bench import Bench
from tests.faults.ground import Ground
from tests.faults.reading import read_files, read_given, read_simulated, try_reading
from tests.faults.stages import PATIENTS, PLAN

KINDS = ("flip", "zero", "cut", "empty", "gone", "swap", "swap-set")
VERDICTS = ("said", "same", "silent", "crash", "unclear")
NOTHING_IN_IT = (".lock", ".log")


@dataclass(frozen=True)
class Subject:
    """A place of which everything can be read, and another's, from which files are swapped in.

    within: the folders whose files are damaged.
    """

    state: Path
    other: Path
    read: Callable[[Path], dict]
    within: tuple[str, ...]


def run(ground: Ground, trials: int, seed: int, mode: str, names: Sequence[str] = ()) -> int:
    """Damage files, print what came out; return 1 if anything was silent, unclear or raw.

    names: of SUBJECTS; empty: all.
    """
    bench = Bench(ground, mode, lambda line: print(line, flush=True))
    counts, lines = defaultdict(Counter), defaultdict(Counter)
    names = names or tuple(SUBJECTS)
    for number, subject in enumerate(names):
        share = trials * (number + 1) // len(names) - trials * number // len(names)
        for name, kind, verdict, line in damage(ground, SUBJECTS[subject](bench), share, seed):
            title = f"{subject}: {group_of(name)}"
            counts[title][verdict] += 1
            lines[verdict][f"{title}, {kind}: {line[:260]}"] += 1
    print_tables(counts, lines)
    return int(any(lines[verdict] for verdict in ("silent", "crash", "unclear")))


def make_run(bench: Bench) -> Subject:
    """Make a run, and another with other training sets on the same cohort."""
    return Subject(*_make_runs(bench), read_simulated, ("out",))


def make_cohort(bench: Bench) -> Subject:
    """Prepare the cohort of a run, and another cohort."""
    return Subject(*_make_runs(bench), read_simulated, ("data",))


def make_files(bench: Bench) -> Subject:
    """Prepare two cohorts of files, each with a test set."""
    states, place = [], bench.ground.place
    for seed in (0, 1):
        kept = bench.ground.kept / f"files-{seed}"
        states.append(kept)
        if not kept.exists():
            bench.ground.clear()
            rehearse.write("mimic_cxr", place / "release", PATIENTS, seed)
            read_files(place)
            shutil.copytree(place, kept)
    return Subject(*states, read_files, ("data",))


def make_given(bench: Bench) -> Subject:
    """Make two runs of scores that were given."""
    states = (bench.reach("given", "finished"), bench.reach("given", "other"))
    return Subject(*states, read_given, ("out",))


SUBJECTS = {
    "run": make_run,
    "cohort": make_cohort,
    "cohort of files": make_files,
    "own scores": make_given,
}


def _make_runs(bench: Bench) -> tuple[Path, Path]:
    finished, other = bench.reach("simulated", "finished"), bench.ground.kept / "other-run"
    if not other.exists():
        bench.ground.clear()
        make_other_run(bench.ground.place, other)
    return finished, other


def make_other_run(place: Path, kept: Path) -> None:
    """Make a run with other training sets on the same cohort, and prepare another cohort."""
    out, data = str(place / "out"), place / "data"
    study = auditing.plan(**PLAN, out=out, data=str(data), seed=1)
    study.train(workers=1)
    study.attack()
    study.disparity()
    study.paper()
    shutil.rmtree(data)
    auditing.load_cohort("simulated", data=str(data), patients=PATIENTS, seed=1)
    shutil.copytree(place, kept)


def damage(ground: Ground, subject: Subject, trials: int, seed: int):
    """Damage one file after another; yield (file, kind, verdict, line)."""
    rng, place = random.Random(f"{seed} {subject.read.__name__}"), ground.place
    ground.enter(subject.state)
    subject.read(place)
    expected = subject.read(place)
    whole = ground.kept / "whole"
    shutil.rmtree(whole, ignore_errors=True)
    shutil.copytree(place, whole)
    names = [
        str(path.relative_to(whole))
        for folder in subject.within
        for path in sorted((whole / folder).rglob("*"))
        if path.is_file() and path.suffix not in NOTHING_IN_IT
    ]
    chosen = [(name, kind) for name in names for kind in KINDS]
    rng.shuffle(chosen)
    done = 0
    while done < trials:
        for name, kind in chosen:
            if done == trials:
                return
            if hurt(place, name, kind, subject.other, rng):
                verdict, line = try_reading(subject.read, place, expected)
                done += 1
                yield name, kind, verdict, line
            restore(place, whole)


def hurt(place: Path, name: str, kind: str, other: Path, rng: random.Random) -> bool:
    """Damage a file; False where there is nothing to damage, or nothing else to swap in."""
    path = place / name
    content = bytearray(path.read_bytes())
    if kind.startswith("swap"):
        pairs = find_pairs(place, name, other, whole=kind == "swap-set")
        for here, there in pairs:
            shutil.copyfile(there, here)
        return bool(pairs) and bytes(content) != path.read_bytes()
    if kind == "gone":
        path.unlink()
        return True
    if not content:
        return False
    start = rng.randrange(len(content))
    if kind == "flip":
        content[start] ^= 1 << rng.randrange(8)
    elif kind == "zero":
        content[start : start + 16] = bytes(len(content[start : start + 16]))
    else:
        del content[start if kind == "cut" else 0 :]
    with open(path, "r+b") as file:  # in place, as a disk would
        file.truncate(len(content))
        file.write(content)
    return bytes(content) != (place / name).read_bytes() or True


def find_pairs(place: Path, name: str, other: Path, whole: bool) -> list[tuple[Path, Path]]:
    """Return files and what is swapped in for them; whole: all that belong together."""
    names = [name]
    if whole:
        names = belonging(place, name)
        if len(names) < 2:
            return []
    pairs = [(place / each, counterpart(other, each)) for each in names]
    return [(here, there) for here, there in pairs if there is not None and here.exists()]


def belonging(place: Path, name: str) -> list[str]:
    """Return the files that belong together with one: of a target, a step, a prepared cohort."""
    path = Path(name)
    if "targets" in path.parts:
        return [str(path.with_suffix(suffix)) for suffix in (".npy", ".json")]
    if "prepared" in path.parts:
        folder = place / path.parent
        return [str(each.relative_to(place)) for each in folder.rglob("*") if each.is_file()]
    for step, about in STEPS.items():
        files = [name_file(table) for table in about.tables]
        if path.name in files or path.name == f"{step}.json":
            run = path.parent.parent if path.parent.name == "made" else path.parent
            return [str(run / file) for file in (*files, f"made/{step}.json")]
    return [name]


def counterpart(other: Path, name: str) -> Path | None:
    """Return the file of another place that stands where `name` does; its key may be another."""
    parts = Path(name).parts
    if "prepared" in parts:
        place = parts.index("prepared") + 1
        parts = (*parts[:place], "*", *parts[place + 1 :])
    return next(iter(sorted(other.glob("/".join(parts)))), None)


def restore(place: Path, whole: Path) -> None:
    """Put back what was damaged, or what reading has changed."""
    there = {path.relative_to(whole): path for path in whole.rglob("*")}
    for path in sorted(place.rglob("*"), reverse=True):
        if path.relative_to(place) not in there:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name, path in there.items():
        here = place / name
        if path.is_dir():
            here.mkdir(exist_ok=True)
        elif not here.exists() or _facts(here) != _facts(path):
            shutil.copy2(path, here)


def _facts(path: Path) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns


def group_of(name: str) -> str:
    """Return what a file is, in the table."""
    path = Path(name)
    if "prepared" in path.parts:
        return ("test/" if path.parent.name == "test" else "") + path.name
    if path.parent.name in ("figures", "notebooks", "made"):
        return f"{path.parent.name}/"
    if path.parent.name == "targets":
        return f"targets/*{path.suffix}"
    for step, about in STEPS.items():
        if path.stem in about.tables:
            return f"tables of {step}"
    return path.name


def print_tables(counts: dict[str, Counter], lines: dict[str, Counter]) -> None:
    """Print counts by file, then every line that was not right, and each kind of refusal."""
    print(f"\n{'file':44}" + "".join(f"{verdict:>9}" for verdict in VERDICTS))
    for title in sorted(counts):
        print(f"{title:44}" + "".join(f"{counts[title][verdict]:9}" for verdict in VERDICTS))
    total = sum(counts.values(), Counter())
    print(f"{'all, ' + str(total.total()):44}" + "".join(f"{total[each]:9}" for each in VERDICTS))
    for verdict in ("silent", "crash", "unclear"):
        for line, count in lines[verdict].items():
            print(f"{verdict}: {count} x {line}")
