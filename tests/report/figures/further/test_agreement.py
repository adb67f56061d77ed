"""Two ways of naming: how many by both, as far as a cell of a few leaves it open, and by chance."""

import numpy as np
import pytest

from rollcall.report.figures.further import combinations, overlap
from rollcall.report.figures.further.agreement import compare_pairs, expect_both, write_counts

PAIR = ("attack", "joint statistic", "RMIA")


def make(both, first, second, rest):
    """Two sets with so many in the cells of their table."""
    cells = np.repeat([3, 1, 2, 0], [both, first, second, rest])
    return {"joint statistic": cells % 2 == 1, "RMIA": cells // 2 == 1}


def compare(sets, stratum=None):
    _, size, clear = combinations.choose_overlaps(sets, [PAIR])
    stratum = np.zeros(len(sets["RMIA"]), int) if stratum is None else stratum
    return compare_pairs(sets, [PAIR], size, clear, stratum, 10).iloc[0]


def test_a_pair_without_a_small_cell_is_counted():
    row = compare(make(60, 20, 30, 400))
    assert (row["named_first"], row["named_second"]) == (80, 90)
    assert row["both_low"] == row["both_high"] == 60


@pytest.mark.parametrize(
    "cells",
    [(60, 4, 30, 400), (60, 30, 9, 400), (60, 1, 2, 400), (5, 40, 50, 400), (60, 40, 50, 3)],
)
def test_a_small_cell_may_be_none_or_enough(cells):
    """From what is written a reader gets worlds in which it is empty, or not small."""
    row = compare(make(*cells))
    total, sizes = sum(cells), (cells[0] + cells[1], cells[0] + cells[2])
    if row[["named_first", "named_second"]].isna().any():
        assert np.isnan(row["both_low"])
        return
    assert row["both_low"] < cells[0] < row["both_high"] or row["both_low"] == 0
    ends = np.array([row["both_low"], row["both_high"]])
    worlds = (ends, sizes[0] - ends, sizes[1] - ends, total - sum(sizes) + ends)
    for cell, possible in zip(cells, worlds, strict=True):
        if 0 < cell < 10:
            assert possible.min() <= 0 or possible.max() >= 10
    assert " to " in write_counts(row)[2]


def test_chance_is_within_labels():
    """All of one label are named by either: sharing them says nothing."""
    named = np.arange(1000) < 100
    label = named.astype(int)
    assert expect_both(named, named, label) == (100, 100, 100)
    everywhere = expect_both(named, named, np.zeros(1000, int))
    rng = np.random.default_rng(0)
    drawn = [(rng.permutation(named) & named).sum() for _ in range(4000)]
    assert everywhere[0] == pytest.approx(np.mean(drawn), abs=0.5)
    inside = (everywhere[1] <= np.array(drawn)) & (np.array(drawn) <= everywhere[2])
    assert 0.93 < inside.mean() < 0.99


def test_two_halves_are_other_seeds():
    rng = np.random.default_rng(1)
    sets = {
        name: rng.random(2000) < 0.1 for name in (*combinations.SETS.values(), *combinations.HALVES)
    }
    pairs = overlap.list_pairs(sets)
    assert [kind for kind, *_ in pairs] == ["statistic", "statistic", "seeds"]
    figure = overlap.named(sets)
    assert "seeds: one half of models, other half" in figure.alt
    seeds = figure.data[figure.data["kind"] == "seeds"].iloc[0]
    assert seeds["chance_low"] <= seeds["both_low"] <= seeds["chance_high"]
