"""What the site holds of ours: the lessons that run in a browser, and the page to start from."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

from docs.lessons import FOLDER, TRACKS, Entry, list_lessons, read

PAGE = Path(__file__).with_name("page.html")
LEFT_OUT = ("6",)  # whose accounting library pyodide lacks
LINK = re.compile(r"\[([^]]+)\]\((?:\.\./\w+/)?(\w+\.ipynb)\)")


def list_light() -> list[Entry]:
    """List the lessons that run in a browser."""
    return [lesson for lesson in list_lessons() if lesson.number not in LEFT_OUT]


def stage_lessons(folder: Path) -> None:
    """Write each track's lessons; links to those that are left out become plain text."""
    there = {lesson.file for lesson in list_light()}
    for lesson in list_light():
        for track in lesson.tracks:
            book = read(FOLDER / track / lesson.file)
            for cell in book["cells"]:
                if cell["cell_type"] == "markdown":
                    cell["source"] = LINK.sub(
                        lambda link: link[0] if link[2] in there else link[1],
                        "".join(cell["source"]),
                    )
            (folder / track).mkdir(parents=True, exist_ok=True)
            text = json.dumps(book, ensure_ascii=False)
            (folder / track / lesson.file).write_text(text, encoding="utf-8")


def write_page() -> str:
    """Return the page to start from: the lessons of each track, with question and minutes."""
    rows = dict.fromkeys(TRACKS, "")
    for lesson in list_light():
        for track in lesson.tracks:
            link = f"lab/index.html?path={track}/{lesson.file}"
            cells = (
                f'<td>{lesson.number}</td><td><a href="{link}">{html.escape(lesson.question)}</a>'
                f"</td><td>{lesson.minutes}</td>"
            )
            rows[track] += f"<tr>{cells}</tr>\n"
    page = PAGE.read_text(encoding="utf-8")
    for track, text in rows.items():
        page = page.replace(f"<!-- {track} -->", text)
    return page
