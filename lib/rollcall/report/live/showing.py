"""HTML of runs that are finished or under way; links are those of JupyterLab's file browser."""

from __future__ import annotations

import html
import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from IPython.display import HTML

from rollcall.runs.derived.parts import REPORT
from rollcall.runs.listing import State
from rollcall.util.files import home
from rollcall.util.progress import draw_bar, write_seconds

STEADY = 5.0  # seconds of how long ago something was that are not worth a number


def show_runs(states: Sequence[State], now: float) -> HTML:
    """Return a table of runs: how far each is, and a link to its report."""
    if not states:
        return HTML("<p>No run yet. The first one comes of <code>1_train</code>.</p>")
    rows = "".join(
        f'<tr><th scope="row" style="text-align:left">{html.escape(state.name)}</th>'
        f'<td style="text-align:left">{_describe_state(state, now)}</td>'
        f'<td style="text-align:left">{_link(state)}</td></tr>'
        for state in states
    )
    heads = "".join(
        f'<th scope="col" style="text-align:left">{head}</th>' for head in ("run", "models", "")
    )
    return HTML(
        "<table><caption>Runs, the latest first</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )


def show_state(state: State, sentences: Sequence[str], now: float) -> HTML:
    """Return how far a run is, as a bar, and what can be said of it already."""
    done, total = len(state.trained), state.run.targets
    items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in sentences)
    head = f"<p><strong>{html.escape(state.name)}</strong>: {_describe_state(state, now)}</p>"
    bar = draw_bar(done, total, f"models of {state.name}") if state.missing else ""
    return HTML(f"{head}{bar}{items and f'<ul>{items}</ul>'}<p>{_link(state)}</p>")


def show_failure(line: str) -> HTML:
    """Return what is shown when a run can be watched no more."""
    return HTML(f"<p>Watching has ended: {html.escape(line)}. Run this cell again.</p>")


def _describe_state(state: State, now: float) -> str:
    """Write how many models are trained, how long the others take, or that nobody trains them."""
    done, total = len(state.trained), state.run.targets
    if not state.missing:
        return f"all {total} models are trained"
    ago = (
        "" if now - state.last < STEADY else f", nothing new for {write_seconds(now - state.last)}"
    )
    if state.stopped:
        return (
            f"{done} of {total} models trained{ago}: it seems to have stopped; the same command, or the "
            "same notebook, goes on from there"
        )
    if not done:
        return f"0 of {total} models trained: the first ones are under way"
    left = "" if state.left is None else f", {_write_left(state.left)}"
    return f"{done} of {total} models trained{left}"


def _write_left(seconds: float) -> str:
    return "any moment now" if seconds < STEADY else f"about {write_seconds(seconds)} left"


def _link(state: State) -> str:
    """Return a link to a run's report, from the folder that a notebook's kernel stands in.

    Where it is not below the root of the file browser, the report's path.
    """
    if not state.report:
        return ""
    path = state.run.path.absolute() / REPORT[0]
    if not path.is_relative_to(home()):
        return f"report: {html.escape(str(path))}"
    place = Path(os.path.relpath(path, Path.cwd())).as_posix()
    return f'<a href="{quote(place)}">report</a>'
