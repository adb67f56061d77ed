import numpy as np
import pandas as pd
import pytest

from rollcall import attacks
from rollcall.report.tables.attacks import attack_table, pooled_table
from tests.oracles import risk as naive


@pytest.fixture(scope="module")
def evaluated():
    """8 targets of 1,200 patients, one record each."""
    rng = np.random.default_rng(0)
    members = naive.paired(rng, 8, 1200)
    scores = (rng.standard_normal((8, 1200)) + members).astype(np.float32)
    return attacks.run_all(scores, members, np.arange(1200))


def test_a_rate_without_ten_false_alarms_has_no_column(evaluated):
    per_target = attack_table(evaluated.attacks)
    assert "TPR at FPR 10%" in per_target.rows
    assert not {"TPR at FPR 1%", "TPR at FPR 0.1%", "precision, 1% members"} & set(per_target.rows)
    together = pooled_table(evaluated.pooled).rows
    assert "TPR at FPR 1%" in together
    assert not {"TPR at FPR 0.1%", "TPR at FPR 0.001%"} & set(together)
    assert not together.astype(str).apply(lambda column: column.str.contains("nan")).any(axis=None)


def test_both_errors_of_all_targets_together(evaluated):
    rows = pooled_table(evaluated.pooled).rows
    for column, name in (("SE, patients", "auc_se"), ("SE, patients and models", "auc_se_two_way")):
        assert rows[column].tolist() == [f"{value:.4f}" for value in evaluated.pooled[name]]
    old = pooled_table(evaluated.pooled.drop(columns="auc_se_two_way")).rows  # of a run of 0.1.0
    assert "SE, patients and models" not in old


def test_a_missing_rate_is_a_dash():
    table = evaluated_row(0.03) + evaluated_row(np.nan)
    rows = pooled_table(pd.DataFrame(table)).rows
    assert rows["TPR at FPR 1%"].tolist() == ["3.0% (2.0\u00a0to\u00a04.0)", "–"]
    assert rows["precision, 10% members"].tolist() == ["50.0%", "–"]


def evaluated_row(rate):
    missing = np.isnan(rate)
    return [
        {
            "attack": "a",
            "variant": "b",
            "auc": 0.6,
            "auc_se": 0.01,
            "tpr_at_fpr_0.01": rate,
            "tpr_low_0.01": np.nan if missing else 0.02,
            "tpr_high_0.01": np.nan if missing else 0.04,
            "precision_at_prior_0.1": np.nan if missing else 0.5,
            "balanced_accuracy": 0.55,
        }
    ]
