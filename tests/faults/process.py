"""A command of Rollcall: its processes, what it writes, and the marks that it passes."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from rollcall.util.files import PACKAGE

TOKEN = "ROLLCALL_FAULTS"  # in the environment of every process of a command
LOOK_SECONDS = 0.003
LONGEST_SECONDS = 400  # of any command, on a machine with a core for each process that wants one
WAIT_SECONDS = 5.0  # until a limit is looked at again
MODULES = {"real": "rollcall", "light": "tests.faults.light"}


@dataclass
class Command:
    """One that was started; `stdout` and `stderr` grow while it runs."""

    process: subprocess.Popen
    token: str
    started: float = field(default_factory=time.time)
    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)
    readers: list[threading.Thread] = field(default_factory=list)

    def wait(self, longest: float = LONGEST_SECONDS) -> int | None:
        """Return the exit status; None if it hung, and then all of it was killed."""
        begun, code = time.monotonic(), None
        while code is None and time.monotonic() - begun < lengthen(longest):
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self.process.wait(min(WAIT_SECONDS, longest))
        if code is None:
            kill_all(self.token)
            self.process.wait()
        for reader in self.readers:  # a worker that outlives its parent holds the pipe
            reader.join(0.5 if list_processes(self.token) else 5)
        return code

    def text(self, stream: str) -> str:
        """Return what was written to a stream so far."""
        return bytes(getattr(self, stream)).decode(errors="replace")


def lengthen(seconds: float) -> float:
    """Lengthen a limit by how many processes want each core: their load of the last minute."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def start(
    words: Sequence[object], temporary: Path, mode: str, limits: dict[int, int] | None = None
) -> Command:
    """Start a command in a session of its own.

    mode: "real", the command line; "light", without kernels and figures. limits: of resources, as
    of resource.setrlimit.
    """
    token = uuid4().hex
    library = PACKAGE.parent
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        "PYTHONPATH": os.pathsep.join([str(library), str(library.parent)]),
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": "1",
        "TMPDIR": str(temporary),
        TOKEN: token,
    }

    def limit() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs ignore it
        for kind, value in (limits or {}).items():
            resource.setrlimit(kind, (value, value))

    process = subprocess.Popen(
        [sys.executable, "-m", MODULES[mode], *map(str, words)],
        env=environment,
        cwd=library.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=limit,
    )
    command = Command(process, token)
    for pipe, text in ((process.stdout, command.stdout), (process.stderr, command.stderr)):
        reader = threading.Thread(target=_collect, args=(pipe, text), daemon=True)
        reader.start()
        command.readers.append(reader)
    return command


def _collect(pipe, text: bytearray) -> None:
    while block := os.read(pipe.fileno(), 65536):
        text += block
    pipe.close()


def wait_for(mark: Callable[[], bool], command: Command) -> bool:
    """Wait until a mark is passed; False if the command ended before."""
    while not mark():
        if command.process.poll() is not None:
            return mark()
        time.sleep(LOOK_SECONDS)
    return True


def list_processes(token: str) -> list[int]:
    """Return the processes of a command, whatever session they are in."""
    sought, here = f"{TOKEN}={token}".encode(), []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                environment = (folder / "environ").read_bytes()
                zombie = (folder / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
            except OSError:
                continue
            if sought in environment.split(b"\0") and not zombie:
                here.append(int(folder.name))
    return here


def send(number: int, *processes: int) -> None:
    """Send a signal to processes that may be gone."""
    for process in processes:
        try:
            os.kill(process, number)
        except ProcessLookupError:
            continue


def kill_all(token: str) -> None:
    """Kill a command's processes until there is none."""
    while processes := list_processes(token):
        send(signal.SIGKILL, *processes)
        time.sleep(LOOK_SECONDS)


def wait_for_end(token: str, longest: float) -> list[int]:
    """Wait until no process of a command is left; return those left, which are killed."""
    begun = time.monotonic()
    while (processes := list_processes(token)) and time.monotonic() - begun < lengthen(longest):
        time.sleep(0.1)
    kill_all(token)
    return processes
