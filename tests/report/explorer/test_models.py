import numpy as np
import pytest

from rollcall.report.explorer import models
from rollcall.risk.noise_floor import draw_noise_floor
from rollcall.stats.moments import compute_moments


def test_numbers_double_up_to_all(opened):
    assert models.list_numbers(opened) == [8, 16]


def test_all_models_give_the_run_s_own_counts(opened):
    tables = models.count_by_models(opened)
    for step in tables[16].to_dict("records"):
        assert step["patients"] == (opened.auc >= step["risk"] - 1e-9).sum()


def test_fewer_models_are_the_first_ones(opened):
    """A naive binormal AUC of the first 8 models alone."""
    few, members = opened.statistic[:8].astype(float), opened.run.members()[:8]
    inside = np.array([few[members[:, p], p] for p in range(few.shape[1])])
    outside = np.array([few[~members[:, p], p] for p in range(few.shape[1])])
    from scipy.special import ndtr

    difference = inside.mean(1) - outside.mean(1)
    auc = ndtr(difference / np.sqrt(inside.var(1, ddof=1) + outside.var(1, ddof=1)))
    for step in models.count_by_models(opened)[8].to_dict("records"):
        assert step["patients"] == (auc >= step["risk"] - 1e-6).sum()


def test_chance_falls_as_models_are_added(opened):
    members = opened.run.members()
    assert compute_moments(opened.statistic, members).pairs == 8
    spread = [draw_noise_floor(opened.statistic[:number], 50).std() for number in (8, 16)]
    assert spread[0] > spread[1]
    eight, all_models = models.count_by_models(opened).values()
    chance = [np.interp(0.8, table["risk"], table["chance"]) for table in (eight, all_models)]
    assert chance[0] > chance[1]


@pytest.mark.parametrize("smallest", [5, 10])
def test_steps_are_of_the_smallest_cell_or_more(opened, smallest):
    for table in models.count_by_models(opened).values():
        assert (-np.diff(table["patients"]) >= opened.run.smallest_cell).all()


def test_a_threshold_that_too_few_reach_is_not_counted(opened):
    table = models.count_by_models(opened)[16]
    words = models.write_number(opened, 16, table[table["risk"] < 0.6], 0.9)
    assert words == "All 16 models put fewer than 10 patients at a risk of 0.90 or more."
