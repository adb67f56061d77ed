"""The command line and the notebooks, as a user meets them."""

import ast
import html
import json
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from rollcall import datasets
from rollcall.__main__ import main
from rollcall.report import notebooks
from rollcall.report.words.findings import summarise_run
from rollcall.runs.derived.parts import NOTEBOOKS
from rollcall.runs.run import open_run
from rollcall.training.backends import local
from rollcall.util import files
from tests.conftest import diabetes_rows, rollcall, write_release
from tests.end_to_end import in_process

pytestmark = pytest.mark.slow
COLUMNS = {
    "attacks": {"attack", "variant", "target", "auc", "auc_se", "tpr_at_fpr_0.01"},
    "records": {"record", "patient_id", "n_in", "n_out", "auc", "auc_rank", "auc_se"},
    "patients": {
        "patient_id",
        "records",
        "auc_joint",
        "auc_mean",
        "auc_max",
        "auc_joint_se",
        "auc_mean_se",
        "auc_max_se",
        "q_value",
        "exposed",
    },
    "disparity": {
        "attribute",
        "group",
        "patients",
        "records",
        "share",
        "exposed_share",
        "ratio_within",
        "exposed_by_chance",
        "risk_ratio",
        "ci_low",
        "ci_high",
        "p",
        "p_adjusted",
    },
}


def test_an_audit_leaves_what_the_contract_names(finished):
    for name in (
        "run.json",
        "members.npy",
        "attacks.parquet",
        "records.parquet",
        "patients.parquet",
        "disparity.parquet",
        "cutoffs.parquet",
        "shown_groups.parquet",
        "shown_cutoffs.parquet",
        "report.html",
        "report.json",
        *(f"notebooks/{name}.ipynb" for name in NOTEBOOKS),
        *(
            f"figures/{name}.{suffix}"
            for name in ("roc", "in_out", "survival", "forest", "cutoffs", "most_exposed")
            for suffix in ("pdf", "png", "svg", "csv")
        ),
    ):
        assert (finished.run / name).is_file(), name
    assert len(list((finished.run / "targets").glob("*.json"))) == 16
    assert not [path for path in finished.run.rglob("*") if ".part" in path.name]
    assert json.loads((finished.run / "run.json").read_text())["finished"]
    for name, expected in COLUMNS.items():
        assert expected <= set(pd.read_parquet(finished.run / f"{name}.parquet").columns)


def test_an_audit_says_the_three_sentences_and_shows_progress(finished):
    assert "patients are exposed" in finished.stdout
    assert "LiRA has an AUC" in finished.stdout
    assert re.search(r"to compare groups|at the same label", finished.stdout, re.IGNORECASE)
    assert "Training: 100%" in finished.stderr
    assert "Warning" not in finished.stderr
    assert "Unable to parse" not in finished.stderr


def test_planted_patients_are_exposed(finished):
    cohort = datasets.load("simulated", data=finished.data, patients=120)
    hardware = cohort.records.groupby(cohort.patient_index)["hardware"].first().to_numpy()
    risk = pd.read_parquet(finished.run / "patients.parquet")["auc_joint"]
    assert hardware.any()
    assert risk[hardware].mean() > risk[~hardware].mean() + 0.2


def test_the_report_is_one_page_without_ids_or_calls(finished):
    page = (finished.run / "report.html").read_text()
    assert not re.search(r"\bS0\d{4}\b", page), "a patient id"
    assert "<script" not in page
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)
    assert page.count("<h1") == 1
    figures = page.count("<figure ")
    assert 8 <= figures <= 14  # two of them on the first page
    assert all(alt for alt in re.findall(r'<img [^>]*alt="([^"]*)"', page))
    assert page.count("<img") == figures
    levels = [int(level) for level in re.findall(r"<h([1-6])", page)]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    cohort = datasets.load("simulated", data=finished.data, patients=120)
    for sentence in summarise_run(open_run(finished.run), cohort):
        assert html.escape(sentence.split(":")[0]) in page


def test_a_finished_run_is_taken_up_again_and_grows(finished, tmp_path, monkeypatch, no_kernels):
    """With workers of its own, and the notebooks' cells in this process."""
    monkeypatch.setattr(notebooks, "execute_notebook", in_process.execute_notebook)
    out = tmp_path / "out"
    shutil.copytree(finished.out, out)
    targets = out / "simulated" / "mlp" / "targets"
    before = {path.name: path.stat().st_mtime_ns for path in targets.iterdir()}
    words = map(str, ("audit", *finished.options, "--out", out, "--targets", 18))
    assert main(list(words)) == 0
    after = {path.name: path.stat().st_mtime_ns for path in targets.iterdir()}
    assert len(after) * 16 == len(before) * 18
    assert {name: after[name] for name in before} == before


def test_a_table_audit_end_to_end(tmp_path, monkeypatch, no_kernels):
    """In this process; the audits above and of the wheel have kernels and workers of their own."""
    monkeypatch.setattr(local, "train", in_process.train)
    monkeypatch.setattr(notebooks, "execute_notebook", in_process.execute_notebook)
    root = write_release(tmp_path / "release", diabetes_rows(60))
    words = (
        "audit",
        *("--cohort", "diabetes130", "--root", root, "--targets", 8),
        *("--out", tmp_path / "out", "--data", tmp_path / "data", "--recipe", "epochs=3"),
    )
    assert main(list(map(str, words))) == 0
    page = tmp_path / "out" / "diabetes130" / "mlp" / "report.html"
    assert "90 found, 101,766" in page.read_text()


WRONG = [
    (["--cohort", "chexprt"], "unknown cohort 'chexprt'"),
    (["--cohort", "diabetes30"], "did you mean 'diabetes130'"),
    (["--model", "mlpp"], "did you mean 'mlp'"),
    (["--targets", "9"], "targets is 9; expected an even number"),
    (["--targets", "4"], "targets is 4; expected an even number"),
    (["--seed", "-1"], "seed is -1"),
    (["--run", "../up"], "run '../up': expected a plain folder name"),
    (["--option", "leek=false"], "did you mean 'leak'"),
    (["--option", "leak=perhaps"], "expected true or false"),
    (["--option", "patients"], "expected KEY=VALUE"),
    (["--recipe", "epochs=many"], "expected a value like 10"),
    (["--recipe", "epochs=0"], "epochs is 0, expected above 0"),
    (["--option", "patients=1"], "1 patient"),
    (["--cohort", "diabetes130", "--root", "/nonexistent"], "/nonexistent: no such folder"),
]


def check_one_line(stderr: str, message: str) -> None:
    assert message in stderr
    lines = stderr.splitlines()
    assert [line for line in lines if not line.startswith("preparing")] == lines[-1:]


@pytest.mark.parametrize(("words", "message"), WRONG)
def test_wrong_input_is_one_line_and_status_2(tmp_path, capsys, no_kernels, words, message):
    where = ["--out", str(tmp_path / "out"), "--data", str(tmp_path / "data")]
    assert main(["audit", *where, *words]) == 2
    check_one_line(capsys.readouterr().err, message)
    assert not (tmp_path / "out").exists()


def test_wrong_input_is_one_line_and_exit_2(tmp_path):
    words, message = WRONG[0]
    done = rollcall("audit", "--out", tmp_path / "out", *words)
    assert done.returncode == 2
    check_one_line(done.stderr, message)
    assert not (tmp_path / "out").exists()


def test_a_run_of_another_recipe_is_refused(finished, capsys, no_kernels):
    words = map(str, ("audit", *finished.options, "--recipe", "epochs=31"))
    assert main(list(words)) == 2
    stderr = capsys.readouterr().err
    assert "never mixed" in stderr
    assert '"epochs": 30' in stderr
    assert '"epochs": 31' in stderr


def test_the_library_prints_nothing_and_loads_no_pickle():
    for path in files.PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if path.parent.name != "commands":
            names = [node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)]
            assert "print" not in names, path
        loads = r"pickle\.load|joblib\.load|torch\.load\((?!.*weights_only=True)|allow_pickle=True"
        assert not re.search(loads, text), path


def test_analysis_never_imports_torch():
    code = (
        "import sys; from rollcall import attacks, auditing, risk; "
        "from rollcall.report import catalogue, gallery, page; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=Path("/")).returncode == 0
