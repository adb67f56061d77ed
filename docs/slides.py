"""Draw the lessons' pictures for slides: `make slides`, or python -m docs.slides --to folder.

Each picture of a solved lesson becomes a PNG of 1920 x 1080 with one message as its title, in type
that is read from the last row. slides.md beside them has for each its alt text and what to say;
docs/slides.toml is where messages and notes come from. A slider gives two: its first picture and
its last.
"""

from __future__ import annotations

import argparse
import ast
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from docs.lessons import FOLDER, read
from rollcall.report import lessons
from rollcall.report.lessons import asking, showing
from rollcall.report.lessons.clinic import people
from rollcall.report.style import EXPOSED, FLOOR, Figure, styled

TOP = Path(__file__).resolve().parents[1]
WORDS = Path(__file__).with_name("slides.toml")
LIST = "slides.md"
PIXELS = (1920, 1080)
HEIGHT = 2.63  # inches of a slide: 7 points are then 1/27 of it, 20 points on a slide of 7.5 inches
TALLER = 0.92  # of a picture that is taller than that: how much of its height a slide keeps
LETTERS = 58  # in a line of a title
FOOT = "Rollcall, lesson {number}. All patients are invented."


@dataclass(frozen=True)
class Slide:
    """A picture of a lesson with its message and what to say to it."""

    name: str
    figure: Figure
    title: str
    note: str


@contextmanager
def catch(pictures: list[Figure]) -> Iterator[None]:
    """Keep what a lesson shows in `pictures`; show nothing."""
    slide = lessons.slide

    def keep(figure: Figure) -> str:
        pictures.append(figure)
        return ""

    def keep_both(draw, values, start, label):
        slide(draw, values, start, label)
        if values[-1] != start:
            keep(draw(values[-1]))

    with (
        patch.object(showing, "_encode", keep),
        patch.object(lessons, "slide", keep_both),
        patch.object(showing, "display", lambda *_, **__: None),
        patch.object(asking, "display", lambda *_, **__: None),
        patch.object(people, "find_prepared", lambda _: None),  # invented patients alone
    ):
        yield


def run(path: Path) -> Iterator[tuple[str, list[Figure]]]:
    """Run a solved lesson; yield each code cell and the pictures that it showed."""
    names: dict = {}
    for cell in read(path)["cells"]:
        if cell["cell_type"] == "code":
            source, pictures = "".join(cell["source"]), []
            with catch(pictures):
                exec(compile(ast.parse(source), path.name, "exec"), names)
            yield source, [each for each in pictures if each.drawing is not None]


def read_words() -> list[dict]:
    """Return the entries of slides.toml."""
    return tomllib.loads(WORDS.read_text(encoding="utf-8"))["slide"]


def make_slides(path: Path) -> list[Slide]:
    """Return the slides of a lesson. A picture without an entry has its caption for a message."""
    number, slides = path.stem.split("_")[0], []
    entries = [entry for entry in read_words() if str(entry["lesson"]) == number]
    for source, pictures in run(path):
        entry = next((entry for entry in entries if entry["cell"] in source), {})
        if entry.get("skip"):
            continue
        words = [entry, entry.get("last", {})]
        for place, figure in enumerate(pictures):
            message = words[place] if place < len(words) else {}
            title = message.get("title") or figure.caption.split(". ")[0].rstrip(".")
            name = f"{number}-{len(slides) + 1:02}"
            slides.append(Slide(name, figure, title, message.get("note", "")))
    return slides


def wrap(title: str) -> list[str]:
    """Return a title in as few lines as it needs, of about the same length."""
    number = len(textwrap.wrap(title, LETTERS))
    widths = range(len(title) // number, LETTERS + 1)
    return next(lines for width in widths if len(lines := textwrap.wrap(title, width)) == number)


@styled
def draw(slide: Slide, path: Path) -> None:
    """Write a slide as PNG: its message above, its picture below, whose words are alike in size."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    drawing = slide.figure.drawing
    height = max(HEIGHT, TALLER * drawing.get_figheight())
    drawing.set_size_inches(height * PIXELS[0] / PIXELS[1], height)
    drawing.set_dpi(PIXELS[1] / height)
    lines = wrap(slide.title)
    size = 11 * height / HEIGHT
    top = 0.94 - 0.075 * len(lines)
    drawing.text(0.035, 0.955, "\n".join(lines), size=size, weight="bold", color=EXPOSED, va="top")
    foot = FOOT.format(number=slide.name.split("-")[0])
    drawing.text(0.035, 0.025, foot, size=0.45 * size, color=FLOOR)
    drawing.get_layout_engine().set(rect=(0.03, 0.09, 0.94, top - 0.11))
    described = {"Title": slide.title, "Description": slide.figure.alt, "Software": "Rollcall"}
    FigureCanvasAgg(drawing).print_png(path, metadata=described)


def write_list(slides: list[Slide], title: str) -> str:
    """Return a lesson's part of the list: picture with alt text, message, what to say."""
    lines = [f"## {title}", ""]
    for slide in slides:
        alt = slide.figure.alt.replace("[", "(").replace("]", ")")
        lines += [f"![{alt}]({slide.name}.png)", "", f"**{slide.title}** {slide.note}".strip()]
        lines += ["", f"In the lesson: {slide.figure.caption}", ""]
    return "\n".join(lines)


def main(words: list[str] | None = None) -> int:
    """Draw every slide; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m docs.slides", description=__doc__)
    parser.add_argument("--to", type=Path, default=TOP / "results" / "slides", help="the folder")
    to = parser.parse_args(words).to
    to.mkdir(parents=True, exist_ok=True)
    parts = ["# The lessons' pictures for slides", "", "All patients are invented.", ""]
    for path in sorted(FOLDER.glob("[0-9]*.ipynb")):
        first = read(path)["cells"][0]["source"]
        title = "".join(first).splitlines()[0].removeprefix("# ")
        slides = make_slides(path)
        for slide in slides:
            draw(slide, to / f"{slide.name}.png")
        parts.append(write_list(slides, title))
        print(f"lesson {path.stem[0]}: {len(slides)} slides", flush=True)
    (to / LIST).write_text("\n".join(parts), encoding="utf-8")
    print(to / LIST)
    return 0


if __name__ == "__main__":
    sys.exit(main())
