"""What a release check says and writes: small numbers hidden, strict json, private files."""

import json
import re
import stat
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest

from rollcall.experiments.release import words
from rollcall.report.appetite import read_appetite
from rollcall.report.appetite.released import Released, judge_released
from rollcall.report.twin import read_schema
from rollcall.util.errors import InputError

from .simulation import check, simulate
from .test_outputs import make_cohort


def released(patients: int = 900, **options):
    case = simulate(1, patients=patients, **options)
    sex = np.where(np.arange(patients) % 2, "f", "m")
    return check(case, attributes=pd.DataFrame({"sex": pd.Categorical(sex)}))


def test_the_sentences_name_the_numbers_and_the_control_beside_them():
    result = released(leak=6.0)
    text = " ".join(words.write_sentences(result))
    for number in (
        f"{result.named} of {result.members}",
        f"about {result.fewest}",
        "Without the model",
    ):
        assert number in text
    few = " ".join(words.write_sentences(result, smallest=result.named + 1))
    assert f"fewer than {result.named + 1} of" in few


def test_a_confounded_release_says_why_first_and_names_nobody():
    sentences = words.write_sentences(released(leak=6.0, shifted=0.5))
    assert sentences[0].startswith("Nobody is named: members can be told from outsiders")
    assert not any("are exposed" in sentence for sentence in sentences)


def test_files_are_private_and_the_json_is_strict(tmp_path):
    cohort = make_cohort(patients=900)
    folder = tmp_path / "release"
    result = released(leak=6.0)
    sentences = words.write_release(folder, result, cohort, {"model": "mlp"})
    twin = json.loads((folder / words.TWIN).read_text(), parse_constant=pytest.fail)
    assert twin["sentences"] == sentences
    assert twin["named"] == str(result.named)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        assert path.name == ".gitignore" or stat.S_IMODE(path.stat().st_mode) == 0o600
    report = json.loads((folder / "report.json").read_text(), parse_constant=pytest.fail)
    jsonschema.validate(report, read_schema())
    assert report["kind"] == "released"
    assert report["summary"][: len(sentences)] == sentences
    assert report["numbers"]["exposed"] == result.named
    for shown in (words.TWIN, words.NOTE, words.PAGE, "report.json"):  # these may leave
        assert not re.search(r"\bp\d\d", (folder / shown).read_text())
    table = pd.read_parquet(folder / words.PATIENTS)
    assert list(table["patient_id"]) == list(cohort.patients)
    words.write_release(folder, result, cohort, {})  # again, in its place


def test_another_folder_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(InputError, match="something else"):
        words.check_release_folder(tmp_path)
    with pytest.raises(InputError, match="a file"):
        words.check_release_folder(tmp_path / "mine.txt")


def test_what_thresholds_say_comes_first(tmp_path):
    example = Path(__file__).parents[3] / "docs" / "examples" / "appetite.toml"
    measured = Released(
        members=500,
        outsiders=400,
        references=16,
        named=0,
        fewest=25,
        fdr=0.05,
        auc=0.7,
        auc_high=0.72,
        control_failed=False,
        groups=None,
        smallest=10,
    )
    verdict = judge_released(measured, read_appetite(example))
    words.write_release(tmp_path, released(), make_cohort(patients=900), {}, 10, verdict)
    page = (tmp_path / words.NOTE).read_text().split("\n\n")
    assert page[1].startswith("**FAIL against the thresholds of 2025-01-15")
    assert "- lira_auc: fail" in page[2]
    assert json.loads((tmp_path / words.TWIN).read_text())["decision"]["outcome"] == "fail"
