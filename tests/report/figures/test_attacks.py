"""Figures of attacks: a line for each attack, ticks for each target model."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import gaussian_kde

from rollcall.report.figures import attacks as figures_attack
from rollcall.report.style import MARKS


def test_roc_has_a_line_for_each_attack_on_both_axes():
    keys = list(MARKS)
    curves = pd.concat(
        pd.DataFrame({"attack": a, "variant": v, "fpr": [0, 0.5, 1], "tpr": [0.1, 0.6, 1]})
        for a, v in keys
    )
    attacks = pd.DataFrame(keys, columns=["attack", "variant"]).assign(auc=0.6)
    figure = figures_attack.roc(curves, attacks)
    linear, logarithmic = figure.drawing.axes
    assert len(linear.lines) == len(logarithmic.lines) == len(keys) + 1
    assert linear.lines[0].get_label() == "LiRA online, AUC 0.600"
    assert logarithmic.get_xscale() == "log"
    assert min(logarithmic.lines[0].get_xdata()) > 0
    assert "blind no model 0.600" in figure.alt


def test_roc_begins_where_the_data_do():
    curve = pd.DataFrame(
        {"attack": "LiRA", "variant": "online", "fpr": [0.02, 0.5, 1], "tpr": [0.1, 0.6, 1]}
    )
    unmarked = curve.assign(variant="calibrated")
    attacks = pd.DataFrame({"attack": "LiRA", "variant": ["online", "calibrated"], "auc": 0.6})
    figure = figures_attack.roc(pd.concat([curve, unmarked]), attacks)
    logarithmic = figure.drawing.axes[1]
    assert logarithmic.get_xlim() == (0.02, 1)
    assert len(logarithmic.lines) == 2
    assert "calibrated" not in figure.alt


def test_in_out_draws_a_tick_for_each_target():
    rng = np.random.default_rng(0)
    panels = [("one", rng.normal(size=8), rng.normal(size=8)), ("two", np.ones(8), np.zeros(8))]
    figure = figures_attack.in_out(panels)
    ticks = [line for line in figure.drawing.axes[1].lines if line.get_marker() == "|"]
    assert [len(line.get_xdata()) for line in ticks] == [8, 8]
    assert len(figure.drawing.axes[1].lines) == 2, "constant scores have no density"
    assert "two, medians 1.00 and 0.00" in figure.alt


@pytest.mark.parametrize("values", [(0, 1), (1, 1, 1, 2), np.random.default_rng(0).normal(size=32)])
def test_the_density_is_scotts(values):
    values, grid = np.array(values, np.float32), np.linspace(-3, 4, 50, dtype=np.float32)
    expected = gaussian_kde(values)(grid)
    got = figures_attack.estimate_density(values, grid)
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-300)
