"""Layouts measured in a process of its own, so that what fails there can break nothing here.

An assertion on the device ends every use of it in its process, a broken recording can leave torch's
allocator in a state that nothing repairs, a compiler can hang or crash. So a child measures layouts
as long as it succeeds, and is replaced after any failure. It gets a line of JSON for each layout
and answers with one: workers are daemonic, and `multiprocessing` lets those have no children.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from rollcall.data.store import open_saved
from rollcall.recipes import Recipe
from rollcall.training.device import prepare_process
from rollcall.training.gpu.failures import (
    ReportedError,
    describe_failure,
    free_memory,
    is_out_of_memory,
)
from rollcall.training.layout import Layout
from rollcall.training.stack import to_device
from rollcall.training.trainer import measure_step

# for a start, a cohort from a slow disk, a compiler and the steps; a child that takes longer hangs
LONGEST_SECONDS = 900
SECONDS_TO_END = 30
LINES_KEPT = 20  # of what a child writes, for the reason of its end


class Meter:
    """Measures layouts of one recipe on one device, in child processes; a context manager.

    command: starts a child, which calls `serve`; by default this Python does. longest_seconds: that
    a child may take for one layout.
    """

    def __init__(
        self,
        cohort_folder: Path,
        recipe: Recipe,
        device: str,
        precision: str,
        command: Sequence[str] = (),
        longest_seconds: float = LONGEST_SECONDS,
    ):
        self.task = {
            "cohort_folder": str(cohort_folder),
            "recipe": asdict(recipe),  # with where its files are
            "device": device,
            "precision": precision,
        }
        self.command, self.longest_seconds = command or _start_command(), longest_seconds
        self.child: _Child | None = None

    def __enter__(self) -> Meter:
        return self

    def __exit__(self, *_) -> None:
        self._end()

    def measure(self, layout: Layout) -> float:
        """Measure the seconds per step of one target in a layout.

        torch.OutOfMemoryError if the device lacks memory for it; ReportedError with the reason of
        any other failure, also of a child that died or does not answer.
        """
        self.child = self.child or _Child(self.command)
        answer = self.child.ask(self.task | {"layout": asdict(layout)}, self.longest_seconds)
        if "seconds" in answer:
            return answer["seconds"]
        self._end()
        raise (torch.OutOfMemoryError if answer.get("memory") else ReportedError)(answer["failed"])

    def _end(self) -> None:
        if self.child:
            self.child.end()
            self.child = None


class _Child:
    """A process that measures: it is asked on its standard input, and answers on its output."""

    def __init__(self, command: Sequence[str]):
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )
        self.answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.messages: deque[str] = deque(maxlen=LINES_KEPT)
        self.listeners = [
            threading.Thread(target=listen, daemon=True) for listen in (self._listen, self._keep)
        ]
        for listener in self.listeners:
            listener.start()

    def _listen(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.answers.put(line)
        self.answers.put("")  # it has ended

    def _keep(self) -> None:
        assert self.process.stderr
        self.messages.extend(self.process.stderr)

    def ask(self, task: dict, longest_seconds: float) -> dict:
        """Return the child's answer: "seconds", or why it "failed" and if by lack of "memory"."""
        assert self.process.stdin
        try:
            self.process.stdin.write(json.dumps(task) + "\n")
            self.process.stdin.flush()
            return json.loads(self.answers.get(timeout=longest_seconds))
        except queue.Empty:
            return {"failed": f"no answer within {longest_seconds:g} s"}
        except (OSError, ValueError):  # the pipe is closed, or the answer is empty
            return {"failed": self._describe_end()}

    def _describe_end(self) -> str:
        """Describe how the process ended: its status, and the last line that it wrote."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(SECONDS_TO_END)
        for listener in self.listeners:
            listener.join(1)
        code = self.process.returncode
        status = signal.strsignal(-code) if code and code < 0 else f"status {code}"
        last = next((line.strip() for line in reversed(self.messages) if line.strip()), "")
        return f"its process ended ({status}) {last[:200]}".strip()

    def end(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        self.process.wait()
        for listener in self.listeners:
            listener.join(1)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            with contextlib.suppress(OSError):  # what could not be written to a dead one
                assert pipe
                pipe.close()


def _start_command() -> tuple[str, ...]:
    """Return what starts a child that imports from where this process does."""
    code = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import serve; serve()"
    return sys.executable, "-c", code


def serve() -> None:
    """Be the child of a Meter: measure what comes on standard input, until its end."""
    # what libraries print is no answer
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    tasks: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(tasks,), daemon=True).start()
    data = None
    while True:
        task = json.loads(tasks.get())
        device, layout = task["device"], Layout(**task["layout"])
        try:
            if data is None:
                prepare_process(device)
                data = to_device(open_saved(Path(task["cohort_folder"])), device)
            seconds = measure_step(data, Recipe(**task["recipe"]), layout, task["precision"])
            answer = {"seconds": seconds}
        except Exception as error:
            answer = {"failed": describe_failure(error), "memory": is_out_of_memory(error)}
        else:
            free_memory(device)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _receive(tasks: queue.SimpleQueue[str]) -> None:
    """Pass the lines of standard input on; when it ends, who asked is gone: end this process."""
    for line in sys.stdin:
        tasks.put(line)
    os._exit(0)
