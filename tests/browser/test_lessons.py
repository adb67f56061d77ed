"""Every lesson in JupyterLab as a learner goes through it: keys and clicks, right and wrong."""

import re
import shutil
import tomllib

import pytest

from docs.lessons import FOLDER, read
from rollcall.report.lessons.asking import LETTERS, WORDS
from tests.browser.conftest import Traffic, open_window
from tests.browser.desk import Desk
from tests.report.lessons.typed import name_exercise, wrong_answers

LEARNER = sorted((FOLDER / "learner").glob("[0-9]*.ipynb"))


@pytest.fixture(scope="module")
def desk(lab, chromium):
    """A window of JupyterLab on the learner's lessons, which are opened in it one after another."""
    shutil.copytree(FOLDER, lab.home / "course")
    traffic = Traffic()
    window = open_window(chromium, traffic, height=1000)
    address = f"{lab.address}lab/tree/course/learner/quiz.ipynb?token={lab.token}&reset"
    page = window.new_page()
    page.goto(address)
    desk = Desk(page)
    page.locator(".jp-NotebookPanel").wait_for()
    page.get_by_text("(ipykernel) | Idle").wait_for()
    yield desk
    window.close()
    assert not traffic.refused
    assert not traffic.errors


def sources_of(path):
    return ["".join(cell["source"]) for cell in read(path)["cells"]]


@pytest.mark.parametrize("path", LEARNER, ids=lambda path: path.stem)
def test_a_learner_goes_through_a_lesson(desk, path, tmp_path, pytestconfig):
    thorough = pytestconfig.getoption("--hypothesis-profile") == "thorough"
    words = tomllib.loads((WORDS / f"lesson{path.stem[0]}.toml").read_text())
    desk.open(path.name)
    desk.run_all()
    assert not desk.errors()
    predict(desk, path, words["predictions"])
    slide(desk, path)
    unfold(desk, path, words["exercises"])
    answer(desk, path, thorough)
    assert not desk.errors()
    desk.look(tmp_path / f"{path.stem}.png")
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
                summary.focus()
                desk.page.keyboard.press("Enter")
            last = desk.cell(number).locator("details p").last
            assert last.is_visible()
            assert last.inner_text() == words[name]["hints"][-1].replace("`", "")


def answer(desk, path, thorough):
    """Type wrong answers and then the right one, and read what is said to each."""
    solved = {name: source for name, source, _ in exercises_of(FOLDER / path.name)}
    for name, _, number in exercises_of(path):
        for typed, expected in wrong_answers(path, name)[: None if thorough else 1]:
            said = desk.answer(number, typed)
            assert said.startswith("Not yet.")
            assert expected in said
        said = desk.answer(number, solved[name])
        assert said.startswith("May be said." if name.startswith("report") else "Right.")


def exercises_of(path):
    """List the exercises of a lesson: name, what its cell says, the cell's number."""
    sources = sources_of(path)
    return [
        (name_exercise(source), sources[number - 1], number - 1)
        for number, source in enumerate(sources)
        if name_exercise(source)
    ]
