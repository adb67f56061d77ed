import os
import subprocess
import sys
from dataclasses import replace

import pytest

from rollcall.report import explorer
from rollcall.report.explorer.opening import list_others, list_runs, open_listed
from rollcall.util.errors import InputError


def list_files(folder):
    return {path: os.stat(path).st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_where_there_is_no_run_it_says_how_to_make_one(tmp_path):
    listed = list_runs(str(tmp_path))
    assert listed.names == ()
    assert "No finished run" in listed.describe()
    assert "rollcall audit" in listed.describe()
    view = explorer.start(out=str(tmp_path))
    assert "rollcall audit" in view.choose().value
    shown = [view.threshold(), view.models(), view.patient(), view.runs(), view.command()]
    assert shown == [None] * 5
    assert not list(tmp_path.iterdir())


def test_a_run_that_is_not_there_is_refused_and_not_made(finished):
    before = list_files(finished.out)
    with pytest.raises(InputError, match=r"unknown run 'simulated/mpl'.*did you mean"):
        explorer.start(run="simulated/mpl", out=str(finished.out))
    assert list_files(finished.out) == before


def test_looking_writes_nothing(finished):
    before = list_files(finished.out)
    view = explorer.start(out=str(finished.out), data=str(finished.data))
    for show in (view.choose, view.threshold, view.models, view.patient, view.runs, view.command):
        assert show() is not None
    assert list_files(finished.out) == before


def test_unfinished_and_unattacked_runs_are_named_with_what_to_do(finished, two_runs, tmp_path):
    import shutil

    out = tmp_path / "results"
    shutil.copytree(two_runs, out)
    (out / "simulated" / "second" / "patients.parquet").unlink()
    listed = list_runs(str(out))
    assert listed.names == ("simulated/mlp",)
    assert "simulated/second: trained, and not attacked yet" in listed.describe()
    with pytest.raises(InputError, match="2_attack"):
        open_listed(listed, "simulated/second")


def test_others_are_runs_of_the_same_patients(two_runs):
    listed = list_runs(str(two_runs))
    opened = open_listed(listed, "simulated/mlp")
    assert list_others(listed, opened) == ["simulated/second"]


def test_single_patients_are_closed_unless_data_are_open_or_invented(opened, tmp_path):
    assert opened.closed == ""
    restricted = replace(opened)
    vars(restricted)["cohort"] = replace(opened.cohort, restricted=True)
    assert "restricted" in restricted.closed
    rehearsed = replace(opened)
    vars(rehearsed)["cohort"] = replace(opened.cohort, restricted=True, simulated=True)
    assert rehearsed.closed == ""
    nowhere = replace(opened, data=tmp_path)
    assert str(tmp_path) in nowhere.closed  # nobody can tell, so none is shown


def test_the_import_is_light():
    code = (
        "import sys; import rollcall.report.explorer; from rollcall.report.explorer import widgets;"
        "heavy = {'torch', 'scipy.stats', 'matplotlib', 'sklearn'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
