"""What tables of groups print gives nothing away; what they need not hide is as it was."""

import numpy as np
import pandas as pd
import pytest

from rollcall.data.groups import iterate_intersections
from rollcall.paper import panel as paper
from rollcall.report.gate import hide_groups, hide_panel, list_shown
from rollcall.report.gate.hiding import AT_CUTOFF, COMPARED, FROM_EXPOSED
from rollcall.risk.groups import compare
from rollcall.stats.members import draw_members
from rollcall.util.errors import InputError
from tests.report.gate.adversary import attack
from tests.report.gate.cohorts import categories, make_cohort

TARGETS = 16


def make_study(attributes, exposed, leak=None, seed=0):
    """Arguments of hide_groups: who is exposed is given, the statistic leaks for these."""
    patients, rng = len(attributes), np.random.default_rng(seed)
    members = draw_members(TARGETS, patients, seed)
    leak = 3 * exposed if leak is None else leak
    statistic = (rng.normal(size=members.shape) + leak * (2 * members - 1)).astype(np.float32)
    table = pd.DataFrame(
        {
            "exposed": exposed,
            "records": 1,
            "chance": 0.01,
            "stratum": rng.integers(0, 2, patients),
        }
    )
    tables = compare(table, attributes, statistic, members, seed)
    return (*tables.values(), table, attributes, statistic, members)


def print_counts(shown, exposed, patients, smallest):
    """The counts that a table of groups prints, as the adversary reads them."""
    total = int(exposed.sum())
    few = 0 < total < smallest or 0 < patients - total < smallest
    rows = [("(all)", "(all)", patients, None if few else total)]
    rows += shown[["attribute", "group", "patients", "exposed"]].itertuples(index=False)
    table = pd.DataFrame(rows, columns=["attribute", "group", "patients", "exposed"])
    return table.astype({"patients": "Int64", "exposed": "Int64"})


@pytest.mark.parametrize("first", range(0, 24, 4))
def test_a_reader_of_the_table_of_groups_gets_nothing(first):
    compared = 0
    for seed in range(first, first + 4):
        attributes, flags, smallest, _ = make_cohort(seed)
        exposed = np.asarray(next(iter(flags.values())))
        try:
            study = make_study(attributes, exposed)
        except InputError:
            continue  # no two groups that are large enough
        shown, _ = hide_groups(*study, smallest)
        printed = print_counts(shown, exposed, len(attributes), smallest)
        crossed = list(iterate_intersections(attributes))
        assert attack(printed, attributes, {"exposed": exposed}, smallest, crossed) == [], seed
        compared += 1
    assert compared >= 1


@pytest.fixture
def study():
    """600 patients: of two races eight and six are exposed, of the dozen without one nobody."""
    order = np.arange(600)
    race = pd.Categorical(np.repeat(["A", "B", "C", None], [300, 200, 88, 12]))
    sex = categories(order % 2)
    attributes = pd.DataFrame({"race": race, "sex": sex})
    exposed = ((order < 300) & np.isin(order % 20, (0, 11))) | np.isin(
        order, [*range(300, 308), *range(500, 506)]
    )
    return make_study(attributes, exposed)


def test_where_a_count_is_hidden_so_is_all_that_follows(study):
    raw, *_ = study
    shown, shown_cutoffs = hide_groups(*study)
    by_group = shown.set_index("group")
    assert by_group.loc["A", "exposed"] == 30
    for group in ("B", "C"):
        numbers = by_group.loc[group, [*FROM_EXPOSED, *COMPARED, "share_exposed"]].astype(float)
        assert numbers.isna().all()
        assert by_group.loc[group, "patients"] == raw.set_index("group").loc[group, "patients"]
        assert by_group.loc[group, "shift"] == raw.set_index("group").loc[group, "shift"]
    at = shown_cutoffs[shown_cutoffs["group"] == "B"]
    assert at.loc[at["is_exposed"], list(AT_CUTOFF)].isna().all(axis=None)
    assert at["floor_high"].notna().any()
    few = shown_cutoffs["top"] < 10  # at 0.2% and 0.5%
    assert few.any()
    assert shown_cutoffs.loc[few, list(AT_CUTOFF)].isna().all(axis=None)
    assert shown_cutoffs.loc[~few & ~shown_cutoffs["is_exposed"], "ratio"].notna().any()


def test_what_need_not_be_hidden_is_as_it_was(study):
    """With a smallest cell of 1."""
    raw, cutoffs, *_ = study
    shown, shown_cutoffs = hide_groups(*study, 1)
    pd.testing.assert_frame_equal(shown, raw, check_dtype=False)
    pd.testing.assert_frame_equal(shown_cutoffs, cutoffs, check_dtype=False)


def test_shares_do_not_tell_how_many_lack_a_value():
    """Five of 200 have no race: among those known A has 51.3%, among all 50.0%."""
    race = pd.Categorical(np.repeat(["A", "B", "C", None], [100, 60, 35, 5]))
    order = np.arange(200)
    exposed = np.isin(order, [*range(30), *range(100, 120), *range(160, 175)])
    study = make_study(pd.DataFrame({"race": race, "sex": categories(order % 2)}), exposed)
    shown, _ = hide_groups(*study)
    races = shown[shown["attribute"] == "race"]
    assert list(races["group"]) == ["A", "B"]  # C and those without one have 40
    assert races["share"].isna().all()
    assert races["risk_ratio"].isna().all()
    assert shown.loc[shown["attribute"] == "sex", "share"].notna().all()


def test_of_many_a_few_without_a_value_are_not_told_by_a_share():
    """3 of 20,003 lack a race: rounded, all is written as if nobody did."""
    order = np.arange(20_003)
    race = pd.Categorical(np.repeat(["A", "B", "C", None], [12_000, 7_990, 10, 3]))
    study = make_study(pd.DataFrame({"race": race}), order % 20 == 0)
    shown, _ = hide_groups(*study)
    assert shown.set_index("group").loc["A", ["share", "risk_ratio", "p"]].notna().all()


def test_a_cohort_whose_groups_are_all_hidden():
    order = np.arange(24)
    attributes = pd.DataFrame({"sex": categories(order % 2)})
    shown, cutoffs = hide_groups(*make_study(attributes, order < 3), 15)
    assert len(shown) == len(cutoffs) == 0
    assert list_shown(attributes, 15)["sex"] == []


def test_how_many_are_exposed_is_not_where_their_row_stands():
    order = np.arange(200)
    study = make_study(pd.DataFrame({"sex": categories(order % 2)}), order < 4)
    _, cutoffs = hide_groups(*study)
    rows = cutoffs[cutoffs["is_exposed"]]
    assert len(rows) == 2
    assert rows[["cutoff", "top", "floor_low", "ratio"]].isna().all(axis=None)


def make_panel(attributes, index, auc, smallest=10):
    by_record = attributes.iloc[index].reset_index(drop=True)
    allowed = list_shown(attributes, smallest)
    panel = paper.compute_panel(auc, by_record, 0.1, values=allowed, patient_index=index)
    tops = paper.find_tops(auc, by_record, panel, 0.1)
    return panel, hide_panel(panel, tops, index, attributes, smallest)


def test_a_panel_hides_an_attribute_with_few_patients_at_the_top():
    rng = np.random.default_rng(0)
    order = np.arange(400)
    attributes = pd.DataFrame(
        {
            "race": pd.Categorical(np.repeat(["A", "B", "Z"], [200, 192, 8])),
            "group": categories(order % 2),  # named as a column of the tables
        }
    )
    index = np.sort(np.r_[order, rng.choice(order, 200), np.full(30, 399)])
    auc = rng.random(len(index)) + 0.8 * (index < 200)  # race A is nearly all of the top
    raw, shown = make_panel(attributes, index, auc)
    assert "Z" not in set(raw["group"])
    assert list(raw["group"]) == ["A", "g0", "g1"]  # B would give Z away
    assert shown["observed"].notna().all()
    attributes["race"] = pd.Categorical(np.repeat(["A", "B"], [200, 200]))
    auc[np.flatnonzero(np.isin(index, (210, 222, 235)))] = 2
    raw, shown = make_panel(attributes, index, auc)
    by_race = shown["attribute"] == "race"
    assert 0 < raw.loc[1, "top_patients"] < 10
    hidden = ["observed", "top_patients", "residual", "relative", "chi2", "p_bonferroni"]
    assert shown.loc[by_race, hidden].isna().all(axis=None)
    assert (shown.loc[by_race, "stars"] == "").all()
    assert shown.loc[~by_race, hidden].notna().all(axis=None)
    assert (shown["records"] == raw["records"]).all()


def test_of_many_attributes_there_are_no_cutoffs():
    rng = np.random.default_rng(0)
    attributes = pd.DataFrame({f"a{n}": categories(rng.integers(0, 2, 300)) for n in range(51)})
    shown, cutoffs = hide_groups(*make_study(attributes, rng.random(300) < 0.3))
    assert len(cutoffs) == 0
    assert shown[["exposed", "p_adjusted"]].notna().all(axis=None)


def test_a_p_value_goes_with_the_count_that_it_tests(study):
    """At the top of the test are as many as are exposed: in the fixture about 44, few of C."""
    shown = hide_groups(*study)[0].set_index("group")
    assert pd.isna(shown.loc["C", "p_adjusted"])
    assert pd.notna(shown.loc["A", "p_adjusted"])
