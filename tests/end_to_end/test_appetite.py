"""Thresholds on the command line: exit statuses, what is in the run, what is refused at once."""

import json
import shutil

import jsonschema
import nbformat
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from rollcall import auditing
from rollcall.__main__ import main
from rollcall.report import notebooks
from rollcall.report.twin import read_schema
from rollcall.runs.config import read_config, write_config
from rollcall.runs.derived.manifests import check_made
from rollcall.runs.run import open_run
from tests.report.appetite.examples import write_file

pytestmark = pytest.mark.slow
# A run of 120 patients with 16 models: hardly anybody is named, and many leak.
EASY = {"lira_auc": 0.99}
STRICT = {"lira_auc": 0.501}
TOO_FEW = {"lira_auc": 0.99, "models": 64}


@pytest.fixture(scope="module")
def copied(finished, tmp_path_factory):
    """A copy of a finished audit, which tests audit again."""
    out = tmp_path_factory.mktemp("appetite") / "results"
    shutil.copytree(finished.out, out)
    return out


@pytest.fixture
def audit(finished, copied, tmp_path, monkeypatch, no_kernels):
    """Audit the copy by a file of thresholds, its notebooks taken as they were executed."""

    def execute(source, output, *_):
        nbformat.write(nbformat.read(finished.run / "notebooks" / source.name, 4), output)

    monkeypatch.setattr(notebooks, "execute_notebook", execute)

    def run(text: str, *words) -> int:
        path = tmp_path / "appetite.toml"
        path.write_text(text)
        chosen = ("--out", copied, "--appetite", path, *words)
        return main(list(map(str, ("audit", *finished.options, *chosen))))

    return run


@pytest.mark.parametrize(
    ("thresholds", "outcome", "status"),
    [(EASY, "pass", 0), (STRICT, "fail", 3), (TOO_FEW, "not evaluable", 4)],
)
def test_the_exit_status_is_the_verdict(audit, copied, capsys, thresholds, outcome, status):
    assert audit(write_file(thresholds=thresholds)) == status
    streams = capsys.readouterr()
    assert f"By the thresholds of 2024-03-01: {outcome.upper()}" in streams.out
    if status:
        assert (
            streams.err.splitlines()[-1] == f"rollcall: {outcome} by the thresholds of --appetite"
        )
    run = open_run(copied / "simulated" / "mlp")
    assert check_made(run) == []
    twin = json.loads(run.file("report.json").read_text())
    assert twin["decision"] == json.loads(run.file("verdict.json").read_text())
    assert (twin["decision"]["outcome"], twin["decision"]["exit_status"]) == (outcome, status)
    page = BeautifulSoup(run.file("report.html").read_text(), "html.parser")
    assert [section["id"] for section in page.select("main > section")][:3] == [
        "fields",
        "decision",
        "summary",
    ]
    first = " ".join(page.select_one("#first .outcome").get_text(" ").split())
    assert f"{outcome.upper()} against the thresholds that" in first
    jsonschema.validate(twin, read_schema())
    assert twin["fields"][13]["answer"].endswith(
        f"sha256 {twin['decision']['appetite']['sha256'][:16]}."
    )
    assert page.select_one("#decision strong").get_text() == outcome.upper()
    assert page.select("nav a")[1].get_text() == "2 Decision against stated thresholds"
    assert outcome.upper() in run.file("model_card.md").read_text()


def test_without_a_file_there_is_no_verdict(audit, copied, finished):
    assert audit(write_file(thresholds=STRICT)) == 3
    words = map(str, ("audit", *finished.options, "--out", copied))
    assert main(list(words)) == 0
    run = copied / "simulated" / "mlp"
    assert not (run / "verdict.json").exists()
    assert 'id="decision"' not in (run / "report.html").read_text()


def test_thresholds_set_after_the_run_began_are_one_line(audit, copied, capsys):
    folder = copied / "simulated" / "mlp"
    config = read_config(folder)
    write_config(folder, config | {"started": "2024-02-28T12:00:00Z"})
    assert audit(write_file(thresholds=EASY)) == 2
    assert "set on 2024-03-01, after this audit began" in capsys.readouterr().err
    write_config(folder, config)


WRONG = [
    (write_file(thresholds={"exposed": 1}), (), "unknown threshold 'exposed'"),
    (write_file(thresholds={"lira_auc": 2}), (), "lira_auc is 2; expected an AUC"),
    (write_file(("date", "2999-01-01")), (), "still to come"),
    (write_file(("smallest_cell", "20")), ("--smallest-cell", 5), "smallest cell is 5"),
]


@pytest.mark.parametrize(("text", "words", "message"), WRONG)
def test_a_wrong_file_is_one_line_before_anything(
    tmp_path, capsys, no_kernels, text, words, message
):
    path = tmp_path / "appetite.toml"
    path.write_text(text)
    where = ("--out", tmp_path / "out", "--data", tmp_path / "data", "--appetite", path)
    assert main(list(map(str, ("audit", *where, *words)))) == 2
    lines = capsys.readouterr().err.splitlines()
    assert message in lines[-1]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["appetite.toml"]


def test_a_rehearsal_writes_nothing_by_a_wrong_file(tmp_path, capsys, no_kernels):
    path = tmp_path / "appetite.toml"
    path.write_text("a = 1")
    words = ("rehearse", "--cohort", "ptb_xl", "--data", tmp_path / "data", "--appetite", path)
    assert main(list(map(str, words))) == 2
    assert "unknown key 'a'" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_an_attack_is_judged_too(finished, tmp_path, capsys, monkeypatch, no_kernels):
    """On scores given; the smallest cell of the file is the report's."""
    monkeypatch.setattr(
        notebooks,
        "execute_notebook",
        lambda source, output, parameters, *_: _attack(parameters, finished, source, output),
    )
    rng, members = np.random.default_rng(0), np.load(finished.run / "members.npy")
    scores = rng.normal(size=members.shape).astype(np.float32) + members
    np.save(tmp_path / "scores.npy", scores)
    np.save(tmp_path / "members.npy", members)
    ids = pd.DataFrame({"patient_id": [f"p{i:03}" for i in range(members.shape[1])]})
    ids.to_csv(tmp_path / "patients.csv", index=False)
    path = tmp_path / "appetite.toml"
    path.write_text(write_file(("smallest_cell", "12"), thresholds={"lira_auc": 0.6}))
    words = ["attack", "--out", str(tmp_path / "out"), "--appetite", str(path)]
    for name in ("scores.npy", "members.npy", "patients.csv"):
        words += [f"--{name.split('.')[0]}", str(tmp_path / name)]
    assert main(words) == 3
    run = open_run(tmp_path / "out")
    assert run.smallest_cell == 12
    assert json.loads(run.file("verdict.json").read_text())["outcome"] == "fail"
    assert "lira_auc: fail. LiRA has an AUC of" in capsys.readouterr().out


def _attack(parameters, finished, source, output):
    given = {name: value for name, value in parameters.items() if name != "scheduler"}
    auditing.plan(**given).attack()
    nbformat.write(nbformat.read(finished.run / "notebooks" / source.name, 4), output)
