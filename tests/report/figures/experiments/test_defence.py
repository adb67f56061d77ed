"""Figures of defences: no point for few patients, DP joined, everybody named in words."""

import numpy as np
import pandas as pd
import pytest

from rollcall.report.figures.experiments import costs, defence

AUCS = np.round(np.arange(0.5, 0.995, 0.01), 2)


def make_settings(few: bool = False) -> pd.DataFrame:
    """Seven settings of 5,000 patients; with `few`, 4 exposed under one of them."""
    rows = []
    for name, kind, epsilon, exposed, auroc in (
        ("plain", "plain", np.nan, 500, 0.65),
        ("record-level DP, ε 3", "record", 3, 300, 0.62),
        ("record-level DP, ε 1", "record", 1, 200, 0.60),
        ("patient-level DP, clipped, no noise", "patient", np.inf, 400, 0.66),
        ("patient-level DP, ε 3", "patient", 3, 4 if few else 0, 0.61),
        ("patient-level DP, ε 1", "patient", 1, 0, 0.58),
        ("top label alone", "outputs", np.nan, 30, 0.52),
    ):
        unit = kind if kind in ("record", "patient") else ""
        ceiling = {1: 0.7, 3: 0.95}.get(epsilon, np.nan)
        rows.append(
            {
                "setting": name,
                "kind": kind,
                "unit": unit,
                "epsilon": epsilon,
                "targets": 16,
                "auroc": auroc,
                "auroc_sd": 0.01,
                "auroc_test": np.nan,
                "lira_auc": 0.55,
                "rmia_auc": 0.56,
                "patients": 5000,
                "exposed": exposed,
                "exposed_share": exposed / 5000,
                "by_chance": exposed / 50,
                "above": exposed / 10,
                "above_low": exposed / 20,
                "above_high": exposed / 5,
                "worst_tpr": 0.3,
                "worst_low": 0.2,
                "promised": epsilon if np.isfinite(epsilon) else np.nan,
                "promised_together": 2.5 * epsilon,
                "delta": 2e-4,
                "tried": 4.0 if kind == "patient" else 1.0,
                "ceiling_record": ceiling,
                "ceiling_patient": 1.0 if kind == "record" else ceiling,
                "most_records": 40,
                "coarse": kind == "outputs",
            }
        )
    return pd.DataFrame(rows)


def make_curves(settings: pd.DataFrame) -> dict[str, pd.DataFrame]:
    curves = {}
    for _, row in settings.iterrows():
        patients = 2500 * np.exp(-(AUCS - 0.5) * 2500 / (row["exposed"] + 50))
        curves[row["setting"]] = pd.DataFrame(
            {"auc": AUCS, "patients": patients, "share": patients / 5000}
        )
    return curves


def make_groups(settings: pd.DataFrame) -> pd.DataFrame:
    keys = [("all", "all"), ("race", "A"), ("race", "B")]
    tables = []
    for number, name in enumerate(settings["setting"]):
        change = -0.01 * number * np.array([1.0, 0.5, 2.0])
        tables.append(
            pd.DataFrame(
                {
                    "attribute": [key[0] for key in keys],
                    "group": [key[1] for key in keys],
                    "patients": [5000, 3000, 2000],
                    "auroc": 0.65 + change,
                    "change": change,
                    "low": change - 0.005,
                    "high": change + 0.005,
                    "setting": name,
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def test_survival_has_a_panel_for_each_unit_with_its_ceilings():
    settings = make_settings()
    figure = defence.defence_survival(settings, make_curves(settings), np.linspace(0.3, 0.7, 500))
    assert [ax.get_title(loc="left") for ax in figure.drawing.axes] == list(defence.PANELS.values())
    for ax in figure.drawing.axes:
        curves = [line for line in ax.lines if len(line.get_xdata()) > 2]
        assert {"noise floor, plain", "plain"} <= {line.get_label() for line in curves}
        assert all((line.get_ydata() * 5000 >= 10).all() for line in curves[1:])
    record, patient, _ = (
        sorted(line.get_xdata()[0] for line in ax.lines if len(line.get_xdata()) == 2)
        for ax in figure.drawing.axes
    )
    assert record == patient == [0.7, 0.95]
    assert "plain 50" in figure.alt
    assert "ε 1 fewer than 10" not in figure.alt.replace("ε 1 0", "")


@pytest.mark.parametrize("few", [False, True])
def test_few_exposed_stand_where_none_do(few):
    figure = defence.defence_price(make_settings(few))
    (ax,) = figure.drawing.axes
    places = [path for line in ax.lines for path in np.atleast_1d(line.get_xdata())]
    assert 4 / 5000 not in places
    joined = [
        line for line in ax.lines if line.get_linestyle() == "-" and len(line.get_xdata()) > 1
    ]
    assert [len(line.get_xdata()) for line in joined[:2]] == [2, 3]
    assert "Plain: 0.650 and 500 exposed" in figure.alt


def test_groups_of_the_strictest_settings():
    settings = make_settings()
    groups = make_groups(settings)
    assert costs.choose_settings(settings, groups) == [
        "patient-level DP, ε 1",
        "patient-level DP, ε 3",
    ]
    figure = costs.defence_groups(settings, groups)
    assert "that of race B most, by -0.100" in figure.alt
    others = settings[~settings["kind"].isin(["record", "patient"])]
    assert costs.choose_settings(others, groups[groups["setting"].isin(others["setting"])]) == [
        "top label alone"
    ]
