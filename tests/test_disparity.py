import itertools
from math import comb

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib import disparity as module
from lib.disparity import disparity, most_exposed, risk_ratio
from lib.errors import InputError
from tests.naive import FIXED


def table(rng, patients=1000, shift=0.0, groups=("a", "b", "c"), p=(0.2, 0.3, 0.5)):
    """(patients, attributes): patients of group 'a' have their risk raised by `shift` sd."""
    group = rng.choice(groups, patients, p=p)
    risk = 0.5 + 0.1 * (rng.standard_normal(patients) + shift * (group == "a"))
    frame = pd.DataFrame({"auc_joint": risk, "exposed": risk > 0.75, "records": rng.integers(1, 4, patients)})
    return frame, pd.DataFrame({"group": pd.Categorical(group, groups)})


@FIXED
@given(st.lists(st.integers(-2, 2), min_size=1, max_size=250), st.sampled_from([0.01, 0.05, 0.5, 1.0]))
def test_most_exposed_has_exactly_its_size_and_the_highest(risk, share):
    risk = np.array(risk, float)
    top = most_exposed(risk, share)
    assert top.dtype == bool and top.sum() == max(1, int(np.ceil(share * len(risk))))
    assert top.all() or risk[top].min() >= risk[~top].max()


def test_ties_at_the_top_are_broken_by_position():
    assert list(np.flatnonzero(most_exposed(np.zeros(300)))) == [0, 1, 2]
    assert list(np.flatnonzero(most_exposed(np.array([0, 1, 0, 1, 1.0]), 0.4))) == [1, 3]


def test_ratio_is_of_the_two_shares():
    group, top = np.arange(100) < 20, np.isin(np.arange(100), [0, 1, 50, 60])
    ratio, low, high = risk_ratio(group, top)
    assert ratio == pytest.approx((2 / 20) / (2 / 80)) and low < ratio < high
    assert risk_ratio(group, group & top)[0] == np.inf
    nobody = risk_ratio(group, np.zeros(100, bool))
    assert np.isnan(nobody[0]) and np.isfinite(nobody[1:]).all() and nobody[1] < 1 < nobody[2]
    none = risk_ratio(group, ~group & top)
    assert none[0] == 0 and 0 <= none[1] < 1 < none[2]  # no patient of 20 at the top is no proof of less risk
    assert risk_ratio(group, top) == (ratio, low, high)
    inverse = risk_ratio(~group, top)
    assert inverse[0] == pytest.approx(1 / ratio) and inverse[1] == pytest.approx(1 / high, rel=0.1)


@pytest.mark.parametrize("inside, p_in, outside, p_out", [(150, 0.04, 850, 0.02), (100, 0.05, 900, 0.05), (500, 0.05, 500, 0.05), (400, 0.03, 600, 0.01)])
def test_interval_covers_the_true_ratio(inside, p_in, outside, p_out):
    """5 to 25 expected patients at the top in each part; 1500 simulations (Monte-Carlo error 0.6%). Measured with 2000: 95.2, 94.6, 94.6,
    94.2%; with 3 expected in a part it falls to 93%. The band is 95% within 4 Monte-Carlo errors."""
    group = np.arange(inside + outside) < inside
    covered = 0
    for seed in range(1500):
        rng = np.random.default_rng([seed, inside])
        _, low, high = risk_ratio(group, rng.random(len(group)) < np.where(group, p_in, p_out), seed, draws=2000)
        covered += low <= p_in / p_out <= high
    assert covered / 1500 == pytest.approx(0.95, abs=4 * 0.0056)


@pytest.mark.parametrize("patients, size, share", [(14, 10, 0.2), (13, 11, 0.4), (15, 10, 0.3)])
def test_p_is_the_exact_permutation_p(patients, size, share, monkeypatch):
    """Every way of handing out the labels; as or less probable than what was seen, as Fisher's two sides are."""
    monkeypatch.setattr(module, "SMALLEST_GROUP", 1)  # so few patients that every labelling can be tried
    for seed in range(6):
        rng = np.random.default_rng([seed, patients])
        frame, _ = table(rng, patients)
        group = rng.permutation(patients) < size
        top = most_exposed(frame.auc_joint.to_numpy(), share)
        counts = [sum(top[list(chosen)]) for chosen in itertools.combinations(range(patients), size)]
        probability = {count: counts.count(count) / len(counts) for count in set(counts)}
        seen = probability[(group & top).sum()]
        expected = sum(value for value in probability.values() if value <= seen * (1 + 1e-9))
        got = disparity(frame, pd.DataFrame({"g": np.where(group, "x", "y")}), share=share)
        assert list(got.group) == ["x", "y"]
        assert got.p.to_numpy() == pytest.approx([expected, expected], abs=1e-9)


def test_a_planted_group_is_found():
    """Risk of group 'a' raised by 2 sd, 3000 patients, 30 at the top: about 28 of them are its. Ten of ten simulations."""
    for seed in range(10):
        frame, attributes = table(np.random.default_rng([seed, 1]), 3000, shift=2.0)
        got = disparity(frame, attributes).set_index("group")
        assert got.risk_ratio["a"] > got.ci_low["a"] > 1 and got.p_adjusted["a"] < 0.001
        assert got.ci_high["c"] < 1 and got.p_adjusted["c"] < 0.001
        assert got.mean_risk.idxmax() == "a" and got.exposed_share.idxmax() == "a"


def test_without_disparity_few_groups_are_named(monkeypatch):
    """200 simulations: a group has p_adjusted at most 0.05 in at most 5% of them; the bound of 21 is the 99.9% quantile at 5%."""
    monkeypatch.setattr(module, "risk_ratio", lambda *_: (1.0, 1.0, 1.0))  # the interval is not looked at here, and takes most of the time
    named = sum((disparity(*table(np.random.default_rng([seed, 2]), 1000), share=0.05).p_adjusted <= 0.05).any() for seed in range(200))
    assert named <= 21


def test_counts_and_shares_by_hand():
    rng = np.random.default_rng(5)
    frame, attributes = table(rng, 400, shift=1.0)
    got = disparity(frame, attributes, share=0.05)
    top = set(sorted(range(400), key=lambda i: -frame.auc_joint[i])[:20])
    for _, row in got.iterrows():
        own = [i for i in range(400) if attributes.group[i] == row.group]
        inside = len(top & set(own))
        assert (row.patients, row.top, row.records) == (len(own), inside, sum(frame.records[i] for i in own))
        assert (row.share, row.share_top) == pytest.approx((len(own) / 400, inside / 20))
        assert row.exposed == sum(frame.exposed[i] for i in own) and row.exposed_share == pytest.approx(row.exposed / len(own))
        assert row.mean_risk == pytest.approx(sum(frame.auc_joint[i] for i in own) / len(own))
        assert row.risk_ratio == pytest.approx((inside / len(own)) / ((20 - inside) / (400 - len(own))))
    ordered = got.sort_values("p").reset_index()  # Holm: the smallest p times the number of rows, and so on, never falling
    holm = np.minimum(np.maximum.accumulate(ordered.p * np.arange(len(ordered), 0, -1)), 1)
    np.testing.assert_allclose(ordered.p_adjusted, holm)


def test_missing_values_are_left_out_of_their_attribute_alone():
    frame, attributes = table(np.random.default_rng(6), 600)
    attributes["sex"] = pd.Categorical(np.where(np.arange(600) % 2, "f", "m"))
    holes = attributes.copy()
    holes.loc[np.arange(600) % 5 == 0, "sex"] = np.nan
    whole, got = disparity(frame, attributes, share=0.1), disparity(frame, holes, share=0.1)
    columns = [column for column in whole if column != "p_adjusted"]  # Holm's correction is over all rows
    pd.testing.assert_frame_equal(got[got.attribute == "group"][columns], whole[whole.attribute == "group"][columns])
    known = holes.sex.notna().to_numpy()
    for _, row in got[got.attribute == "sex"].iterrows():
        own, top = (holes.sex == row.group).to_numpy(), most_exposed(frame.auc_joint.to_numpy(), 0.1)
        assert row.patients == own.sum() == 240 and row.share == pytest.approx(240 / 480)
        assert row.share_top == pytest.approx((own & top).sum() / (known & top).sum())
        assert row.risk_ratio == pytest.approx((own & top).sum() / (known & ~own & top).sum())
        ways = [comb(240, k) * comb(240, (known & top).sum() - k) for k in range((known & top).sum() + 1)]  # k of the top in the group
        assert row.p == pytest.approx(sum(way for way in ways if way <= ways[(own & top).sum()]) / sum(ways), abs=1e-9)


def test_small_groups_are_left_out():
    frame, _ = table(np.random.default_rng(7), 200)
    group = np.array(["large"] * 100 + ["middle"] * 80 + ["ten"] * 10 + ["nine"] * 9 + ["one"])
    got = disparity(frame, pd.DataFrame({"g": group, "same": "all"}))
    assert sorted(got.group) == ["large", "middle", "ten"] and set(got.attribute) == {"g"}
    with pytest.raises(InputError, match="no attribute has two groups of at least 10 patients; expected at least one, in: same"):
        disparity(frame, pd.DataFrame({"same": ["all"] * 200}))
    with pytest.raises(InputError, match="200 patients and 199 rows of attributes"):
        disparity(frame, pd.DataFrame({"g": group[:199]}))


def test_a_group_whose_rest_is_small_is_left_out_too():
    patients = pd.DataFrame({"auc_joint": np.linspace(0, 1, 100), "exposed": False, "records": 1})
    attributes = pd.DataFrame({"ward": pd.Categorical(["x"] * 95 + ["y"] * 5), "sex": pd.Categorical(["f", "m"] * 50)})
    assert set(disparity(patients, attributes)["attribute"]) == {"sex"}
