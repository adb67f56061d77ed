"""Kernels that are forked from one process are as independent as kernels that are started."""

import os
import re
import signal
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest

from rollcall.commands.audit import LOAD_WORKERS
from rollcall.report.notebooks import execute_notebook
from rollcall.report.notebooks.kernels import start_kernel_server
from rollcall.util.errors import InputError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")

UNTIDY = """
import os, sys, warnings
import numpy as np
left_behind = 1
np.seterr(all="raise")
warnings.simplefilter("ignore")
os.environ["ROLLCALL_LEFT"] = "1"
os.chdir("/")
sys.path.append("/left")
import rollcall
rollcall.left_behind = 1
"""
LOOK = """
import os, sys, warnings
import numpy as np
import rollcall
print("left_behind" in globals(), "In" in globals() and len(In), np.geterr()["over"])
print(os.environ.get("ROLLCALL_LEFT"), os.getcwd(), "/left" in sys.path)
print(hasattr(rollcall, "left_behind"), "rollcall.auditing" in sys.modules)
print("pid", os.getpid(), os.getppid())
"""
PLOT = """
import matplotlib.pyplot as plt
print(plt.get_backend(), plt.rcParams["figure.dpi"])
plt.plot([1, 2, 4])
"""


@pytest.fixture(scope="module")
def server():
    with start_kernel_server() as started:
        yield started


@pytest.fixture
def run(tmp_path, server):
    """Run cells as a notebook of the server; return what each cell printed, and whether it drew."""

    def execute(*cells, by=server, first=""):
        book = nbformat.v4.new_notebook()
        book.cells = [
            nbformat.v4.new_code_cell("size: int = 3", metadata={"tags": ["parameters"]}),
            *map(nbformat.v4.new_code_cell, cells),
        ]
        nbformat.write(book, tmp_path / "in.ipynb")
        output = tmp_path / "out.ipynb"
        execute_notebook(tmp_path / "in.ipynb", output, {}, tmp_path, None, by, first)
        ran = [cell for cell in nbformat.read(output, 4).cells if cell.cell_type == "code"]
        assert [cell.execution_count for cell in ran] == list(range(1, len(ran) + 1))
        return ["".join(map(_text, cell.outputs)) for cell in ran][1:]

    def _text(output):
        return output.get("text") or output.get("data", {}).get("image/png", "")

    return execute


def test_a_notebook_sees_nothing_of_the_one_before(run, tmp_path):
    fresh, _ = run(LOOK, "1", by=None)
    run(UNTIDY)
    (forked,) = run(LOOK)
    assert forked.splitlines()[:2] == fresh.splitlines()[:2]
    assert forked.splitlines()[2] == "False True"  # imported before the notebook began
    assert str(tmp_path) in forked


def test_a_figure_is_drawn_as_ever(run):
    """Though matplotlib was imported before there was a kernel to draw in."""
    forked, fresh = run(PLOT), run(PLOT, by=None)
    assert forked == fresh
    assert "inline" in forked[0]
    assert "iVBORw0KGgo" in forked[0]


def test_workers_load_while_a_notebook_begins(run):
    """Started out of the notebook's sight, by the process that will ask for workers."""
    look = "from multiprocessing import forkserver\nprint(forkserver._forkserver._forkserver_pid)"
    (pid,) = run(look, first=LOAD_WORKERS)
    assert pid != "None\n"
    end = time.time() + 60
    while psutil.pid_exists(int(pid)):
        assert time.time() < end, "it outlived its kernel"
        time.sleep(0.05)
    assert run(look) == ["None\n"]


@pytest.mark.parametrize(
    ("cell", "kind", "message"),
    [
        (
            "raise ValueError('one\\ntwo')",
            RuntimeError,
            r"failed at In \[2\]: ValueError: one two; more in .*out\.failed\.ipynb$",
        ),
        (
            "from rollcall.util.errors import InputError\nraise InputError('no such cohort')",
            InputError,
            "^no such cohort$",
        ),
        ("import sys\nsys.exit(0)", RuntimeError, "stopped early: 1 of its 3 code cells"),
        (
            "import os\nos.kill(os.getpid(), 9)",
            RuntimeError,
            r"kernel was killed by the system \(SIGKILL\)",
        ),
        ("import os\nos.kill(os.getpid(), 11)", RuntimeError, r"kernel was ended by SIGSEGV \("),
        ("import os\nos._exit(3)", RuntimeError, "its kernel ended with status 3; the same"),
    ],
)
def test_after_a_failure_the_next_notebook_runs(run, cell, kind, message):
    with pytest.raises(kind, match=message):
        run(cell, "print('never')")
    assert run("print(size)") == ["3\n"]


def test_code_before_the_cells_is_out_of_sight(run):
    first = "__import__('os').environ['ROLLCALL_FIRST'] = 'ran'"
    assert run("import os\nprint(os.environ['ROLLCALL_FIRST'], len(In))", first=first) == [
        "ran 3\n"
    ]


def test_without_its_server_a_kernel_is_started_afresh(run):
    with start_kernel_server() as started:
        (printed,) = run("import os\nprint(os.getppid())", by=started)
        os.kill(int(printed), signal.SIGKILL)
        assert run("print(size)", by=started) == ["3\n"]


def test_no_process_stays(run):
    with start_kernel_server() as started:
        (printed,) = run(LOOK, by=started)
        pids = [int(pid) for pid in re.findall(r"pid (\d+) (\d+)", printed)[0]]
    end = time.time() + 60  # of which a busy machine may need some
    while any(psutil.pid_exists(pid) for pid in pids):
        assert time.time() < end
        time.sleep(0.05)


@pytest.mark.parametrize("fresh", [False, True])
def test_no_temporary_file_stays(run, server, fresh):
    """A kernel that is ended at once cleans nothing up: its folder of temporary files goes."""
    look = "import tempfile; from multiprocessing import util; print(util.get_temp_dir())"
    (printed,) = run(look, first=LOAD_WORKERS, by=None if fresh else server)
    kernel = Path(printed.strip()).parent
    assert kernel.parent.name.startswith("rollcall-")
    assert not kernel.exists()
