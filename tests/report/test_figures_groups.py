"""Figures of groups draw ratios beyond the axis at its edge, and leave intersections out."""

import numpy as np
import pandas as pd
import pytest

from rollcall.report import figures_groups


@pytest.fixture
def groups():
    return pd.DataFrame(
        {
            "attribute": ["sex", "sex", "race", "sex x race"],
            "group": ["female", "male", "B", "female, B"],
            "patients": [60, 40, 30, 12],
            "share": [0.6, 0.4, 0.3, 0.12],
            "share_top": [0.5, 0.5, 0.9, 0.2],
            "risk_ratio": [0.01, 1.5, 25.0, 3.0],
            "ci_low": [0.005, 1.0, 2.0, 1.0],
            "ci_high": [0.02, 2.0, np.inf, 5.0],
            "p_adjusted": [0.04, 1.0, 0.001, 0.5],
            "intersection": [False, False, False, True],
        }
    )


def test_ratios_beyond_the_axis_stand_at_its_edge(groups):
    figure = figures_groups.forest(groups)
    (ax,) = figure.drawing.axes
    assert [text.get_text() for text in ax.texts] == ["0.01", "25"]
    assert {"<", ">"} <= {line.get_marker() for line in ax.lines}
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["SEX", "female  (60)", "male  (40)", "RACE", "B  (30)"]
    assert "The clearest: race B, 25.00 (2.00 to inf)" in figure.alt


def test_shares_have_a_panel_for_each_attribute(groups):
    figure = figures_groups.shares(groups)
    assert [ax.get_title() for ax in figure.drawing.axes] == ["sex", "race"]
    assert "The largest gain: race B, from 30.0% to 90.0%" in figure.alt
