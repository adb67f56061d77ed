"""Figures have their size, texts and bytes; tables and sentences are safe HTML."""

import base64
import io
import re

import matplotlib.figure
import matplotlib.style
import numpy as np
import pytest
from PIL import Image

from rollcall.report import style
from rollcall.report.style import DOUBLE, MM, Figure
from rollcall.util.errors import InputError


@style.styled
def draw(alt="Line: 1 to 2", caption="A <line> & more"):
    drawing, ax = style.new_figure(DOUBLE, 40 * MM)
    ax.plot([0, 1], [1, 2])
    return Figure("line", drawing, alt, caption)


def test_a_figure_without_alt_text_is_refused():
    with pytest.raises(InputError, match="figure 'line': alt is empty"):
        draw(alt=" ")


def test_a_figure_is_saved_with_the_same_bytes_and_its_size(tmp_path):
    for folder in ("a", "b"):
        style.save(draw(), tmp_path / folder)
    for suffix in ("pdf", "png"):
        first, second = (tmp_path / folder / f"line.{suffix}" for folder in ("a", "b"))
        assert first.read_bytes() == second.read_bytes()
    box = re.search(rb"/MediaBox \[ ?([\d. ]+)\]", (tmp_path / "a" / "line.pdf").read_bytes())
    width, height = (float(number) for number in box[1].split()[2:])
    assert width / 72 == pytest.approx(183 * MM, abs=0.01)
    assert height / 72 == pytest.approx(40 * MM, abs=0.01)


@pytest.mark.parametrize(("suffix", "metadata"), [("pdf", {"CreationDate": None}), ("png", {})])
def test_a_file_is_what_savefig_writes(tmp_path, suffix, metadata):
    style.save(draw(), tmp_path)
    slowly, drawing = io.BytesIO(), draw().drawing
    with matplotlib.style.context(style.STYLE_SHEET):
        if suffix == "png":  # is laid out after the pdf
            drawing.savefig(io.BytesIO(), format="pdf")
        drawing.savefig(slowly, format=suffix, metadata=metadata)
    assert (tmp_path / f"line.{suffix}").read_bytes() == slowly.getvalue()


def test_a_figure_shown_is_drawn_once_for_each_file(tmp_path, monkeypatch):
    drawn, paint = [], matplotlib.figure.Figure.draw
    monkeypatch.setattr(
        matplotlib.figure.Figure, "draw", lambda *given: drawn.append(given) or paint(*given)
    )
    style.show(draw(), tmp_path)
    assert len(drawn) == 2


def picture_in(shown):
    return base64.b64decode(re.search(r'base64,([^"]+)"', shown)[1])


def pixels_of(source):
    with Image.open(source) as picture:
        return np.asarray(picture.convert("RGB"), int)


def test_a_figure_shown_is_the_saved_one_in_fewer_bytes(tmp_path):
    shown = picture_in(style.show(draw(), tmp_path).data)
    saved = tmp_path / "line.png"
    seen, expected = pixels_of(io.BytesIO(shown)), pixels_of(saved)
    assert seen.shape == expected.shape
    assert np.abs(seen - expected).max() <= 16
    assert (seen[expected.min(2) == 255] == 255).all(), "white stays white"
    assert len(shown) < saved.stat().st_size / 2


def test_records_are_shown_in_all_their_colours(tmp_path):
    figure = draw()
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    figure.drawing.axes[0].imshow(pixels)
    shown = style.show(figure, tmp_path).data
    assert picture_in(shown) == (tmp_path / "line.png").read_bytes()


def test_a_figure_shown_carries_its_texts(tmp_path):
    shown = style.show(draw(alt='says "1"'), tmp_path).data
    assert 'alt="says &quot;1&quot;"' in shown
    assert "<figcaption>A &lt;line&gt; &amp; more</figcaption>" in shown
    assert {path.name for path in tmp_path.iterdir()} == {"line.pdf", "line.png"}


def test_nothing_to_draw_is_said_and_not_saved(tmp_path):
    shown = style.show(Figure("line", None, "No line.", "A line"), tmp_path / "figures").data
    assert shown == "<p>Nothing to draw: no run has the tables. (A line)</p>"
    assert not (tmp_path / "figures").exists()


def test_sentences():
    shown = style.show_sentences(["a < b", "c"], strong=True).data
    assert shown == "<p><strong>a &lt; b</strong></p><p><strong>c</strong></p>"


def test_the_style_leaves_matplotlib_as_it_was():
    before = matplotlib.rcParams["axes.spines.top"], matplotlib.rcParams["pdf.fonttype"]
    assert isinstance(draw().drawing, matplotlib.figure.Figure)
    assert (matplotlib.rcParams["axes.spines.top"], matplotlib.rcParams["pdf.fonttype"]) == before
