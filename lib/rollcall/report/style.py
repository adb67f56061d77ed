"""TODO."""

from __future__ import annotations

import base64
import html
import io
from functools import wraps
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from rollcall.util.errors import InputError
from rollcall.util.files import atomic_write

STYLE = Path(__file__).with_name("rollcall.mplstyle")


MM = 1 / 25.4


SINGLE, DOUBLE = 89 * MM, 183 * MM  # Nature's column widths in inches


MEMBER, NON_MEMBER, FLOOR, EXPOSED, ACCENT = "#0072B2", "#D55E00", "#767676", "#000000", "#00714F"


MARKS = {
    ("LiRA", "online"): (MEMBER, "-"),
    ("LiRA", "offline"): (MEMBER, "--"),
    ("RMIA", "online"): (NON_MEMBER, "-"),
    ("RMIA", "offline"): (NON_MEMBER, "--"),
    ("loss", "threshold"): (EXPOSED, ":"),
    ("blind", "no model"): (FLOOR, "-."),
}


def _styled(draw):
    @wraps(draw)
    def inside(*args, **kwargs):
        with plt.style.context(STYLE), plt.ioff():
            return draw(*args, **kwargs)

    return inside


def _figure(width: float, height: float, *shape, **options):
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(*shape, **options)


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write figures/<name>.pdf and .png; the same figure gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, metadata in (("pdf", {"CreationDate": None}), ("png", {})):
        with plt.style.context(STYLE), atomic_write(folder / f"{name}.{suffix}") as file:
            figure.savefig(file, format=suffix, metadata=metadata)


def show(figure: Figure, alt: str, caption: str):
    """The figure for a notebook, as HTML with alternative text and caption, which survive into the report."""
    from IPython.display import HTML

    if not alt.strip():
        raise InputError(
            "show: alt is empty; say what kind of plot it is and its one message with its numbers"
        )
    buffer = io.BytesIO()
    with plt.style.context(STYLE):
        figure.savefig(buffer, format="png", dpi=200)
    width = round(figure.get_figwidth() * 100)
    data = base64.b64encode(buffer.getvalue()).decode()
    return HTML(
        f'<figure><img src="data:image/png;base64,{data}" alt="{html.escape(alt)}" width="{width}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def table(frame: pd.DataFrame, caption: str):
    """A table for a notebook, as HTML with a caption and scoped headers."""
    from IPython.display import HTML

    body = frame.to_html(
        index=False, border=0, float_format=lambda value: f"{value:.3g}", na_rep="–"
    )
    body = body.replace("<th>", '<th scope="col">').replace(
        "<thead>", f"<caption>{html.escape(caption)}</caption><thead>", 1
    )
    return HTML(body)
