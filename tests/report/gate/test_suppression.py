"""Nothing small leaves, nor anything it follows from; what is shown is true, and much is."""

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcall.data.groups import iterate_intersections
from rollcall.report.gate.design import make_design
from rollcall.report.gate.suppression import protect
from rollcall.util.errors import InputError
from tests.report.gate.adversary import attack, groups_of
from tests.report.gate.cohorts import categories, make_cohort


def race(**sizes):
    return pd.DataFrame({"race": pd.Categorical(np.repeat(list(sizes), list(sizes.values())))})


def flag(patients, *positions):
    return np.isin(np.arange(patients), positions)


def cells(table):
    return {
        (row["attribute"], row["group"]): [
            None if pd.isna(row[column]) else int(row[column]) for column in table.columns[3:]
        ]
        for _, row in table.iterrows()
    }


@pytest.mark.parametrize("seeds", [range(0, 10), (26, 32, 42, 64, 97, 799)])
def test_a_reader_who_subtracts_gets_nothing(seeds):
    """Of every kind of random cohort; `python -m tests.report.gate.many 1000` does more."""
    for seed in seeds:
        attributes, flags, smallest, crossed = make_cohort(seed)
        table = protect(attributes, flags, smallest, crossed)
        assert attack(table, attributes, flags, smallest, crossed) == [], seed


def test_that_reader_gets_much_where_only_small_counts_are_hidden():
    """So that the test above could fail."""
    given_away = 0
    for seed in range(4):
        attributes, flags, smallest, crossed = make_cohort(seed)
        table = protect(attributes, flags, 1, crossed)
        counts = table[["patients", *flags]]
        table[["patients", *flags]] = counts.mask((counts > 0) & (counts < smallest))
        given_away += bool(attack(table, attributes, flags, smallest, crossed))
    assert given_away >= 2


def test_the_single_patient_of_a_group_cannot_be_had_by_subtraction():
    attributes = race(A=99, B=100, C=1)
    flags = {"exposed": flag(200, 0, 1, 2, 150, 199)}
    table = protect(attributes, flags)
    assert attack(table, attributes, flags, 10) == []
    assert cells(table) == {
        ("(all)", "(all)"): [200, None],  # 5 exposed
        ("race", "A"): [None, None],  # or C is what A and B leave
        ("race", "B"): [100, None],
        ("race", "C"): [None, None],
    }


def test_a_group_is_as_large_as_its_patients_however_many_records_they_have():
    table = protect(race(A=100, B=99, Z=1), {})
    assert cells(table)["race", "Z"] == [None]


@pytest.mark.parametrize(
    ("exposed", "expected"), [(0, 0), (5, None), (30, 30), (195, None), (200, 200)]
)
def test_few_patients_in_all_or_all_but_few_are_not_counted(exposed, expected):
    attributes = race(A=100, B=100)
    table = protect(attributes, {"exposed": np.arange(200) < exposed})
    assert cells(table)["(all)", "(all)"] == [200, expected]
    if expected is None:
        assert table["exposed"].isna().all()


def test_of_two_flags_that_few_patients_set_apart_the_earlier_is_shown():
    order = np.arange(200)
    flags = {"exposed": order < 30, "top": order < 25}
    assert cells(protect(race(A=200), flags))["race", "A"] == [200, 30, None]
    flags = {"top": flags["top"], "exposed": flags["exposed"]}
    assert cells(protect(race(A=200), flags))["race", "A"] == [200, 25, None]


def test_a_flag_that_almost_all_of_a_group_have_is_hidden():
    attributes = race(A=50, B=100, C=150)
    flags = {"exposed": flag(300, *range(45), *range(50, 90), *range(150, 190))}
    assert cells(protect(attributes, flags)) == {
        ("(all)", "(all)"): [300, 125],
        ("race", "A"): [50, None],  # 5 are not
        ("race", "B"): [100, None],
        ("race", "C"): [150, 40],
    }


def test_a_fine_taxonomy_is_guarded_by_a_coarse_one():
    fine = np.repeat([0, 1, 2, 3, 4], [4, 40, 60, 8, 90])
    attributes = pd.DataFrame({"fine": categories(fine), "coarse": categories(fine // 2)})
    table = protect(attributes, {})
    assert attack(table, attributes, {}, 10) == []
    # 4 + 8 could stand alone; but coarse g0 is 44, and fine g1 40 of them
    assert cells(table)["fine", "g1"] == [None] or cells(table)["coarse", "g0"] == [None]
    assert cells(table)["coarse", "g2"] == [90]


def test_a_group_inside_another_is_not_what_the_other_lacks():
    patients = np.arange(300)
    attributes = pd.DataFrame({"finding: wide": patients < 60, "finding: narrow": patients < 55})
    table = protect(attributes, {})
    assert attack(table, attributes, {}, 10) == []
    assert table["patients"].notna().sum() == 2  # all, and one of the two


@pytest.mark.parametrize("kind", [bool, categories])
def test_a_group_inside_one_of_another_attribute_is_not_what_that_one_lacks(kind):
    """304 have a heart disease, 300 of them heart failure: 4 another one."""
    patients = np.arange(2000)
    failure, heart = (
        (patients < size) if kind is bool else categories((patients < size) * 1)
        for size in (300, 304)
    )
    attributes = pd.DataFrame({"failure": failure, "heart": heart})
    table = protect(attributes, {})
    assert attack(table, attributes, {}, 10) == []
    # nor 4 exposed in the one and not in the other, though 60 set them apart
    attributes = pd.DataFrame({"failure": patients < 300, "heart": patients < 360})
    flags = {"exposed": np.isin(patients, [*range(40), *range(300, 304), *range(400, 430)])}
    table = protect(attributes, flags)
    assert table["patients"].tolist() == [2000, 300, 360]
    assert attack(table, attributes, flags, 10) == []
    assert table["exposed"].isna().any()


def test_who_is_known_coarsely_alone_cannot_be_counted():
    """2 of the 60 of a continent are of no country."""
    country = np.repeat([0, 1, 2, -1, -1], [30, 28, 100, 2, 40])
    continent = np.repeat([0, 0, 1, 0, 1], [30, 28, 100, 2, 40])
    attributes = pd.DataFrame({"country": categories(country), "continent": categories(continent)})
    table = protect(attributes, {})
    assert attack(table, attributes, {}, 10) == []
    assert table["patients"].notna().sum() > 3


def test_groups_of_three_attributes_among_many_do_not_add_up():
    """Of 18 attributes, too many to be looked at all together."""
    rng = np.random.default_rng(0)
    fine = rng.integers(0, 4, 2000)
    fine[:4] = 4
    columns = {
        "fine": categories(fine),
        "either": np.isin(fine, [0, 1, 4]),
        "one": fine == 0,
        "other": fine == 1,
    }
    columns |= {f"also {number}": categories(rng.integers(0, 3, 2000)) for number in range(14)}
    table = protect(pd.DataFrame(columns), {})
    assert table.set_index("attribute").loc[["either", "one", "other"], "patients"].isna().any()
    assert table.loc[table["attribute"].str.startswith("also"), "patients"].notna().all()


def test_who_lacks_one_of_two_crossed_values_cannot_be_counted():
    """20 lack a, 30 lack b, 3 of them both; 6 of those with b g0 lack a."""
    rng = np.random.default_rng(1)
    one, two = rng.integers(0, 2, 400), rng.integers(0, 2, 400)
    one[:20], two[17:47] = -1, -1
    attributes = pd.DataFrame({"a": categories(one), "b": categories(two)})
    crossed = list(iterate_intersections(attributes))
    table = protect(attributes, {}, 10, crossed)
    assert crossed
    assert attack(table, attributes, {}, 10, crossed) == []


def test_an_attribute_may_have_the_name_of_an_intersection():
    rng = np.random.default_rng(1)
    columns = {name: categories(rng.integers(0, 2, 200)) for name in ("a x b", "c x d")}
    attributes = pd.DataFrame(columns)
    table = protect(attributes, {}, 10, iterate_intersections(attributes))
    assert table["intersection"].sum() == 4


def test_crossed_attributes_are_guarded_with_theirs():
    rng = np.random.default_rng(0)
    attributes = pd.DataFrame(
        {"a": categories(rng.integers(0, 3, 500)), "b": categories(rng.integers(0, 4, 500))}
    )
    crossed = list(iterate_intersections(attributes))
    assert crossed
    flags = {"exposed": rng.random(500) < 0.4}
    table = protect(attributes, flags, 10, crossed)
    assert attack(table, attributes, flags, 10, crossed) == []
    assert table["intersection"].sum() == 12


def test_nothing_is_hidden_where_nothing_is_small():
    rng = np.random.default_rng(1)
    attributes = pd.DataFrame(
        {f"a{number}": categories(rng.integers(-1, 4, 5000)) for number in range(6)}
    )
    risk = rng.random(5000)
    table = protect(attributes, {"top 30%": risk < 0.3, "top 10%": risk < 0.1})
    assert table.notna().all(axis=None)
    assert (table["group"] == "(missing)").sum() == 6


def test_a_cohort_under_the_smallest_cell_shows_nothing():
    table = protect(race(A=4, B=5), {"exposed": flag(9, 0)})
    assert table[["patients", "exposed"]].isna().all(axis=None)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10_000))
def test_what_is_shown_is_true_and_not_small(seed):
    attributes, flags, smallest, crossed = make_cohort(seed)
    table = protect(attributes, flags, smallest, crossed)
    groups = groups_of(attributes, crossed)
    for (attribute, group), counts in cells(table).items():
        inside = np.ones(len(attributes), bool)
        if attribute != "(all)":
            inside = groups[attribute][group]
        for count, mask in zip(
            counts, [inside, *(inside & f for f in flags.values())], strict=True
        ):
            assert count in (None, mask.sum())
            assert count is None or not 0 < count < smallest
        assert counts[0] is not None or attribute == "(all)" or set(counts) == {None}
    listed = {(name, group) for name, inside in groups.items() for group in inside}
    assert {key for key in cells(table) if key[0] != "(all)"} <= listed


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 5])
def test_no_order_and_no_name_matters(seed):
    attributes, flags, smallest, _ = make_cohort(seed)
    expected = cells(protect(attributes, flags, smallest))
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(attributes))
    shuffled = attributes.iloc[order].reset_index(drop=True)
    table = protect(shuffled, {name: values[order] for name, values in flags.items()}, smallest)
    assert cells(table) == expected
    assert cells(protect(attributes[attributes.columns[::-1]], flags, smallest)) == expected


def test_groups_of_other_names_are_hidden_alike():
    """Where no two have the same counts."""
    rng = np.random.default_rng(3)
    fine = rng.choice(7, 400, p=[0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.4])
    risk = rng.random(400)
    flags = {"top 30%": risk < 0.3, "top 10%": risk < 0.1}
    new = np.array([5, 0, 6, 2, 1, 4, 3])
    table = protect(
        pd.DataFrame({"fine": categories(fine), "coarse": categories(fine // 2)}), flags
    )
    renamed = protect(
        pd.DataFrame({"fine": categories(new[fine]), "coarse": categories(fine // 2)}), flags
    )
    expected = {
        (name, f"g{new[int(group[1:])]}" if name == "fine" else group): counts
        for (name, group), counts in cells(table).items()
    }
    assert cells(renamed) == expected


@pytest.mark.parametrize(("exposed", "expected"), [(0, 0), (2, None), (800, 800), (2000, 2000)])
def test_without_attributes_totals_are_all_there_is(exposed, expected):
    attributes, flags = pd.DataFrame(index=range(2000)), {"exposed": np.arange(2000) < exposed}
    table = protect(attributes, flags)
    assert cells(table) == {("(all)", "(all)"): [2000, expected]}
    assert attack(table, attributes, flags, 10) == []


def test_a_smaller_smallest_cell_shows_more():
    shown = {}
    for smallest in (5, 10):
        shown[smallest] = 0
        for seed in (0, 1, 2, 3, 5, 6, 7, 8):
            attributes, flags, _, crossed = make_cohort(seed)
            table = protect(attributes, flags, smallest, crossed)
            shown[smallest] += int(table[["patients", *flags]].notna().sum().sum())
    assert shown[5] > 1.1 * shown[10]


def test_mistakes_are_named():
    with pytest.raises(InputError, match=r"flag 'exposed': expected bool \(3,\)"):
        protect(race(A=3), {"exposed": np.zeros(3)})
    with pytest.raises(InputError, match="smallest cell: expected a whole number"):
        protect(race(A=3), {}, 0)


def make_large(patients):
    rng = np.random.default_rng(0)
    attributes = pd.DataFrame(
        {
            f"a{number}": categories(
                rng.choice(rows, patients, p=rng.dirichlet(np.full(rows, 0.7)))
            )
            for number, rows in enumerate([6, 3, 10, 5, 4, 9, 3, 4])
        }
    )
    order = rng.permutation(patients)
    cuts = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.13, 0.2)
    return attributes, {f"top {cut}": order < cut * patients for cut in cuts}


def test_many_attributes_are_looked_at_in_time():
    """44 groups by 8 flags of 71,518 patients; processor time, as others share the machine."""
    attributes, flags = make_large(71_518)
    start = time.process_time()
    table = protect(attributes, flags)
    assert time.process_time() - start < 6
    assert table.notna().mean(axis=None) > 0.85


def test_flags_make_columns_and_bands():
    order = np.arange(100)
    design = make_design(race(A=40, B=60), {"top": order < 20, "more": order < 50}, 10)
    assert design.columns == ("patients", "top", "more")
    assert design.totals.tolist() == [100, 20, 50]
    # all, top, more, more without top, all without top, all without more
    assert len(design.bands) == 6


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 5, 6, 7])
def test_sizes_are_shown_whatever_the_flags_and_the_first_flag_whatever_the_others(seed):
    """So that a table of sizes, made before anybody was attacked, gives nothing away beside it."""
    attributes, flags, smallest, crossed = make_cohort(seed)
    with_flags = protect(attributes, flags, smallest, crossed)
    for number in (0, 1):
        fewer = protect(attributes, dict(list(flags.items())[:number]), smallest, crossed)
        pd.testing.assert_frame_equal(with_flags[list(fewer)], fewer)
