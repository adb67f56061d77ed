"""One progress bar for every long step: a line that goes in JupyterLab, plain text elsewhere.

A bar inside another one is drawn below it and leaves nothing; the outermost may leave a sentence.
"""

from __future__ import annotations

import html
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

REDRAWN = 0.25  # seconds between two drawings of a bar in a notebook
SHORT, SHARE = 3.0, 0.02  # seconds and share of the work, before which nothing is foretold
LAYOUT = "{desc}: {percentage:3.0f}%|{bar:24}| {n:.0f}/{total:.0f} "
_depth: ContextVar[int] = ContextVar("depth of bars", default=0)


@contextmanager
def bar(
    total: float, description: str, unit: str, sentence: bool = False
) -> Iterator[Callable[[float], None]]:
    """Show a bar; the context's value is a function that takes the amount done so far.

    sentence: in a notebook, leave "64 models in 58 s" where the bar was, unless it is inside of
    another one. Else a notebook keeps nothing of it.
    """
    started, depth = time.monotonic(), _depth.get()
    token = _depth.set(depth + 1)
    foretell = Foretold(total)
    draw = _draw_html if is_notebook() else _draw_text
    try:
        with resumable(), draw(total, description, unit, foretell) as (show, end):
            yield show
            if sentence and not depth:
                end(f"{total:.0f} {unit}s in {write_seconds(time.monotonic() - started)}")
    finally:
        with suppress(ValueError):  # an iteration that was left, and collected elsewhere
            _depth.reset(token)


def track(items, description: str, unit: str):
    """Iterate over `items` behind a bar."""
    items = list(items)
    with bar(len(items), description, unit) as show:
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
def _draw_text(total: float, description: str, unit: str, foretell: Foretold):
    from tqdm import tqdm

    layout = LAYOUT + unit + "s [{elapsed}{postfix}]"
    with tqdm(total=total, desc=description, unit=unit, bar_format=layout) as shown:

        def show(done: float) -> None:
            left = foretell.estimate(done, time.monotonic())
            more = f"{_write_left(left)} left" if left else ""
            shown.set_postfix_str(more, refresh=False)
            shown.update(done - shown.n)

        yield show, lambda _: None


@contextmanager
def _draw_html(total: float, description: str, unit: str, foretell: Foretold):
    from IPython.display import HTML, display

    def draw(done: float) -> HTML:
        left = foretell.estimate(done, time.monotonic())
        more = f", {_write_left(left)} left" if left else ""
        drawn = draw_bar(done, total, description)
        return HTML(f"<div>{description} {drawn} {done:.0f} of {total:.0f} {unit}s{more}</div>")

    handle = display(draw(0), display_id=True)
    assert handle is not None
    drawn_at = time.monotonic()

    def show(done: float) -> None:
        nonlocal drawn_at
        if time.monotonic() - drawn_at > REDRAWN:
            drawn_at = time.monotonic()
            handle.update(draw(done))

    left_behind = ""

    def end(sentence: str) -> None:
        nonlocal left_behind
        left_behind = f"<div>{sentence}</div>"

    try:
        yield show, end
    finally:
        handle.update(HTML(left_behind))


def _write_left(seconds: float) -> str:
    """Write how long something takes, no more exactly than that is known."""
    return f"about {write_seconds(5 * max(1, round(seconds / 5)))}"
