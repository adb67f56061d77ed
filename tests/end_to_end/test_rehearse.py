"""Every dataset that can be rehearsed, from a simulated release to the report on it.

One goes through the command line, its kernels and its workers, as test_cli.py's table does; the
others take the same steps in this process.
"""

import json
import re

import pandas as pd
import pytest

from rollcall import auditing, datasets
from rollcall.__main__ import main
from rollcall.data import decode
from rollcall.data.release import SIMULATED
from rollcall.report import notebooks
from rollcall.training.backends import local
from tests.conftest import rollcall
from tests.datasets.quick import Threads
from tests.end_to_end import in_process, leaving, redrawing

WHOLE = ("chexpert",)
WITHOUT_IMAGES = ("ptb_xl", "mimic_iv_ed")
RECIPE = {"ptb_xl": ["epochs=1", "settings.width=16"]}  # else epochs=1


def words(name: str, folder) -> list[str]:
    """The command line's words: 60 patients, 8 targets, 1 epoch, small images."""
    options = ["--patients", "60", "--targets", "8"]
    for entry in RECIPE.get(name, ["epochs=1"]):
        options += ["--recipe", entry]
    if name not in WITHOUT_IMAGES:
        options += ["--option", "size=32"]
    where = ["--out", str(folder / "out"), "--data", str(folder / "data")]
    return ["rehearse", "--cohort", name, *options, *where]


def check_rehearsal(name: str, folder, printed: str) -> None:
    assert "Simulated data: a rehearsal" in printed
    run = folder / "out" / name / "rehearsal"
    page = (run / "report.html").read_text()
    # in sight always, and on every sheet
    assert page.count("Every patient and every value here is invented") == 1
    assert 'class="notice"' in page
    assert "table-header-group" in page
    patients = pd.read_parquet(run / "patients.parquet")
    assert not patients.empty
    assert patients["auc_joint"].between(0, 1).all()
    text = re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]+", "", page)
    for patient in patients["patient_id"].astype(str):
        in_report = re.search(rf"\b{re.escape(patient)}\b", text)
        assert len(patient) < 4 or not in_report, "a patient id in the report"
    release = next((folder / "data" / name / "rehearsal").iterdir())
    study = auditing.plan(
        cohort=name,
        targets=8,
        run="rehearsal",
        root=str(release),
        out=str(folder / "out"),
        data=str(folder / "data"),
        options=[] if name in WITHOUT_IMAGES else ["size=32"],
        recipe=RECIPE.get(name, ["epochs=1"]),
    )
    assert leaving.list_small_counts(json.loads((run / "report.json").read_text())) == []
    given_away, numbers = leaving.attack_report(study)
    assert given_away == []
    assert numbers > 2
    assert (release / SIMULATED).is_file()
    redrawing.check_figures(folder, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", WHOLE)
def test_from_release_to_report_through_the_command_line(name, tmp_path):
    done = rollcall(*words(name, tmp_path))
    assert done.returncode == 0, done.stderr
    check_rehearsal(name, tmp_path, done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in datasets.REHEARSABLE if name not in WHOLE])
def test_from_release_to_report_in_this_process(name, tmp_path, monkeypatch, capsys, no_kernels):
    monkeypatch.setattr(decode.futures, "ProcessPoolExecutor", Threads)
    monkeypatch.setattr(local, "train", in_process.train)
    monkeypatch.setattr(notebooks, "execute_notebook", in_process.execute_notebook)
    assert main(words(name, tmp_path)) == 0
    check_rehearsal(name, tmp_path, capsys.readouterr().out)
    stored = tmp_path / "out" / name / "rehearsal" / "targets"
    assert len(list(stored.glob("*.json"))) == 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cohort", "chexprt"], "unknown cohort 'chexprt'; did you mean 'chexpert'"),
        (["--cohort", "ham10000"], "unknown dataset to rehearse 'ham10000'"),
        (["--cohort", "chexpert", "--patients", "3"], "patients is 3; expected at least 40"),
    ],
)
def test_wrong_input_is_one_line(arguments, message, tmp_path, capsys, no_kernels):
    where = ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "out")]
    assert main(["rehearse", *where, *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_small_counts_would_be_seen():
    """So that the tests above could fail."""
    table = {"caption": "", "columns": ["group", "exposed"], "rows": [["A", "3"], ["B", "13"]]}
    twin = {
        "title": "",
        "notice": "",
        "summary": ["3 of 60 patients are exposed.", "about 3 of them are there by chance."],
        "facts": {"Notes": "4 records dropped; version 1.0.1; 12 records of 10 patients"},
        "first_page": {"sentences": [{"lead": "Who", "text": "7 of 60 patients stand out."}]},
        "parts": [{"tables": [table], "figures": [{"alt": "5 visits", "caption": "1.5 patients"}]}],
    }
    small = leaving.list_small_counts(twin)
    assert small == [
        "exposed: 3 in ['A', '3']",
        "3 of 60 patients are exposed.",
        "4 records dropped; version 1.0.1; 12 records of 10 patients",
        "7 of 60 patients stand out.",
        "5 visits",
    ]
