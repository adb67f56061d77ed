"""The command line and the notebooks, as a user meets them."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from rollcall import audit
from rollcall.__main__ import NOTEBOOKS
from rollcall.report import summary
from rollcall.util import files
from tests.conftest import diabetes_rows, write_release
from tests.report import notebook_books as notebooks

FOLDER = files.notebooks()


def rollcall(*arguments, cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "rollcall", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(files.home())},
    )


def tiny_audit(out, *more, cwd=None):
    return rollcall(
        "audit",
        "--targets",
        16,
        "--out",
        out,
        "--option",
        "patients=120",
        "--recipe",
        "epochs=30",
        *more,
        cwd=cwd,
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A whole audit of a tiny cohort, from a foreign folder."""
    out = tmp_path_factory.mktemp("audit")
    done = tiny_audit(out, cwd=out)
    assert done.returncode == 0, done.stderr
    return out / "simulated" / "mlp", done


def test_an_audit_leaves_what_the_contract_names(finished):
    folder, done = finished
    for name in (
        "run.json",
        "members.npy",
        "attacks.parquet",
        "records.parquet",
        "patients.parquet",
        "disparity.parquet",
        "report.html",
        *(f"notebooks/{name}.ipynb" for name in NOTEBOOKS),
        *(
            f"figures/{name}.{suffix}"
            for name in ("roc", "in_out", "survival", "forest", "shares", "most_exposed")
            for suffix in ("pdf", "png")
        ),
    ):
        assert (folder / name).is_file(), name
    assert len(list((folder / "targets").glob("*.json"))) == 16
    assert not [path for path in folder.rglob("*") if ".part" in path.name]
    assert json.loads((folder / "run.json").read_text())["finished"]
    columns = {
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
            "share_top",
            "risk_ratio",
            "ci_low",
            "ci_high",
            "p",
            "p_adjusted",
        },
    }
    for name, expected in columns.items():
        assert expected <= set(pd.read_parquet(folder / f"{name}.parquet").columns)


def test_an_audit_says_the_three_sentences_and_shows_progress(finished):
    _, done = finished
    assert "patients are exposed" in done.stdout
    assert "LiRA has an AUC" in done.stdout
    assert "most exposed 1%" in done.stdout
    assert "Training: 100%" in done.stderr
    assert "Warning" not in done.stderr
    assert "Unable to parse" not in done.stderr


def test_planted_patients_are_found(finished):
    from rollcall import datasets as cohorts

    folder, _ = finished
    cohort = cohorts.load("simulated", data=files.home() / "data", patients=120)
    hardware = cohort.records.groupby(cohort.patient_index)["hardware"].first().to_numpy()
    risk = pd.read_parquet(folder / "patients.parquet")["auc_joint"]
    assert hardware.any()
    assert risk[hardware].mean() > risk[~hardware].mean() + 0.2


def test_the_report_is_one_page_without_ids_or_calls(finished):
    folder, _ = finished
    page = (folder / "report.html").read_text()
    assert not re.search(r"\bS0\d{4}\b", page), "a patient id"
    assert "<script" not in page
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)
    assert page.count("<h1") == 1
    assert page.count("<figure>") == 6
    assert all(alt for alt in re.findall(r'<img [^>]*alt="([^"]*)"', page))
    assert page.count("<img") == 6
    levels = [int(level) for level in re.findall(r"<h([1-6])", page)]
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:]))
    for sentence in summary.summary(audit._run.open_run(folder)):
        assert sentence.split(":")[0] in page


def test_a_finished_run_is_taken_up_again_and_grows(finished):
    folder, _ = finished
    before = {path.name: path.stat().st_mtime_ns for path in (folder / "targets").iterdir()}
    assert tiny_audit(folder.parents[1], "--targets", 18).returncode == 0
    after = {path.name: path.stat().st_mtime_ns for path in (folder / "targets").iterdir()}
    assert len(after) == 36
    assert {name: after[name] for name in before} == before


def test_a_table_audit_end_to_end(tmp_path):
    root = write_release(tmp_path / "release", diabetes_rows(60))
    done = rollcall(
        "audit",
        "--cohort",
        "diabetes130",
        "--root",
        root,
        "--targets",
        8,
        "--out",
        tmp_path / "out",
        "--recipe",
        "epochs=3",
    )
    assert done.returncode == 0, done.stderr
    assert (
        "90 found, 101,766"
        in (tmp_path / "out" / "diabetes130" / "mlp" / "report.html").read_text()
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
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
        (["--recipe", "epochs=many"], "expected a value like 20"),
        (["--recipe", "epochs=0"], "epochs is 0, expected above 0"),
        (["--option", "patients=1"], "1 patient"),
        (["--cohort", "diabetes130", "--root", "/nonexistent"], "/nonexistent: no such folder"),
    ],
)
def test_wrong_input_is_one_line_and_exit_2(tmp_path, arguments, message):
    done = rollcall("audit", "--out", tmp_path / "out", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert [
        line for line in done.stderr.splitlines() if not line.startswith("preparing")
    ] == done.stderr.splitlines()[-1:]
    assert not (tmp_path / "out").exists()


def test_a_run_of_another_recipe_is_refused(finished):
    folder, _ = finished
    done = tiny_audit(folder.parents[1], "--recipe", "epochs=31")
    assert done.returncode == 2
    assert "never mixed" in done.stderr
    assert '"epochs": 30' in done.stderr
    assert '"epochs": 31' in done.stderr


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebooks_are_clean_and_parameterised(name):
    path = FOLDER / f"{name}.ipynb"
    cells = notebooks.clean_cells(path)
    assert json.loads(path.read_text())["metadata"]["kernelspec"]["name"] == "python3"
    sources = ["".join(cell["source"]) for cell in cells]
    assert (
        sum(
            line.startswith("# ")
            for cell, source in zip(cells, sources)
            if cell["cell_type"] == "markdown"
            for line in source.splitlines()
        )
        == 1
    )
    for statement in ast.parse(sources[1]).body:
        assert isinstance(statement, ast.AnnAssign)
        ast.literal_eval(statement.value)
    for source in sources:
        assert not re.search(r"!pip|sys\.path|os\.chdir|/(?:home|root)/|def |class ", source)
        assert len(source.splitlines()) <= 12
    import papermill

    expected = {
        "cohort",
        "model",
        "targets",
        "run",
        "root",
        "out",
        "data",
        "seed",
        "options",
        "recipe",
        *(["scheduler"] if name == "1_train" else []),
    }
    assert expected == set(papermill.inspect_notebook(str(path)))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_nbstripout_agrees(name):
    notebooks.assert_stripped(FOLDER / f"{name}.ipynb")


def test_the_library_prints_nothing_and_loads_no_pickle():
    for path in Path(files.home() / "lib").rglob("*.py"):
        if path.name != "__main__.py":
            assert not re.search(
                r"^\s*print\(|pickle\.load|joblib|torch\.load|allow_pickle=True",
                path.read_text(),
                re.MULTILINE,
            ), path


def test_analysis_never_imports_torch():
    code = "import sys; from rollcall import attacks, audit, risk; from rollcall.report import tables; sys.exit('torch' in sys.modules)"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(files.home())}
        ).returncode
        == 0
    )
