"""Groups at or above each risk: counted right, nothing of a few, nothing that would follow."""

import numpy as np
import pandas as pd
import pytest

from rollcall.data.groups import iterate_groups, iterate_intersections
from rollcall.report.gate import hide_groups
from rollcall.report.levels import COLUMNS, LEVELS, count_levels, make_empty
from rollcall.util.errors import InputError
from tests.report.gate.adversary import attack
from tests.report.gate.cohorts import categories, make_cohort
from tests.report.gate.test_hiding import make_study, print_counts

ROUNDS = 6


def count(attributes, exposed, smallest, seed=0):
    """The tables of groups, of levels, and each patient's AUC."""
    rng = np.random.default_rng(seed)
    study = make_study(attributes, exposed, seed=seed)
    shown, cutoffs = hide_groups(*study, smallest)
    patients, statistic, members = study[2], study[4], study[5]
    auc = np.clip(rng.normal(0.55, 0.08, len(attributes)) + 0.25 * exposed, 0, 1)
    patients = patients.assign(auc_joint=auc, auc_mean=auc, auc_max=auc)
    floor = np.clip(rng.normal(0.5, 0.08, (ROUNDS, len(attributes))), 0, 1).ravel()
    floors = pd.DataFrame(dict.fromkeys(("auc_joint", "auc_mean", "auc_max"), floor))
    tables = (patients, floors, attributes, statistic, members, shown, cutoffs)
    return shown, count_levels(*tables, smallest), auc, floor


@pytest.fixture(scope="module")
def made():
    rng = np.random.default_rng(5)
    attributes = pd.DataFrame(
        {
            "race": categories(rng.choice(3, 900, p=[0.6, 0.35, 0.05])),
            "sex": categories(rng.choice(2, 900)),
        }
    )
    exposed = rng.random(900) < 0.15
    return attributes, *count(attributes, exposed, 10)


def test_counts_and_floors_are_what_a_loop_gives(made):
    attributes, _, table, auc, floor = made
    assert list(table) == list(COLUMNS)
    inside = {key[:2]: key[2] for key in iterate_groups(attributes)}
    inside |= {("(all)", "(all)"): np.ones(len(auc), bool)}
    assert table["inside"].notna().mean() > 0.5
    assert np.abs(table["level"].to_numpy()[:, None] - LEVELS).min(axis=1).max() <= 0.021
    for row in table.itertuples():
        group = inside[row.attribute, row.group]
        assert row.patients == group.sum()
        if not np.isnan(row.inside):
            assert row.inside == (auc[group] >= row.level - 1e-9).sum()
        passes = (floor.reshape(ROUNDS, -1)[:, group] >= row.level - 1e-9).sum(axis=1)
        assert row.floor == pytest.approx(passes.mean(), abs=0.006)
        assert row.floor_low <= row.floor <= row.floor_high


def test_no_count_is_of_a_few(made):
    table = made[2]
    known = table.dropna(subset=["inside"])
    for count_of in (known["inside"], known["patients"] - known["inside"]):
        assert ((count_of == 0) | (count_of >= 10)).all()


@pytest.mark.parametrize("first", [20])
def test_a_reader_of_both_tables_gets_nothing(first):
    compared = 0
    for seed in range(first, first + 2):
        attributes, flags, smallest, _ = make_cohort(seed)
        exposed = np.asarray(next(iter(flags.values())))
        try:
            shown, table, auc, _ = count(attributes, exposed, smallest, seed)
        except InputError:
            continue  # no two groups that are large enough
        if not len(shown) or not len(table):
            continue
        printed = print_counts(shown, exposed, len(attributes), smallest)
        wide = table.pivot(index=["attribute", "group"], columns="level", values="inside")
        wide.columns = [f"{level:g}" for level in wide]
        printed = printed.merge(wide.reset_index(), on=["attribute", "group"], how="left")
        by_level = {name: auc >= float(name) - 1e-9 for name in wide}
        crossed = list(iterate_intersections(attributes))
        flags = {"exposed": exposed} | by_level
        assert attack(printed, attributes, flags, smallest, crossed) == [], seed
        compared += 1
    assert compared >= 1


def test_a_cohort_too_small_for_groups_has_an_empty_table():
    assert list(make_empty()) == list(COLUMNS)
    assert not len(make_empty())
