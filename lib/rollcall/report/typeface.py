"""The typeface of every figure: Liberation Sans, from files that come with the package.

Fonts are found by file, never by a name in this machine's list: the same figure has the same bytes
wherever it is drawn. What Liberation Sans lacks is drawn with the font that matplotlib brings.
"""

from __future__ import annotations

import importlib
import logging
from functools import cache
from pathlib import Path
from typing import Any

FONTS = Path(__file__).with_name("fonts")
FAMILY, PUBLIC = "Liberation Sans 2", "Liberation Sans"  # here; and as readers of an SVG know it
UNITS = 1000  # points at which letters are measured
SECOND = "DejaVu Sans of matplotlib"
# What an SVG asks for: it holds its texts as text. Arial has the same widths.
FOR_READERS = f"'{PUBLIC}', Arial, Helvetica, 'DejaVu Sans', sans-serif"


def register_fonts() -> None:
    """Tell matplotlib of the files, under names that no font of this machine has; once is enough.

    What else it draws stays as it was: nobody else asks for these names.
    """
    from matplotlib import get_data_path

    font_manager = _load_silently()
    manager = font_manager.fontManager
    if sum(font.name in (FAMILY, SECOND) for font in manager.ttflist) == 4:
        return
    others = Path(get_data_path()) / "fonts" / "ttf"
    for name, folder, regular in (
        (FAMILY, FONTS, "LiberationSans-Regular.ttf"),
        (SECOND, others, "DejaVuSans.ttf"),
    ):
        for file, weight in ((regular, 400), (_bold(regular), 700)):
            entry = font_manager.FontEntry(
                fname=str(folder / file),
                name=name,
                weight=weight,
                stretch="normal",
                size="scalable",
            )
            manager.ttflist.append(entry)
    # matplotlib remembers what it looked for; `addfont`, which forgets it, takes names from files
    manager._findfont_cached.cache_clear()  # pyright: ignore


def _load_silently() -> Any:
    """Load matplotlib's list of fonts; the first time it would say that it is making one."""
    log = logging.getLogger("matplotlib.font_manager")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        return importlib.import_module("matplotlib.font_manager")
    finally:
        log.setLevel(before)


def measure(text: str, size: float) -> float:
    """Return how wide a line of text is at a size in points, in mm; about, of other scripts."""
    return sum(map(_measure_letter, text)) * size / 72 * 25.4


@cache
def _measure_letter(letter: str) -> float:
    """Return how wide a letter is, in its size; 1 if Liberation Sans lacks it."""
    font = _open_regular()
    if ord(letter) not in font.get_charmap():
        return 1.0
    return font.load_char(ord(letter)).linearHoriAdvance / 65536 / UNITS


@cache
def _open_regular() -> Any:
    from matplotlib.ft2font import FT2Font

    font = FT2Font(str(FONTS / "LiberationSans-Regular.ttf"))
    font.set_size(UNITS, 72)
    return font


def shorten(text: str, width: float, size: float) -> str:
    """Cut out the middle of a name, as "chest … lateral", so that it is at most `width` mm wide.

    Its end stays: names that begin alike are told apart by it.
    """
    text = " ".join(text.split())
    if measure(text, size) <= width:
        return text
    for kept in range(len(text), 2, -1):
        head, tail = text[: kept - kept // 2], text[len(text) - kept // 2 :]
        short = f"{head.rstrip()} … {tail.lstrip()}"
        if measure(short, size) <= width:
            return short
    return text[:2]


def wrap(text: str, width: float, size: float, most: int = 0) -> list[str]:
    """Break a name into lines of at most `width` mm, at spaces where there are any; at least one.

    most: lines, 0: as many as it takes; the last one of more is shortened.
    """
    lines: list[str] = [""]
    for word in text.split():
        if lines[-1] and measure(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
            continue
        lines += [""] if lines[-1] else []
        for letter in word:
            if lines[-1] and measure(lines[-1] + letter, size) > width:
                lines.append("")
            lines[-1] += letter
    if most and len(lines) > most:
        rest = " ".join(lines[most - 1 :])
        return [*lines[: most - 1], shorten(rest, width, size)]
    return lines


def _bold(regular: str) -> str:
    return regular.replace("-Regular", "").replace(".ttf", "-Bold.ttf")


def name_for_readers(svg: str) -> str:
    """Return an SVG that asks for fonts by the names that other machines know them by."""
    ours = f"'{FAMILY}', '{SECOND}'"
    return svg.replace(f"{ours}, sans-serif", FOR_READERS).replace(ours, FOR_READERS)
