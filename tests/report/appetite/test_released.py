"""The same thresholds for one released model: naive truths, nothing hidden."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rollcall.report.appetite import parse_appetite
from rollcall.report.appetite.released import Released, judge_released, write_released
from rollcall.report.appetite.verdict import EXIT_STATUS
from tests.report.appetite.examples import write_file

GROUPS = pd.DataFrame(
    {
        "attribute": ["race", "sex"],
        "group": ["B", "F"],
        "ratio": [3.0, 5.0],
        "ratio_low": [2.0, 1.5],
        "p_adjusted": [0.001, 0.2],
    }
)
MODEL = Released(1000, 800, 16, 60, 12, 0.05, 0.58, 0.601, False, GROUPS)


def judge(released, **thresholds):
    return judge_released(released, parse_appetite(write_file(thresholds=thresholds)))


def outcome(threshold, value, **changes):
    (result,) = judge(replace(MODEL, **changes), **{threshold: value}).stated
    return result.outcome


@pytest.mark.parametrize(
    ("threshold", "value", "changes", "expected"),
    [
        ("exposed_patients", 60, {}, "pass"),
        ("exposed_patients", 59, {}, "fail"),
        ("exposed_patients", 1000, {}, "not applicable"),
        ("exposed_patients", 11, {"named": 0}, "not evaluable"),  # 12 could hide
        ("exposed_patients", 12, {"named": 0}, "pass"),
        ("exposed_patients", 9, {"named": 4}, "pass"),
        ("exposed_patients", 500, {"control_failed": True}, "not evaluable"),
        ("exposed_patients", 900, {"named": 995}, "fail"),
        ("exposed_patients", 995, {"named": 995}, "not evaluable"),
        ("exposed_share", 0.06, {}, "pass"),
        ("exposed_share", 0.059, {}, "fail"),
        ("exposed_share", 0.005, {"named": 4}, "not evaluable"),
        ("lira_auc", 0.601, {}, "pass"),
        ("lira_auc", 0.6, {}, "fail"),
        ("lira_auc", 0.6, {"auc_high": np.nan}, "not evaluable"),
        ("group_ratio", 2, {}, "pass"),
        ("group_ratio", 1.9, {}, "fail"),
        ("group_ratio", 1.0, {"groups": GROUPS.iloc[1:]}, "pass"),
        ("group_ratio", 1.0, {"groups": GROUPS.iloc[:0]}, "not evaluable"),
        ("group_ratio", 1.0, {"groups": None}, "not applicable"),
        ("group_ratio", 1.0, {"named": 0}, "not applicable"),
        ("group_ratio", 1.0, {"named": 5}, "not evaluable"),
        ("false_discovery_rate", 0.05, {}, "pass"),
        ("false_discovery_rate", 0.04, {}, "fail"),
        ("models", 16, {}, "pass"),
        ("models", 17, {}, "not evaluable"),
        ("worst_auc", 0.9, {}, "not applicable"),
        ("worst_tpr", 0.1, {}, "not applicable"),
        ("chance_share", 0.1, {}, "not applicable"),
    ],
)
def test_each_criterion(threshold, value, changes, expected):
    assert outcome(threshold, value, **changes) == expected


@pytest.mark.parametrize("threshold", [9, 20, 995])
def test_what_is_hidden_does_not_show(threshold):
    for counts in (range(1, 10), range(991, 1000)):
        verdicts = {
            str(judge(replace(MODEL, named=named), exposed_patients=threshold, group_ratio=1.0))
            for named in counts
        }
        assert len(verdicts) == 1


def test_a_verdict_is_written_with_what_it_was_made_from(tmp_path):
    result = tmp_path / "release.json"
    result.write_text("{}")
    verdict = judge(MODEL, exposed_patients=59, worst_auc=0.9)
    write_released(tmp_path, verdict, result)
    content = json.loads((tmp_path / "verdict.json").read_text())
    assert (content["outcome"], content["exit_status"]) == ("fail", EXIT_STATUS["fail"])
    assert content["made_from"] == {"release.json": hashlib.sha256(b"{}").hexdigest()}
    write_released(tmp_path, None, result)
    assert not (tmp_path / "verdict.json").exists()
