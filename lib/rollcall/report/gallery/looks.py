"""The look of a run in every figure, and grids of small panels, one a run."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from itertools import cycle
from typing import Any

from rollcall.report.gallery.runs import FinishedRun, FinishedRuns
from rollcall.report.style import (
    ACCENT,
    DOUBLE,
    EXPOSED,
    MEMBER,
    MM,
    NON_MEMBER,
    SINGLE,
    TALLEST,
    new_figure,
)
from rollcall.report.typeface import wrap

COLOURS = (  # each has a contrast of 3:1 or more against white
    MEMBER,
    NON_MEMBER,
    ACCENT,
    EXPOSED,
    "#A0478C",
    "#7A5200",
    "#4B3FA8",
)
DASHES = ("-", (0, (5, 1)), "-.", (0, (1, 1)), (0, (3, 1, 1, 1, 1, 1)))
PUBLISHED = {"color": NON_MEMBER, "linestyle": ":", "linewidth": 1.5}
INK = {NON_MEMBER: "#A34700"}  # of text: darker than a line, at 4.5:1 or more against white
COLUMNS = 4  # of a grid of panels


def looks_of(finished: FinishedRuns) -> dict[str, dict]:
    """Choose colour and dash of each run, by its name."""
    # two endless cycles beside the runs: their lengths differ on purpose
    styles = zip(finished.runs, cycle(COLOURS), cycle(DASHES), strict=False)
    return {entry.name: {"color": colour, "linestyle": dash} for entry, colour, dash in styles}


def label_below(drawing: Any, words: str) -> None:
    """Name the axis that all panels share, in as many lines as the figure's width asks for."""
    width = drawing.bbox.width / drawing.get_figure(root=True).dpi / MM
    lines = wrap(words, 0.9 * width, 7)  # hinted letters are a little wider
    drawing.supxlabel("\n".join(lines), linespacing=1.2)


def wrap_label(entry: FinishedRun, width: int = 26) -> str:
    """Break a run's label into lines."""
    return "\n".join(textwrap.wrap(entry.label, width))


def size_grid(count: int, height: float) -> tuple[int, int, float]:
    """Return lines, columns and the height in inches of a grid of panels, each `height` mm."""
    columns = min(COLUMNS, count)
    lines = -(-max(1, count) // columns)
    return lines, columns, min((height * lines + 8) * MM, TALLEST - 1 * MM)


def make_grid(count: int, height: float, **options) -> tuple[Any, list[Any]]:
    """Make a figure of `count` panels of `height` mm in lines of at most four, on one scale."""
    lines, columns, tall = size_grid(count, height)
    options = {"sharex": True, "sharey": True} | options
    width = SINGLE if count == 1 else DOUBLE
    drawing, axes = new_figure(width, tall, lines, columns, squeeze=False, **options)
    return drawing, take_panels(axes, count)


def take_panels(axes: Any, count: int) -> list[Any]:
    """Return the first `count` axes of a grid (lines, columns), with numbers below the lowest."""
    for ax in axes.flat[count:]:
        ax.set_axis_off()
    columns = axes.shape[1]
    for ax in axes.flat[max(0, count - columns) : count]:
        ax.tick_params(labelbottom=True)
    return list(axes.flat[:count])


def write_key(ax: Any, lines: Iterable[tuple[str, dict]], top: float = 0.97) -> None:
    """Write a key into empty axes: a line sample, and words beside it, from the top downwards.

    lines: (words, look) each; a look without a colour is a heading.
    """
    ax.set_axis_off()
    ax.set(xlim=(0, 1), ylim=(0, 1))
    place, step = top, 0.052
    for words, look in lines:
        rows = words.count("\n") + 1
        middle = place - step * (rows - 1) / 2
        if look:
            ax.plot([0.0, 0.13], [middle, middle], **({"linewidth": 1.0} | look))
        ax.text(
            *(0.17 if look else 0.0, middle, words),
            va="center_baseline",
            fontsize=6.5,
            linespacing=1.1,
        )
        place -= step * (rows + 0.35)


def write_lines(
    ax: Any, lines: Sequence[tuple[str, str]], x: float = 0.98, y: float = 0.97, ha: str = "right"
) -> None:
    """Write lines of text in a corner of a panel, (words, colour) each, from the top downwards."""
    for number, (words, colour) in enumerate(lines):
        ax.annotate(
            *(words, (x, y)),
            xytext=(0, -8 * number),
            xycoords="axes fraction",
            textcoords="offset points",
            ha=ha,
            va="top",
            fontsize=6.5,
            color=INK.get(colour, colour),
        )
