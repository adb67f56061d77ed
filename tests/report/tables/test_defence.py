"""Tables of defences: nothing of 1 to 9 patients, and what is promised beside what was measured."""

import pandas as pd

from rollcall.report.gate import HIDDEN
from rollcall.report.tables import defence
from tests.report.figures.experiments.test_defence import make_groups, make_settings


def test_settings_side_by_side():
    table = defence.defence_table(make_settings(few=True), "lesion").rows.set_index("setting")
    assert table["exposed"].tolist() == ["500", "300", "200", "400", "fewer than 10", "0", "30"]
    assert table["share"]["patient-level DP, ε 3"] == HIDDEN
    assert table["true AUC of 0.9 or more"]["plain"] == "50 (25 to 100)"
    assert table["ceiling, lesion"]["record-level DP, ε 1"] == "above 0.999"
    assert table["ceiling, record"]["record-level DP, ε 1"] == "0.700"
    assert table["ceiling, record"]["plain"] == HIDDEN
    assert table["by chance"].tolist() == ["10", "6", "4", "8", HIDDEN, HIDDEN, "1"]
    promised = table["promised"]
    assert promised["record-level DP, ε 3"] == "ε 3, δ 0.0002"
    assert promised["patient-level DP, ε 3"] == "ε 3, δ 0.0002; 4 tried together: ε 7.5"
    assert promised["patient-level DP, clipped, no noise"] == promised["plain"] == HIDDEN
    told = table["told of the 10 worst, 0.1% false alarms"]
    assert told["plain"] == "30.0% (20.0%)"
    assert told["top label alone"] == HIDDEN
    assert "test" not in table


def test_without_a_promise_there_is_no_column_of_ceilings():
    settings = make_settings().head(1).assign(auroc_test=0.6)
    table = defence.defence_table(settings).rows
    assert not any(name.startswith("ceiling") for name in table)
    assert table["test"].tolist() == ["0.600"]


def test_who_pays():
    table = defence.defence_groups_table(make_groups(make_settings())).rows
    assert table["group"].tolist() == ["everybody", "race A", "race B"]
    assert table["record-level DP, ε 3"].tolist() == ["-0.010 *", "-0.005", "-0.020 *"]


def make_arms(removed: int, lucky: int = 10) -> pd.DataFrame:
    same = {"removed": removed, "trained": 2000 - removed, "by_chance": 1.0, "at_most_false": 4}
    same |= {"named_low": 20.0, "named_high": 40.0, "mean_auc": 0.51, "auroc": 0.7}
    same |= {"above": 12.0, "above_low": 8.0, "above_high": 17.0}
    same |= {"patients": 2000 - 2 * removed + lucky}
    arms = ("without the exposed", 30), ("without as many at random", 4)
    return pd.DataFrame([same | {"arm": arm, "named": named} for arm, named in arms])


def test_the_next_layer():
    table = defence.layer_table(make_arms(100)).rows
    assert table["newly exposed"].tolist() == ["30", "fewer than 10"]
    assert table["share"].tolist() == ["1.7%", HIDDEN]
    assert table["stayed, not exposed before"].tolist() == ["1,810", "1,810"]


def test_few_who_were_removed_do_not_follow_from_those_who_stayed():
    for arms in (make_arms(4, lucky=0), make_arms(100, lucky=4)):
        table = defence.layer_table(arms).rows
        assert table["stayed, not exposed before"].tolist() == [HIDDEN] * 2
        assert table["share"].tolist() == [HIDDEN] * 2
    assert defence.layer_table(make_arms(4)).rows["patients removed"][0] == "fewer than 10"
