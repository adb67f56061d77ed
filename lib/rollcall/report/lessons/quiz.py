"""The quiz of eight misconceptions, the same before the course and after it."""

from __future__ import annotations

import tomllib

from IPython.display import HTML

from rollcall.report.lessons.asking import LETTERS, WORDS, mark


def ask_quiz(answers: str = "") -> HTML:
    """Ask the eight questions; with eight letters, mark them."""
    if answers is ...:
        return HTML("<p><strong>Open.</strong> Write your letters after the course above.</p>")
    return mark(_read(), answers)


def compare_quiz(before: str, after: str) -> HTML:
    """Say which misconceptions were cured, which stay, and which are new. Eight letters each."""
    questions = _read()
    if ... in (before, after):
        text = f"Write {len(questions)} letters before the course, and after it."
        return HTML(f"<p><strong>Open.</strong> {text}</p>")
    before, after = (str(given).strip().lower() for given in (before, after))
    for given in (before, after):
        if len(given) != len(questions) or set(given) - set(LETTERS):
            return HTML(f"<p>{len(questions)} letters are expected, before and after.</p>")
    words = {
        (False, True): "learnt",
        (True, True): "known",
        (False, False): "not yet: read its lesson again",
        (True, False): "lost: read its lesson again",
    }
    rows, right = "", [0, 0]
    for each, one, two in zip(questions, before, after, strict=True):
        marks = (one == each["right"], two == each["right"])
        right = [total + got for total, got in zip(right, marks, strict=True)]
        rows += f"<tr><td>{each['about']}</td><td>{each['lesson']}</td><td>{words[marks]}</td></tr>"
    head = "".join(f'<th scope="col">{name}</th>' for name in ("about", "lesson", "you"))
    caption = f"<caption>Before {right[0]}, after {right[1]} of {len(questions)}.</caption>"
    return HTML(f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>")


def _read() -> list[dict]:
    return tomllib.loads((WORDS / "quiz.toml").read_text(encoding="utf-8"))["questions"]
