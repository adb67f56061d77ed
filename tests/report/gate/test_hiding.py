"""What tables of groups print gives nothing away; what they need not hide is as it was."""

import numpy as np
import pandas as pd
import pytest

from rollcall.data.groups import iterate_intersections
from rollcall.paper import panel as paper
from rollcall.report.gate import (
    count_groups,
    design,
    explain_further,
    hide_groups,
    hide_panel,
    hiding,
    list_shown,
    round_as_written,
    show,
)
from rollcall.report.gate.hiding import AT_CUTOFF, COMPARED, ESTIMATED, FROM_EXPOSED
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
            "stratum": (label := rng.integers(0, 2, patients)),
            "label": label,
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


@pytest.mark.parametrize("first", [12])
def test_a_reader_of_the_table_of_groups_gets_nothing(first):
    compared = 0
    for seed in range(first, first + 3):
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


@pytest.fixture(scope="module")
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
        names = [*FROM_EXPOSED, *COMPARED, *ESTIMATED, "share_exposed"]
        numbers = by_group.loc[group, names].astype(float)
        assert numbers.isna().all()
        assert by_group.loc[group, "patients"] == raw.set_index("group").loc[group, "patients"]
        shift = raw.set_index("group").loc[group, "shift"]
        assert by_group.loc[group, "shift"] == pytest.approx(shift, abs=0.005)
    at = shown_cutoffs[shown_cutoffs["group"] == "B"]
    assert at.loc[at["is_exposed"], list(AT_CUTOFF)].isna().all(axis=None)
    assert at["floor_high"].notna().any()
    few = shown_cutoffs["top"] < 10  # at 0.2% and 0.5%
    assert few.any()
    assert shown_cutoffs.loc[few, list(AT_CUTOFF)].isna().all(axis=None)
    assert shown_cutoffs.loc[~few & ~shown_cutoffs["is_exposed"], "ratio"].notna().any()


def test_what_need_not_be_hidden_is_as_it_was(study):
    """With a smallest cell of 1; as exact as it is written."""
    raw, cutoffs, *_ = study
    shown, shown_cutoffs = hide_groups(*study, 1)
    assert "records" not in shown  # beside patients it would say how many have several
    expected = round_as_written(raw.drop(columns="records"))
    pd.testing.assert_frame_equal(shown, expected, check_dtype=False)
    pd.testing.assert_frame_equal(shown_cutoffs, round_as_written(cutoffs), check_dtype=False)


def test_who_lacks_a_value_is_among_the_others_where_their_number_may_not_be_told():
    """Five of 200 have no race: among those known A has 51.3%, among all 50.0%."""
    race = pd.Categorical(np.repeat(["A", "B", "C", None], [100, 60, 35, 5]))
    order = np.arange(200)
    exposed = np.isin(order, [*range(30), *range(100, 120), *range(160, 175)])
    study = make_study(pd.DataFrame({"race": race, "sex": categories(order % 2)}), exposed)
    raw, *_ = study
    shown, cutoffs = hide_groups(*study)
    races = shown[shown["attribute"] == "race"].set_index("group")
    assert list(races.index) == ["A", "B"]  # C and those without one have 40
    assert races["share"].tolist() == [0.5, 0.3]
    assert races.loc["A", "share_exposed"] == pytest.approx(30 / 65, abs=1e-3)
    assert races.loc["A", "risk_ratio"] == pytest.approx((30 / 100) / (35 / 100), abs=0.005)
    assert races["p"].notna().tolist() == [True, False]  # few of B are at the top in its test
    sexes = shown["attribute"] == "sex"
    expected = round_as_written(raw[raw["attribute"] == "sex"])
    assert shown.loc[sexes, "risk_ratio"].tolist() == expected["risk_ratio"].tolist()
    filled, filled_cutoffs, *_ = make_study(pd.DataFrame({"race": race.fillna("C")}), exposed)
    numbers = ["share", "risk_ratio", "within_low", "odds_high", "shift", "deconvolved_ratio", "p"]
    expected = round_as_written(filled).set_index("group").loc["A", numbers]  # as if of another
    assert np.array_equal(races.loc["A", numbers].astype(float), expected.astype(float))
    numbers = ["ratio_low", "floor_low", "floor_high"]
    of_a, of_filled = (
        cutoffs[cutoffs["group"] == "A"],
        filled_cutoffs[filled_cutoffs["group"] == "A"],
    )
    seen = of_a["ratio"].notna().to_numpy()
    assert seen.any()
    assert np.array_equal(of_a[seen][numbers], round_as_written(of_filled)[seen][numbers])


def test_shares_of_two_crossed_attributes_do_not_tell_how_many_lack_both():
    """20 lack a, 30 lack b, 3 of them both: 353 have both."""
    rng = np.random.default_rng(1)
    one, two = rng.integers(0, 2, 400), rng.integers(0, 2, 400)
    one[:20], two[17:47] = -1, -1
    attributes = pd.DataFrame({"a": categories(one), "b": categories(two)})
    shown, _ = hide_groups(*make_study(attributes, rng.random(400) < 0.3))
    crossed = shown[shown["intersection"]]
    assert len(crossed) > 1
    assert np.allclose(crossed["share"], crossed["patients"] / 400, atol=6e-4)


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
    hidden = ["observed", "residual", "relative", "chi2", "p_bonferroni"]
    assert shown.loc[by_race, hidden].isna().all(axis=None)
    assert (shown.loc[by_race, "stars"] == "").all()
    assert shown.loc[~by_race, hidden].notna().all(axis=None)
    assert (shown["records"] == raw["records"]).all()
    assert "top_patients" not in shown


@pytest.mark.parametrize(("again", "is_shown"), [(0, True), (3, False), (60, True)])
def test_a_panel_does_not_tell_that_few_patients_have_several_records(again, is_shown):
    """Of 400, so many of race A have two."""
    rng, order = np.random.default_rng(0), np.arange(400)
    attributes = pd.DataFrame({"race": pd.Categorical(np.repeat(["A", "B"], [200, 200]))})
    index = np.r_[order, order[:again]]
    _, shown = make_panel(attributes, index, rng.random(len(index)))
    numbers = ["records", "share", "expected", "observed", "residual"]
    assert shown[numbers].notna().all(axis=None) == is_shown
    assert shown[numbers].isna().all(axis=None) != is_shown


def make_many(number=9, patients=600):
    """Attributes of which the last but one goes with who is exposed; some with a rare group."""
    rng = np.random.default_rng(0)
    exposed = rng.random(patients) < 0.3
    columns = {f"a{n}": categories(rng.integers(0, 2, patients)) for n in range(number - 3)}
    columns["rare"] = categories((np.arange(patients) < 4).astype(int))
    columns["leaks"] = categories((rng.random(patients) < 0.2 + 0.4 * exposed).astype(int))
    columns["some"] = categories(np.where(rng.random(patients) < 0.01, -1, rng.integers(0, 2, 600)))
    return pd.DataFrame(columns), exposed


def limit_shown(monkeypatch, most):
    for module in (hiding, design, show):
        monkeypatch.setattr(module, "MOST_SHOWN", most)


def test_of_many_attributes_those_that_differ_most_are_shown(monkeypatch):
    attributes, exposed = make_many()
    study = make_study(attributes, exposed)
    limit_shown(monkeypatch, 3)
    shown, cutoffs = hide_groups(*study)
    names = list(dict.fromkeys(shown["attribute"]))
    assert len(names) == 3
    assert "leaks" in names
    assert set(cutoffs["attribute"]) == set(names)
    assert not shown["intersection"].any()
    assert not {"rare", "some"} & set(names)  # a group of theirs is too small
    assert explain_further(attributes, shown) == "; 6 further attributes, not shown"
    raw, rows = study[0].set_index(["attribute", "group"]), len(study[0])
    least = shown["p"].idxmin()
    p = raw.loc[tuple(shown.loc[least, ["attribute", "group"]]), "p"]
    assert shown.loc[least, "p_adjusted"] == pytest.approx(min(1, rows * p), rel=0.05)
    assert (shown["p_adjusted"] >= shown["p"]).all()


def test_which_of_many_are_shown_says_nothing_of_small_counts(monkeypatch):
    """All 8 of a group are exposed: its p-value is the least, and must not show."""
    attributes, exposed = make_many()
    rng = np.random.default_rng(1)
    at = np.flatnonzero(exposed)[:8], np.flatnonzero(~exposed)[:12]
    for number, few in enumerate([at[0], np.concatenate(at), at[0][:3]]):
        attributes[f"few {number}"] = categories(np.isin(np.arange(600), few).astype(int))
    attributes["plain"] = categories(rng.integers(0, 2, 600))
    study = make_study(attributes, exposed)
    limit_shown(monkeypatch, 3)
    shown, _ = hide_groups(*study)
    assert not shown["attribute"].str.startswith("few").any()


@pytest.mark.parametrize("seed", [0, 1])
def test_tables_of_two_runs_show_the_same_sizes(seed, monkeypatch):
    """Whichever attributes a run shows, all together give nothing away."""
    limit_shown(monkeypatch, 3)
    rng = np.random.default_rng(seed)
    attributes, exposed = make_many()
    fine = rng.choice(5, 600, p=[0.1, 0.2, 0.2, 0.2, 0.3])
    attributes["fine"], attributes["coarse"] = categories(fine), categories(fine // 2)
    attributes["nearly"] = categories(np.where(np.arange(600) < 3, 0, fine // 2))
    attributes["wide: yes"] = fine > 1
    attributes["wide: most"] = (fine > 1) & (np.arange(600) > 4)
    runs = [hide_groups(*make_study(attributes, rng.permutation(exposed)))[0] for _ in range(2)]
    printed = pd.concat(runs)[["attribute", "group", "patients"]].drop_duplicates()
    assert not printed.duplicated(["attribute", "group"]).any()
    total = pd.DataFrame([("(all)", "(all)", 600)], columns=printed.columns)
    together = pd.concat([total, printed]).astype({"patients": "Int64"})
    assert attack(together, attributes, {}, 10) == []
    first = count_groups(attributes, {})
    together = pd.concat([together, first[printed.columns]]).dropna().drop_duplicates()
    assert attack(together, attributes, {}, 10) == []
    assert first["attribute"].nunique() == 4  # and the row of totals


def test_a_p_value_goes_with_the_count_that_it_tests(study):
    """At the top of the test are as many as are exposed: in the fixture about 44, few of C."""
    shown = hide_groups(*study)[0].set_index("group")
    assert pd.isna(shown.loc["C", "p_adjusted"])
    assert pd.notna(shown.loc["A", "p_adjusted"])
