"""Figures in a lesson: shown with alt text and caption, moved by a slider with a still beside."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
from IPython.display import HTML, display

from rollcall.report.style import Figure, styled
from rollcall.report.tables.showing import Table, show_table

DPI = 160
PIXELS_PER_INCH = 110  # as a notebook shows it


def show(figure: Figure) -> HTML:
    """Return a figure for a notebook, with alt text and caption; nothing is written to disk."""
    return HTML(_encode(figure))


def tabulate(rows: dict[str, Sequence], caption: str) -> HTML:
    """Return a table for a notebook, a sequence for each column."""
    return show_table(Table(pd.DataFrame(rows), caption))


def slide(draw: Callable[[Any], Figure], values: Sequence, start: Any, label: str) -> HTML:
    """Show a slider over `values`; return a still of what `draw` makes of `start`.

    The slider moves by mouse and by the arrow keys; its picture comes between it and the still,
    which stays to compare, and where no kernel runs is all there is.
    """
    import ipywidgets

    made, picture = {}, ipywidgets.HTML()
    slider = ipywidgets.SelectionSlider(
        options=list(values),
        value=start,
        description=label,
        style={"description_width": "initial"},
        layout={"width": "32em"},
    )

    def redraw(change) -> None:
        value = change["new"]
        if value not in made:
            made[value] = _encode(draw(value))
        picture.value = made[value]

    slider.observe(redraw, "value")
    display(ipywidgets.VBox([slider, picture]))
    return show(draw(start))


@styled
def _encode(figure: Figure) -> str:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer, drawing = io.BytesIO(), figure.drawing
    if drawing is None:
        return f"<p>{html.escape(figure.caption)}</p>"
    drawing.set_dpi(DPI)
    FigureCanvasAgg(drawing).print_png(buffer)
    data = base64.b64encode(buffer.getvalue()).decode()
    width = round(drawing.get_figwidth() * PIXELS_PER_INCH)
    return (
        f'<figure><img src="data:image/png;base64,{data}" alt="{html.escape(figure.alt)}" '
        f'width="{width}"><figcaption>{html.escape(figure.caption)}</figcaption></figure>'
    )
