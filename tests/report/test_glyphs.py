"""Names in any script reach a figure: by a font that has them, or as numbers, without a warning."""

import warnings

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from matplotlib.text import Text

from rollcall.report import style, typeface
from rollcall.report.glyphs import make_drawable, make_visible, write_number


@style.styled
def draw(names):
    """Names wherever a figure may have them: ticks, title, axis, legend, beside a point."""
    drawing, ax = style.new_figure(5, 3)
    for name in names:
        ax.plot([0, 1], [0, 1], label=name)
    ax.set_yticks(range(len(names)), names)
    ax.set(title=names[0], xlabel=names[-1])
    ax.legend()
    ax.text(0.5, 0.5, names[0])
    style.scale_log(ax, "x")
    return style.Figure("names", drawing, "alt", "caption")


def texts_of(figure):
    axis = figure.drawing.axes[0].yaxis
    ticks = [text.get_text() for text in axis.get_ticklabels()]
    return ticks, [text.get_text() for text in figure.drawing.findobj(Text)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("女性", "\\u5973\\u6027"),
        ("80歳以上", "80\\u6b73\\u4ee5\\u4e0a"),
        ("gene 🧬", "gene \\U0001f9ec"),
        ("हिन्दी", "\\u0939\\u093f\\u0928\\u094d\\u0926\\u0940"),
        ("ไทย", "\\u0e44\\u0e17\\u0e22"),
        ("한국", "\\ud55c\\uad6d"),
        ("a\tb\x00\x1b[31m", "a\\u0009b\\u0000\\u001b[31m"),
        ("\ud800", "\\ud800"),
        ("Größe, Ελλάς, кириллица", "Größe, Ελλάς, кириллица"),
        ("$25,000-$50,000 \\u00e9", "$25,000-$50,000 \\u00e9"),
        ("two\nlines", "two\nlines"),
    ],
)
def test_what_no_font_has_is_written_as_numbers(tmp_path, monkeypatch, name, expected):
    ours = [font for font in font_manager.fontManager.ttflist if "matplotlib" in font.fname]
    ours = [font for font in ours if font.name not in (typeface.FAMILY, typeface.SECOND)]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", ours)
    figure = draw([name, "plain"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        style.save(figure, tmp_path)
    ticks, texts = texts_of(figure)
    assert ticks == [expected, "plain"]
    assert texts.count(expected) >= 3  # title, legend, beside a point
    assert any("0.1" in text for text in texts), "the other axis stays as it was"


def make_font(path, characters, is_cff):
    """A font of one shape for a few characters, as systems have them, of either kind."""
    names = {ord(character): f"c{number}" for number, character in enumerate(characters)}
    builder = FontBuilder(1000, isTTF=not is_cff)
    order = [".notdef", *names.values()]
    builder.setupGlyphOrder(order)
    builder.setupCharacterMap(names)
    pen = T2CharStringPen(600, None) if is_cff else TTGlyphPen(None)
    pen.moveTo((0, 0))
    for point in ((500, 0), (500, 500), (0, 500)):
        pen.lineTo(point)
    pen.closePath()
    shape = pen.getCharString() if is_cff else pen.glyph()
    if is_cff:
        builder.setupCFF("Made", {}, dict.fromkeys(order, shape), {})
    else:
        builder.setupGlyf(dict.fromkeys(order, shape))
    builder.setupHorizontalMetrics(dict.fromkeys(order, (600, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    names = {"familyName": "Made Up Sans", "styleName": "Regular", "psName": "MadeUpSans"}
    builder.setupNameTable(names)
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)


@pytest.mark.parametrize(("ending", "is_cff"), [("ttf", False), ("otf", True)])
def test_what_another_font_has_is_drawn_with_it(tmp_path, monkeypatch, ending, is_cff):
    path = tmp_path / f"made.{ending}"
    make_font(path, "女性🧬", is_cff)
    manager = font_manager.fontManager
    monkeypatch.setattr(manager, "ttflist", [*manager.ttflist])
    manager.addfont(path)
    figure = draw(["女性", "gene 🧬", "男"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        style.save(figure, tmp_path / "figures")
    ticks, _ = texts_of(figure)
    assert ticks == ["女性", "gene 🧬", "\\u7537"]
    assert b"MadeUpSans" in (tmp_path / "figures" / "names.pdf").read_bytes()


def test_figures_that_are_laid_out_first_are_read_as_well():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = draw(["女", "plain"])
        make_drawable(figure.drawing)
        figure.drawing.draw_without_rendering()
    assert texts_of(figure)[0][1] == "plain"


def test_numbers_of_characters_are_as_long_as_they_must_be():
    assert [write_number(character) for character in "\t女🧬"] == [
        "\\u0009",
        "\\u5973",
        "\\U0001f9ec",
    ]


@pytest.mark.parametrize("unseen", ["\u202e", "\u2066", "\x07", "\ufeff", "\u2028", "\x1b[31m"])
def test_nothing_unseen_turns_a_number_around(tmp_path, unseen):
    assert make_visible(f"a{unseen} (78)") == f"a{write_number(unseen[0])}{unseen[1:]} (78)"
    figure = draw([f"a{unseen} (78)", "plain"])
    style.save(figure, tmp_path)
    assert not any(unseen[0] in text for text in texts_of(figure)[1])
    assert unseen[0] not in (tmp_path / "names.svg").read_text()


def test_what_scripts_need_between_letters_stays():
    for name in ("می‌خواهم", "שלום", "👩‍⚕️", "two\nlines\ttab"):
        assert make_visible(name) == name


def test_what_the_first_font_lacks_is_drawn_by_the_second(tmp_path):
    """Of a smile, which only the second has, no other font is asked, and nothing is a box."""
    figure = draw(["😀 emoji", "plain"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        style.save(figure, tmp_path)
    families = {tuple(text.get_fontfamily()) for text in figure.drawing.findobj(Text)}
    assert families == {(typeface.FAMILY, typeface.SECOND)}
