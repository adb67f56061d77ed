import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom

from rollcall.report.explorer import overlap
from rollcall.report.explorer.opening import list_runs, open_listed
from rollcall.report.gate import HIDDEN
from rollcall.util.errors import InputError
from tests.report.explorer.made_up import make_opened


def make_pair(seed=0, patients=400, noise=0.1, smallest=10):
    draw = np.random.default_rng(seed)
    base = draw.uniform(0.2, 0.95, patients)
    two = [np.clip(base + draw.normal(0, noise, patients), 0, 1) for _ in range(2)]
    names = ("made_up/one", "made_up/two")
    return overlap.match_runs(
        *(
            make_opened(auc, smallest=smallest, name=name)
            for auc, name in zip(two, names, strict=True)
        )
    )


def test_counts_are_those_of_sets():
    pair = make_pair()
    exposed = overlap.count_exposed(pair)
    assert exposed["both"] == (pair.exposed[0] & pair.exposed[1]).sum()
    assert exposed["chance"] == pytest.approx(pair.exposed[0].sum() * pair.exposed[1].sum() / 400)
    for _, row in overlap.count_tops(pair).iterrows():
        tops = [set(np.argsort(-auc, kind="stable")[: int(row["first"])]) for auc in pair.auc]
        assert row["both"] == len(tops[0] & tops[1])


@pytest.mark.parametrize(("first", "second", "patients"), [(20, 20, 400), (5, 300, 400), (1, 1, 9)])
def test_chance_is_hypergeometric(first, second, patients):
    expected = hypergeom(patients, first, second).ppf([0.025, 0.975])
    assert overlap.expect_shared(first, second, patients) == tuple(expected.astype(int))


@given(st.integers(0, 10_000), st.floats(0.01, 0.6), st.integers(3, 12))
def test_no_step_of_the_slider_sets_few_patients_apart(seed, noise, smallest):
    """Both, and at least one of the two tops: nested from step to step, none grows by a few."""
    pair = make_pair(seed, 120, noise, smallest)
    table, exposed = overlap.count_tops(pair), overlap.count_exposed(pair)
    rows = table[["first", "both"]].to_numpy(int).tolist()
    few = set(range(1, smallest))
    for place, (number, both) in enumerate(rows):
        assert not {both, number - both, 120 - 2 * number + both} & few
        for other, shared in rows[:place]:
            union = abs(2 * (number - other) - (both - shared))
            assert not {abs(number - other), abs(both - shared), union} & few
        if not np.isnan(exposed["both"]):
            assert abs(both - int(exposed["both"])) not in few


def test_a_small_cell_hides_the_whole_table():
    one = np.append(np.full(50, 0.95), np.full(150, 0.4))
    two = np.append(np.append(np.full(46, 0.95), np.full(150, 0.4)), np.full(4, 0.95))
    pair = overlap.match_runs(make_opened(one, name="a/one"), make_opened(two, name="a/two"))
    row = overlap.count_exposed(pair)
    assert np.isnan(row["both"])
    assert overlap.tabulate(pair, row) == [[HIDDEN, HIDDEN], [HIDDEN, HIDDEN]]
    words = overlap.write_exposed(pair, row)
    assert "not shown" in words
    assert "46 of them" not in words


def test_few_exposed_are_not_counted():
    one, two = np.full(100, 0.4), np.full(100, 0.4)
    one[:3] = 0.95
    pair = overlap.match_runs(make_opened(one, name="a/one"), make_opened(two, name="a/two"))
    words = overlap.write_exposed(pair, overlap.count_exposed(pair))
    assert words.startswith("Exposed are fewer than 10 patients in one and 0 in two: too few")


def test_labels_in_common_are_expected_in_common():
    pair = make_pair()
    label = pair.exposed[0].astype(int)
    both = overlap.Pair(pair.names, pair.unit, pair.auc, pair.exposed[[0, 0]], label, 10)
    assert overlap.expect_within(both) == pytest.approx(pair.exposed[0].sum())
    assert "training label" in overlap.write_exposed(both, overlap.count_exposed(both))


def test_patients_are_matched_by_id_whatever_their_order():
    auc = np.linspace(0.2, 0.99, 50)
    turned = make_opened(auc[::-1], ids=np.arange(50)[::-1])
    pair = overlap.match_runs(make_opened(auc), turned)
    assert (pair.auc[0] == pair.auc[1]).all()
    with pytest.raises(InputError, match="not of the same patients"):
        overlap.match_runs(make_opened(auc), make_opened(auc, ids=np.arange(1, 51)))


def test_two_equal_runs_share_everybody(two_runs):
    listed = list_runs(str(two_runs))
    pair = overlap.match_runs(*(open_listed(listed, name) for name in listed.names))
    assert pair.names == ("mlp", "second")
    table = overlap.count_tops(pair)
    assert len(table)
    assert (table["both"] == table["first"]).all()
    shown, start = overlap.show_runs(pair)
    assert 0 <= start < len(shown["sentences"])


def test_a_run_that_has_grown_is_no_repetition():
    """Seed and recipe are the same: so are the models of the smaller one."""
    pair = make_pair()
    assert pair.common == 16
    words = overlap.write_exposed(pair, overlap.count_exposed(pair))
    assert words.endswith("for a repetition take another seed.")
    one, two = (make_opened(auc) for auc in pair.auc)
    two.run.config["seed"] = 1
    assert overlap.match_runs(one, two).common == 0
    assert "repetition" not in overlap.write_exposed(
        overlap.match_runs(one, two), overlap.count_exposed(pair)
    )
