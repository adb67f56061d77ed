"""Tables of models: no test set of few patients, no count of few exposed."""

import pandas as pd

from rollcall.report.tables.models import capacity_table, performance_table


def test_a_test_set_of_few_patients_is_not_described():
    metrics = {f"auroc_{kind}": [0.8, 0.9] for kind in ("non_members", "members", "test")}
    performance = pd.DataFrame(metrics)
    assert len(performance_table(performance, 10).rows) == 3
    kinds = performance_table(performance, 9).rows["records"].tolist()
    assert kinds == ["not seen in training", "seen in training"]
    assert len(performance_table(performance, 9, smallest=5).rows) == 3


def test_capacity_hides_few_exposed_and_few_others():
    rows = [
        {"exposed": exposed, "above": above, "above_low": 4.0, "above_high": 90.0}
        for exposed, above in ((0, 3.0), (4, 40.0), (50, 60.0), (195, 70.0))
    ]
    variants = pd.DataFrame(rows).assign(
        variant="m", parameters=10, auroc=0.8, auroc_members=0.9, lira_auc=0.6, patients=200
    )
    table = capacity_table(variants).rows
    assert table["exposed"].tolist() == ["0", "fewer than 10", "50", "all but fewer than 10"]
    assert table["share"].tolist() == ["0.0%", "–", "25.0%", "–"]
    assert table["true AUC of 0.9 or more"].tolist()[:2] == ["–", "40 (fewer than 10 to 90)"]
    assert capacity_table(variants, 3).rows["exposed"].tolist() == ["0", "4", "50", "195"]
