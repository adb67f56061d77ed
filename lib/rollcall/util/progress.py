"""One progress bar for every long step: a line that goes in JupyterLab, plain text elsewhere.

A bar inside another one is a line below it and leaves nothing; the outermost may leave a sentence.
"""

from __future__ import annotations

import html
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

REDRAWN = 0.25  # seconds between two drawings of a bar in a notebook
SHORT, SHARE = 3.0, 0.02  # seconds and share of the work, before which nothing is foretold
LAYOUT = "{desc}: {percentage:3.0f}%|{bar:24}| {n:.0f}/{total:.0f} "
_outermost: ContextVar[Board | None] = ContextVar("outermost bar", default=None)


@contextmanager
def bar(
    total: float, description: str, unit: str, sentence: str = ""
) -> Iterator[Callable[[float], None]]:
    """Show a bar; the context's value is a function that takes the amount done so far.

    sentence: what a notebook keeps in its place once all is done, "64 models" for "64 models in
    58 s", unless the bar is inside of another one. Without one it keeps nothing.
    """
    draw = _draw_html if is_notebook() else _draw_text
    with resumable(), draw(total, description, unit, Foretold(total), sentence) as show:
        yield show


def track(items, description: str, unit: str, sentence: str = ""):
    """Iterate over `items` behind a bar; sentence: as of `bar`."""
    items = list(items)
    with bar(len(items), description, unit, sentence) as show:
        for done, item in enumerate(items, 1):
            yield item
            show(done)


@contextmanager
def resumable() -> Iterator[None]:
    """Let a notebook show one line where a person stops the block, which loses nothing."""
    try:
        yield
    except KeyboardInterrupt as stop:
        stop._render_traceback_ = lambda: ["stopped; the same cell resumes where it was"]
        raise


def announce(text: str) -> None:
    """Write one line on stderr: what a long step is about."""
    from tqdm import tqdm

    tqdm.write(text, file=sys.stderr)


class Foretold:
    """How long the rest takes, by the pace since the first sign of work: getting ready is none."""

    def __init__(self, total: float):
        self.total, self.first = total, None

    def estimate(self, done: float, now: float) -> float | None:
        """Return the seconds that are left; None where that cannot be told yet."""
        if self.first is None:
            self.first = (done, now) if done > 0 else None
            return None
        worked, seconds = done - self.first[0], now - self.first[1]
        if seconds < SHORT or worked < SHARE * self.total:
            return None
        return seconds * (self.total - done) / worked


def write_seconds(seconds: float) -> str:
    """Write a duration as people say it: "8 s", "3 min", "2.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def draw_bar(done: float, total: float, label: str) -> str:
    """Return a bar as HTML, which a screen reader reads as one."""
    return (
        f'<progress value="{done:.2f}" max="{total:g}" aria-label="{html.escape(label)}" '
        'style="width:16em;vertical-align:middle"></progress>'
    )


def is_notebook() -> bool:
    """Say whether this process is the kernel of a notebook that somebody sees."""
    if os.environ.get("ROLLCALL_PLAIN_PROGRESS") or "ipykernel" not in sys.modules:
        return False
    from IPython import get_ipython

    return type(get_ipython()).__name__ == "ZMQInteractiveShell"


@contextmanager
def _draw_text(total: float, description: str, unit: str, foretold: Foretold, _: str):
    from tqdm import tqdm

    layout = LAYOUT + unit + "s [{elapsed}{postfix}]"
    with tqdm(total=total, desc=description, unit=unit, bar_format=layout) as shown:

        def show(done: float) -> None:
            left = foretold.estimate(done, time.monotonic())
            more = f"{_write_left(left)} left" if left else ""
            shown.set_postfix_str(more, refresh=False)
            shown.update(done - shown.n)

        yield show


@contextmanager
def _draw_html(total: float, description: str, unit: str, foretold: Foretold, sentence: str):
    from IPython.display import HTML, display

    started, outer = time.monotonic(), _outermost.get()
    board = outer or Board([])
    line = len(board.lines)

    def write(done: float) -> str:
        left = foretold.estimate(done, time.monotonic())
        more = f", {_write_left(left)} left" if left else ""
        drawn = draw_bar(done, total, description)
        return f"<div>{description} {drawn} {done:.0f} of {total:.0f} {unit}s{more}</div>"

    def show(done: float) -> None:
        board.lines[line:] = [write(done)]
        if time.monotonic() - board.drawn > REDRAWN:
            board.renew()

    board.lines.append(write(0))
    if outer is None:
        board.handle = display(HTML(board.lines[0]), display_id=True)
        token = _outermost.set(board)
    done = False
    try:
        board.renew()
        yield show
        done = True
    finally:
        del board.lines[line:]
        if outer is None:
            with suppress(ValueError):  # an iteration that was left, and collected elsewhere
                _outermost.reset(token)
            if done and sentence:
                board.lines = [
                    f"<div>{sentence} in {write_seconds(time.monotonic() - started)}</div>"
                ]
        board.renew()


@dataclass
class Board:
    """What a notebook shows of the outermost bar and those inside of it: a line each, renewed."""

    lines: list[str]
    handle: Any = None
    drawn: float = 0.0

    def renew(self) -> None:
        """Show the lines as they are now."""
        from IPython.display import HTML

        self.drawn = time.monotonic()
        self.handle.update(HTML("".join(self.lines)))


def _write_left(seconds: float) -> str:
    """Write how long something takes, no more exactly than that is known."""
    return f"about {write_seconds(5 * max(1, round(seconds / 5)))}"
