"""Notebooks run strictly: wrong parameters, failures and killed kernels all raise."""

import io
import os
import sys
import sysconfig

import nbformat
import pytest

from rollcall.report.notebooks import execute_notebook, parameters
from rollcall.report.notebooks.kernels import make_environment
from rollcall.report.notebooks.parameters import check_parameters
from rollcall.util import files
from rollcall.util.errors import InputError

PARAMETERS = (
    "size: int = 3  # a number\nnames: list[str] = []\nrate: float = 0.5\ncohort = 'simulated'"
)


@pytest.fixture
def build(tmp_path):
    def make(*cells, parameters=PARAMETERS, folder="in"):
        book = nbformat.v4.new_notebook()
        book.cells = [
            nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}),
            *map(nbformat.v4.new_code_cell, cells),
        ]
        for number, cell in enumerate(book.cells):
            cell.id = f"cell-{number}"
        path = tmp_path / folder / "1_tiny.ipynb"
        path.parent.mkdir()
        nbformat.write(book, path)
        return path

    return make


class Terminal(io.StringIO):
    def isatty(self):
        return True


def printed(path):
    return "".join(out.text for cell in nbformat.read(path, 4).cells for out in cell.outputs)


WHERE = """
import os, sys
from rollcall.util.errors import InputError
print(size, names, rate, os.getcwd(), sys.executable)
"""
SOCKET = """
import json
from IPython import get_ipython
connection = json.load(open(get_ipython().kernel.parent.connection_file))
folder = os.path.dirname(connection['ip'])
print(connection['transport'], oct(os.stat(folder).st_mode), folder)
"""
STREAMS = """
print('50%\\r100%', file=sys.stderr)
print(os.environ['TQDM_MININTERVAL'], os.environ['ROLLCALL_PLAIN_PROGRESS'])
"""


def test_runs_in_a_foreign_folder(build, tmp_path):
    notebook = build(WHERE, SOCKET, STREAMS, folder="with {braces}")
    output, foreign, stream = tmp_path / "out" / "1_tiny.ipynb", tmp_path / "foreign", Terminal()
    before, parameters = dict(os.environ), {"size": 4, "names": ["a"], "rate": 1}
    foreign.mkdir()
    execute_notebook(notebook, output, parameters, cwd=foreign, stream=stream)
    first, second, third = printed(output).splitlines()
    assert first.startswith(f"4 ['a'] 1 {foreign} ")
    assert first.endswith(sys.executable)
    transport, mode, sockets = second.split()
    assert transport == "ipc"
    assert mode.endswith("700")
    assert not os.path.exists(sockets)
    assert third == "0.5 1"
    assert stream.getvalue() == "50%\r100%\n"
    assert "100%\n" not in output.read_text()
    assert dict(os.environ) == before
    assert os.getcwd() != str(foreign)
    assert [path.name for path in output.parent.iterdir()] == ["1_tiny.ipynb"]
    again, log = tmp_path / "again" / "1_tiny.ipynb", io.StringIO()
    execute_notebook(notebook, again, parameters, cwd=foreign, stream=log)
    assert log.getvalue() == "50%\n100%\n"
    assert again.read_text().replace(printed(again).splitlines()[1], "").replace(
        "30 1", ""
    ) == output.read_text().replace(second, "").replace("0.5 1", "")


def test_kernels_find_what_this_process_finds(monkeypatch, tmp_path):
    """Relative entries of PYTHONPATH are meant from here; a kernel stands elsewhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["inst", "", "/elsewhere"]))
    folders = make_environment(None, tmp_path)["PYTHONPATH"].split(os.pathsep)
    assert folders[-2:] == [str(tmp_path / "inst"), "/elsewhere"]
    assert folders[:-2] == [str(files.PACKAGE.parent)]
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(files.PACKAGE.parent))
    folders = make_environment(None, tmp_path)["PYTHONPATH"].split(os.pathsep)
    assert folders == [str(tmp_path / "inst"), "/elsewhere"]


def test_kernels_write_where_this_process_would(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROLLCALL_HOME", "here")
    assert make_environment(None, tmp_path)["ROLLCALL_HOME"] == str(tmp_path / "here")


def test_output_arrives_while_the_notebook_runs(build, tmp_path):
    flag = tmp_path / "seen"

    class Watch(Terminal):
        def write(self, text):
            flag.touch()
            return super().write(text)

    wait = f"""
import pathlib, sys, time
sys.stderr.write('\\r10%')
sys.stderr.flush()
end = time.time() + 20
while not pathlib.Path({str(flag)!r}).exists():
    assert time.time() < end
    time.sleep(0.05)
"""
    notebook = build(wait)
    execute_notebook(notebook, tmp_path / "out.ipynb", {}, cwd=tmp_path, stream=Watch())


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"siez": 4}, "unknown parameter 'siez' of notebook 1_tiny.ipynb; did you mean 'size'"),
        ({"size": "4"}, "'size' of notebook 1_tiny.ipynb must be int, not '4'"),
        ({"size": True}, "must be int, not True"),
        ({"size": None}, "must be int, not None"),
        ({"rate": "high"}, "must be float"),
        ({"names": "a"}, r"must be list\[str\], not 'a'"),
        ({"names": [1]}, r"must be list\[str\]"),
        ({"cohort": 1}, "must be str"),
    ],
)
def test_wrong_parameters_are_refused(build, tmp_path, parameters, message):
    with pytest.raises(InputError, match=message):
        execute_notebook(build(), tmp_path / "out.ipynb", parameters, cwd=tmp_path)
    assert not list(tmp_path.glob("*.ipynb"))


def test_types_that_fit():
    assert parameters._is(1, "float")
    assert parameters._is(None, "")
    assert parameters._is(True, "bool")
    assert parameters._is("x", "Anything")
    assert not parameters._is(True, "float")
    assert not parameters._is(1, "bool")


def test_optional_parameters(build):
    notebook = build(
        parameters="from typing import Optional\n"
        "limit: Optional[int] = None\n"
        "tags: Optional[list[str]] = None"
    )
    check_parameters(notebook, {"limit": None, "tags": ["a"]})
    check_parameters(notebook, {"limit": 3, "tags": None})
    for wrong in {"limit": "3"}, {"tags": [3]}:
        with pytest.raises(InputError):
            check_parameters(notebook, wrong)


@pytest.mark.parametrize(
    ("cell", "kind", "message"),
    [
        (
            "raise ValueError('one\\ntwo')",
            RuntimeError,
            r"^1_tiny.ipynb failed at In \[2\]: ValueError: one two; more in .*out.failed.ipynb$",
        ),
        (
            "from rollcall.util.errors import InputError\nraise InputError('no such cohort')",
            InputError,
            "^no such cohort$",
        ),
        (
            "import sys\nsys.exit(0)",
            RuntimeError,
            "^1_tiny.ipynb stopped early: 1 of its 3 code cells did not run$",
        ),
        (
            "import os\nos.kill(os.getpid(), 9)",
            RuntimeError,
            "^1_tiny.ipynb failed: its kernel was killed",
        ),
    ],
)
def test_failure_leaves_no_output(build, tmp_path, cell, kind, message):
    output = tmp_path / "out.ipynb"
    with pytest.raises(kind, match=message):
        execute_notebook(
            build(cell, "print('never')"),
            output,
            {"size": 4} if kind is InputError else {},
            cwd=tmp_path,
        )
    assert [path.name for path in tmp_path.glob("*.ipynb")] == ["out.failed.ipynb"]


def test_missing_notebook(tmp_path):
    with pytest.raises(InputError, match="no notebook"):
        execute_notebook(tmp_path / "none.ipynb", tmp_path / "out.ipynb", {}, cwd=tmp_path)
