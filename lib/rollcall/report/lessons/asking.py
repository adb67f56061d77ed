"""What a lesson asks: predictions before each reveal, exercises with hints, a questionnaire.

The words are in words/lesson<number>.toml, what is right in `exercises`.
"""

from __future__ import annotations

import html
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from IPython.display import HTML, display

from rollcall.report.lessons.checking import judge
from rollcall.report.lessons.exercises import find_tasks
from rollcall.util.errors import InputError

WORDS = Path(__file__).with_name("words")
LETTERS = "abcdefgh"


@dataclass
class Lesson:
    """A lesson's words, and what the learner has predicted so far.

    Nothing of it leaves the notebook's memory.
    """

    number: int
    words: dict
    predicted: dict[str, str] = field(default_factory=dict)

    def predict(self, name: str, letter: str = "") -> None:
        """Ask for a prediction: a question, its options, and a button for each.

        letter: stores that option at once, as the button does.
        """
        asked = self._find("predictions", name)
        display(HTML(f"<p><strong>Predict.</strong> {_list(asked)}"))
        if letter:
            self.predicted[name] = letter
        else:
            _show_buttons(asked["options"], self.predicted, name)

    def reveal(self, name: str) -> HTML:
        """Say what is so, why, and what was predicted."""
        asked = self._find("predictions", name)
        right, chosen = asked["right"], self.predicted.get(name, "")
        verdict = "You stored no prediction: next time choose first, it is how one remembers."
        if chosen:
            verdict = "As you predicted." if chosen == right else f"You predicted ({chosen})."
        text = asked["options"][LETTERS.index(right)]
        return _say(verdict, f"({right}) {text} {asked['because']}")

    def check(self, name: str, answer: Any) -> HTML:
        """Check an exercise's answer; a known mistake is called by its name."""
        asked = self._find("exercises", name)
        kind, what = judge(find_tasks(self.number)[name], answer)
        if kind == "right":
            return _say("Right.", asked["praise"])
        if kind == "mistake":
            return _say("Not yet.", asked["mistakes"][what])
        if kind == "open":
            return _say("Open.", 'Put your answer in place of "...". The hints are below.')
        return _say("Not yet.", f"{what[0].upper()}{what[1:]}. The hints are below.")

    def hint(self, name: str) -> HTML:
        """Offer three hints, each plainer than the one before, folded into one another."""
        folded = ""
        hints = self._find("exercises", name)["hints"]
        for level, text in reversed(list(enumerate(hints, 1))):
            summary = f"<summary>Hint {level} of {len(hints)}</summary>"
            folded = f"<details>{summary}<p>{_mark_code(text)}</p>{folded}</details>"
        return HTML(folded)

    def questionnaire(self, answers: str = "") -> HTML:
        """Ask the lesson's last questions; with a letter for each, as "abcda", mark them."""
        return mark(self.words["questionnaire"], answers, "lesson.questionnaire")

    def _find(self, kind: str, name: str) -> dict:
        words = self.words[kind]
        if name not in words:
            raise InputError(f"{name!r} is none of this lesson's {kind}: {', '.join(words)}")
        return words[name]


def open_lesson(number: int) -> Lesson:
    """Open a lesson's words by its number."""
    path = WORDS / f"lesson{number}.toml"
    if not path.is_file():
        raise InputError(f"there is no lesson {number!r}; expected a number from 0 to 7")
    return Lesson(number, tomllib.loads(path.read_text(encoding="utf-8")))


def mark(questions: Sequence[dict], answers: str, call: str = "") -> HTML:
    """Return questions with their options; with answers their marks and reasons.

    call: how answers are given, where it is to be said.
    """
    given = "" if answers is ... else str(answers).strip().lower()
    if not given:
        rows = "".join(f"<li>{_list(each)}</li>" for each in questions)
        example = LETTERS[0] * len(questions)
        way = (
            f"<p>To answer, write your letters into this cell, as in "
            f'<code>{call}("{example}")</code>, and run it again.</p>'
        )
        return HTML(f"<ol>{rows}</ol>{way if call else ''}")
    if len(given) != len(questions) or set(given) - set(LETTERS):
        return _say("Not yet.", f"{len(questions)} letters are expected, one for each question.")
    rows, right = "", 0
    for letter, each in zip(given, questions, strict=True):
        right += letter == each["right"]
        verdict = "Right." if letter == each["right"] else f"({each['right']}), not ({letter})."
        reason = html.escape(f"{verdict} {each['because']}")
        rows += f"<li>{html.escape(each['question'])}<br>{reason}</li>"
    return HTML(f"<p><strong>{right} of {len(questions)}.</strong></p><ol>{rows}</ol>")


def _list(asked: dict) -> str:
    options = "".join(
        f"<br>({letter}) {html.escape(option)}"
        for letter, option in zip(LETTERS, asked["options"], strict=False)
    )
    return f"{html.escape(asked['question'])}{options}</p>"


def _say(first: str, text: str) -> HTML:
    return HTML(f"<p><strong>{html.escape(first)}</strong> {_mark_code(text)}</p>")


def _mark_code(text: str) -> str:
    """Escape a text; what stands between backticks becomes code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(text))


def _show_buttons(options: Sequence[str], predicted: dict[str, str], name: str) -> None:
    """Show a button for each option; what was chosen before stays so when the cell runs again."""
    import ipywidgets

    buttons = ipywidgets.ToggleButtons(
        options=list(LETTERS[: len(options)]), value=predicted.get(name), tooltips=list(options)
    )
    buttons.style.button_width = "4em"
    buttons.observe(lambda change: predicted.update({name: change["new"]}), "value")
    display(buttons)
