"""What people type into an exercise's cell: answers/lesson<number>.toml.

A table for each exercise, named as in the lesson, and for each report of lesson 5, named report_1
and so on: a mistake's name, or for a report words of what is said to it -> what is typed.
"""

from __future__ import annotations

import html
import re
import tomllib
from pathlib import Path

from rollcall.report.lessons.asking import WORDS

ANSWERS = Path(__file__).with_name("answers")
CHECKS = re.compile(r'lesson\.check\("(\w+)"|lessons\.judge_sentence\((\d)')


def read_answers(number: int | str) -> dict[str, dict[str, str]]:
    """Read the wrong answers to a lesson's exercises."""
    path = ANSWERS / f"lesson{number}.toml"
    return tomllib.loads(path.read_text()) if path.exists() else {}


def name_exercise(source: str) -> str:
    """Name the exercise that a cell checks, or "" if it checks none."""
    found = CHECKS.search(source)
    return "" if found is None else found[1] or f"report_{found[2]}"


def wrong_answers(lesson: Path, exercise: str) -> list[tuple[str, str]]:
    """List what is typed wrongly into an exercise of a lesson, and words of what is said to it."""
    answers = read_answers(lesson.stem[0]).get(exercise, {})
    exercises = {}
    if answers:
        words = tomllib.loads((WORDS / f"lesson{lesson.stem[0]}.toml").read_text())
        exercises = words["exercises"]
    said = exercises.get(exercise, {}).get("mistakes", {})
    return [(text, said.get(name, name).replace("`", "")) for name, text in answers.items()]


def read_text(shown: str) -> str:
    """Return the text of some html, as it is read."""
    return html.unescape(re.sub("<[^>]+>", "", shown))
