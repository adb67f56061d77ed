"""Figures of groups: ratios beyond the axis at its edge, dashes for hidden ones, a panel each."""

import numpy as np
import pandas as pd
import pytest

from rollcall.report.figures import groups as figures_groups


@pytest.fixture
def groups():
    return pd.DataFrame(
        {
            "attribute": ["sex", "sex", "race", "race", "sex x race"],
            "group": ["female", "male", "B", "C", "female, B"],
            "is_outcome": [False, False, True, False, False],
            "patients": [60, 40, 30, np.nan, 12],
            "ratio_within": [0.01, 1.5, 25.0, np.nan, 3.0],
            "within_low": [0.005, 1.0, 2.0, np.nan, 1.0],
            "within_high": [0.02, 2.0, np.inf, np.nan, 5.0],
            "p_adjusted": [0.04, 1.0, 0.001, np.nan, 0.5],
            "intersection": [False, False, False, False, True],
        }
    )


def make_cutoffs(groups):
    rows = [
        {
            "attribute": row.attribute,
            "group": row.group,
            "cutoff": cutoff,
            "is_exposed": cutoff == 0.2,
            "ratio": ratio,
            "ratio_low": ratio / 2,
            "ratio_high": ratio * 2,
            "floor_low": 0.0,
            "floor_high": 1.5,
        }
        for row in groups.itertuples()
        for cutoff, ratio in ((0.01, 3.0), (0.1, np.nan), (0.2, 0.5))
    ]
    return pd.DataFrame(rows)


def test_ratios_beyond_the_axis_stand_at_its_edge(groups):
    figure = figures_groups.forest(groups)
    (ax,) = figure.drawing.axes
    assert [text.get_text() for text in ax.texts] == ["0.01", "25", "–"]
    assert {"<", ">"} <= {line.get_marker() for line in ax.lines}
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == [
        "SEX",
        "female  (60)",
        "male  (40)",
        "RACE",
        "B, the outcome  (30)",
        "C  (–)",
    ]
    assert "The clearest: race B, 25.00 (2.00 to inf)" in figure.alt


def test_nothing_to_show_is_said(groups):
    hidden = groups.assign(ratio_within=np.nan, within_low=np.nan, within_high=np.nan)
    assert "No group's ratio can be told." in figures_groups.forest(hidden).alt


def test_cutoffs_have_a_panel_for_each_group_but_outcomes(groups):
    figure = figures_groups.cutoffs(groups, make_cutoffs(groups))
    titles = [ax.get_title() for ax in figure.drawing.axes]
    assert titles == ["sex: female", "sex: male", "race: C"]
    assert "Line charts of 3 groups" in figure.alt
    hidden = make_cutoffs(groups).assign(ratio=np.nan, floor_low=np.nan, floor_high=np.nan)
    figures_groups.cutoffs(groups, hidden)


def test_a_dollar_in_a_name_is_a_dollar(groups):
    groups["group"] = ["$a$", "b$", "c", "d", "e"]
    figures_groups.forest(groups).drawing.canvas.draw()
    figures_groups.cutoffs(groups, make_cutoffs(groups)).drawing.canvas.draw()
