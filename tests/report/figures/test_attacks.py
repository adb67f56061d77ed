"""Figures of attacks: a line for each attack, ticks for each target model."""

import numpy as np
import pandas as pd

from rollcall.report.figures import attacks as figures_attack
from rollcall.report.style import MARKS


def test_roc_has_a_line_for_each_attack_on_both_axes():
    keys = list(MARKS)
    curves = pd.concat(
        pd.DataFrame({"attack": a, "variant": v, "fpr": [0, 0.5, 1], "tpr": [0.1, 0.6, 1]})
        for a, v in keys
    )
    attacks = pd.DataFrame(keys, columns=["attack", "variant"]).assign(auc=0.6)
    figure = figures_attack.roc(curves.assign(tpr_sd=0.05), attacks)
    logarithmic, linear = figure.drawing.axes
    assert len(linear.lines) == len(logarithmic.lines) == len(keys) + 1
    assert len(linear.collections) == len(keys), "a band for each"
    assert next(text.get_text() for text in logarithmic.texts) == "LiRA online, AUC 0.600"
    assert logarithmic.get_xscale() == "log"
    assert min(logarithmic.lines[0].get_xdata()) > 0
    assert "blind no model 0.600 and 60%" in figure.alt
    heights = sorted(text.xyann[1] for text in logarithmic.texts if len(text.get_text()) > 1)
    assert np.diff(heights).min() > 0.06, "names do not overlap though the curves do"


def test_roc_begins_where_the_data_do():
    curve = pd.DataFrame(
        {"attack": "LiRA", "variant": "online", "fpr": [0.02, 0.5, 1], "tpr": [0.1, 0.6, 1]}
    )
    unmarked = curve.assign(variant="calibrated")
    attacks = pd.DataFrame({"attack": "LiRA", "variant": ["online", "calibrated"], "auc": 0.6})
    figure = figures_attack.roc(pd.concat([curve, unmarked]), attacks)
    logarithmic = figure.drawing.axes[0]
    assert logarithmic.spines["bottom"].get_bounds() == (0.02, 1)
    assert min(logarithmic.get_xticks()) >= 0.02
    assert "calibrated" not in figure.alt
    assert "calibrated" not in set(figure.data["variant"])


def test_in_out_draws_a_tick_for_each_target_on_one_scale():
    rng = np.random.default_rng(0)
    panels = [("one", rng.normal(size=8), rng.normal(size=8)), ("two", np.ones(8), np.zeros(8))]
    figure = figures_attack.in_out(panels)
    one, two = figure.drawing.axes
    ticks = [line for line in two.lines if line.get_marker() == "|"]
    assert [len(line.get_xdata()) for line in ticks] == [8, 8]
    assert len(two.lines) == 2, "constant scores have no normal curve"
    assert one.get_xlim() == two.get_xlim()
    assert "two, with the record 1.00 (SD 0.00) under 8 models, without it 0.00" in figure.alt
    bell = next(line for line in one.lines if line.get_marker() == "None")
    peak = bell.get_xdata()[bell.get_ydata().argmax()]
    assert abs(peak - panels[0][1].mean()) < 1e-9, "the curve that LiRA fits"


def test_images_have_wrapped_titles_and_random_ones_below():
    pixels = [np.zeros((2, 4, 4, 1), np.uint8)] * 2
    rows = pd.DataFrame({"patient AUC": [0.91, 0.8, 0.5, 0.4]})
    titles = [["patient 0.91\na label that is long", "b"], ["c", "d"]]
    figure = figures_attack.images(pixels, titles, rows)
    assert len(figure.drawing.axes) == 4
    texts = [text.get_text() for ax in figure.drawing.axes for text in ax.texts]
    assert "patient 0.91\na label that is\nlong" in texts
    assert "patient AUC 0.80 and above, above 2 at random" in figure.alt
