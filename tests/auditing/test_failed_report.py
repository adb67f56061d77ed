"""What was computed is reported though a later notebook fails; the first failure is told."""

import shutil
from pathlib import Path

import nbformat
import pytest

from rollcall import auditing, datasets
from rollcall.auditing.report import make_report
from rollcall.report import notebooks
from rollcall.runs.run import open_run
from rollcall.util.errors import InputError
from rollcall.util.faults import MachineError

pytestmark = pytest.mark.slow
STEPS = ("1_train", "2_attack", "3_disparity")


@pytest.fixture
def report(finished, tmp_path, monkeypatch):
    """Make the report of a copy of a finished audit, whose notebooks run or fail at once."""
    shutil.copytree(finished.run, tmp_path / "run")
    (tmp_path / "run" / "report.html").unlink()
    cohort = datasets.load("simulated", data=finished.data, patients=120)
    study = auditing.Audit(open_run(tmp_path / "run"), cohort)

    def make(failing: dict) -> None:
        def execute(source, output, *_):
            error = failing.get(source.stem)
            book = nbformat.read(finished.run / "notebooks" / source.name, as_version=4)
            if error:
                book.cells[-1] = nbformat.v4.new_code_cell(
                    "fail()",
                    outputs=[nbformat.v4.new_output("error", ename="E", evalue="no", traceback=[])],
                )
            nbformat.write(book, output.with_suffix(".failed.ipynb") if error else output)
            if error:
                raise error

        monkeypatch.setattr(notebooks, "execute_notebook", execute)
        make_report(study, {name: {} for name in STEPS}, lambda line: None)

    def attempt(failing: dict) -> str:
        with pytest.raises(tuple({type(error) for error in failing.values()})) as raised:
            make(failing)
        assert raised.value is next(iter(failing.values()))
        page = Path(tmp_path / "run" / "report.html")
        return page.read_text() if page.exists() else ""

    return attempt


def test_groups_that_cannot_be_compared_lose_no_risk(report):
    page = report({"3_disparity": MachineError("no space left")})
    assert "This report is not complete: 3_disparity failed." in page
    assert "Which patients could be picked out?" in page
    assert "fail()" not in page
    assert "no space left" not in page


def test_a_figure_that_cannot_be_drawn_loses_nothing_else(report):
    page = report({"2_attack": InputError("no figure")})
    assert "This report is not complete: 2_attack failed." in page
    assert "Which patients could be picked out?" in page
    assert "Which groups carry the risk?" in page


def test_where_two_fail_the_first_is_told(report):
    page = report({"2_attack": MachineError("first"), "3_disparity": InputError("second")})
    assert "This report is not complete: 2_attack and 3_disparity failed." in page


def test_without_targets_there_is_no_report(report):
    assert report({"1_train": MachineError("no memory")}) == ""
