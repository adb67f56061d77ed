"""Ratios at every cutoff beside those of redrawn membership."""

import numpy as np
import pandas as pd
import pytest

from rollcall.risk.groups.cutoffs import CUTOFFS, compare_cutoffs
from rollcall.risk.groups.listing import list_groups
from rollcall.risk.groups.ranking import share_top
from tests.oracles import groups as naive


def invent(seed=0, patients=600, pairs=8):
    rng = np.random.default_rng(seed)
    group = rng.random(patients) < 0.4
    statistic, members = naive.draw_audit(rng, patients, pairs, shift=0.8 * group)
    attributes = pd.DataFrame({"g": pd.Categorical(np.where(group, "a", "b"))})
    return group, attributes, statistic, members, rng.random(patients) < 0.05


def compare(attributes, statistic, members, exposed, **options):
    groups = list_groups(attributes, np.zeros(len(attributes), int))
    return compare_cutoffs(groups, statistic, members, exposed, **options)


def test_the_numbers_are_those_of_loops():
    group, attributes, statistic, members, exposed = invent()
    table = compare(attributes, statistic, members, exposed, rounds=20)
    assert len(table) == 2 * (len(CUTOFFS) + 1)
    score = naive.pair_scores(statistic, members)
    for row in table[table["group"] == "a"].itertuples():
        top = exposed if row.is_exposed else share_top(score, max(1, round(row.cutoff * 600)))
        assert row.inside == pytest.approx(top[group].sum())
        assert row.top == pytest.approx(top.sum())
        rest = top[~group].mean()
        if rest and row.inside:
            assert row.ratio == pytest.approx(top[group].mean() / rest)
        assert row.ratio_low <= row.ratio_high
    for place in range(len(CUTOFFS) + 1):
        a, b = table["ratio"][place], table["ratio"][place + len(CUTOFFS) + 1]
        assert 1 / a == pytest.approx(b) if a else b == np.inf


def test_the_band_holds_the_ratio_of_a_group_that_does_not_leak():
    """At 5 and 10%, correlations of -0.9 and -0.4: in at least 85 of 100 (99.9% quantile: 86)."""
    inside = 0
    for seed in range(50):
        rng = np.random.default_rng([seed, 1])
        group = rng.random(400) < 0.3
        correlation = np.where(group, -0.9, -0.4)
        statistic, members = naive.draw_audit(rng, 400, 8, correlation=correlation)
        attributes = pd.DataFrame({"g": pd.Categorical(np.where(group, "a", "b"))})
        table = compare(attributes, statistic, members, np.zeros(400, bool), rounds=100)
        rows = table[(table["group"] == "a") & table["cutoff"].isin([0.05, 0.1])]
        inside += rows["ratio"].between(rows["floor_low"], rows["floor_high"]).sum()
    assert inside >= 85


def test_equal_scores_make_every_ratio_one():
    _, attributes, statistic, members, exposed = invent()
    table = compare(attributes, np.full_like(statistic, 3), members, np.zeros_like(exposed))
    at_cutoffs = table[~table["is_exposed"]]
    np.testing.assert_allclose(at_cutoffs["ratio"], 1)
    assert table[table["is_exposed"]]["ratio"].isna().all()


def test_rows_and_pairs_may_be_shuffled():
    _, attributes, statistic, members, exposed = invent()
    table = compare(attributes, statistic, members, exposed, rounds=40)
    rng = np.random.default_rng(5)
    order, pairs = rng.permutation(600), rng.permutation(8)
    targets = np.ravel([2 * pairs + rng.integers(0, 2, 8), 0 * pairs], order="F")
    targets[1::2] = targets[0::2] ^ 1
    mixed = compare(
        attributes.iloc[order].reset_index(drop=True),
        statistic[targets][:, order],
        members[targets][:, order],
        exposed[order],
        rounds=40,
    )
    pd.testing.assert_frame_equal(mixed, table, rtol=1e-3)
