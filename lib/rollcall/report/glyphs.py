"""Names in any script in figures: from this system's fonts where typeface.py's lack a character.

What no font has is written as its number, as in \\u5973: two names never look the same, and nothing
is an empty box.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from rollcall.report.typeface import FAMILY, SECOND, register_fonts

# Looked for first: fonts that systems bring along or that people install for what others lack.
# Part of a family's name, in lower case.
USUAL = (
    *("noto sans cjk", "noto sans sc", "noto sans tc", "noto sans jp", "noto sans kr"),
    *("source han sans", "wenquanyi", "droid sans fallback", "pingfang", "hiragino", "heiti"),
    *("microsoft yahei", "simhei", "microsoft jhenghei", "yu gothic", "meiryo", "malgun gothic"),
    *("apple sd gothic", "nanum", "arial unicode", "noto sans", "nirmala", "leelawadee", "tahoma"),
    *("noto emoji", "symbola", "segoe ui", "apple symbols", "freesans", "unifont"),
)
NO_FONTS = ("last resort", "lastresort", "cmr", "cmsy", "cmex", "cmmi")  # of boxes, of formulas
MOST_FONTS = 200  # that are opened to look for a character
ALWAYS = "\n"  # starts a line
# Control characters but tab and line feed; lines and paragraphs of Unicode; those that override the
# direction of text, or isolate it.
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]")


def make_drawable(drawing: Any) -> None:
    """Change a drawing so that every text can be drawn: with more fonts, or characters' numbers.

    drawing: matplotlib's Figure, its texts in the fonts of the style sheet.
    """
    from matplotlib.text import Text

    register_fonts()
    characters = _list_characters(drawing)
    unseen = set(filter(UNSEEN.match, characters))
    fonts, lacking = (FAMILY, SECOND), characters - characters_of(FAMILY)
    if not lacking | unseen:
        return
    lacking -= characters_of(SECOND)  # which is looked into only where fonts are named one by one
    families = _find_families(lacking - unseen)
    _write_numbers(drawing, lacking.difference(*families.values()) | unseen)
    for text in drawing.findobj(Text):
        text.set_fontfamily([*fonts, *families])
    for ax in drawing.axes:
        ax.tick_params(which="both", labelfontfamily=[*fonts, *families])


def write_number(character: str) -> str:
    """Write a character as its number: \\u5973, or \\U0001f9ec beyond four digits."""
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def make_visible(text: str) -> str:
    """Write as their numbers the characters that nobody sees, or that turn what follows around.

    Marks that a script needs between letters stay. So no name makes a number read backwards.
    """
    return UNSEEN.sub(lambda match: write_number(match[0]), text)


def characters_of(family: str) -> frozenset[str]:
    """Return the characters of which matplotlib's font of a family has glyphs."""
    from matplotlib import font_manager

    return _read_characters(font_manager.findfont(family))


@cache
def _read_characters(path: str) -> frozenset[str]:
    """Return the characters in a file of a font; none if it cannot be read, as colour fonts."""
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset((*map(chr, FT2Font(path).get_charmap()), *ALWAYS))
    except (OSError, RuntimeError, ValueError, OverflowError):
        return frozenset()


def _find_families(lacking: set[str]) -> dict[str, set[str]]:
    """Find families of fonts on this system that have what is lacking, each with what it adds."""
    from matplotlib import font_manager

    fonts = {font.name: font.fname for font in font_manager.fontManager.ttflist}
    plain = [
        font.name
        for font in font_manager.fontManager.ttflist
        if font.style == "normal" and str(font.weight) in ("400", "normal", "regular", "book")
    ]

    def place(name: str) -> tuple[int, str]:
        lower = name.lower()
        return next((at for at, part in enumerate(USUAL) if part in lower), len(USUAL)), name

    names = [name for name in sorted(set(plain), key=place) if not _is_no_font(name)]
    families, remaining = {}, set(lacking)
    for name in names[:MOST_FONTS]:
        if not remaining:
            break
        if added := remaining & characters_of(name) & _read_characters(fonts[name]):
            families[name] = added
            remaining -= added
    return families


def _is_no_font(name: str) -> bool:
    return name.lower().startswith(NO_FONTS)


def _list_characters(drawing: Any) -> set[str]:
    """List the characters of a drawing's texts, those at the ticks among them."""
    from matplotlib.text import Text

    texts = [text.get_text() for text in drawing.findobj(Text)]
    for axis in _list_axes(drawing):
        texts += [text.get_text() for text in axis.get_ticklabels(which="both")]
    return set("".join(texts)) - set(ALWAYS)


def _list_axes(drawing: Any) -> list[Any]:
    return [axis for ax in drawing.axes for axis in (ax.xaxis, ax.yaxis)]


def _write_numbers(drawing: Any, lacking: set[str]) -> None:
    """Write characters as their numbers in all texts, and in what the ticks will say."""
    from matplotlib.text import Text
    from matplotlib.ticker import Formatter

    table = {ord(character): write_number(character) for character in lacking}

    class Readable(Formatter):
        def __init__(self, formatter: Any):
            self.formatter = formatter

        def __call__(self, x: float, pos: int | None = None) -> str:
            return self.formatter(x, pos).translate(table)

        def format_ticks(self, values: Any) -> list[str]:
            return [text.translate(table) for text in self.formatter.format_ticks(values)]

        def get_offset(self) -> str:
            return self.formatter.get_offset()

        def set_locs(self, locs: Any) -> None:
            self.formatter.set_locs(locs)

    for text in drawing.findobj(Text):
        text.set_text(text.get_text().translate(table))
    for axis in _list_axes(drawing):
        if any(set(text.get_text()) & lacking for text in axis.get_ticklabels(which="both")):
            axis.set_major_formatter(Readable(axis.get_major_formatter()))
