"""The table of groups: intervals beside numbers, dashes for what is hidden or not defined."""

import numpy as np
import pandas as pd

from rollcall.report.tables.groups import group_table


def make_groups():
    numbers = {
        "patients": [60, 40],
        "share": [0.6, 0.4],
        "exposed": [12, np.nan],
        "exposed_share": [0.2, np.nan],
        "exposed_low": [0.1, np.nan],
        "exposed_high": [0.3, np.nan],
        "exposed_by_chance": [2.4, np.nan],
        "risk_ratio": [1.5, np.inf],
        "ci_low": [1.0, 2.0],
        "ci_high": [2.0, np.inf],
        "ratio_within": [1.25, np.nan],
        "within_low": [np.nan, np.nan],
        "within_high": [np.nan, np.nan],
        "shift": [0.5, -0.25],
        "shift_low": [0.25, -0.5],
        "shift_high": [0.75, 0.0],
        "deconvolved_ratio": [2.0, np.nan],
        "deconvolved_low": [1.0, np.nan],
        "deconvolved_high": [4.0, np.nan],
        "odds_ratio": [1.25, np.nan],
        "odds_low": [0.5, np.nan],
        "odds_high": [3.0, np.nan],
        "odds_method": ["Firth", "not identified"],
        "p_adjusted": [0.04, np.nan],
    }
    names = {"attribute": ["sex", "sex"], "group": ["female", "male"], "is_outcome": [False, True]}
    return pd.DataFrame(names | {"intersection": [False, False]} | numbers)


def test_group_table():
    first, second = group_table(make_groups()).rows.to_dict("records")
    assert first["ratio"] == "1.50 (1.00\u00a0to\u00a02.00)"
    assert first["ratio within label"] == "1.25"
    assert first["shift of scores"] == "+0.50 (+0.25\u00a0to\u00a0+0.75)"
    assert first["adjusted odds ratio"] == "1.25 (0.50\u00a0to\u00a03.00)*"
    assert first["p (Holm)"] == "0.040"
    assert first["by chance"] == "2"  # of a tenth how many lie below 0.5 would follow
    assert second["group"] == "male (the outcome)"
    assert second["ratio"] == "inf (2.00\u00a0to\u00a0inf)"
    for name in ("exposed", "share exposed", "adjusted odds ratio", "p (Holm)", "by chance"):
        assert second[name] == "–"
