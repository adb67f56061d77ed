"""Budgets: planted audits with stopping, a comparison judged by others, the notebook, the words."""

from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest

from rollcall.__main__ import main
from rollcall.auditing.budget import check_budget
from rollcall.commands import audit
from rollcall.experiments.budget import comparison, simulation
from rollcall.report.figures.experiments.budget import draw_budget
from rollcall.report.notebooks import execute_notebook
from rollcall.report.tables.budget import confirmed_table, rankings_table
from rollcall.report.words.budget import write_budget
from rollcall.risk.screening.confirming import count_picked, pick
from rollcall.util import files
from rollcall.util.errors import InputError

NOTEBOOK = files.notebooks() / "8_budget.ipynb"
SMALL = {"targets": 8, "judges": 8, "options": ["patients=200"], "recipe": ["epochs=3"]}


def test_a_planted_audit_stops_and_names_few_falsely():
    truth = simulation.plant("hard", 1200)
    audited = simulation.audit(truth, screened=True, most=32, precision=0.5, draws=5_000)
    last = audited.counts[audited.stop]
    assert last.targets in (16, 24, 32)
    assert last.exposed >= 10
    assert audited.false[audited.stop] <= 0.25 * last.exposed
    with pytest.raises(InputError, match="scenario 'soft'"):
        simulation.plant("soft", 100)


@pytest.mark.slow
def test_the_notebook_compares_few_with_many(tmp_path):
    folders = {"out": str(tmp_path / "out"), "data": str(tmp_path / "data")}
    compared = comparison.compare_budgets(cohort="simulated", top=0.05, **SMALL, **folders)
    rankings, confirmed = compared.rankings, compared.confirmed
    assert rankings["ranking"].iloc[-1] == "plain"
    assert {"foretold", "everything", "spread of losses"} <= set(rankings["ranking"])
    assert (rankings["held"] >= rankings["top"]).all()
    assert confirmed["targets"].tolist() == [8]
    assert (np.diff(rankings["seconds"]) >= 0).all()
    parameters = {"targets": 8, "judges": 8, "options": ["patients:200"], "recipe": ["epochs:3"]}
    execute_notebook(NOTEBOOK, tmp_path / "8.ipynb", parameters | folders, NOTEBOOK.parent)
    text = (tmp_path / "8.ipynb").read_text()
    assert "Rankings by few targets" in text
    assert "image/png" in text or "data:image/png" in text
    assert (tmp_path / "out/simulated/budget/figures/budget.pdf").is_file()


def test_shares_are_checked_first():
    with pytest.raises(InputError, match="0 < top <= share"):
        comparison.compare_budgets(cohort="simulated", top=0.2, share=0.1)
    with pytest.raises(InputError, match="judges is 2; expected an even number of at least"):
        comparison.compare_budgets(cohort="simulated", judges=2)
    with pytest.raises(InputError, match="budget is 'cheap'"):
        check_budget("cheap")
    assert check_budget("screen")
    assert not check_budget("")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["audit", "--targets", "8", "--precision", "0.2"], "precision 0.2: expected with targets"),
        (["audit", "--targets", "8", "--most-targets", "32"], "most targets 32: expected with"),
        (["audit", "--targets", "8", "--precision", "0"], "precision is 0; expected half"),
        (["audit", "--targets", "auto", "--most-targets", "7"], "most targets is 7; expected an"),
        (["rehearse", "--cohort", "ptb_xl", "--budget", "scren"], "budget is 'scren'; expected"),
        (["rehearse", "--cohort", "ptb_xl", "--targets", "auto", "--precision", "nan"], "is nan;"),
        (["release", "--budget", "screen"], "unrecognized arguments: --budget"),
        (["release", "--targets", "auto"], "--targets: invalid int value: 'auto'"),
    ],
)
def test_a_budget_that_is_none_or_that_nobody_reads_is_said_in_a_line(
    words, line, tmp_path, capsys
):
    with pytest.raises(SystemExit) if words[0] == "release" else nullcontext():
        assert main([*words, "--out", str(tmp_path / "o"), "--data", str(tmp_path / "d")]) == 2
    printed = capsys.readouterr().err.strip()
    assert line in printed
    assert len(printed.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("targets", ["8", "auto"])
def test_a_cohort_too_small_to_be_screened_is_said_before_training(targets, tmp_path, capsys):
    """Of 100 patients five would be looked at: fewer than may be shown."""
    words = ["--option", "patients=100", "--budget", "screen", "--targets", targets]
    where = ["--out", str(tmp_path / "o"), "--data", str(tmp_path / "d")]
    assert main(["audit", *words, *where]) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert "looks closely at 5% of 100 patients, which are fewer than 10" in line
    assert not [path for path in tmp_path.glob("o/**/*") if path.is_file()]


@pytest.mark.parametrize("patients", [40, 101, 250, 430])
def test_as_many_are_picked_as_are_counted(patients):
    half = np.arange(patients) % 2 == 0
    assert pick(np.arange(patients), half).sum() == count_picked(patients)


def test_a_rehearsal_takes_as_many_targets_as_precision_asks_for(tmp_path, monkeypatch):
    """As far as the audit itself, which is that of others."""
    seen = []
    monkeypatch.setattr(audit, "run", lambda arguments, server: seen.append(arguments) or 0)
    words = ["--patients", "40", "--targets", "auto", "--budget", "screen"]
    where = ["--out", str(tmp_path / "o"), "--data", str(tmp_path / "d")]
    assert main(["rehearse", "--cohort", "mimic_iv_ed", *words, *where]) == 0
    assert seen[0].targets == "auto"


def test_nothing_that_is_shown_tells_of_few():
    rankings = pd.DataFrame(
        {
            "ranking": ["everything", "plain"],
            "targets": [8, 24],
            "seconds": [1.0, 3.0],
            "patients": [40, 40],
            "top": [4, 20],
            "held": [35, 28],
        }
    )
    confirmed = pd.DataFrame(
        {
            "targets": [16, 24],
            "seconds": [2.0, 3.0],
            "exposed": [50, 60],
            "picked": [40, 40],
            "screened": [7, 25],
            "low": [2.0, 20.0],
            "high": [12.0, 30.0],
            "again": [6, 25],
            "of_picked": [26, 26],
            "whole": [6, 25],
            "of_all": [60, 60],
        }
    )
    rows = rankings_table(rankings, 0.05).rows.astype(str)
    assert "10%" not in rows.to_string()
    assert "88%" not in rows.to_string()
    assert "50%" in rows.to_string()
    assert "70%" in rows.to_string()
    costs = confirmed_table(confirmed).rows.to_string()
    assert " 7 " not in costs
    assert "25 (20 to 30)" in costs
    assert "96%" not in costs
    assert "42%" in costs
    figure = draw_budget(rankings, confirmed)
    assert "fewer than 10" in figure.alt


def test_a_report_says_what_was_screened_and_why_it_stopped():
    risk = {
        "exposed": 200,
        "screened": 100,
        "screened_exposed": 60,
        "screened_exposed_low": 55.0,
        "screened_exposed_high": 66.0,
        "screened_by_chance": 2.0,
    }
    look = {"targets": 24, "exposed": 60, "low": 55.0, "high": 66.0}
    budget = {"screened": True, "precision": 0.1, "most": 64, "looks": [look], "why": "narrow"}
    stop, screened = write_budget(budget, risk, 24, "patient", 10)
    assert "24 target models were trained, of 64 at the most" in stop
    assert "known to within 10%" in stop
    assert "the 100 patients of whom 8 target models foretold most: 60 of them are" in screened
    assert "fewer than 10 of these by chance" in screened
    spent = write_budget(budget | {"why": "spent"}, risk, 64, "patient", 10)[0]
    assert "not yet known to within 10% (within 9% it is)" in spent
    assert write_budget(None, risk, 24, "patient", 10) == []
    for few in (risk | {"screened_exposed": 95}, risk | {"exposed": 55}):
        sentence = write_budget({"screened": True}, few, 24, "patient", 10)[0]
        assert not {"95", "60", "55"} & set(sentence.split())
