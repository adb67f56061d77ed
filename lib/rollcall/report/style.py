"""The look of every figure, and how figures and tables reach a notebook with alt text and caption.

One colour per meaning: members blue, non-members vermillion, noise floor grey, exposed black.
Colour never stands alone: lines differ in dash, points in shape. Matplotlib is imported where
something is drawn: tables do without it.
"""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from IPython.display import HTML

from rollcall.report.glyphs import make_drawable
from rollcall.util.errors import InputError
from rollcall.util.files import atomic_write, make_private

if TYPE_CHECKING:
    import matplotlib.figure

P = ParamSpec("P")
R = TypeVar("R")

STYLE_SHEET = Path(__file__).with_name("rollcall.mplstyle")
PALETTE = 256  # colours of a picture in a page, at most
MM = 1 / 25.4  # inches
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
SINGLE, DOUBLE = 89 * MM, 183 * MM  # Nature's column widths in inches
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

    drawing is None if there is nothing to draw. InputError if alt is empty: a figure without it
    says nothing to a reader who cannot see it.
    """

    name: str
    drawing: matplotlib.figure.Figure | None
    alt: str
    caption: str

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

        with matplotlib.style.context(STYLE_SHEET, after_reset=True):
            return draw(*args, **kwargs)

    return inside


def new_figure(width: float, height: float, *shape: int, **options) -> tuple[Any, Any]:
    """Make an empty drawing of width x height inches and its axes, as `subplots` returns them."""
    import matplotlib.figure

    drawing = matplotlib.figure.Figure(figsize=(width, height), layout="constrained")
    return drawing, drawing.subplots(*shape, **options)


def scale_log(ax: Any, which: str) -> None:
    """Make the axes in `which`, "x", "y" or "xy", logarithmic, their ticks plain text: 10⁻².

    Matplotlib's own are formulas, and no text of ours is read as one: it may hold a group's name.
    """
    from matplotlib.ticker import LogFormatterSciNotation

    class Plain(LogFormatterSciNotation):
        def __call__(self, x, pos=None):
            text = super().__call__(x, pos).replace(r"\times", "×")
            text = re.sub(r"\^\{(-?\d+)\}", lambda power: power[1].translate(RAISED), text)
            return re.sub(r"\$\\mathdefault\{(.*)\}\$", r"\1", text)

    for name in which:
        axis = getattr(ax, f"{name}axis")
        getattr(ax, f"set_{name}scale")("log")
        axis.set_major_formatter(Plain())
        axis.set_minor_formatter(Plain(labelOnlyBase=False))


@styled
def save(figure: Figure, folder: Path, made_from: str = "") -> None:
    """Write <folder>/<name>.pdf and .png; the same figure gives the same bytes.

    made_from: a digest of what it was made from, which both carry.
    """
    from matplotlib import rcParams
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_pdf import FigureCanvasPdf

    drawing = figure.drawing
    if drawing is None:
        return
    make_private(folder)
    keywords = {"Keywords": f"rollcall made from {made_from}"} if made_from else {}
    # A canvas lays out and draws in one pass; savefig would draw once more, to lay out alone.
    make_drawable(drawing)
    with atomic_write(folder / f"{figure.name}.pdf") as file:
        drawing.set_dpi(rcParams["savefig.dpi"])
        FigureCanvasPdf(drawing).print_pdf(file, metadata={"CreationDate": None} | keywords)
    with atomic_write(folder / f"{figure.name}.png") as file:
        drawing.set_dpi(rcParams["savefig.dpi"])  # a pdf's is 72
        FigureCanvasAgg(drawing).print_png(file, metadata=keywords)


def show(figure: Figure, folder: Path, made_from: str = "") -> HTML:
    """Save the figure as `save` and return it for a notebook, with alt text and caption."""
    caption = html.escape(figure.caption)
    if figure.drawing is None:
        return HTML(f"<p>Nothing to draw: no run has the tables. ({caption})</p>")
    save(figure, folder, made_from)
    has_pictures = any(ax.images for ax in figure.drawing.axes)
    width = round(figure.drawing.get_figwidth() * 100)
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
