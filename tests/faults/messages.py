"""What a disturbed command may say: progress, then one line on why it ended; no traceback."""

from __future__ import annotations

import re
import signal

BAR = re.compile(r"^[A-Z][A-Za-z ]+: +\d+%\|")
LOG = re.compile(r"^preparing \S+ in |another process|waiting for", re.IGNORECASE)
TRACE = re.compile(r"Traceback|^\s+File \"|^\w*(Error|Interrupt|Exception)\b")
SECONDS = re.compile(r"\(\d+ s\)")
KILLED = {-signal.SIGKILL}
# Python itself ends by SIGINT, whatever we exit with, if that came while a library ran a string as
# code, as dataclasses do; a shell makes 130 of it.
ENDED = {-signal.SIGTERM, 128 + signal.SIGTERM, 1, 130, -signal.SIGINT}
STOPPED = {130, -signal.SIGINT}
REFUSED = {1, 2}


def list_words(stderr: str) -> list[str]:
    """Return the lines of stderr that are neither progress nor what a log says of plain work."""
    lines = [line.strip() for line in re.split(r"[\r\n]+", stderr)]
    return [line for line in lines if line and not BAR.match(line) and not LOG.search(line)]


def judge(code: int | None, stderr: str, allowed: set[int]) -> list[str]:
    """List what is wrong with a disturbed command's end; allowed: exit statuses beside 0."""
    words, wrong = list_words(stderr), []
    if code is None:
        return ["hung"]
    if any(TRACE.search(line) for line in re.split(r"[\r\n]+", stderr)):
        wrong.append(f"traceback: {words[-1][:150] if words else ''}")
    if code and code not in allowed:
        wrong.append(f"status: {code}, {words[-1][:150] if words else ''}")
    ours = [line for line in words if line.startswith("rollcall: ")]
    if code in (1, 2, 130) and len(ours) != 1 and not wrong:
        wrong.append(f"words: {len(ours)} lines of ours: {' // '.join(words)[:200]}")
    others = [line for line in words if line not in ours]
    if others and not wrong:
        wrong.append(f"noise: {' // '.join(others)[:200]}")
    return wrong


def compare_speech(stdout: str, expected: str) -> list[str]:
    """Compare what a command that ended well said on stdout with the undisturbed one's."""
    here, there = (SECONDS.sub("(s)", text).split("\n") for text in (stdout, expected))
    if here == there:
        return []
    lines = [line for line in here if line not in there] or ["lines are missing"]
    return [f"mixed: said {lines[0][:200]!r}"]
