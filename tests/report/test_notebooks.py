import io
import os
import sys

import nbformat
import pytest

from rollcall.report import notebooks as runner
from rollcall.util.errors import InputError


@pytest.fixture
def build(tmp_path):
    def make(
        *cells,
        parameters="size: int = 3  # a number\nnames: list[str] = []\nrate: float = 0.5\ncohort = 'simulated'",
        folder="in",
    ):
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


def test_runs_in_a_foreign_folder(build, tmp_path):
    notebook, output, foreign, stream, before = (
        build(
            "import os, sys\nfrom rollcall.util.errors import InputError\nprint(size, names, rate, os.getcwd(), sys.executable)",
            "import json\nfrom IPython import get_ipython\n"
            "at = json.load(open(get_ipython().kernel.parent.connection_file))\n"
            "print(at['transport'], oct(os.stat(os.path.dirname(at['ip'])).st_mode), at['ip'])",
            "print('50%\\r100%', file=sys.stderr)\nprint(os.environ['TQDM_MININTERVAL'], os.environ['ROLLCALL_PLAIN_PROGRESS'])",
            folder="with {braces}",
        ),
        tmp_path / "out" / "1_tiny.ipynb",
        tmp_path / "foreign",
        Terminal(),
        dict(os.environ),
    )
    foreign.mkdir()
    runner.execute(
        notebook, output, {"size": 4, "names": ["a"], "rate": 1}, cwd=foreign, stream=stream
    )
    first, second, third = printed(output).splitlines()
    assert first.startswith(f"4 ['a'] 1 {foreign} ")
    assert first.endswith(sys.executable)
    assert second.split()[0] == "ipc"
    assert second.split()[1].endswith("700")
    assert not os.path.exists(os.path.dirname(second.split()[-1]))
    assert third == "0.5 1"
    assert stream.getvalue() == "50%\r100%\n"
    assert "100%\n" not in output.read_text()
    assert dict(os.environ) == before
    assert os.getcwd() != str(foreign)
    assert [path.name for path in output.parent.iterdir()] == ["1_tiny.ipynb"]
    again, log = tmp_path / "again" / "1_tiny.ipynb", io.StringIO()
    text = output.read_text()
    runner.execute(notebook, again, {"size": 4, "names": ["a"], "rate": 1}, cwd=foreign, stream=log)
    assert log.getvalue() == "50%\n100%\n"
    assert again.read_text().replace(printed(again).splitlines()[1], "").replace(
        "30 1", ""
    ) == text.replace(second, "").replace("0.5 1", "")


def test_output_arrives_while_the_notebook_runs(build, tmp_path):
    flag = tmp_path / "seen"

    class Watch(Terminal):
        def write(self, text):
            flag.touch()
            return super().write(text)

    notebook = build(
        "import sys, time, pathlib\nsys.stderr.write('\\r10%')\nsys.stderr.flush()\nend = time.time() + 20\n"
        f"while not pathlib.Path({str(flag)!r}).exists():\n    assert time.time() < end\n    time.sleep(.05)"
    )
    runner.execute(notebook, tmp_path / "out.ipynb", {}, cwd=tmp_path, stream=Watch())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"siez": 4}, "unknown parameter of notebook 1_tiny.ipynb 'siez'; did you mean 'size'"),
        ({"size": "4"}, "'size' of notebook 1_tiny.ipynb must be int, not '4'"),
        ({"size": True}, "must be int, not True"),
        ({"size": None}, "must be int, not None"),
        ({"rate": "high"}, "must be float"),
        ({"names": "a"}, r"must be list\[str\], not 'a'"),
        ({"names": [1]}, r"must be list\[str\]"),
        ({"cohort": 1}, "must be str"),
    ],
)
def test_wrong_parameters_are_refused(build, tmp_path, given, said):
    with pytest.raises(InputError, match=said):
        runner.execute(build(), tmp_path / "out.ipynb", given, cwd=tmp_path)
    assert not list(tmp_path.glob("*.ipynb"))


def test_types_that_fit():
    assert runner._is(1, "float")
    assert runner._is(None, "")
    assert runner._is(True, "bool")
    assert runner._is("x", "Anything")
    assert not runner._is(True, "float")
    assert not runner._is(1, "bool")


def test_optional_parameters(build):
    notebook = build(
        parameters="from typing import Optional\nlimit: Optional[int] = None\ntags: Optional[list[str]] = None"
    )
    runner.check(notebook, {"limit": None, "tags": ["a"]})
    runner.check(notebook, {"limit": 3, "tags": None})
    for wrong in {"limit": "3"}, {"tags": [3]}:
        with pytest.raises(InputError):
            runner.check(notebook, wrong)


@pytest.mark.parametrize(
    ("cell", "kind", "said"),
    [
        (
            "raise ValueError('one\\ntwo')",
            RuntimeError,
            r"^1_tiny.ipynb failed at In \[2\]: ValueError: one two$",
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
def test_failure_leaves_no_output(build, tmp_path, cell, kind, said):
    output = tmp_path / "out.ipynb"
    with pytest.raises(kind, match=said):
        runner.execute(
            build(cell, "print('never')"),
            output,
            {"size": 4} if kind is InputError else {},
            cwd=tmp_path,
        )
    assert [path.name for path in tmp_path.glob("*.ipynb")] == ["out.failed.ipynb"]


def test_missing_notebook(tmp_path):
    with pytest.raises(InputError, match="no notebook"):
        runner.execute(tmp_path / "none.ipynb", tmp_path / "out.ipynb", {}, cwd=tmp_path)
