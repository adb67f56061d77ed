"""Write the learner's and the clinician's form of every lesson: python -m docs.lessons

The solved notebooks in notebooks/lessons/ are the source. They are laid out as JupyterLab saves
them, so that git sees no change where they are only run, and the table of lessons in the page that
JupyterLab starts with is renewed. tests/report/lessons fails where anything is not what this would
write.
"""

from __future__ import annotations

import ast
import copy
import json
import re
from dataclasses import dataclass
from pathlib import Path

import nbformat

FOLDER = Path(__file__).parents[1] / "notebooks" / "lessons"
EXERCISE = re.compile(r"^## Exercise \d+:")
LINK = re.compile(r"\]\((\w+\.ipynb)\)")
START = FOLDER.parent / "start.ipynb"
TABLE = "start-course"  # its cell with the lessons
TRACKS = ("learner", "clinician")
CLINICIAN = ("0", "2", "4", "5", "quiz")  # the lessons of her track, by how their names begin


def read(path: Path) -> dict:
    """Read a notebook."""
    return json.loads(path.read_text(encoding="utf-8"))


def write(book: dict) -> str:
    """Return a notebook's text, to the letter as JupyterLab saves it."""
    return nbformat.writes(nbformat.from_dict(copy.deepcopy(book))) + "\n"


def tags(cell: dict) -> list[str]:
    """Return a cell's tags."""
    return cell["metadata"].get("tags", [])


def is_typed(cell: dict) -> bool:
    """Say whether something is to be typed into a cell: an exercise's, or the last questions'."""
    return "exercise" in tags(cell) or "".join(cell["source"]).startswith("lesson.questionnaire(")


def leave_open(source: str) -> str:
    """Put `...` in place of what an exercise's cell assigns, and of its functions' bodies."""
    lines = source.splitlines()
    for node in reversed(ast.parse(source).body):
        if isinstance(node, ast.Assign):
            first = lines[node.lineno - 1]
            stub = [first[: node.value.col_offset] + "..."]
        elif isinstance(node, ast.FunctionDef):
            head = node.body[0]
            kept = ast.get_docstring(node) is not None
            stop = head.end_lineno if kept else head.lineno - 1
            stub = [*lines[node.lineno - 1 : stop], "    return ..."]
        else:
            continue
        lines[node.lineno - 1 : node.end_lineno] = stub
    return "\n".join(lines)


def make_learners(book: dict) -> dict:
    """Return the form in which exercises are open and solutions left out."""
    book = copy.deepcopy(book)
    book["cells"] = [cell for cell in book["cells"] if "solution" not in tags(cell)]
    for cell in book["cells"]:
        if "exercise" in tags(cell):
            cell["source"] = leave_open("".join(cell["source"]))
    return book


def make_clinicians(book: dict) -> dict:
    """Return the learner's form with code out of sight, but for what the exercises ask."""
    book = make_learners(book)
    book["cells"] = [cell for cell in book["cells"] if "researcher" not in tags(cell)]
    texts = [cell for cell in book["cells"] if cell["cell_type"] == "markdown"]
    numbers = iter(range(1, len(texts) + 1))
    for cell in texts:
        text = LINK.sub(_link_learners, "".join(cell["source"]))
        cell["source"] = EXERCISE.sub(lambda _: f"## Exercise {next(numbers)}:", text)
    for cell in book["cells"]:
        if cell["cell_type"] == "code" and not is_typed(cell):
            cell["metadata"] |= {
                "jupyter": {"source_hidden": True},
                "tags": [*tags(cell), "hide-input"],
            }
    return book


def _link_learners(link: re.Match) -> str:
    """Point to the learner's form of a lesson that is not in the clinician's track."""
    name = link[1]
    return link[0] if name[0] in CLINICIAN else f"](../learner/{name})"


@dataclass(frozen=True)
class Entry:
    """A lesson as it is listed: its file, number, question, minutes, and the tracks it is in."""

    file: str
    number: str
    question: str
    minutes: str
    tracks: tuple[str, ...]


def list_lessons() -> list[Entry]:
    """List the lessons in their order, the quiz last."""
    entries = []
    for path in sorted(FOLDER.glob("*.ipynb")):
        number, first = path.stem.split("_")[0], "".join(read(path)["cells"][0]["source"])
        question = first.splitlines()[0].removeprefix("# ")
        minutes = re.search(r"(\d+) minutes", first)[1]
        tracks = TRACKS if number in CLINICIAN else TRACKS[:1]
        entries.append(Entry(path.name, number, question, minutes, tracks))
    return entries


def write_table() -> str:
    """Return the start page's table of lessons."""
    lines = [
        "| lesson | question | minutes | for clinicians | for teachers |",
        "|---|---|---|---|---|",
    ]
    for each in list_lessons():
        folded = f"[code folded](lessons/clinician/{each.file})" if each.tracks == TRACKS else ""
        question = f"[{each.question}](lessons/learner/{each.file})"
        solved = f"[solved](lessons/{each.file})"
        lines.append(f"| {each.number} | {question} | {each.minutes} | {folded} | {solved} |")
    return "\n".join(lines)


def make_start() -> str:
    """Return the start page with the lessons as they are now."""
    book = read(START)
    (cell,) = [cell for cell in book["cells"] if cell["id"] == TABLE]
    before, _, _ = "".join(cell["source"]).partition("\n\n| ")
    cell["source"] = f"{before}\n\n{write_table()}".splitlines(keepends=True)
    return write(book)


def make_forms() -> dict[Path, str]:
    """Return what each lesson and each of its forms should hold."""
    forms = {}
    for path in sorted(FOLDER.glob("*.ipynb")):
        book = read(path)
        forms[FOLDER / "learner" / path.name] = make_learners(book)
        if path.stem.split("_")[0] in CLINICIAN:
            forms[FOLDER / "clinician" / path.name] = make_clinicians(book)
        forms[path] = book
    return {path: write(book) for path, book in forms.items()}


if __name__ == "__main__":
    for path, text in make_forms().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    START.write_text(make_start(), encoding="utf-8")
