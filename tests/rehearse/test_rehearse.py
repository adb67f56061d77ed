"""Every dataset of the paper rehearsed end to end: a simulated release in its publisher's layout, then the whole audit on it."""

import re
from pathlib import Path

import pandas as pd
import pytest

from rollcall import datasets as cohorts
from rollcall import rehearse
from rollcall.__main__ import main
from rollcall.data.release import SIMULATED
from rollcall.util.errors import InputError
from tests.conftest import rollcall

QUICK = ("--targets", 8, "--recipe", "epochs=1", "--option", "size=32")
TABLES = ("ptb_xl", "mimic_iv_ed")  # no pictures to resize


def test_all_seven_are_there():
    assert set(cohorts.REHEARSABLE) < set(cohorts.NAMES)


@pytest.mark.parametrize("name", cohorts.REHEARSABLE)
def test_from_release_files_to_report(name, tmp_path):
    options = QUICK[:4] if name in TABLES else QUICK
    done = rollcall(
        "rehearse",
        "--cohort",
        name,
        "--patients",
        60,
        "--out",
        tmp_path / "out",
        "--data",
        tmp_path / "data",
        *options,
    )
    assert done.returncode == 0, done.stderr
    assert "Simulated data: a rehearsal" in done.stdout
    folder = tmp_path / "out" / name / "rehearsal"
    page = (folder / "report.html").read_text()
    assert (
        page.count("Every patient and every value here is invented") >= 4
    )  # in sight always, and in each of the three parts
    assert 'class="notice"' in page
    assert "table-header-group" in page
    patients = pd.read_parquet(folder / "patients.parquet")
    assert not patients.empty
    assert patients["auc_joint"].between(0, 1).all()
    shown = re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]+", "", page)
    for patient in patients["patient_id"].astype(str):
        assert len(patient) < 4 or not re.search(rf"\b{re.escape(patient)}\b", shown), (
            "a patient id in the report"
        )
    for column in ("patients",):
        groups = pd.read_parquet(folder / "disparity.parquet")
        assert (groups[column] >= 10).all()
    release = next((tmp_path / "data" / name / "rehearsal").iterdir())
    assert (release / SIMULATED).is_file()


@pytest.mark.parametrize("name", cohorts.REHEARSABLE)
def test_a_release_is_the_same_each_time(name, tmp_path):
    for folder in ("a", "b"):
        rehearse.write(name, tmp_path / folder, 40, seed=3)
    files = sorted(
        path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file()
    )
    assert files == sorted(
        path.relative_to(tmp_path / "b") for path in (tmp_path / "b").rglob("*") if path.is_file()
    )
    assert all(
        (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
        for file in files
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cohort", "chexprt"], "unknown dataset to rehearse 'chexprt'; did you mean 'chexpert'"),
        (["--cohort", "ham10000"], "unknown dataset to rehearse 'ham10000'"),
        (["--cohort", "chexpert", "--patients", "3"], "patients is 3; expected at least 40"),
    ],
)
def test_wrong_input_is_one_line(arguments, message, tmp_path, capsys):
    assert (
        main(
            [
                "rehearse",
                "--data",
                str(tmp_path / "data"),
                "--out",
                str(tmp_path / "out"),
                *arguments,
            ]
        )
        == 2
    )
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="is not a rehearsal"):
        rehearse.write("chexpert", tmp_path / "root", 40)
    assert [path.name for path in Path(tmp_path / "root").iterdir()] == ["mine.txt"]
