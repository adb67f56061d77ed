"""The look of a run in every figure: one colour and one marker each; legends above the panels."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from itertools import cycle
from typing import TYPE_CHECKING

from rollcall.report.gallery.runs import FinishedRuns
from rollcall.report.glyphs import make_drawable
from rollcall.report.style import ACCENT, EXPOSED, MEMBER, NON_MEMBER, Figure, styled

if TYPE_CHECKING:
    import matplotlib.figure

COLOURS = (  # each has a contrast of 3:1 or more against white
    MEMBER,
    NON_MEMBER,
    ACCENT,
    EXPOSED,
    "#A0478C",
    "#7A5200",
    "#4B3FA8",
)
MARKERS = "os^DvPX*"


def looks_of(finished: FinishedRuns) -> dict[str, dict]:
    """Choose colour, marker and label of each run, by its name."""
    # two endless cycles beside the runs: their lengths differ on purpose
    styles = zip(finished.runs, cycle(COLOURS), cycle(MARKERS), strict=False)
    return {
        entry.name: {
            "color": colour,
            "marker": marker,
            "markersize": 6 if marker == "*" else 4,
            "label": "\n".join(textwrap.wrap(entry.label, 30)),
        }
        for entry, colour, marker in styles
    }


def add_run_legend(
    drawing: matplotlib.figure.Figure, axes: Iterable, extra: Iterable[tuple] = ()
) -> None:
    """Add one key above the panels: every run that is drawn in one of them, then `extra`.

    extra: (label, colour, dash, width) of further lines.
    """
    handles = {
        label: handle
        for ax in axes
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    for label, colour, dash, width in extra:
        handles[label] = drawing.axes[0].plot([], [], dash, color=colour, linewidth=width)[0]
    drawing.legend(
        list(handles.values()),
        list(handles),
        loc="outside upper center",
        ncols=min(4, len(handles)),
    )


def add_legend(drawing: matplotlib.figure.Figure, axes: Iterable, columns: int = 5) -> None:
    """Add one key above the panels, of everything that is labelled in `axes`."""
    handles, labels = [], []
    for ax in axes:
        panel_handles, panel_labels = ax.get_legend_handles_labels()
        handles += panel_handles
        labels += panel_labels
    drawing.legend(handles, labels, loc="outside upper center", ncols=columns)


@styled
def lay_out(figure: Figure) -> Figure:
    """Lay the drawing out once, so that its files and the notebook show the same."""
    if figure.drawing is not None:
        make_drawable(figure.drawing)
        figure.drawing.draw_without_rendering()
        figure.drawing.set_layout_engine("none")
    return figure
