"""What is disturbed: a command, the state it starts from, the marks between which it strikes."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.stats.members import draw_members
from tests.faults.process import Command

PATIENTS, TARGETS = 60, 8
PLAN = {"targets": TARGETS, "options": [f"patients={PATIENTS}"], "recipe": ["epochs=1"]}
GROWN = (24, 16)  # targets of the audits that grow a run at once


@dataclass(frozen=True)
class Case:
    """An audit: its command, the folders of its run and its prepared cohorts, and its inputs.

    prepare: writes what it is given into the place; None if it is given nothing.
    """

    words: tuple[str, ...]
    run: str
    prepare: Callable[[Path], None] | None = None


@dataclass(frozen=True)
class Stage:
    """One stage of a case.

    states: what stood there before, one of them by chance. first, last: the marks.
    """

    case: str
    states: tuple[str, ...]
    first: str
    last: str
    only: tuple[str, ...] = ()  # the faults that are meant for it alone


def _audit(cohort: str, *words: str) -> tuple[str, ...]:
    return (
        *("audit", "--cohort", cohort, "--targets", str(TARGETS), "--out", "{place}/out"),
        *("--data", "{place}/data", "--recipe", "epochs=1", *words),
    )


def write_release(cohort: str) -> Callable[[Path], None]:
    """Return what writes a simulated release of a cohort into a place."""

    def write(place: Path) -> None:
        from rollcall import rehearse

        rehearse.write(cohort, place / "release", PATIENTS, 0)

    return write


def write_given(place: Path, seed: int = 1) -> None:
    """Write scores, members, patients and attributes as a user would give them."""
    rng, folder = np.random.default_rng(seed), place / "given"
    folder.mkdir(parents=True)
    names = np.array([f"p{number:03d}" for number in range(PATIENTS)])
    index = np.repeat(np.arange(PATIENTS), 1 + rng.integers(0, 4, PATIENTS))
    members = draw_members(TARGETS, PATIENTS, seed)
    leaks = rng.exponential(0.7, PATIENTS)
    scores = rng.normal(size=(TARGETS, len(index))) + (members * leaks)[:, index]
    np.save(folder / "scores.npy", scores.astype(np.float32))
    np.save(folder / "members.npy", members)
    pd.DataFrame({"patient_id": names[index]}).to_csv(folder / "patients.csv", index=False)
    attributes = {"patient_id": names, "race": rng.choice(["A", "B"], PATIENTS)}
    pd.DataFrame(attributes).to_csv(folder / "attributes.csv", index=False)


def _given_options() -> tuple[str, ...]:
    return tuple(
        word
        for name in ("scores", "members", "patients", "attributes")
        for word in (
            f"--{name}",
            f"{{place}}/given/{name}.{'csv' if name in ('patients', 'attributes') else 'npy'}",
        )
    )


CASES = {
    "simulated": Case(_audit("simulated", "--option", f"patients={PATIENTS}"), "out/simulated/mlp"),
    "files": Case(
        _audit("mimic_cxr", "--root", "{place}/release", "--option", "size=32"),
        "out/mimic_cxr/small_cnn",
        write_release("mimic_cxr"),
    ),
    "tables": Case(
        _audit("mimic_iv_ed", "--root", "{place}/release"),
        "out/mimic_iv_ed/mlp",
        write_release("mimic_iv_ed"),
    ),
    "rehearsal": Case(
        (
            *("rehearse", *_audit("fitzpatrick17k", "--option", "size=32")[1:]),
            *("--patients", str(PATIENTS)),
        ),
        "out/fitzpatrick17k/rehearsal",
    ),
    "given": Case(("attack", *_given_options(), "--out", "{place}/out"), "out", write_given),
}
STAGES = {
    "prepare-files": Stage("files", ("given",), "preparing", "planned"),
    "prepare-tables": Stage("tables", ("given",), "start", "planned"),
    "create": Stage("simulated", ("prepared",), "start", "first"),
    "train": Stage("simulated", ("prepared",), "first", "attacking"),
    "attack": Stage("simulated", ("trained", "finished"), "attacking", "comparing"),
    "disparity": Stage("simulated", ("trained", "finished"), "comparing", "compared"),
    "paper": Stage("simulated", ("trained", "finished"), "compared", "executed"),
    "report": Stage("simulated", ("trained", "finished"), "executed", "end"),
    "rehearse": Stage("rehearsal", ("given",), "start", "planned"),
    "given": Stage("given", ("given", "other", "finished"), "planned", "end"),
    "grow": Stage("simulated", ("trained", "finished"), "start", "end", ("grow", "grow-cut")),
}
TEXTS = {  # marks that stand on a stream
    "preparing": ("stderr", "preparing "),
    "planned": ("stdout", "records of "),
    "first": ("stdout", "[1/"),
    "attacking": ("stdout", "2_attack"),
    "comparing": ("stdout", "3_disparity"),
}
FILES = {"compared": "shown_cutoffs.parquet", "executed": "notebooks/3_disparity.ipynb"}


def make_mark(name: str, command: Command, run: Path) -> Callable[[], bool]:
    """Return what tells whether a command has passed a mark."""
    if name == "start":
        return lambda: is_awake(command.process.pid)
    if name == "end":
        return lambda: command.process.poll() is not None
    if name in TEXTS:
        stream, text = TEXTS[name]
        return lambda: text in command.text(stream)

    def is_new() -> bool:
        try:
            return (run / FILES[name]).stat().st_mtime > command.started
        except OSError:
            return False

    return is_new


def is_awake(process: int) -> bool:
    """Say whether a process catches SIGTERM: before that Python starts, and nothing of ours ran."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False
    (caught,) = re.findall(r"SigCgt:\s*(\w+)", status)
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


MARKS = ("start", *TEXTS, *FILES, "end")


def fill_in(words: tuple[str, ...], place: Path) -> list[str]:
    """Return a command's words for a place."""
    return [word.format(place=place) for word in words]


def with_targets(words: tuple[str, ...], targets: int) -> tuple[str, ...]:
    """Return an audit's words with another number of targets."""
    place = words.index("--targets") + 1
    return (*words[:place], str(targets), *words[place + 1 :])
