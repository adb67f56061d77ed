"""Every notebook as it is committed; its parameters beside auditing.plan and the command line."""

import ast
import inspect
import json
import re
import subprocess
import sys

import papermill
import pytest

from rollcall import auditing
from rollcall.__main__ import build_parser
from rollcall.report.notebooks.parameters import declare_parameters
from rollcall.risk.screening import stopping
from rollcall.runs.derived.parts import NOTEBOOKS
from rollcall.training import train
from rollcall.util import files

PATHS = sorted(files.notebooks().glob("*.ipynb"))
PLAN = {
    name: parameter.default
    for name, parameter in inspect.signature(auditing.plan).parameters.items()
    if name != "train"  # which no user gives
}
every_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def read_cells(path):
    """Read the cells of a notebook: (kind, source, cell)."""
    cells = json.loads(path.read_text())["cells"]
    return [(cell["cell_type"], "".join(cell["source"]), cell) for cell in cells]


def read_parameters(path):
    """Read the defaults of a notebook's parameters, which are literals with a type."""
    (source,) = [
        source
        for _, source, cell in read_cells(path)[:3]
        if cell["metadata"].get("tags") == ["parameters"]
    ]
    statements = ast.parse(source).body
    assert all(isinstance(statement, ast.AnnAssign) for statement in statements)
    return {line.target.id: ast.literal_eval(line.value) for line in statements}


@every_notebook
def test_it_is_committed_without_outputs(path):
    for kind, _, cell in read_cells(path):
        if kind == "code":
            assert not cell["outputs"]
            assert cell["execution_count"] is None
    assert json.loads(path.read_text())["metadata"]["kernelspec"]["name"] == "python3"


def test_nbstripout_has_nothing_to_take_away():
    command = [sys.executable, "-m", "nbstripout", "--verify", "--keep-id", "--extra-keys"]
    keys = "metadata.papermill cell.metadata.papermill"
    done = subprocess.run([*command, keys, *map(str, PATHS)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@every_notebook
def test_it_opens_with_one_question(path):
    texts = [source for kind, source, _ in read_cells(path) if kind == "markdown"]
    title = texts[0].splitlines()[0]
    assert title.startswith("# ")
    assert title.endswith("?")
    lines = [line for text in texts for line in text.splitlines()]
    assert sum(line.startswith("# ") for line in lines) == 1


@every_notebook
def test_it_holds_calls_and_one_import(path):
    sources = [source for kind, source, _ in read_cells(path) if kind == "code"]
    for source in sources:
        assert not re.search(r"!pip|sys\.path|os\.chdir|/(?:home|root)/|def |class ", source)
        assert len(ast.parse(source).body) <= 12
        assert source == sources[0] or len(source.splitlines()) <= 14
    imports = re.findall(r"^(?:from|import) .*", "\n".join(sources), re.MULTILINE)
    assert len(imports) == 1, imports
    assert imports[0].startswith("from rollcall")


@every_notebook
def test_it_writes_nowhere_but_in_its_results_and_data(path):
    """Both are folders that git ignores, unless the reader names others."""
    sources = [source for kind, source, _ in read_cells(path) if kind == "code"]
    first, parameters, names, seen = sources[1], read_parameters(path), {}, 0
    exec(first.splitlines()[0], names)
    for node in ast.walk(ast.parse("\n".join(sources))):
        if not isinstance(node, ast.Call):
            continue
        root = node.func
        while isinstance(root, ast.Attribute | ast.Call):
            root = root.value if isinstance(root, ast.Attribute) else root.func
        assert root.id in {*names, "print"} or re.search(rf"(?m)^{root.id} = ", "\n".join(sources))
        if ast.unparse(node.func).split(".")[0] not in names:
            continue  # of what such a call gave, which knows its folders
        taken = set(inspect.signature(eval(ast.unparse(node.func), names)).parameters)
        given = {word.arg: ast.unparse(word.value) for word in node.keywords}
        for folder in {"out", "data"} & (taken | set(given)):
            assert given.get(folder) == folder
            assert parameters[folder] == ""
            seen += 1
    assert seen, "a notebook that writes nothing says where it reads"


@every_notebook
def test_papermill_and_we_see_the_same_parameters(path):
    names = set(read_parameters(path))
    assert set(papermill.inspect_notebook(str(path))) == set(declare_parameters(path)) == names


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_parameters_are_those_of_plan_and_of_the_command_line(name):
    """Names and defaults: in the notebook, in the signature, and of `rollcall audit`."""
    parameters = read_parameters(files.notebooks() / f"{name}.ipynb")
    scheduler = parameters.pop("scheduler", None)
    assert scheduler in (None, inspect.signature(train).parameters["scheduler"].default)
    assert (scheduler is not None) == (name == "1_train")
    plan = {key: list(value) if isinstance(value, tuple) else value for key, value in PLAN.items()}
    assert parameters == plan
    arguments = vars(build_parser().parse_args(["audit"]))
    assert arguments.pop("command") == "audit"
    assert arguments.pop("scheduler") == "local"
    # files that the command line alone takes
    assert [arguments.pop(key) for key in ("description", "appetite", "statement")] == [""] * 3
    budget = [arguments.pop(key) for key in ("budget", "precision", "most_targets")]
    assert budget == ["", stopping.PRECISION, stopping.MOST_TARGETS]
    assert arguments == plan


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_parameter_reaches_plan(name):
    code = "\n".join(
        source
        for kind, source, _ in read_cells(files.notebooks() / f"{name}.ipynb")
        if kind == "code"
    )
    (call,) = [
        node
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "auditing.plan"
    ]
    opens = {} if name == "1_train" else {"train": "False"}  # only 1_train makes or grows a run
    assert {word.arg: ast.unparse(word.value) for word in call.keywords} == {
        key: key for key in PLAN
    } | opens
    assert not call.args


def test_plan_takes_keywords_alone():
    kinds = {value.kind for value in inspect.signature(auditing.plan).parameters.values()}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}


def test_the_page_to_start_from_has_every_notebook_with_its_question():
    first = read_cells(files.notebooks() / "start.ipynb")[0][1]
    rows = [line.strip("| ").split(" | ") for line in first.splitlines() if line.startswith("| [")]
    questions = {}
    for link, question, minutes, *_ in rows:
        name, target = re.fullmatch(r"\[(\w+)\]\((\w+)\.ipynb\)", link).groups()
        assert name == target
        assert re.fullmatch(r"\d+|as you like", minutes)
        questions[name] = question
    titles = {
        path.stem: read_cells(path)[0][1].splitlines()[0].removeprefix("# ")
        for path in PATHS
        if path.stem != "start"
    }
    assert questions == titles


def test_links_of_the_page_to_start_from_lead_somewhere():
    texts = [text for kind, text, _ in read_cells(files.notebooks() / "start.ipynb")]
    for link in re.findall(r"\]\(([^)]+)\)", "\n".join(texts)):
        assert (files.notebooks() / link).exists(), link
