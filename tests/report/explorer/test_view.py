import ast
import json
import shlex

import nbformat
import numpy as np
import pandas as pd
import papermill
import papermill.cli
import pytest

from rollcall.report import explorer
from rollcall.report.explorer.view import View, find_nearest, write_command
from rollcall.report.explorer.widgets import clean
from rollcall.report.notebooks import execute_notebook
from rollcall.util.files import notebooks

SHOWN = ("choose", "threshold", "models", "patient", "runs", "command")


def read_parameters(command):
    """What the command hands to the notebook, as papermill reads it."""
    words = shlex.split(command)
    pairs = [words[at + 1 : at + 3] for at, word in enumerate(words) if word == "-p"]
    return {key: papermill.cli._resolve_type(value) for key, value in pairs}


def test_the_command_is_the_view():
    view = View("simulated/mlp", 0.83, 16, 5, "simulated/other one", 40)
    command = write_command(view, "/tmp/some out", "")
    assert read_parameters(command) == {
        **{"run": "simulated/mlp", "threshold": 0.83, "models": 16, "rank": 5},
        **{"other": "simulated/other one", "top": 40},
        **{"out": "/tmp/some out", "stills": True},
    }
    assert "explore.ipynb" in command
    assert read_parameters(write_command(View("a/b"))) == {"run": "a/b", "stills": True}


def test_every_field_of_the_view_is_a_parameter_of_the_notebook():
    names = set(papermill.inspect_notebook(str(notebooks() / "explore.ipynb")))
    assert names == set(View.__dataclass_fields__) | {"out", "data", "stills"}


def test_moves_replace_the_view_and_renew_the_command(two_runs, finished):
    view = explorer.start(out=str(two_runs), data=str(finished.data), other="simulated/second")
    for name in SHOWN:
        getattr(view, name)()
    view._pictures["threshold"].position = 1
    view._pictures["models"].position = 0
    assert view.view.models == 8
    assert view.view.threshold == view._pictures["threshold"].data["steps"]["risk"][1]
    assert view._pictures["patient"].position == 0  # the two sliders are one number
    command = view._pictures["command"].data["command"]
    assert read_parameters(command)["models"] == 8
    sentence = view._pictures["models"].data["sentences"][0]
    assert sentence.startswith("The first 8 models put")
    before = view.view
    with pytest.raises(AttributeError):
        before.rank = 2
    view._change_run("simulated/second")
    assert view.view == View("simulated/second")
    assert view.opened
    assert view.opened.name == "simulated/second"


def test_the_nearest_step_is_taken():
    assert find_nearest([0.5, 0.6, 0.7], 0.64) == 1
    assert find_nearest([8, 16], 12) == 0


def test_what_is_no_number_becomes_null():
    value = {1: [float("nan"), np.inf, 2.0], "a": ({"b": -1},)}
    assert json.dumps(clean(value), allow_nan=False) == '{"1": [null, null, 2.0], "a": [{"b": -1}]}'


@pytest.fixture(scope="module")
def executed(two_runs, finished, tmp_path_factory):
    output = tmp_path_factory.mktemp("explored") / "explore.ipynb"
    given = {"out": str(two_runs), "data": str(finished.data), "rank": 2, "models": 8}
    given |= {"stills": True, "other": "simulated/second", "threshold": 0.6}
    execute_notebook(notebooks() / "explore.ipynb", output, given, cwd=output.parent)
    return nbformat.read(output, 4)


def test_papermill_makes_stills_with_alternative_texts(executed, two_runs):
    pages = [
        out["data"].get("text/html", "")
        for cell in executed.cells
        for out in cell.get("outputs", [])
    ]
    figures = [page for page in pages if "<figure>" in page]
    assert len(figures) == 4
    assert all(ast.literal_eval(f'"{page.split(chr(34))[3]}"') for page in figures)
    assert "of rank 2 of 120" in figures[2]
    assert "under the first 8 models" in figures[2]
    made = {path.name for path in (two_runs / "views").iterdir()}
    for name in ("threshold", "models", "patient", "runs"):
        assert {f"{name}.pdf", f"{name}.png", f"{name}.svg", f"{name}.csv"} <= made
    assert (two_runs / "views" / ".gitignore").exists()


def test_the_numbers_of_the_pictures_lie_beside_them(executed, two_runs):
    ticks = pd.read_csv(two_runs / "views" / "patient.csv")
    assert set(ticks["part"]) == {"gaussians", "scores"}
    assert (ticks[ticks["part"] == "scores"].groupby("name").size() == 8).all()
    curves = pd.read_csv(two_runs / "views" / "threshold.csv")
    patients = curves.loc[curves["part"] == "curves", "patients"]
    assert (-np.diff(patients) >= 10).all()
    assert not (curves["low"] < 10).any()
    assert "patient_id" not in "".join(
        path.read_text() for path in (two_runs / "views").glob("*.csv")
    )
