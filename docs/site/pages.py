"""Write the site's pages: of the repository as they are, and two that show figures of notebooks."""

from __future__ import annotations

import json
import re
from pathlib import Path

from docs.site.books import Shown, fold_code, prepare
from docs.site.staging import (
    HERE,
    TOP,
    copy_beside,
    label_headings,
    list_pages,
    rewrite,
    write_sources,
)
from rollcall.util.errors import InputError

LESSONS = "notebooks/lessons/"
FIGURE = re.compile(r"<!-- figure: ([\w-]+) -->")
READ = ("1_train", "2_attack", "3_disparity", "explore")  # notebooks read for what they show
FIGURES = """# The demo's figures

Each is shown out of the notebook that draws it. All patients are simulated. `rollcall figure NAME`
draws a figure of a finished run again."""
PICTURES = """# The lessons' pictures

What each lesson lets one see, shown out of the lesson. All patients are simulated, but for those
of the open table `diabetes130` in lessons 4 and 5, where it has been prepared. The lessons here are
the solved ones; to do them, open the learner's form in JupyterLab (`make lab`)."""


def write_pages(stage: Path, books: dict[str, dict]) -> set[str]:
    """Write every page into `stage`; return the addresses on the network that they name.

    books: each notebook by its path from the top, executed or not.
    """
    pages, beside, outside = {*list_pages(), *books}, set(), set()
    shown: dict[str, list[Shown]] = {}
    for page, book in books.items():
        prepared, shown[page] = prepare(book, page)
        if Path(page).stem in READ:
            fold_code(prepared)
        for cell in prepared["cells"]:
            if cell["cell_type"] == "markdown":
                cell["source"] = rewrite("".join(cell["source"]), page, pages, beside, outside)
        _write(stage / page, json.dumps(prepared))
    of_lessons = {page: book for page, book in books.items() if page.startswith(LESSONS)}
    of_demo = {page: book for page, book in books.items() if page not in of_lessons}
    for page in sorted(page for page in pages if page.endswith(".md")):
        if page == "site/figures.md":
            text = write_gallery(FIGURES, of_demo, shown)
        elif page == "site/lessons.md":
            text = write_gallery(PICTURES, of_lessons, shown)
        else:
            text = (TOP / page).read_text(encoding="utf-8")
            text = label_headings(rewrite(text, page, pages, beside, outside), page)
            text = embed(text, page, shown)
        _write(stage / page, text)
    _write(stage / "site" / "sources.bib", write_sources(outside))
    _write(stage / "myst.yml", (HERE / "myst.yml").read_text(encoding="utf-8"))
    copy_beside(beside, stage)
    return outside


def embed(text: str, page: str, shown: dict[str, list[Shown]]) -> str:
    """Put figures where a page has <!-- figure: label -->, which nobody sees elsewhere.

    None is put where the notebook has not been run. InputError if it has no such figure.
    """
    labels = {each.label for figures in shown.values() for each in figures}

    def put(match: re.Match) -> str:
        if match[1] in labels:
            return f"![](#{match[1]})"
        run = [name for name in labels if name.split("-")[0] == match[1].split("-")[0]]
        if run:
            raise InputError(f"{page} asks for a figure {match[1]}; there are {', '.join(run)}")
        return ""

    return FIGURE.sub(put, text)


def write_gallery(opening: str, books: dict[str, dict], shown: dict[str, list[Shown]]) -> str:
    """Return a page that embeds every figure of some notebooks, by its label."""
    lines = [opening, ""]
    for page in sorted(books):
        if shown[page]:
            title = "".join(books[page]["cells"][0]["source"]).splitlines()[0]
            lines += [f"## {title.removeprefix('# ')}", ""]
            lines += [f"![](#{each.label})\n" for each in shown[page]]
    return "\n".join(lines)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
