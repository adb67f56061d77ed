"""Lessons in JupyterLab as people go through them: keys and clicks, right answers and wrong ones.

Two lessons each time, with one wrong answer to each exercise. Every lesson in each of its forms,
with all wrong answers of tests/report/lessons/answers, takes five minutes and a flag:

    make test ARGS="tests/browser/test_lessons.py --hypothesis-profile thorough"
"""

import re
import tomllib

import pytest

from docs.lessons import FOLDER, read, tags
from rollcall.report.lessons.asking import LETTERS, WORDS
from tests.browser.conftest import Traffic, open_window
from tests.browser.desk import Desk
from tests.report.lessons.typed import name_exercise, wrong_answers

EACH_TIME = ("learner-0_was_she_in", "learner-4_what_does_the_average_hide")
LESSONS = [
    pytest.param(path, id=f"{path.parent.name}-{path.stem}")
    for path in [
        *sorted((FOLDER / "learner").glob("[0-9]*.ipynb")),
        *sorted((FOLDER / "clinician").glob("[0-9]*.ipynb")),
        *sorted(FOLDER.glob("[0-9]*.ipynb")),
    ]
]


@pytest.fixture(scope="module")
def desk(lab, chromium):
    """A window of JupyterLab in which one lesson after another is opened."""
    traffic = Traffic()
    window = open_window(chromium, traffic, height=1000)
    yield Desk(window.new_page(), f"{lab.address}lab/tree/results/notebooks", lab.token)
    window.close()
    assert not traffic.refused
    assert not traffic.errors


@pytest.fixture
def thorough(pytestconfig, request):
    """Whether everything is asked for; skips what else is not."""
    asked = pytestconfig.getoption("--hypothesis-profile") == "thorough"
    if not asked and request.node.callspec.id not in EACH_TIME:
        pytest.skip("each lesson is gone through with --hypothesis-profile thorough")
    return asked


@pytest.mark.parametrize("path", LESSONS)
def test_somebody_goes_through_a_lesson(desk, thorough, path, tmp_path):
    words = tomllib.loads((WORDS / f"lesson{path.stem[0]}.toml").read_text())
    desk.open(str(path.parent.relative_to(FOLDER.parent)), path.name)
    desk.run_all()
    assert not desk.errors()
    slide(desk, path)
    unfold(desk, path, words["exercises"])
    if path.parent == FOLDER:  # solved
        verdicts = [desk.said(number + 1) for _, _, number in exercises_of(path)]
        assert all(said.startswith(("Right.", "May be said.")) for said in verdicts)
    else:
        predict(desk, path, words["predictions"])
        answer(desk, path, thorough)
        mark(desk, path, words["questionnaire"])
    hidden = sum("hide-input" in tags(cell) for cell in read(path)["cells"])
    assert desk.count_hidden() == hidden
    assert not desk.errors()
    desk.look(tmp_path / f"{path.parent.name}-{path.stem}.png")
    desk.close()


def predict(desk, path, words):
    """Choose by the keyboard before the reveal: every second time what is wrong."""
    for number, source in enumerate(sources_of(path)):
        for kind, name in re.findall(r'lesson\.(predict|reveal)\("(\w+)"\)', source):
            right = words[name]["right"]
            wrong = next(letter for letter in LETTERS if letter != right)
            odd = list(words).index(name) % 2
            if kind == "predict":
                button = desk.cell(number).get_by_role("button", name=wrong if odd else right)
                button.focus()
                desk.page.keyboard.press("Space")
                desk.cell(number).locator("button.mod-active").wait_for()
            else:
                said = desk.run(number)
                assert said.startswith(f"You predicted ({wrong})." if odd else "As you predicted.")
                assert f"({right}) {words[name]['options'][LETTERS.index(right)]}" in said


def slide(desk, path):
    """Move each slider by the keyboard to all of its values; each has a picture of its own."""
    sliders = desk.page.locator("[role=slider]:visible").all()
    assert len(sliders) == sum("lessons.slide(" in source for source in sources_of(path))
    for slider in sliders:
        said = desk.slide(slider)
        assert len(set(said)) == len(said) > 3


def unfold(desk, path, words):
    """Unfold the hints, one in the other."""
    for number, source in enumerate(sources_of(path)):
        for name in re.findall(r'lesson\.hint\("(\w+)"\)', source):
            for summary in desk.cell(number).locator("summary").all():
                summary.click()
            last = desk.cell(number).locator("details p").last
            last.wait_for()
            assert last.inner_text() == words[name]["hints"][-1].replace("`", "")


def answer(desk, path, thorough):
    """Type wrong answers and then the right one, and read what is said to each."""
    solved = {name: source for name, source, _ in exercises_of(FOLDER / path.name)}
    for name, _, number in exercises_of(path):
        for typed, expected in wrong_answers(path, name)[: None if thorough else 1]:
            said = desk.answer(number, typed)
            assert said.startswith("Not yet."), (typed, said)
            assert expected in said, (typed, said)
        said = desk.answer(number, solved[name])
        assert said.startswith("May be said." if name.startswith("report") else "Right.")


def mark(desk, path, questions):
    """Answer the last questions by their letters."""
    right = "".join(each["right"] for each in questions)
    (number,) = (
        number
        for number, source in enumerate(sources_of(path))
        if source.startswith("lesson.questionnaire(")
    )
    desk.type(number, f'lesson.questionnaire("{right}")')
    assert desk.run(number).startswith(f"{len(right)} of {len(right)}.")


def sources_of(path):
    return ["".join(cell["source"]) for cell in read(path)["cells"]]


def exercises_of(path):
    """List the exercises of a lesson: name, what its cell says, the cell's number."""
    sources = sources_of(path)
    return [
        (name_exercise(source), sources[number - 1], number - 1)
        for number, source in enumerate(sources)
        if name_exercise(source)
    ]
