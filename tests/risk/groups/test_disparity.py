"""A table of groups: counts by hand, who is adjusted for what, what is said of nobody."""

import numpy as np
import pandas as pd
import pytest

from rollcall.risk.groups import compare, compare_groups, list_groups
from rollcall.util.errors import InputError
from tests.oracles import groups as naive


def invent(seed=0, patients=600, pairs=8, shift=1.0):
    """Two labels; group a has the second one more often, and leaks more within either."""
    rng = np.random.default_rng(seed)
    group = rng.random(patients) < 0.4
    statistic, members = naive.draw_audit(rng, patients, pairs, shift=shift * group)
    table = naive.draw_patients(rng, naive.estimate_d(statistic, members) > 0.9, labels=2)
    attributes = pd.DataFrame({"g": pd.Categorical(np.where(group, "a", "b"))})
    return table, attributes, statistic, members


def compared(table, attributes, statistic, members, **options):
    groups = list_groups(attributes, table["stratum"].to_numpy())
    return compare_groups(groups, table, attributes, statistic, members, **options)


def test_counts_by_hand():
    table, attributes, statistic, members = invent()
    row = compared(table, attributes, statistic, members).set_index("group").loc["a"]
    inside = (attributes["g"] == "a").to_numpy()
    exposed = table["exposed"].to_numpy()
    d = naive.estimate_d(statistic, members)
    assert row["patients"] == inside.sum()
    assert row["records"] == table["records"][inside].sum()
    assert row["exposed"] == exposed[inside].sum()
    assert row["exposed_share"] == pytest.approx(exposed[inside].mean())
    assert row["exposed_low"] < row["exposed_share"] < row["exposed_high"]
    assert row["exposed_by_chance"] == pytest.approx(0.02 * (inside & (d < 0)).sum())
    assert row["share_exposed"] == pytest.approx((inside & exposed).sum() / exposed.sum())
    assert row["risk_ratio"] == pytest.approx(exposed[inside].mean() / exposed[~inside].mean())
    for middle, low, high in (
        ("risk_ratio", "ci_low", "ci_high"),
        ("ratio_within", "within_low", "within_high"),
        ("deconvolved_ratio", "deconvolved_low", "deconvolved_high"),
    ):
        assert 1 < row[low] < row[middle] < row[high]
    assert 0 < row["shift_low"] < row["shift"] < row["shift_high"]
    assert row["odds_low"] > 1
    assert row["p_adjusted"] < 1e-6


def test_a_ratio_that_the_label_makes_is_gone_within_it():
    rng = np.random.default_rng(1)
    label = rng.random(3000) < 0.3
    group = rng.random(3000) < np.where(label, 0.7, 0.2)
    statistic, members = naive.draw_audit(rng, 3000, 8, shift=1.2 * label)
    table = naive.draw_patients(rng, naive.estimate_d(statistic, members) > 0.9)
    table["stratum"] = label.astype(int)
    attributes = pd.DataFrame({"g": pd.Categorical(np.where(group, "a", "b"))})
    row = compared(table, attributes, statistic, members).set_index("group").loc["a"]
    assert row["ci_low"] > 1.5
    assert row["within_low"] < 1 < row["within_high"]
    assert row["shift_low"] < 0 < row["shift_high"]
    assert row["odds_low"] < 1 < row["odds_high"]
    assert row["p"] > 0.01


def test_the_outcome_is_called_so_and_not_adjusted_for_itself():
    rng = np.random.default_rng(2)
    label = rng.random(1000) < 0.3
    statistic, members = naive.draw_audit(rng, 1000, 8, shift=1.2 * label)
    table = naive.draw_patients(rng, naive.estimate_d(statistic, members) > 0.9)
    table["stratum"] = label.astype(int)
    noisy = label ^ (rng.random(1000) < 0.01)
    attributes = pd.DataFrame(
        {
            "outcome": pd.Categorical(np.where(noisy, "ill", "well")),
            "sex": pd.Categorical(np.where(rng.random(1000) < 0.5, "f", "m")),
        }
    )
    rows = compared(table, attributes, statistic, members).set_index("group")
    assert rows["is_outcome"].to_dict() == {
        "ill": True,
        "well": True,
        "f": False,
        "m": False,
        "ill, f": False,
        "ill, m": False,
        "well, f": False,
        "well, m": False,
    }
    assert rows["within_low"]["ill"] > 2
    assert rows["odds_low"]["ill"] > 2
    assert rows["p"]["ill"] < 1e-10


def test_equal_scores_say_nothing_of_any_group():
    table, attributes, statistic, members = invent()
    table["exposed"] = False
    rows = compared(table, attributes, np.full_like(statistic, 3), members)
    assert (rows["p"] == 1).all()
    for name in ("risk_ratio", "ratio_within", "deconvolved_ratio", "odds_ratio"):
        assert rows[name].isna().all()
    np.testing.assert_allclose(rows["shift"], 0)


def test_rows_and_pairs_may_be_shuffled():
    table, attributes, statistic, members = invent(3)
    rng = np.random.default_rng(4)
    order, targets = rng.permutation(600), np.repeat(2 * rng.permutation(8), 2)
    targets[0::2] += 1
    before = compared(table, attributes, statistic, members)
    after = compared(
        table.iloc[order].reset_index(drop=True),
        attributes.iloc[order].reset_index(drop=True),
        statistic[targets][:, order],
        members[targets][:, order],
    )
    pd.testing.assert_frame_equal(after, before, rtol=2e-3)


def test_a_rare_label_is_the_outcome_although_it_shares_its_stratum():
    rng = np.random.default_rng(6)
    statistic, members = naive.draw_audit(rng, 600, 8)
    table = naive.draw_patients(rng, rng.random(600) < 0.1)
    table["label"] = np.repeat([0, 1, 2], [500, 60, 40])  # of the latter two, one stratum
    table["stratum"] = np.minimum(table["label"], 1)
    attributes = pd.DataFrame({"dx": pd.Categorical(table["label"].map({0: "n", 1: "m", 2: "d"}))})
    assert compare(table, attributes, statistic, members)["disparity"]["is_outcome"].all()


def test_missing_values_small_groups_and_wrong_rows():
    table, attributes, statistic, members = invent()
    holes = attributes.copy()
    holes.loc[:49, "g"] = None
    rows = compared(table, holes, statistic, members).set_index("group")
    assert rows["patients"].sum() == 550
    assert rows["share"].sum() == pytest.approx(1)
    small = pd.DataFrame({"g": pd.Categorical(["x"] * 9 + ["y"] * 591)})
    with pytest.raises(InputError, match="no attribute has two groups of at least 10 patients"):
        list_groups(small, table["stratum"].to_numpy())
    with pytest.raises(InputError, match="600 patients and 599 rows of attributes"):
        compare_groups(
            list_groups(attributes, table["stratum"].to_numpy()),
            table,
            attributes.iloc[1:],
            statistic,
            members,
        )


def test_an_attribute_is_not_adjusted_for_itself_nor_for_what_the_label_says():
    table, attributes, statistic, members = invent(5)
    plain = compared(table, attributes, statistic, members)
    named = compared(table, attributes.rename(columns={"g": "diagnosis"}), statistic, members)
    np.testing.assert_allclose(named["odds_ratio"], plain["odds_ratio"])
    same = attributes.assign(label=pd.Categorical(table["stratum"].map({0: "n", 1: "y"})))
    rows = compared(table, same, statistic, members)
    np.testing.assert_allclose(rows["odds_ratio"][:2], plain["odds_ratio"])


def test_without_a_group_that_is_large_enough_both_tables_are_empty():
    table, attributes, statistic, members = invent()
    whole = compare(table, attributes, statistic, members)
    for values in (
        ["x"] * 9 + ["y"] * 591,  # a rest of 9
        ["x"] * 600,
        [None] * 600,
        [f"v{patient}" for patient in range(600)],
        [None] * 589 + ["x"] * 11,
    ):
        empty = compare(table, pd.DataFrame({"g": pd.Categorical(values)}), statistic, members)
        for name, rows in empty.items():
            assert not len(rows)
            assert list(rows) == list(whole[name])
