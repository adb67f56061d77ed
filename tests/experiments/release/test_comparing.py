"""Groups of the members of a release: counts against loops, and what may be shown."""

import numpy as np
import pandas as pd
import pytest

from rollcall.experiments.release.comparing import compare_release_groups, find_shown


def make(seed: int = 0, patients: int = 600):
    rng = np.random.default_rng(seed)
    race = pd.Series(rng.choice(["A", "B", "C"], patients, p=[0.6, 0.39, 0.01]), dtype="category")
    sex = pd.Series(rng.choice(["f", "m"], patients), dtype="category")
    sex[:3] = None
    members = rng.random(patients) < 0.5
    named = members & (rng.random(patients) < np.where(race == "B", 0.4, 0.1))
    table = pd.DataFrame({"race": race, "sex": sex})
    return (
        table,
        rng.integers(0, 2, patients),
        members,
        named,
        ~members & (rng.random(patients) < 0.02),
    )


def test_counts_are_those_of_a_loop():
    table, label, members, named, above = make()
    groups = compare_release_groups(table, label, members, named, above, named & False)
    assert list(groups["group"]) == ["A", "B", "f", "m"]  # C has too few members
    for row in groups.itertuples():
        inside = (table[row.attribute] == row.group).to_numpy()
        assert row.members == (inside & members).sum()
        assert row.named == (inside & named).sum()
        assert row.outsiders_above == (inside & above).sum()
        assert row.share_low < row.share < row.share_high
        assert row.blind_named == 0
    b = groups[groups["group"] == "B"].iloc[0]
    assert b["p_adjusted"] < 0.001
    assert 1 < b["ratio_low"] < b["ratio"] < b["ratio_high"]
    assert groups.loc[groups["attribute"] == "sex", "p_adjusted"].min() > 0.05
    one, other = groups[groups["attribute"] == "sex"].itertuples()
    assert one.ratio == pytest.approx(1 / other.ratio)
    assert one.ratio_low == pytest.approx(1 / other.ratio_high)


def test_without_labels_the_ratio_is_that_of_the_shares():
    table, label, members, named, above = make()
    groups = compare_release_groups(table[["sex"]], label * 0, members, named, above, named & False)
    one, other = groups.itertuples()
    assert one.ratio == pytest.approx(one.share / other.share)


def test_nobody_named_and_no_attributes_are_no_error():
    table, label, members, named, above = make()
    nobody = np.zeros_like(named)
    groups = compare_release_groups(table, label, members, nobody, above, nobody)
    assert groups["p"].isna().all()
    assert (groups["named"] == 0).all()
    assert not len(compare_release_groups(table[[]], label, members, named, above, nobody))


@pytest.mark.parametrize("seed", range(5))
def test_no_count_under_ten_can_be_had_from_what_is_shown(seed):
    """Neither a group's, nor that of those left out, as the sum less what is shown."""
    table, _, members, named, _ = make(seed)
    for smallest in (3, 10, 30):
        for attribute in find_shown(table, members, named, smallest):
            values = table[attribute]
            parts = [values == name for name in values.cat.categories] + [values.isna()]
            for part in parts:
                for count in ((part & members & named).sum(), (part & members & ~named).sum()):
                    assert count == 0 or count >= smallest
    assert "race" not in find_shown(table, members, named, 10)
