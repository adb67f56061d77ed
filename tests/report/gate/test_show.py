"""Hidden counts are dashes; curves step for ten patients or more; no maximum is one patient's."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.report.gate import (
    count_known,
    count_public,
    count_several,
    explain_hidden,
    keep_apart,
    keep_inside,
    protect,
    reached_by,
    round_as_written,
    safe_curve,
    show_both,
    show_count,
    show_few,
    show_limit,
    show_share,
)
from rollcall.risk.exposed.naming import STATISTICS, name_by_statistic


def test_counts_and_shares():
    assert [show_count(count) for count in (1234, 0, pd.NA, None)] == ["1,234", "0", "–", "–"]
    assert show_count(pd.NA, "fewer than 10") == "fewer than 10"
    assert show_share(30, 120) == "25.0%"
    assert show_share(pd.NA, 120) == show_share(30, pd.NA) == show_share(0, 0) == "–"
    assert explain_hidden(5, "subject").startswith("–: fewer than 5 subjects")


def test_those_known_are_counted_only_where_those_missing_are():
    race = pd.Categorical(["A"] * 50 + ["B"] * 40 + [None] * 30)
    few = pd.Categorical(np.where(np.isin(np.arange(120), (10, 55, 95, 100)), None, [*"AB"] * 60))
    table = protect(pd.DataFrame({"race": race, "few": few}), {"exposed": np.arange(120) % 3 == 0})
    assert count_known(table, "race").tolist() == [90, 30]
    assert count_known(table, "few").isna().all()
    full = protect(pd.DataFrame({"race": race.fillna("A")}), {})
    assert count_known(full, "race").tolist() == [120]


@given(st.lists(st.floats(0, 1), max_size=120), st.sampled_from([1, 5, 10]))
def test_every_step_of_a_curve_stands_for_enough_patients(values, smallest):
    values = np.array(values)
    risks, counts = safe_curve(values, smallest)
    assert (np.diff(risks) > 0).all()
    assert len(risks) == (0 if len(values) < smallest else len(risks) or 1)
    for risk, count in zip(risks, counts, strict=True):
        assert count == (values >= risk - 1e-9).sum()
    assert (-np.diff([*counts, 0][: len(counts) + 1]) >= smallest).all()


@given(
    st.lists(st.floats(0, 1), min_size=30, max_size=120),
    st.lists(st.integers(0, 120), max_size=4),
    st.sampled_from([3, 10]),
)
def test_no_step_is_a_few_patients_from_a_number_that_is_shown(values, public, smallest):
    curve = safe_curve(np.array(values), smallest)
    risks, counts = keep_apart(curve, public, smallest)
    assert set(zip(risks, counts, strict=True)) <= set(zip(*curve, strict=True))
    for number in (number for number in public if number > 0):
        assert all(count == number or abs(count - number) >= smallest for count in counts)


def test_numbers_named_in_two_ways_differ_by_enough_patients():
    rng = np.random.default_rng(0)
    auc = np.r_[rng.normal(0.5, 0.05, 570), rng.uniform(0.9, 1, 40)].clip(0, 1)
    floor = pd.DataFrame(dict.fromkeys(STATISTICS, rng.normal(0.5, 0.05, 6100)))
    patients = pd.DataFrame(dict.fromkeys(STATISTICS, auc)).assign(stratum=0)
    named = int(name_by_statistic(patients, floor)["auc_max"].sum())
    top = np.argsort(np.argsort(-auc))
    for fewer, is_shown in ((0, True), (2, False), (15, True), (named - 3, True)):
        public = count_public(patients.assign(exposed=top < named - fewer), floor)
        assert np.isnan(public["exposed"]) == (named - fewer < 10)
        assert [public[name] == named for name in STATISTICS] == [is_shown] * 3
    assert count_public(patients.assign(exposed=top < named - 2), floor, 2)["auc_max"] == named


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=20, max_size=120))
def test_a_mean_and_a_maximum_do_not_differ_by_a_few(pairs):
    values = np.array(pairs)
    mean, largest = (safe_curve(each, 10) for each in (values.mean(1), values.max(1)))
    kept = keep_inside(mean, largest)
    assert set(zip(*kept, strict=True)) <= set(zip(*mean, strict=True))
    for risk, count in zip(*kept, strict=True):
        for lower, around in zip(*largest, strict=True):
            if lower <= risk + 1e-9:
                assert around == count or around - count >= 10
    assert len(keep_inside(largest, largest)[0]) == len(largest[0])


def test_records_are_not_counted_beside_patients_where_few_have_several():
    assert show_both(1234, 1000, "patient") == "1,234 records of 1,000 patients"
    assert show_both(1000, 1000, "subject") == "1,000 records of 1,000 subjects"
    for more in range(1, 10):
        assert show_both(1000 + more, 1000, "patient") == show_both(1009, 1000, "patient")
        assert str(1000 + more) not in show_both(1000 + more, 1000, "patient").replace(",", "")
    assert count_several(np.array([0, 0, 1, 2, 2, 2, 3])) == 2


def test_a_curve_does_not_begin_at_the_lowest_risk():
    """It is one patient's, as the highest is."""
    for lowest in (0.61, 0.64):
        risks, counts = safe_curve(np.r_[lowest, np.linspace(0.7, 0.9, 50)], 10)
        assert (risks[0], counts[0]) == (0, 51)
        assert (risks[1:] > 0.7).all()


def test_numbers_are_as_exact_as_tables_write_them():
    table = pd.DataFrame(
        {
            "patients": [123.0, np.nan],
            "share": [0.123456, np.nan],
            "exposed_by_chance": [0.7, 12.3],
            "risk_ratio": [12.3456, np.inf],
            "ratio": [0.012345, 0],
            "p": [0.00012345, 0.0456],
        }
    )
    rounded = round_as_written(table)
    expected = [123, 0.123, 1, 12.35, 0.012, 0.00012, np.nan, np.nan, 12, np.inf, 0, 0.046]
    assert np.allclose(rounded.to_numpy().ravel(), expected, rtol=1e-12, equal_nan=True)


def test_a_curve_is_as_fine_as_it_may_be():
    values = np.linspace(0, 1, 1001)
    risks, counts = safe_curve(values, 10)
    assert np.diff(counts).max() == -10
    assert counts[0] == 1001
    assert counts[-1] == 10
    assert len(risks) == 100


def test_what_tables_count_is_on_the_curve():
    values = np.linspace(0, 1, 1001)
    risks, counts = safe_curve(values, 10, also=(0.9, 0.993, 0.905))
    assert counts[np.isclose(risks, 0.9)] == 101
    assert not np.isclose(risks, 0.905).any()  # 5 patients from 0.9
    assert not (risks > 0.991).any()  # 7 remain


@pytest.mark.parametrize(("smallest", "expected"), [(1, 0.99), (10, 0.9), (100, 0.0)])
def test_in_place_of_a_maximum(smallest, expected):
    values = np.random.default_rng(0).permutation(100) / 100
    assert reached_by(values, smallest) == pytest.approx(expected)


def test_no_maximum_of_too_few():
    assert np.isnan(reached_by(np.ones(9)))


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "0"), (9, "fewer than 10"), (10, "10"), (1991, "all but fewer than 10"), (2000, "2,000")],
)
def test_few_and_all_but_few(count, expected):
    assert show_few(count, 2000) == expected


def test_limits_are_whole_and_within():
    limits = [show_limit(value, 200) for value in (-3, 0.4, 9.4, 12.3, 195, 300)]
    assert limits == ["0", "0", "fewer than 10", "12", "195", "200"]
