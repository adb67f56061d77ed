"""Tables of one model: counts by hand, nothing of fewer than ten patients, nor by subtraction."""

import numpy as np
import pytest

from rollcall.attacks.offline import MEMBER, OUTSIDER, UNKNOWN, Offline
from rollcall.report.gate import HIDDEN
from rollcall.report.tables.offline import (
    asked_table,
    offline_table,
    surprise_table,
    write_counts,
)


def make(members=400, unknown=100, outsiders=199, named=(40, 20), seed=0):
    """A result in which so many members, and so many others, are named."""
    rng = np.random.default_rng(seed)
    status = np.repeat([MEMBER, UNKNOWN, OUTSIDER], [members, unknown, outsiders])
    lira = rng.standard_normal(len(status))
    lira[: named[0]] += 6
    lira[members : members + named[1]] += 6
    above = (lira[status == OUTSIDER][None] >= lira[:, None]).sum(1)
    p = np.where(status == OUTSIDER, np.nan, (1 + above) / (1 + outsiders))
    exposed = np.zeros(len(status), bool)
    exposed[: named[0]] = exposed[members : members + named[1]] = True
    return Offline(lira, rng.random(len(status)), p, exposed, 0.6, 0.01), status


def frame(table):
    assert table.rows is not None
    return table.rows


def rows(table):
    return {row.iloc[0]: list(row.iloc[1:]) for _, row in frame(table).iterrows()}


def test_who_was_asked_and_named():
    assert rows(asked_table(*make())) == {
        "known members": ["400", "40"],
        "not known whether members": ["100", "20"],
        "known outsiders": ["199", "not asked about"],
        "all who were asked about": ["500", "60"],
    }


@pytest.mark.parametrize(
    ("named", "total"),
    [((40, 3), "43"), ((2, 30), "32"), ((395, 20), "415"), ((4, 3), "fewer than 10")],
)
def test_no_part_is_left_when_another_is_taken_from_the_total(named, total):
    found = rows(asked_table(*make(named=named)))
    assert found["known members"][1] == found["not known whether members"][1] == HIDDEN
    assert found["all who were asked about"][1] == total


@pytest.mark.parametrize("few", ["members", "unknown", "outsiders"])
def test_a_kind_of_few_is_not_counted(few):
    result, status = make(**{few: 6}, named=(0, 0))
    table = rows(asked_table(result, status))
    assert all(cells[0] == HIDDEN for name, cells in table.items() if name.startswith(("k", "n")))
    assert " 6 " not in write_counts(status).replace(",", " ")
    assert str(len(status) - 6) not in write_counts(status) or few == "outsiders"


def test_without_outsiders_nobody_could_be_named():
    result, status = make(outsiders=0)
    assert rows(asked_table(result, status))["all who were asked about"][1] == "nobody could be"
    assert offline_table(result, status).rows is None
    assert surprise_table(result, status).rows is None


def test_attacks_are_rates_of_members_at_false_alarms_of_outsiders():
    result, status = make(named=(200, 0))
    table = frame(offline_table(result, status))
    assert list(table.columns) == ["attack", "AUC", "TPR at FPR 10%"]  # 1% of 199 are too few
    members, outsiders = (np.sort(result.lira[status == kind]) for kind in (MEMBER, OUTSIDER))
    auc = (members[:, None] > outsiders[None]).mean()
    assert table["AUC"][0].startswith(f"{auc:.3f} (")
    rate = (members > outsiders[-20]).mean()  # 19 of 199 lie above
    assert table["TPR at FPR 10%"][0].startswith(f"{rate:.1%} (")


def test_a_rate_of_few_members_is_hidden():
    result, status = make(members=40, named=(0, 0))
    result.lira[status == MEMBER] -= 9
    result.lira[:4] += 99
    assert frame(offline_table(result, status))["TPR at FPR 10%"][0] == HIDDEN


def test_p_values_are_counted_where_no_two_counts_are_near():
    result, status = make(members=4000, outsiders=999, named=(300, 0))
    asked = result.p_value[status != OUTSIDER]
    table = rows(surprise_table(result, status))
    assert list(table) == ["0.05 or less", "0.01 or less", "0.001 or less"]
    counts = []
    for level, (count, chance) in zip((0.05, 0.01, 0.001), table.values(), strict=True):
        assert chance == f"{level * len(asked):,.0f}"
        if count != HIDDEN:
            assert int(count.replace(",", "")) == (asked <= level).sum()
            counts.append(int(count.replace(",", "")))
    for one in counts:
        assert all(one == other or abs(one - other) >= 10 for other in [*counts, 300])
