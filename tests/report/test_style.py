"""Figures have their size, texts and bytes; tables and sentences are safe HTML."""

import base64
import io
import re
from xml.etree import ElementTree

import matplotlib.figure
import matplotlib.style
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pypdf import PdfReader

from rollcall.report import style
from rollcall.report.style import DOUBLE, MM, Figure
from rollcall.report.typeface import FOR_READERS, register_fonts
from rollcall.util.errors import InputError


@style.styled
def draw(alt="Line: 1 to 2", caption="A <line> & more"):
    drawing, ax = style.new_figure(DOUBLE, 40 * MM)
    ax.plot([0, 1], [1, 2])
    data = pd.DataFrame({"x": [0, 1], "y": [1, 2 / 3]})
    return Figure("line", drawing, alt, caption, title="A line", data=data)


def test_a_figure_without_alt_text_is_refused():
    with pytest.raises(InputError, match="figure 'line': alt is empty"):
        draw(alt=" ")


def test_a_figure_is_saved_with_the_same_bytes_and_its_size(tmp_path):
    for folder in ("a", "b"):
        style.save(draw(), tmp_path / folder)
    assert (tmp_path / "a" / "line.csv").read_text() == "x,y\n0,1\n1,0.666667\n"
    for suffix in ("pdf", "png", "svg", "csv"):
        first, second = (tmp_path / folder / f"line.{suffix}" for folder in ("a", "b"))
        assert first.read_bytes() == second.read_bytes()
    box = re.search(rb"/MediaBox \[ ?([\d. ]+)\]", (tmp_path / "a" / "line.pdf").read_bytes())
    width, height = (float(number) for number in box[1].split()[2:])
    assert width / 72 == pytest.approx(183 * MM, abs=0.01)
    assert height / 72 == pytest.approx(40 * MM, abs=0.01)


SAID = {"Title": "A line", "Description": "Line: 1 to 2"}


@pytest.mark.parametrize(
    ("suffix", "metadata"),
    [
        ("pdf", {"Title": "A line", "Subject": "Line: 1 to 2", "CreationDate": None}),
        ("png", SAID),
    ],
)
def test_a_file_is_what_savefig_writes(tmp_path, suffix, metadata):
    style.save(draw(), tmp_path)
    slowly, drawing = io.BytesIO(), draw().drawing
    register_fonts()
    with matplotlib.style.context(style.STYLE_SHEET):
        if suffix == "png":  # has the layout of the pdf
            drawing.savefig(io.BytesIO(), format="pdf")
            drawing.set_layout_engine("none")
        drawing.savefig(slowly, format=suffix, metadata=metadata)
    assert (tmp_path / f"line.{suffix}").read_bytes() == slowly.getvalue()


def test_a_figure_shown_is_drawn_once_for_each_file(tmp_path, monkeypatch):
    drawn, paint = [], matplotlib.figure.Figure.draw
    monkeypatch.setattr(
        matplotlib.figure.Figure, "draw", lambda *given: drawn.append(given) or paint(*given)
    )
    style.show(draw(), tmp_path)
    assert len(drawn) == 3


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
    assert {path.name for path in tmp_path.iterdir()} == set(style.files_of(draw()))
    assert style.files_of(Figure("line", None, "No line.", "A line")) == []


@pytest.mark.parametrize("alt", ["said < & \x00 \ud800 女\n1", "plain"])
def test_a_picture_carries_its_title_and_what_it_says(tmp_path, alt):
    style.save(draw(alt=alt), tmp_path, made_from="0123")
    expected = alt.replace("\x00", r"\u0000").replace("\ud800", r"\ud800").replace("\n", " ")
    drawn = ElementTree.parse(tmp_path / "line.svg").getroot()
    assert [part.text for part in drawn[:2]] == ["A line", expected]
    facts = PdfReader(tmp_path / "line.pdf").metadata
    assert (facts.title, facts.subject) == ("A line", expected)
    assert facts["/Keywords"] == "rollcall made from 0123"
    with Image.open(tmp_path / "line.png") as picture:
        assert picture.text["Title"] == "A line"
        assert picture.text["Description"] == expected


def test_texts_are_in_the_font_that_comes_with_the_package(tmp_path):
    figure = draw()
    style.letter([*figure.drawing.axes, figure.drawing.add_subplot()], ["panel"])
    style.save(figure, tmp_path)
    fonts = PdfReader(tmp_path / "line.pdf").pages[0]["/Resources"]["/Font"]
    names = {fonts[name].get_object()["/BaseFont"].split("+")[-1].strip("/") for name in fonts}
    assert names == {"LiberationSans", "LiberationSans-Bold"}
    asked = re.findall(r"font-family: ([^;]*)", (tmp_path / "line.svg").read_text())
    assert set(asked) == {FOR_READERS}


def test_numbers_are_written_plainly():
    numbers = [0.0001, 0.001, 0.25, 1, 20, 1000, 123456, 2.5e6, 1e-9, 0]
    assert [style.write_plainly(number) for number in numbers] == [
        *("0.0001", "0.001", "0.25", "1", "20", "1,000", "123,456", "2.5 M", "1e-09", "0"),
    ]


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
