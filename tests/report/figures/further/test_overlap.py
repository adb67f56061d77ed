"""Overlaps of those who are named: no combination of a few, nor one that would follow."""

import numpy as np
import pytest

from rollcall.report.figures.further import combinations, overlap


def make_sets(patterns: dict[str, int]) -> dict[str, np.ndarray]:
    """Sets of definitions, and of halves: how many patients are in which, as {"110": 20}."""
    rows = [
        [digit == "1" for digit in pattern] for pattern, n in patterns.items() for _ in range(n)
    ]
    table = np.array(rows, bool)
    return dict(zip([*combinations.SETS.values(), *combinations.HALVES], table.T, strict=False))


def count(sets, smallest=10):
    table, size, _ = combinations.count_overlaps(sets, list(sets), smallest=smallest)
    names = list(sets)
    shown = {
        "".join(str(int(row[name])) for name in names): row["patients"]
        for _, row in table.iterrows()
    }
    return shown, list(size.values())


def test_combinations_of_enough_patients_are_counted():
    shown, size = count(make_sets({"000": 500, "110": 20, "111": 30, "001": 40}))
    assert shown == {"001": 40, "111": 30, "110": 20}
    assert size == [50, 50, 70]


@pytest.mark.parametrize(
    "patterns",
    [
        {"000": 500, "110": 4, "111": 30, "001": 40},
        {"000": 500, "100": 20, "111": 30, "011": 9},
        {"000": 500, "100": 1, "010": 2, "001": 3, "111": 60},
        {"000": 5, "100": 20, "111": 30},
    ],
)
def test_none_of_a_few_follows(patterns):
    """All that is shown, with the sizes of the sets, leaves every small cell open."""
    sets = make_sets(patterns)
    shown, size = count(sets)
    total = sum(patterns.values())
    assert all(np.isnan(n) or n >= 10 for n in shown.values())
    assert all(np.isnan(n) or n == 0 or n >= 10 for n in size)
    few = [pattern for pattern, n in patterns.items() if n < 10]
    assert all(np.isnan(shown[pattern]) for pattern in few if pattern in shown)
    for at, known in enumerate(size):  # a set less what is shown of it
        inside = [n for pattern, n in shown.items() if pattern[at] == "1"]
        if np.isnan(known) or not np.isnan(inside).any():
            continue
        assert known - np.nansum(inside) >= 10
        assert np.isnan(inside).sum() > 1 or known - np.nansum(inside) >= 10
    assert total


@pytest.mark.parametrize(
    "patterns",
    [
        {"00000": 1880, "11111": 71, "00010": 7, "11100": 6, "10100": 15, "10110": 12},
        {"00000": 1880, "11111": 71, "00010": 7, "00001": 8, "00011": 9},
        {"00000": 1880, "11111": 71, "10000": 40},
    ],
)
def test_a_figure_says_what_is_left_out(patterns):
    sets = make_sets(patterns)
    figure = overlap.named(sets)
    overlaps, *_ = combinations.choose_overlaps(sets, overlap.list_pairs(sets))
    assert not figure.data["patients"].between(1, 9).any()
    is_left_out = overlaps["patients"].isna().any() and overlaps["patients"].notna().any()
    assert ("from which such a count would follow" in figure.caption) == is_left_out
    assert "by chance" in figure.alt


def test_nobody_to_show_is_said():
    nobody = overlap.named(make_sets({"000": 500, "110": 4}), smallest=10)
    assert nobody.drawing is None
    assert "too few patients to be shown" in nobody.alt


def test_runs_side_by_side_are_sets_as_well():
    """Seeds: anything that names patients, by whatever name."""
    rng = np.random.default_rng(0)
    sets = {f"seed {seed}": rng.random(3000) < 0.1 for seed in range(3)}
    figure = overlap.named(sets)
    combinations = figure.data[figure.data["kind"] == "combination"]
    alone = combinations[combinations[list(sets)].sum(axis=1) == 1]
    assert len(alone) >= 2, "others would give the few of all three away"
    assert "seed 0" in figure.alt
