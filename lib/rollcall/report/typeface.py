"""The typeface of every figure: Liberation Sans, from files that come with the package.

Fonts are found by file, never by a name in this machine's list: the same figure has the same bytes
wherever it is drawn. What Liberation Sans lacks is drawn with the font that matplotlib brings.
"""

from __future__ import annotations

from pathlib import Path

FONTS = Path(__file__).with_name("fonts")
FAMILY, PUBLIC = "Liberation Sans 2", "Liberation Sans"  # here; and as readers of an SVG know it
SECOND = "DejaVu Sans of matplotlib"
# What an SVG asks for: it holds its texts as text. Arial has the same widths.
FOR_READERS = f"'{PUBLIC}', Arial, Helvetica, 'DejaVu Sans', sans-serif"


def register_fonts() -> None:
    """Tell matplotlib of the files, under names that no font of this machine has; once is enough.

    What else it draws stays as it was: nobody else asks for these names.
    """
    from matplotlib import font_manager, get_data_path

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


def _bold(regular: str) -> str:
    return regular.replace("-Regular", "").replace(".ttf", "-Bold.ttf")


def name_for_readers(svg: str) -> str:
    """Return an SVG that asks for fonts by the names that other machines know them by."""
    ours = f"'{FAMILY}', '{SECOND}'"
    return svg.replace(f"{ours}, sans-serif", FOR_READERS).replace(ours, FOR_READERS)
