"""How far runs are: read from their folders alone, while others may be at work in them."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from rollcall.data import store
from rollcall.data.cohort import Cohort
from rollcall.runs import external
from rollcall.runs.derived.parts import REPORT
from rollcall.runs.run import Run, open_run
from rollcall.util.errors import InputError, unknown_name
from rollcall.util.files import home

TOGETHER = 120.0  # seconds within which the processes of one training start
PATIENCE, SLOWER = 60.0, 3.0  # after which a training is thought to have stopped: at least, times
STAMP = "%Y-%m-%d %H:%M:%S"  # of a line of a log


@dataclass(frozen=True)
class State:
    """How far a run is.

    name: "dataset/run". trained: the targets that exist. last: when the last of them was stored,
    or the run was begun, seconds since the epoch. left: seconds that the others will take; None if
    that cannot be told. stopped: whether nobody seems to train the others. report: whether there
    is one.
    """

    name: str
    run: Run
    trained: tuple[int, ...]
    last: float
    left: float | None
    stopped: bool
    report: bool

    @property
    def missing(self) -> int:
        return self.run.targets - len(self.trained)


def list_states(out: str = "", now: float | None = None) -> list[State]:
    """List the states of all runs in <out>/<dataset>/<run>, the latest first.

    out defaults to results/. Folders that cannot be read as runs are left out.
    """
    folder, states = Path(out or home() / "results"), []
    for path in folder.glob("*/*/run.json"):
        with contextlib.suppress(InputError, OSError):
            states.append(read_state(path.parent, now))
    return sorted(states, key=lambda state: -state.last)


def find_state(name: str = "", out: str = "", now: float | None = None) -> State:
    """Return the state of the run named "dataset/run", or of the latest; InputError if none is.

    Nothing is created.
    """
    folder = Path(out or home() / "results")
    names = ["/".join(path.parts[-3:-1]) for path in sorted(folder.glob("*/*/run.json"))]
    if not names:
        raise InputError(f"{folder}: no run yet; begin one with `make audit` or 1_train")
    if name and name not in names:
        raise unknown_name("run", name, names, f"in {folder}")
    return read_state(folder / name, now) if name else list_states(out, now)[0]


def read_state(folder: Path, now: float | None = None) -> State:
    """Read how far a run is. now: seconds since the epoch; by default the present."""
    run = open_run(folder)
    stored: dict[int, float] = {}
    for path in (folder / "targets").glob("[0-9]*.json"):
        with contextlib.suppress(OSError, ValueError):
            stored[int(path.stem)] = path.stat().st_mtime
    trained = tuple(sorted(target for target in stored if target < run.targets))
    if run.config["cohort"] == external.COHORT_NAME:  # trained elsewhere
        stored = dict.fromkeys(range(run.targets), (folder / "run.json").stat().st_mtime)
    begun, last, alive = _read_logs(folder / "logs", list(stored.values()))
    now = datetime.now().timestamp() if now is None else now
    last = max([last, *stored.values(), (folder / "run.json").stat().st_mtime])
    missing = run.targets - len(trained)
    pace = _estimate_pace([stored[target] for target in trained], begun)
    left = None
    if missing and pace:
        left = max(0.0, missing * pace - (now - last))
    quiet = now - last > PATIENCE + SLOWER * _longest_gap(list(stored.values()), begun)
    return State(
        "/".join(folder.absolute().parts[-2:]),
        run,
        trained,
        last,
        left,
        bool(missing) and (not alive if alive is not None else quiet),
        (folder / REPORT[0]).exists(),
    )


def _read_logs(folder: Path, stored: Sequence[float]) -> tuple[float, float, bool | None]:
    """Read when the last training began and was last heard of, and whether it lives.

    Logs are called <machine>-<process>.log. Whether it lives is None where another machine trains,
    and where there are none.
    """
    starts, last, here = {}, 0.0, []
    for path in folder.glob("*-*.log"):
        machine, _, process = path.stem.rpartition("-")
        if not process.isdigit() or machine in ("stderr", "failed"):
            continue
        with contextlib.suppress(OSError, ValueError), open(path, encoding="utf-8") as file:
            starts[path] = datetime.strptime(file.readline()[:19], STAMP).timestamp()
    if not starts:
        return min(stored, default=0.0), last, None
    newest = max(starts.values())
    ours = [path for path, start in starts.items() if newest - start < TOGETHER]
    for path in ours:
        with contextlib.suppress(OSError):
            last = max(last, path.stat().st_mtime)
        machine, _, process = path.stem.rpartition("-")
        if machine == socket.gethostname():
            here.append(_is_alive(int(process)))
    alive = any(here) if len(here) == len(ours) else None
    return min(starts[path] for path in ours), last, alive


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another's
        return True
    return True


def _estimate_pace(stored: list[float], begun: float) -> float:
    """Return the seconds that a target took in the last training; 0 if none was stored in it."""
    since = [time for time in stored if time > begun]
    return (max(since) - begun) / len(since) if since else 0.0


def _longest_gap(stored: list[float], begun: float) -> float:
    """Return the longest time in which no target was stored, in the last training."""
    times = [begun, *sorted(time for time in stored if time > begun)]
    return max((after - before for before, after in pairwise(times)), default=0)


def open_cohort(run: Run, data: Path) -> Cohort | None:
    """Open the cohort that a run was made from: given with its scores, or prepared under `data`.

    None where it is not on this machine. Errors as of data.store.open_saved.
    """
    config = run.config
    if config["cohort"] == external.COHORT_NAME:
        return external.read(run.path)[1]
    return store.find_saved(data / config["cohort"] / "prepared", config["fingerprint"])
