"""What a run's tables say, gathered for the sentences; notices."""

from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest

from rollcall.report.words.facts import write_notices
from rollcall.report.words.findings import gather_findings, summarise_run
from rollcall.runs.run import Run
from rollcall.util.files import write_table
from tests.report.words.test_sentences import RISK


@pytest.fixture
def run(tmp_path):
    """A run of 200 patients, 12 of them exposed."""
    attacks = [("LiRA", "online", 0.6), ("LiRA", "online", 0.7), ("RMIA", "online", 0.55)]
    columns = {"attack": ["blind"], "variant": ["no model"], "auc": [0.5], "auc_se_two_way": [0.01]}
    tables = {
        "attacks": pd.DataFrame(attacks, columns=["attack", "variant", "auc"]),
        "pooled": pd.DataFrame(columns),
        "risk": pd.DataFrame([RISK | {"exposed": 12}]),
    }
    for name, table in tables.items():
        write_table(tmp_path / f"{name}.parquet", table)
    return Run(tmp_path, {"targets": 16})


def make_cohort(unit="patient", patients=200):
    return SimpleNamespace(unit=unit, patients=range(patients))


def test_findings_are_means_over_targets(run):
    findings = gather_findings(run, make_cohort())
    assert (findings.patients, findings.targets, findings.unit) == (200, 16, "patient")
    assert findings.lira == pytest.approx(0.65)
    assert findings.rmia == pytest.approx(0.55)
    assert findings.risk == RISK | {"exposed": 12}
    assert findings.groups is None


def test_the_sentences_are_of_the_run(run):
    sentences = summarise_run(run, make_cohort("lesion"))
    assert sentences[0].startswith("12 of 200 lesions are exposed")
    assert "LiRA has an AUC of 0.650 and RMIA of 0.550" in sentences[-1]


def test_notices(tiny):
    assert write_notices(tiny) == []
    (sentence,) = write_notices(replace(tiny, simulated=True))
    assert sentence.startswith("Simulated data")
    (sentence,) = write_notices(SimpleNamespace(simulated=False, unit="image"))
    assert sentence.endswith("below, a patient is one image.")


def test_a_failed_control_is_said_first(run):
    pooled = {"attack": ["blind"], "variant": ["no model"], "auc": [0.6], "auc_se_two_way": [0.01]}
    write_table(run.file("pooled.parquet"), pd.DataFrame(pooled))
    assert summarise_run(run, make_cohort())[0].startswith("The control failed: ")
