"""What is done to a command, at some instant: signals, limits, a full or a read-only disk."""

from __future__ import annotations

import os
import random
import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults import messages
from tests.faults.ground import Ground
from tests.faults.process import Command, list_processes, send

FROM_THE_START = 1 / 3  # of the trials with a limit: it holds from the first import on
LIMITS = {
    "quota": (resource.RLIMIT_FSIZE, (100, 300_000)),
    "open-files": (resource.RLIMIT_NOFILE, (24, 200)),
    "memory": (resource.RLIMIT_AS, (300 << 20, 3 << 30)),
}


@dataclass(frozen=True)
class Fault:
    """One fault.

    strike(command, ground, rng): returns what was done. allowed: exit statuses beside 0, and beside
    those of whoever is killed. beside: how many same commands run at once with it.
    """

    strike: Callable[[Command, Ground, random.Random], str]
    allowed: set[int]
    needs_ground: bool = False
    limit: str = ""
    beside: int = 0
    heals: bool = False  # the command may well go on: a worker is replaced, say


def kill(command: Command, ground: Ground, rng: random.Random) -> str:
    """SIGKILL the command alone."""
    send(signal.SIGKILL, command.process.pid)
    return "SIGKILL"


def kill_group(command: Command, ground: Ground, rng: random.Random) -> str:
    """SIGKILL every process of the command."""
    processes = list_processes(command.token)
    send(signal.SIGKILL, *processes)
    return f"SIGKILL to {len(processes)} processes"


def kill_child(command: Command, ground: Ground, rng: random.Random) -> str:
    """SIGKILL one of the processes that the command started.

    Python's own tracker of resources is spared: it is Python that says so, at length.
    """
    children = sorted(set(list_processes(command.token)) - {command.process.pid})
    children = [child for child in children if not _is_tracker(child)]
    send(signal.SIGKILL, *rng.sample(children, min(1, len(children))))
    return f"SIGKILL to 1 of {len(children)} children"


def _is_tracker(process: int) -> bool:
    try:
        return b"resource_tracker" in (Path("/proc") / str(process) / "cmdline").read_bytes()
    except OSError:
        return True  # gone


def terminate(command: Command, ground: Ground, rng: random.Random) -> str:
    """SIGTERM the command alone."""
    send(signal.SIGTERM, command.process.pid)
    return "SIGTERM"


def interrupt(command: Command, ground: Ground, rng: random.Random) -> str:
    """SIGINT the command's group, as Ctrl-C does in a terminal."""
    try:
        os.killpg(command.process.pid, signal.SIGINT)
    except ProcessLookupError:
        return "gone"
    return "SIGINT to the group"


def fill(command: Command, ground: Ground, rng: random.Random) -> str:
    """Leave little or nothing of the disk."""
    left = rng.choice([0, 0, int(10 ** rng.uniform(2, 5.5))])
    ground.fill(left)
    return f"{left} bytes left"


def close(command: Command, ground: Ground, rng: random.Random) -> str:
    """Let nothing more be written."""
    return ground.close()


def limit(name: str) -> Callable[[Command, Ground, random.Random], str]:
    """Return what limits every process of a command that there is, and those it will start."""
    kind, _ = LIMITS[name]

    def strike(command: Command, ground: Ground, rng: random.Random) -> str:
        more = rng.random()
        for process in list_processes(command.token):
            try:
                value = _used(process, name) + int(_most(name) ** more)
                resource.prlimit(process, kind, (value, value))
            except (OSError, ValueError):
                continue  # it has just ended
        return f"{name}: {_most(name) ** more:.0f} more"

    return strike


def _most(name: str) -> float:
    return {"quota": 300_000, "open-files": 12, "memory": 300e6}[name]


def _used(process: int, name: str) -> int:
    if name == "quota":
        return 0
    folder = Path("/proc") / str(process)
    if name == "open-files":
        return max(int(entry.name) for entry in (folder / "fd").iterdir()) + 1
    return int((folder / "statm").read_text().split()[0]) * resource.getpagesize()


def nothing(command: Command, ground: Ground, rng: random.Random) -> str:
    """Do nothing: what is wrong runs beside it, or from the start."""
    return ""


def draw_limits(fault: Fault, rng: random.Random) -> dict[int, int]:
    """Return limits that hold from the start, in a third of the trials; else none."""
    if not fault.limit or rng.random() >= FROM_THE_START:
        return {}
    kind, (low, high) = LIMITS[fault.limit]
    return {kind: int(low * (high / low) ** rng.random())}


FAULTS = {
    "kill": Fault(kill, messages.KILLED),
    "kill-group": Fault(kill_group, messages.KILLED),
    "kill-child": Fault(kill_child, messages.REFUSED, heals=True),
    "term": Fault(terminate, messages.ENDED),
    "interrupt": Fault(interrupt, messages.STOPPED),
    "full": Fault(fill, messages.REFUSED, needs_ground=True),
    "read-only": Fault(close, messages.REFUSED, needs_ground=True),
    **{name: Fault(limit(name), messages.REFUSED, limit=name) for name in LIMITS},
    "two": Fault(nothing, messages.REFUSED, beside=1),
    "three": Fault(nothing, messages.REFUSED, beside=2),
    "grow": Fault(nothing, messages.REFUSED, beside=1),
    "grow-cut": Fault(kill_group, messages.KILLED, beside=1),
}
