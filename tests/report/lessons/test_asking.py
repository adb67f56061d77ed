"""What a lesson says: to predictions, answers, letters; and what its sentences may claim."""

import subprocess
import sys
import tomllib

import pytest

from rollcall.report import lessons
from rollcall.report.lessons import saying
from rollcall.report.lessons.asking import WORDS
from rollcall.report.lessons.checking import Task, judge
from rollcall.report.lessons.exercises import find_tasks
from rollcall.util.errors import InputError

NUMBERS = sorted(int(path.stem.removeprefix("lesson")) for path in WORDS.glob("lesson*.toml"))


@pytest.fixture
def silent(monkeypatch):
    monkeypatch.setattr("rollcall.report.lessons.asking.display", lambda *_: None)


@pytest.mark.parametrize("number", NUMBERS)
def test_each_mistake_is_called_by_its_name(number):
    lesson, tasks = lessons.open_lesson(number), find_tasks(number)
    assert list(tasks) == list(lesson.words["exercises"])
    for name, task in tasks.items():
        words = lesson.words["exercises"][name]
        assert len(words["hints"]) == 3
        assert set(task.mistakes) == set(words["mistakes"])
        assert words["praise"] in plain(lesson.check(name, task.truth))
        for mistake, answer in task.mistakes.items():
            assert words["mistakes"][mistake] in plain(lesson.check(name, answer)), mistake
        assert "Open." in plain(lesson.check(name, ...))
        assert plain(lesson.hint(name)).count("<details>") == 3


@pytest.mark.parametrize("number", NUMBERS)
def test_letters_fit_options(number):
    words = lessons.open_lesson(number).words
    for asked in [*words["predictions"].values(), *words["questionnaire"]]:
        assert asked["right"] in "abcdefgh"[: len(asked["options"])]
        assert asked["because"]
        assert asked["question"][-1] in "?:"


def test_functions_that_stop_or_stay_open():
    task = Task(lambda x: x + 1, {"less": lambda x: x - 1}, ((1,), (2,)))
    assert judge(task, lambda x: x + 1.0) == ("right", "")
    assert judge(task, lambda x: x - 1) == ("mistake", "less")
    assert judge(task, lambda x: ...)[0] == "open"
    assert judge(task, lambda x: None)[0] == "open"
    assert judge(task, lambda x: x / 0) == (
        "other",
        "your function stops with ZeroDivisionError: division by zero",
    )
    assert judge(task, 7)[0] == "other"


@pytest.mark.parametrize(
    "answer", [0, "a", [1, 2], [[1], 2], {"a": 1}, (), float("nan"), True, 2 + 1j, object()]
)
def test_any_answer_is_taken(answer):
    assert judge(Task([1.0, 2.0]), answer)[0] in ("right", "other")


def test_a_prediction_is_stored_before_the_reveal(silent):
    lesson = lessons.open_lesson(0)
    assert "no prediction" in plain(lesson.reveal("new"))
    lesson.predict("new", "a")
    lesson.predict("twin", "c")
    assert "As you predicted." in plain(lesson.reveal("new"))
    assert "You predicted (c)." in plain(lesson.reveal("twin"))
    with pytest.raises(InputError, match="'nwe' is none of this lesson's predictions: which"):
        lesson.reveal("nwe")


def test_buttons_store_a_choice(monkeypatch):
    shown = []
    monkeypatch.setattr("rollcall.report.lessons.asking.display", shown.append)
    lesson = lessons.open_lesson(0)
    lesson.predict("twin")
    assert shown[1].options == ("a", "b", "c")
    assert shown[1].value is None
    shown[1].value = "b"
    assert lesson.predicted == {"twin": "b"}
    lesson.predict("twin")
    assert shown[3].value == "b"  # running the cell again forgets nothing


def test_a_slider_draws_what_it_is_moved_to(monkeypatch):
    shown, drawn = [], []

    def draw(value):
        drawn.append(value)
        return lessons.draw_shares({"all": (value, 0, 1)}, "share", f"at {value}")

    monkeypatch.setattr("rollcall.report.lessons.showing.display", shown.append)
    assert "at 0.5" in lessons.slide(draw, [0.25, 0.5], 0.5, "share").data
    slider, picture = shown[0].children
    slider.value = 0.25
    slider.value = 0.5
    slider.value = 0.25
    assert "at 0.25" in picture.value
    assert drawn == [0.5, 0.25, 0.5]


def test_questionnaires_are_marked():
    lesson = lessons.open_lesson(0)
    right = "".join(each["right"] for each in lesson.words["questionnaire"])
    assert f"{len(right)} of {len(right)}." in lesson.questionnaire(right).data
    assert "letters are expected" in lesson.questionnaire("ab!").data
    assert "lesson.questionnaire" in lesson.questionnaire().data


def test_the_quiz_before_and_after():
    questions = tomllib.loads((WORDS / "quiz.toml").read_text())["questions"]
    right = "".join(each["right"] for each in questions)
    assert len(questions) == 8
    assert "8 of 8." in lessons.ask_quiz(right).data
    assert "ask_quiz(" not in lessons.ask_quiz().data  # which would give the answers away at once
    assert "Open." in lessons.ask_quiz(...).data
    wrong = ("b" if right[0] != "b" else "a") + right[1:]
    text = lessons.compare_quiz(wrong, f" {right.upper()} ").data
    assert "Before 7, after 8" in text
    assert text.count("learnt") == 1
    assert text.count("known") == 7
    assert "lost" in lessons.compare_quiz(right, wrong).data
    assert "letters are expected" in lessons.compare_quiz("", right).data


MAY_BE_SAID = [
    (1, "No patient could be shown to be exposed, but 8 models are too few to tell."),
    (1, "It is unknown who is at risk, since only 8 models were used."),
    (2, "The attack has an AUC of 0.54, yet about 5% of patients can be told."),
    (3, "Anyone who holds her record can find out that she was in the training data."),
    (3, "It does not identify her, but whoever has her film can tell that it was trained on."),
    (4, "About 4 of the 100 are false alarms."),
    (4, "We are 95% sure that at most 17 of the 100 are there by luck."),
    (5, "In B 39 of 160 are exposed (24%), of all others 61 of 1,840 (3%)."),
    (6, "No difference between women and men was shown (0.9 to 1.9)."),
    (6, "No difference was found; the interval is 0.9 to 1.9."),
    (6, "Women are exposed 1.3 times as often as men (0.9 to 1.9), which may be chance."),
    (6, "Women and men do not differ significantly (0.9 to 1.9)."),
    (7, "Nine in ten of those readmitted within 30 days are exposed."),
    (8, "38 patients with an implant are highly exposed."),
]  # fmt: skip


@pytest.mark.parametrize(("number", "sentence"), MAY_BE_SAID)
def test_careful_sentences_are_let_through(number, sentence):
    assert "May be said." in saying.judge_sentence(number, sentence).data


@pytest.mark.parametrize("number", range(1, 9))
def test_the_careful_sentence_of_a_report_may_be_said(number):
    report = saying._read(number)
    sentence = report["sentence"].split('"')[1]
    assert "May be said." in saying.judge_sentence(number, sentence).data
    assert "Open." in saying.judge_sentence(number, ...).data
    assert f"Report {number}" in saying.show_report(number).data


def test_lessons_import_no_more_than_a_browser_has():
    code = "import sys, rollcall.report.lessons; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"torch", "scipy.stats", "statsmodels", "sklearn", "joblib", "papermill", "psutil"}
    assert not heavy & set(done.stdout.split())


def plain(shown):
    text = shown.data.replace("<code>", "`").replace("</code>", "`")
    return text.replace("&quot;", '"').replace("&#x27;", "'").replace("&gt;", ">")
