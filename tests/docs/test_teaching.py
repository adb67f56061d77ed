"""The teacher's page names every lesson, and its answers are those that lessons take for right."""

import json
import re
import tomllib

from docs.slides import FOLDER, TOP
from rollcall.report.lessons.asking import WORDS

PAGE = (TOP / "docs" / "teaching.md").read_text()


def read_rows(heading):
    """The rows of the table under a heading: first cell -> the others."""
    part = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split("|") for line in part.splitlines() if line.startswith("| ")]
    return {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in rows[1:]}


def test_answers_are_the_right_ones():
    rows = read_rows("Answers")
    right = {}
    for path in FOLDER.glob("[0-9]*.ipynb"):
        words = tomllib.loads((WORDS / f"lesson{path.stem[0]}.toml").read_text())
        asked = [list(words["predictions"].values()), words["questionnaire"]]
        right[path.stem[0]] = [" ".join(each["right"] for each in part) for part in asked]
    quiz = tomllib.loads((WORDS / "quiz.toml").read_text())["questions"]
    right["quiz"] = ["", " ".join(each["right"] for each in quiz)]
    assert rows == right


def test_every_lesson_has_its_question_and_minutes():
    rows = read_rows("The lessons")
    for path in FOLDER.glob("[0-9]*.ipynb"):
        source = "".join(json.loads(path.read_text())["cells"][0]["source"])
        first = re.match(r"# (.+)\n\n\*(\d+) minutes", source)
        assert rows[path.stem[0]][:2] == [first[1], first[2]]
