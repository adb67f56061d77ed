"""Every lesson as it is committed: its style, its forms, and each of them run to its end."""

import ast
import html
import json
import re
import statistics
import tomllib

import nbformat
import pytest

from docs.lessons import (
    CLINICIAN,
    FOLDER,
    START,
    is_typed,
    leave_open,
    make_forms,
    make_start,
    tags,
)
from rollcall.report.lessons.asking import WORDS
from rollcall.report.notebooks import execute_notebook
from rollcall.report.notebooks.kernels import start_kernel_server
from tests.report.lessons.typed import name_exercise, read_answers, read_text, wrong_answers

SOLVED = sorted(FOLDER.glob("[0-9]*.ipynb"))
FORMS = [path for form in ("learner", "clinician") for path in sorted((FOLDER / form).glob("*"))]
EVERY = sorted(FOLDER.glob("**/*.ipynb"))
every_lesson = pytest.mark.parametrize("path", SOLVED, ids=lambda path: path.stem)


def cells_of(path, kind="code"):
    cells = json.loads(path.read_text())["cells"]
    return [("".join(cell["source"]), cell) for cell in cells if cell["cell_type"] == kind]


def lines_of(source):
    return [line for line in source.splitlines() if line.strip()]


def test_forms_are_what_the_generator_writes():
    forms = make_forms()
    assert sorted(EVERY) == sorted(forms), "python -m docs.lessons"
    assert all(path.read_text() == text for path, text in forms.items()), "python -m docs.lessons"


@pytest.mark.parametrize("path", EVERY, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_it_writes_no_file(path):
    """Lessons show and ask; `lessons` itself opens none but its own words and fonts."""
    for source, _ in cells_of(path):
        for node in ast.walk(ast.parse(source)):
            name = getattr(node, "attr", getattr(node, "id", ""))
            assert not re.match(r"open$|Path$|os$|save|write|to_(csv|json|parquet|pickle)", name)


def test_the_page_to_start_from_lists_every_lesson():
    assert START.read_text() == make_start(), "python -m docs.lessons"
    for path in EVERY:
        assert f"]({path.relative_to(START.parent)})" in START.read_text(), path


@pytest.mark.parametrize("path", EVERY, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_no_outputs_are_committed(path):
    book = json.loads(path.read_text())
    assert set(book["metadata"]) == {"kernelspec", "language_info"}
    for cell in book["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
        assert set(cell["metadata"]) <= {"tags", "jupyter"}


@every_lesson
def test_it_keeps_the_budget_of_style(path):
    cells = json.loads(path.read_text())["cells"]
    code = [lines_of(source) for source, _ in cells_of(path)]
    sizes = sorted(map(len, code))
    assert statistics.median(sizes) <= 4
    assert sizes[int(0.9 * len(sizes))] <= 10
    assert sizes[-1] <= 15
    texts = [source for source, _ in cells_of(path, "markdown")]
    lines = [line for text in texts for line in text.splitlines()]
    assert texts[0].splitlines()[0].endswith("?")
    assert sum(line.startswith("# ") for line in lines) == 1
    assert "minutes." in texts[0]
    for wanted in ("**Ethics.**", "Sources:", "## Exercise 1", "## Exercise 2"):
        assert any(wanted in text for text in texts), wanted
    sources = "\n".join(source for source, _ in cells_of(path))
    assert not any(word in sources for word in ("torch", "sys.path", "!pip"))
    assert cells[0]["cell_type"] == "markdown"


@every_lesson
def test_a_prediction_comes_before_each_reveal_and_all_words_are_used(path):
    calls = {"predict": [], "reveal": [], "check": [], "hint": []}
    for source, _ in cells_of(path):
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr in calls and ast.unparse(node.func.value) == "lesson":
                    calls[node.func.attr].append(node.args[0].value)
                if node.func.attr == "reveal":
                    assert node.args[0].value in calls["predict"]
    words = tomllib.loads((WORDS / f"lesson{path.stem[0]}.toml").read_text())
    assert calls["predict"] == calls["reveal"] == list(words["predictions"])
    assert calls["check"] == calls["hint"] == list(words["exercises"])
    assert len(words["predictions"]) >= 2
    assert len(words["questionnaire"]) >= 3


@pytest.mark.parametrize("path", EVERY, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_links_lead_to_lessons(path):
    for source, _ in cells_of(path, "markdown"):
        for link in re.findall(r"\]\(([^)]+)\)", source):
            assert (path.parent / link).is_file(), link


def test_stubs_leave_names_and_docstrings():
    source = 'def f(x):\n    """Say."""\n    y = x\n    return y\n\n\na = [\n    1,\n]\nshow(a)'
    stub = 'def f(x):\n    """Say."""\n    return ...\n\n\na = ...\nshow(a)'
    assert leave_open(source) == stub


@pytest.mark.parametrize("name", ["learner", "clinician"])
def test_forms_hold_no_solution(name):
    for path in (FOLDER / name).glob("*.ipynb"):
        for source, cell in cells_of(path):
            assert "solution" not in tags(cell)
            if "exercise" in tags(cell):
                assert "..." in source
            else:
                hidden = name == "clinician" and not is_typed(cell)
                assert hidden == ("hide-input" in tags(cell))


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """Every solved lesson and every form run by papermill, once: name -> texts of its outputs."""
    folder, texts = tmp_path_factory.mktemp("executed"), {}
    with start_kernel_server() as server:
        for path in SOLVED:
            output = folder / path.name
            execute_notebook(path, output, {}, folder, server=server)
            texts[path.stem] = read_outputs(nbformat.read(output, 4))
    assert sorted(path.name for path in folder.iterdir()) == [path.name for path in SOLVED]
    return texts


def read_outputs(book):
    outputs = [output for cell in book.cells for output in cell.get("outputs", [])]
    return "\n".join(
        "".join(value)
        for output in outputs
        for kind, value in output.get("data", {}).items()
        if kind in ("text/html", "text/plain")
    )


@every_lesson
def test_a_solved_lesson_has_all_exercises_right(path, executed):
    text = executed[path.stem]
    words = tomllib.loads((WORDS / f"lesson{path.stem[0]}.toml").read_text())
    assert text.count("<strong>Right.</strong>") == len(words["exercises"])
    assert "Not yet" not in text
    assert "Open." not in text
    assert "alt=" in text
    assert 'alt=""' not in text


@pytest.mark.parametrize("path", FORMS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_form_runs_with_its_stubs(path, monkeypatch):
    learners = FOLDER / "learner" / path.name
    if path != learners and len(cells_of(path)) == len(cells_of(learners)):
        return  # the same code, which has run
    monkeypatch.setattr("rollcall.report.lessons.asking.display", lambda *_: None)
    monkeypatch.setattr("rollcall.report.lessons.showing.display", lambda *_, **__: None)
    cells, names, texts = [source for source, _ in cells_of(path)], {}, []
    for number, source in enumerate(cells):
        texts.append(run_shown(source, names))
        for typed, said in wrong_answers(path, name_exercise(source)):
            run_shown(typed, names)
            assert said in read_text(run_shown(source, names)), typed
        if name_exercise(source):
            run_shown(cells[number - 1], names)  # the stub again
    stubs = sum("exercise" in tags(cell) for _, cell in cells_of(path))
    opened = "\n".join(texts).count("Open.")
    assert opened == stubs
    assert "Not yet" not in "\n".join(texts)


def run_shown(source, names):
    """Run a cell; return the html of its last expression, if it has any."""
    body = ast.parse(source).body
    last = body.pop() if isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), "cell", "exec"), names)
    value = eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last else None
    return value._repr_html_() if hasattr(value, "_repr_html_") else ""


@every_lesson
def test_each_exercise_has_typical_wrong_answers(path):
    exercises = [name_exercise(source) for source, _ in cells_of(path)]
    answers = read_answers(int(path.stem[0]))
    assert list(answers) == list(filter(None, exercises))
    words = tomllib.loads((WORDS / f"lesson{path.stem[0]}.toml").read_text())["exercises"]
    for exercise, typed in answers.items():
        assert len(typed) >= 3, exercise
        if exercise in words:
            assert set(typed) == set(words[exercise]["mistakes"])


def test_a_clinicians_exercises_are_numbered_from_one():
    for path in (FOLDER / "clinician").glob("*.ipynb"):
        texts = [source for source, _ in cells_of(path, "markdown")]
        numbers = re.findall(r"(?m)^## Exercise (\d+):", "\n".join(texts))
        assert numbers == [str(n + 1) for n in range(len(numbers))]


def test_the_clinicians_track():
    names = {path.stem.split("_")[0] for path in (FOLDER / "clinician").glob("*.ipynb")}
    assert names <= set(CLINICIAN)


def test_what_lesson_6_says_of_its_numbers_is_what_it_shows(executed):
    words = " ".join(re.sub("<[^>]+>", " ", html.unescape(executed["6_what_helps"])).split())
    shown = [  # last digits are another processor's matter
        r"64 units. Of all her films: AUC 1.00. 3[123] patients at 0.9 or more; 97.\d% read",
        r"penalty 300 0.9[56]\d 1[123] 0.95\d",
        r"penalty 1000 0.8[34]\d [123] 0.8[45]\d",
        r"all digits 1.000 4[456] 0.97\d",
        r"two digits 1.000 4[123] 0.97\d",
        r"yes or no 0.9[56]\d 2[678] 0.97\d",
        r"10\.[789]",
        r"\(15.8, 0.0015\)",
        r"by record, ε = 3 0.[56]\d\d 0 0.94\d by patient, ε = 3 0.[45]\d\d 0 0.7[89]\d",
        r"ε = 3: AUC 0.9[67] by record, 0.6[78] by patient.",
        r"10 0.138 0.[45]\d\d 0.9[34]\d",
        r"nodule 0.96\d 0.4[78]\d",
        r"group B 0.84\d 0.6[67]\d -0.1[89]\d everybody 0.97\d 0.7[89]\d -0.1[89]\d",
        r"without the exposed 7\d 0.7?\d+ without as many by lot \d ",
        r"B [12]\d 80 C 0 80",
    ]
    assert [each for each in shown if not re.search(each, words)] == []
