import itertools
from math import comb

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact
from statsmodels.stats.multitest import multipletests

from rollcall.risk.groups import disparity
from rollcall.risk.groups.disparity import (
    adjust_p_values,
    compare_groups,
    compare_shares,
    fisher_p_value,
    flag_most_exposed,
)
from rollcall.util.errors import InputError
from tests.oracles import risk as naive
from tests.oracles.risk import FIXED, grouped_patients


def ratio_interval(group, top):
    shares = compare_shares(group, top)
    return shares["risk_ratio"], shares["ci_low"], shares["ci_high"]


@pytest.fixture
def without_intervals(monkeypatch):
    """Neither intervals nor odds, which take most of the time, where a test looks at neither."""
    monkeypatch.setattr(disparity, "_compare_counts", lambda *_: {})
    monkeypatch.setattr(disparity, "estimate_in_strata", lambda *_: {})


# --- the most exposed ---


@FIXED
@given(
    st.lists(st.integers(-2, 2), min_size=1, max_size=250), st.sampled_from([0.01, 0.05, 0.5, 1.0])
)
def test_most_exposed_has_exactly_its_size_and_the_highest(risk, share):
    risk = np.array(risk, float)
    top = flag_most_exposed(risk, share)
    assert top.dtype == bool
    assert top.sum() == max(1, int(np.ceil(share * len(risk))))
    assert top.all() or risk[top].min() >= risk[~top].max()


def test_ties_at_the_top_are_broken_by_position():
    assert list(np.flatnonzero(flag_most_exposed(np.zeros(300)))) == [0, 1, 2]
    assert list(np.flatnonzero(flag_most_exposed(np.array([0, 1, 0, 1, 1.0]), 0.4))) == [1, 3]


# --- shares ---


def test_ratio_is_of_the_two_shares():
    group, top = np.arange(100) < 20, np.isin(np.arange(100), [0, 1, 50, 60])
    ratio, low, high = ratio_interval(group, top)
    assert ratio == pytest.approx((2 / 20) / (2 / 80))
    assert low < ratio < high
    assert ratio_interval(group, group & top)[0] == np.inf
    nobody = ratio_interval(group, np.zeros(100, bool))
    assert np.isnan(nobody[0])
    assert np.isfinite(nobody[1:]).all()
    assert nobody[1] < 1 < nobody[2]
    none = ratio_interval(group, ~group & top)
    assert none[0] == 0
    assert 0 <= none[1] < 1 < none[2]
    assert ratio_interval(group, top) == (ratio, low, high)
    inverse = ratio_interval(~group, top)
    assert inverse[0] == pytest.approx(1 / ratio)
    assert inverse[1] == pytest.approx(1 / high, rel=0.1)


def test_the_difference_is_of_the_two_shares():
    group, top = np.arange(100) < 20, np.isin(np.arange(100), [0, 1, 50, 60])
    shares = compare_shares(group, top)
    assert shares["difference"] == pytest.approx(2 / 20 - 2 / 80)
    assert shares["difference_low"] < shares["difference"] < shares["difference_high"]
    assert (shares["risk_ratio"], shares["ci_low"], shares["ci_high"]) == ratio_interval(group, top)
    swapped = compare_shares(~group, top)
    assert swapped["difference"] == pytest.approx(-shares["difference"])
    assert swapped["difference_low"] == pytest.approx(-shares["difference_high"], abs=0.01)


# --- Holm ---


@FIXED
@given(st.lists(st.sampled_from([0.0, 1e-9, 0.001, 0.01, 0.02, 0.3, 1.0]), min_size=1, max_size=12))
def test_adjusted_p_values_are_holms(p):
    np.testing.assert_array_equal(adjust_p_values(p), naive.holm(p))


@pytest.mark.parametrize("decimals", [1, 2, 20])
@pytest.mark.parametrize("rows", [1, 2, 37, 5000])
def test_adjusted_p_values_are_statsmodels_to_the_last_bit(rows, decimals):
    """Few decimals: many ties."""
    p = np.round(np.random.default_rng(rows).random(rows) ** 4, decimals)
    series = pd.Series(p, index=range(9, 9 + rows))
    np.testing.assert_array_equal(adjust_p_values(series), multipletests(p, method="holm")[1])


# --- the table ---


@pytest.mark.parametrize(
    ("patients", "size", "share"), [(14, 10, 0.2), (13, 11, 0.4), (15, 10, 0.3)]
)
def test_p_is_the_exact_permutation_p(patients, size, share, monkeypatch, without_intervals):
    """Every way of handing out the labels.

    As or less probable than what was seen, as Fisher's two sides are.
    """
    # So few patients that every labelling can be tried.
    monkeypatch.setattr(disparity, "MIN_GROUP_SIZE", 1)
    labellings = np.array(list(itertools.combinations(range(patients), size)))
    for seed in range(6):
        rng = np.random.default_rng([seed, patients])
        frame, _ = grouped_patients(rng, patients)
        group = rng.permutation(patients) < size
        top = flag_most_exposed(frame.auc_joint.to_numpy(), share)
        probability = np.bincount(top[labellings].sum(1), minlength=patients) / len(labellings)
        seen = probability[(group & top).sum()]
        expected = probability[probability <= seen * (1 + 1e-9)].sum()
        table = compare_groups(frame, pd.DataFrame({"g": np.where(group, "x", "y")}), share=share)
        assert list(table.group) == ["x", "y"]
        assert table.p.to_numpy() == pytest.approx([expected, expected], abs=1e-9)


def test_counts_and_shares_by_hand():
    rng = np.random.default_rng(5)
    frame, attributes = grouped_patients(rng, 400, shift=1.0)
    table = compare_groups(frame, attributes, share=0.05)
    top = set(sorted(range(400), key=lambda i: -frame.auc_joint[i])[:20])
    assert len(table) == 3
    for _, row in table.iterrows():
        patients = [i for i in range(400) if attributes.group[i] == row.group]
        inside = len(top & set(patients))
        assert (row.patients, row.top) == (len(patients), inside)
        assert row.records == sum(frame.records[i] for i in patients)
        assert (row.share, row.share_top) == pytest.approx((len(patients) / 400, inside / 20))
        assert row.exposed == sum(frame.exposed[i] for i in patients)
        assert row.exposed_share == pytest.approx(row.exposed / len(patients))
        assert row.mean_risk == pytest.approx(
            sum(frame.auc_joint[i] for i in patients) / len(patients)
        )
        rest = (20 - inside) / (400 - len(patients))
        assert row.risk_ratio == pytest.approx(inside / len(patients) / rest)
    np.testing.assert_allclose(table.p_adjusted, naive.holm(list(table.p)))


def test_missing_values_are_left_out_of_their_attribute_alone():
    frame, attributes = grouped_patients(np.random.default_rng(6), 600)
    attributes["sex"] = pd.Categorical(np.where(np.arange(600) % 2, "f", "m"))
    holes = attributes.copy()
    holes.loc[np.arange(600) % 5 == 0, "sex"] = np.nan
    whole = compare_groups(frame, attributes, share=0.1)
    table = compare_groups(frame, holes, share=0.1)
    columns = whole.columns.drop("p_adjusted")  # Holm's correction is over all rows
    pd.testing.assert_frame_equal(
        table[table.attribute == "group"][columns], whole[whole.attribute == "group"][columns]
    )
    known = holes.sex.notna().to_numpy()
    top = flag_most_exposed(frame.auc_joint.to_numpy(), 0.1)
    known_top = (known & top).sum()
    for _, row in table[table.attribute == "sex"].iterrows():
        group = (holes.sex == row.group).to_numpy()
        group_top = (group & top).sum()
        assert row.patients == group.sum() == 240
        assert row.share == pytest.approx(240 / 480)
        assert row.share_top == pytest.approx(group_top / known_top)
        assert row.risk_ratio == pytest.approx(group_top / (known & ~group & top).sum())
        # In how many ways are k of the top in the group?
        ways = [comb(240, k) * comb(240, known_top - k) for k in range(known_top + 1)]
        expected = sum(way for way in ways if way <= ways[group_top]) / sum(ways)
        assert row.p == pytest.approx(expected, abs=1e-9)


def test_small_groups_are_left_out():
    frame, _ = grouped_patients(np.random.default_rng(7), 200)
    group = np.array(["large"] * 100 + ["middle"] * 80 + ["ten"] * 10 + ["nine"] * 9 + ["one"])
    table = compare_groups(frame, pd.DataFrame({"g": group, "same": "all"}))
    assert sorted(table.group) == ["large", "middle", "ten"]
    assert set(table.attribute) == {"g"}
    with pytest.raises(
        InputError,
        match="no attribute has two groups of at least 10 patients; "
        "expected at least one, in: same",
    ):
        compare_groups(frame, pd.DataFrame({"same": ["all"] * 200}))
    with pytest.raises(InputError, match="200 patients and 199 rows of attributes"):
        compare_groups(frame, pd.DataFrame({"g": group[:199]}))


def test_a_group_whose_rest_is_small_is_left_out_too():
    patients = pd.DataFrame({"auc_joint": np.linspace(0, 1, 100), "exposed": False, "records": 1})
    attributes = pd.DataFrame(
        {"ward": pd.Categorical(["x"] * 95 + ["y"] * 5), "sex": pd.Categorical(["f", "m"] * 50)}
    )
    assert set(compare_groups(patients, attributes)["attribute"]) == {"sex"}


def test_an_attribute_is_not_adjusted_for_itself():
    rng = np.random.default_rng(4)
    frame, attributes = grouped_patients(rng, 800, shift=1.0)
    plain = compare_groups(frame, attributes, share=0.1)
    named = compare_groups(frame, attributes.rename(columns={"group": "diagnosis"}), share=0.1)
    np.testing.assert_allclose(named.odds_ratio, plain.odds_ratio)
    other = attributes.assign(
        **{"finding: cough": rng.random(800) < 0.3, "finding: fever": rng.random(800) < 0.2}
    )
    groups, findings = ["a", "b", "c"], ["cough", "fever"]
    adjusted = compare_groups(frame, other, share=0.1).set_index("group").odds_ratio
    assert not np.allclose(adjusted[groups], plain.odds_ratio, rtol=1e-6)
    unadjusted = compare_groups(frame, other, share=0.1, adjust=()).set_index("group").odds_ratio
    np.testing.assert_allclose(unadjusted[groups], plain.odds_ratio)
    np.testing.assert_allclose(unadjusted[findings], adjusted[findings])


# --- two attributes at once ---


def crossed(counts):
    """A patients' table and two attributes with counts[i, j] patients in (row i, column j).

    j = -1 stands for a missing second value.
    """
    cells = [cell for cell, count in counts.items() for _ in range(count)]
    one = [f"r{i}" for i, _ in cells]
    two = [None if j < 0 else f"c{j}" for _, j in cells]
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"auc_joint": rng.random(len(one)), "exposed": False, "records": 1})
    return frame, pd.DataFrame({"one": pd.Categorical(one), "two": pd.Categorical(two)})


def test_groups_of_two_attributes_are_their_intersections():
    frame, attributes = crossed({(0, 0): 40, (0, 1): 60, (1, 0): 30, (1, 1): 50, (1, -1): 20})
    table = compare_groups(frame, attributes, share=0.1)
    assert list(table[table.intersection].attribute.unique()) == ["one x two"]
    assert len(table) == 8
    row = table[table.group == "r1, c0"].iloc[0]
    top = flag_most_exposed(frame.auc_joint.to_numpy(), 0.1)
    inside = ((attributes.one == "r1") & (attributes.two == "c0")).to_numpy()
    known = attributes.two.notna().to_numpy()
    assert row.patients == 30
    assert row.share == pytest.approx(30 / 180)
    assert row.risk_ratio == pytest.approx(top[inside].mean() / top[known & ~inside].mean())


def test_pairs_of_attributes_can_be_named(without_intervals):
    frame, attributes = crossed({(0, 0): 40, (0, 1): 60, (1, 0): 30, (1, 1): 50, (1, -1): 20})
    assert not compare_groups(frame, attributes, pairs=[]).intersection.any()
    turned = compare_groups(frame, attributes, pairs=[("two", "one")])
    assert turned.attribute.iloc[-1] == "two x one"
    with pytest.raises(
        InputError, match="'three' is no categorical attribute; expected two of: one, two"
    ):
        compare_groups(frame, attributes, pairs=[("one", "three")])
    with pytest.raises(InputError, match="two different attributes"):
        compare_groups(frame, attributes, pairs=[("one", "one")])
    assert not compare_groups(frame, attributes[["one"]]).intersection.any()
    flags = pd.DataFrame(
        {"finding: a": np.arange(200) % 2 == 0, "finding: b": np.arange(200) % 3 == 0}
    )
    assert list(compare_groups(frame, flags).attribute) == ["finding", "finding"]


@pytest.mark.parametrize(("small", "shown"), [(0, 3), (1, 0), (9, 0), (10, 4)])
def test_no_small_intersection_can_be_had_by_subtraction(small, shown, without_intervals):
    """In a table of two by two any one cell beside the margins gives the other three."""
    frame, attributes = crossed({(0, 0): 40, (0, 1): 60, (1, 0): small, (1, 1): 50})
    assert compare_groups(frame, attributes).intersection.sum() == shown


def test_fishers_p_value_is_scipys():
    """Over thousands of tables: zeros, large counts, and equal probabilities on both sides."""
    rng = np.random.default_rng(0)
    for number in range(3000):
        table = rng.integers(0, (3, 10, 50, 500, 20_000)[number % 5], (2, 2))
        if number % 7 == 0:
            table[1, 1] *= 50
        if number % 11 == 0:
            table = np.array([[table[0, 0], table[0, 1]], [table[0, 1], table[0, 0]]])
        assert fisher_p_value(table) == pytest.approx(fisher_exact(table)[1], rel=1e-9, abs=1e-250)
