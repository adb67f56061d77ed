"""Figures of groups: ratios beyond the axis at its edge, dashes for hidden ones, a panel each."""

import numpy as np
import pandas as pd
import pytest

from rollcall.report.figures import groups as figures_groups
from rollcall.report.figures.further import thresholds


@pytest.fixture
def groups():
    return pd.DataFrame(
        {
            "attribute": ["sex", "sex", "race", "race", "sex x race"],
            "group": ["female", "male", "B", "C", "female, B"],
            "is_outcome": [False, False, True, False, False],
            "patients": [60, 40, 30, np.nan, 12],
            "exposed": [0, 12, 20, np.nan, 6],
            "exposed_share": [0, 0.3, 0.66, np.nan, 0.5],
            "p": [0.01, 0.5, 0.0001, np.nan, 0.2],
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


def texts_of(figure):
    return [text.get_text() for ax in figure.drawing.axes for text in ax.texts]


def test_a_row_has_its_numbers_as_text(groups):
    figure = figures_groups.forest(groups)
    shown = texts_of(figure)
    for expected in ("race: C", "sex: female", "none of 60", "0.01 (0.01 to 0.02)", "race: B"):
        assert expected in shown
    assert "1.50 (1.00 to 2.00)" in shown
    assert "25.0 (2.00 to ∞)" in shown
    assert shown.index("The training label itself") > shown.index("race: C")
    assert "The clearest: race B, 25.0 (2.00 to ∞)" in figure.alt
    assert "sex x race" not in set(figure.data["attribute"])


def test_ratios_beyond_the_axis_are_arrows_at_its_edge(groups):
    _, ax, _ = figures_groups.forest(groups).drawing.axes
    assert {"<", ">"} <= {line.get_marker() for line in ax.lines}
    low, high = ax.get_xlim()
    assert all((low - 1e-9 <= line.get_xdata()).all() for line in ax.lines)
    assert all((np.asarray(line.get_xdata()) <= high + 1e-9).all() for line in ax.lines)


@pytest.mark.parametrize(("count", "differ", "drawn"), [(9, 0, 9), (40, 3, 8), (40, 11, 11)])
def test_those_that_differ_most_are_drawn_and_the_others_counted(count, differ, drawn):
    table = pd.DataFrame(
        {"attribute": "site", "group": [f"{at}" for at in range(count)], "is_outcome": False}
        | {"patients": 100.0, "exposed": 20.0, "exposed_share": 0.2, "intersection": False}
        | {"ratio_within": 1.1, "within_low": 0.9, "within_high": 1.3}
        | {"p_adjusted": np.where(np.arange(count) < differ, 0.01, 1), "p": np.arange(count) / 99}
    )
    figure = figures_groups.forest(table.sample(frac=1, random_state=0))
    names = [text for text in texts_of(figure) if text.startswith("site: ")]
    assert len(names) == drawn
    assert {f"site: {at}" for at in range(differ)} <= set(names)
    rest = [text for text in texts_of(figure) if "others" in text]
    assert rest == ([f"{count - drawn} others, not different"] if count > drawn else [])
    assert figure.drawing.get_figheight() * 25.4 <= 170


def test_nothing_to_show_is_said(groups):
    hidden = groups.assign(ratio_within=np.nan, within_low=np.nan, within_high=np.nan)
    assert "No group's ratio can be told." in figures_groups.forest(hidden).alt


def test_cutoffs_have_a_panel_for_each_group_but_outcomes(groups):
    figure = thresholds.cutoffs(groups, make_cutoffs(groups))
    titles = [ax.get_title(loc="left") for ax in figure.drawing.axes]
    assert titles == ["sex: female", "sex: male", "race: C"]
    assert "Line charts of 3 groups" in figure.alt
    hidden = make_cutoffs(groups).assign(ratio=np.nan, floor_low=np.nan, floor_high=np.nan)
    thresholds.cutoffs(groups, hidden)


def test_a_dollar_in_a_name_is_a_dollar(groups):
    groups["group"] = ["$a$", "b$", "c", "d", "e"]
    figures_groups.forest(groups).drawing.canvas.draw()
    thresholds.cutoffs(groups, make_cutoffs(groups)).drawing.canvas.draw()
