"""The look of every figure, and how figures and tables reach a notebook with alt text and caption.

One colour per meaning: members blue, non-members vermillion, noise floor grey, exposed black.
Colour never stands alone: lines differ in dash, points in shape. Matplotlib is imported where
something is drawn: tables do without it.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import wraps
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np
from IPython.display import HTML

from rollcall.report.glyphs import make_drawable, write_number
from rollcall.report.typeface import name_for_readers, register_fonts
from rollcall.runs.derived.parts import ENDINGS
from rollcall.util.errors import InputError
from rollcall.util.files import atomic_write, make_private

if TYPE_CHECKING:
    import matplotlib.figure
    import pandas as pd

P = ParamSpec("P")
R = TypeVar("R")

STYLE_SHEET = Path(__file__).with_name("rollcall.mplstyle")
ENLARGED = 1.4  # of a figure on a wide page: its 6.5 points are 12 pixels
PALETTE = 256  # colours of a picture in a page, at most
MM = 1 / 25.4  # inches
SINGLE, DOUBLE = 89 * MM, 183 * MM  # Nature's column widths in inches
TALLEST = 170 * MM
LETTER_OUT = 16  # points that a panel's letter stands outside of its axes
MEMBER, NON_MEMBER, FLOOR, EXPOSED, ACCENT = "#0072B2", "#D55E00", "#767676", "#000000", "#00714F"
MARKS = {  # colour and dash of each attack
    ("LiRA", "online"): (MEMBER, "-"),
    ("LiRA", "offline"): (MEMBER, "--"),
    ("RMIA", "online"): (NON_MEMBER, "-"),
    ("RMIA", "offline"): (NON_MEMBER, "--"),
    ("loss", "threshold"): (EXPOSED, ":"),
    ("blind", "no model"): (FLOOR, "-."),
}


@dataclass(frozen=True)
class Figure:
    """A figure with its file name, alternative text and caption.

    drawing is None if there is nothing to draw. title: a few words; data: every number that is
    drawn, as it left the gate, and nothing else. InputError if alt is empty: a figure without it
    says nothing to a reader who cannot see it.
    """

    name: str
    drawing: matplotlib.figure.Figure | None
    alt: str
    caption: str
    title: str = ""
    data: pd.DataFrame | None = None

    def __post_init__(self):
        if not self.alt.strip():
            raise InputError(
                f"figure {self.name!r}: alt is empty; say what kind of plot it is and its one "
                "message with its numbers"
            )


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Run a drawing function under Rollcall's style sheet, whatever a user has set otherwise."""

    @wraps(draw)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        import matplotlib.style

        register_fonts()
        with matplotlib.style.context(STYLE_SHEET, after_reset=True):
            return draw(*args, **kwargs)

    return inside


def new_figure(width: float, height: float, *shape: int, **options) -> tuple[Any, Any]:
    """Make an empty drawing of width x height inches and its axes, as `subplots` returns them."""
    import matplotlib.figure

    drawing = matplotlib.figure.Figure(figsize=(width, height), layout="constrained")
    return drawing, drawing.subplots(*shape, **options)


def scale_log(ax: Any, which: str) -> None:
    """Make the axes in `which`, "x", "y" or "xy", logarithmic, their ticks plain: 0.01, 1,000.

    Matplotlib's own are formulas, and no text of ours is read as one: it may hold a group's name.
    """
    from matplotlib.ticker import LogFormatterSciNotation

    class Plain(LogFormatterSciNotation):
        def __call__(self, x, pos=None):
            return write_plainly(x) if super().__call__(x, pos) else ""

    for name in which:
        axis = getattr(ax, f"{name}axis")
        getattr(ax, f"set_{name}scale")("log")
        axis.set_major_formatter(Plain())
        axis.set_minor_formatter(Plain(labelOnlyBase=False))


def write_plainly(value: float) -> str:
    """Write a number without an exponent: 0.0001, 1,000, 2.5 M."""
    if abs(value) >= 1e6:
        return f"{value / 1e6:,.4g} M"
    text = f"{value:,.6f}".rstrip("0").rstrip(".")
    return text if text.strip("-0") else f"{value:.3g}"


def letter(
    axes: Iterable[Any], titles: Iterable[str] = (), first: str = "a", alone: bool = True
) -> None:
    """Write a bold letter at the outer upper left of each panel, and its title beside it.

    A panel that is alone in its figure has no letter; alone=False: others stand elsewhere.
    """
    axes = list(axes)
    for number, (ax, title) in enumerate(zip_longest(axes, titles, fillvalue="")):
        ax.set_title(title, loc="left")
        if len(axes) == 1 and alone:
            break
        ax.annotate(
            chr(ord(first) + number),
            (0, 1),
            (-LETTER_OUT, 5.5),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=8,
            fontweight="bold",
            ha="right",
            va="baseline",
        )


def point_at(
    ax: Any,
    text: str,
    point: tuple[float, float],
    place: tuple[float, float],
    ha: str = "left",
    va: str = "center",
    leave: tuple[float, float] = (0, 0.5),
) -> None:
    """Write a label at `place` (shares of the axes), with a hairline to `point` (data).

    leave: where the hairline leaves the label, shares of it.
    """
    line = {"arrowstyle": "-", "linewidth": 0.4, "color": FLOOR, "relpos": leave}
    ax.annotate(
        text,
        point,
        place,
        textcoords="axes fraction",
        ha=ha,
        va=va,
        fontsize=6.5,
        linespacing=1.1,
        arrowprops=line | {"shrinkA": 1, "shrinkB": 0},
    )


def spread(heights: Sequence[float], gap: float) -> np.ndarray:
    """Move heights apart, to `gap` at least, each as little as may be; in their order, (n,)."""
    order = np.argsort(heights, kind="stable")
    moved = np.asarray(heights, float)[order]
    for _ in range(200):
        close = np.diff(moved) < gap - 1e-9
        if not close.any():
            break
        push = np.where(close, (gap - np.diff(moved)) / 2, 0) + 1e-9 * close
        moved[1:] += push
        moved[:-1] -= push
    result = np.empty_like(moved)
    result[order] = moved
    return result


def files_of(figure: Figure) -> list[str]:
    """List the names of the files that `save` writes of a figure."""
    if figure.drawing is None:
        return []
    endings = [ending for ending in ENDINGS if ending != "csv" or figure.data is not None]
    return [f"{figure.name}.{ending}" for ending in endings]


@styled
def save(figure: Figure, folder: Path, made_from: str = "") -> None:
    """Write <folder>/<name>.pdf, .png, .svg, and .csv of its data; the same again, byte by byte.

    Title and alternative text are inside each picture. made_from: a digest of what it was made
    from, which they carry too.
    """
    from matplotlib import rcParams
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_pdf import FigureCanvasPdf
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    drawing = figure.drawing
    if drawing is None:
        return
    make_private(folder)
    title, alt = _clean(figure.title or figure.name), _clean(figure.alt)
    source = f"rollcall made from {made_from}" if made_from else ""
    # A canvas lays out and draws in one pass; savefig would draw once more, to lay out alone. All
    # files have the layout of the first.
    make_drawable(drawing)
    with atomic_write(folder / f"{figure.name}.pdf") as file:
        drawing.set_dpi(rcParams["savefig.dpi"])
        metadata = {"Title": title, "Subject": alt, "CreationDate": None}
        metadata |= {"Keywords": source} if source else {}
        FigureCanvasPdf(drawing).print_pdf(file, metadata=metadata)
    drawing.set_layout_engine("none")
    with atomic_write(folder / f"{figure.name}.png") as file:
        drawing.set_dpi(rcParams["savefig.dpi"])  # a pdf's is 72
        metadata = {"Title": title, "Description": alt}
        metadata |= {"Keywords": source} if source else {}
        FigureCanvasAgg(drawing).print_png(file, metadata=metadata)
    with atomic_write(folder / f"{figure.name}.svg") as file:
        drawing.set_dpi(rcParams["savefig.dpi"])
        metadata = {"Title": title, "Description": alt, "Date": None}
        metadata |= {"Keywords": [source]} if source else {}
        text = io.StringIO()
        FigureCanvasSVG(drawing).print_svg(text, metadata=metadata)
        described = f"</title>\n <desc>{html.escape(alt)}</desc>"
        file.write(name_for_readers(text.getvalue()).replace("</title>", described, 1).encode())
    if figure.data is not None:
        with atomic_write(folder / f"{figure.name}.csv") as file:
            rows = figure.data.to_csv(index=False, lineterminator="\n", float_format="%.6g")
            file.write(rows.encode(errors="backslashreplace"))


def _clean(text: str) -> str:
    """Write what no file's description may hold as its number: control characters and such."""
    return "".join(c if c.isprintable() else " " if c.isspace() else write_number(c) for c in text)


def show(figure: Figure, folder: Path, made_from: str = "") -> HTML:
    """Save the figure as `save` and return it for a notebook, with alt text and caption."""
    caption = html.escape(figure.caption)
    if figure.drawing is None:
        return HTML(f"<p>Nothing to draw: no run has the tables. ({caption})</p>")
    save(figure, folder, made_from)
    has_pictures = any(ax.images for ax in figure.drawing.axes)
    width = round(figure.drawing.get_figwidth() * ENLARGED * 96)
    data = base64.b64encode(_shrink(folder / f"{figure.name}.png", has_pictures)).decode()
    return HTML(
        f'<figure><img src="data:image/png;base64,{data}" alt="{html.escape(figure.alt)}" '
        f'width="{width}"><figcaption>{caption}</figcaption></figure>'
    )


def _shrink(path: Path, has_pictures: bool) -> bytes:
    """Return a saved picture for a page: of a few hundred colours, in a third of the bytes.

    As saved where it shows records, which have more colours than that.
    """
    from PIL import Image

    if has_pictures:
        return path.read_bytes()
    buffer = io.BytesIO()
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(PALETTE, Image.Quantize.FASTOCTREE)
    small.putpalette([255 if value > 252 else value for value in small.getpalette() or []])  # white
    small.save(buffer, "png")
    return buffer.getvalue()


def show_sentences(sentences: Iterable[str], strong: bool = False) -> HTML:
    """Return a paragraph for each sentence; strong: in bold."""
    before, after = ("<p><strong>", "</strong></p>") if strong else ("<p>", "</p>")
    return HTML("".join(f"{before}{html.escape(sentence)}{after}" for sentence in sentences))
