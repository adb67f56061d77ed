"""Figures have their size, texts and bytes; tables and sentences are safe HTML."""

import re

import matplotlib.figure
import pandas as pd
import pytest

from rollcall.report import style
from rollcall.report.style import DOUBLE, MM, Figure, Table
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


def test_a_figure_shown_carries_its_texts(tmp_path):
    shown = style.show(draw(alt='says "1"'), tmp_path).data
    assert 'alt="says &quot;1&quot;"' in shown
    assert "<figcaption>A &lt;line&gt; &amp; more</figcaption>" in shown
    assert {path.name for path in tmp_path.iterdir()} == {"line.pdf", "line.png"}


def test_nothing_to_draw_is_said_and_not_saved(tmp_path):
    shown = style.show(Figure("line", None, "No line.", "A line"), tmp_path / "figures").data
    assert shown == "<p>Nothing to draw: no run has the tables. (A line)</p>"
    assert not (tmp_path / "figures").exists()


def test_a_table_has_a_caption_and_scoped_heads():
    rows = pd.DataFrame({"a<b": [1.23456, None], "name": ["<x>", "y"]})
    shown = style.show_table(Table(rows, "Two & more")).data
    assert "<caption>Two &amp; more</caption>" in shown
    assert shown.count('<th scope="col">') == 2
    assert "<td>1.23</td>" in shown
    assert "<td>–</td>" in shown
    assert "&lt;x&gt;" in shown


def test_an_empty_table_says_why():
    assert style.show_table(Table(None, "None", empty="No group.")).data == "<p>No group.</p>"


def test_sentences():
    shown = style.show_sentences(["a < b", "c"], strong=True).data
    assert shown == "<p><strong>a &lt; b</strong></p><p><strong>c</strong></p>"


def test_the_style_leaves_matplotlib_as_it_was():
    before = matplotlib.rcParams["axes.spines.top"], matplotlib.rcParams["pdf.fonttype"]
    assert isinstance(draw().drawing, matplotlib.figure.Figure)
    assert (matplotlib.rcParams["axes.spines.top"], matplotlib.rcParams["pdf.fonttype"]) == before
