import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.attacks import rmia, run_lira
from rollcall.attacks.rmia import count, run_rmia, tune
from rollcall.stats.members import draw_members
from rollcall.util.errors import InputError
from tests.attacks.test_lira import mean_auc
from tests.oracles import attacks as plain
from tests.oracles import risk as naive
from tests.oracles.risk import FIXED


def random_scores(rng, shape, kind):
    scores = 2 * rng.standard_normal(shape) + 3 * rng.standard_normal(shape[1:])
    if kind == "sure":  # p near 0 and near 1, where p or 1 - p alone loses its digits
        scores *= 8
    return np.round(scores) if kind == "tied" else scores


@pytest.mark.parametrize("online", [True, False])
@FIXED
@given(
    seed=st.integers(0, 2**32),
    targets=st.integers(8, 11),
    records=st.integers(3, 9),
    paired=st.booleans(),
    a=st.sampled_from([0.0, 0.3, 1.0]),
    gamma=st.sampled_from([1.0, 0.8, 2.0]),
    kind=st.sampled_from(["normal", "tied", "sure", "twins"]),
    size=st.integers(0, 2),
)
def test_rmia_is_its_definition(online, seed, targets, records, paired, a, gamma, kind, size):
    rng = np.random.default_rng(seed)
    members = plain.draw(rng, targets - targets % 2 if paired else targets, records, paired)
    scores = random_scores(rng, (*members.shape, size)[: 3 if size else 2], kind)
    if kind == "twins":  # two equal records: each counts as outdone by the other at gamma 1
        scores[:, 1], members[:, 1] = scores[:, 0], members[:, 0]
    got = run_rmia(scores, members, online, a, gamma)
    assert got.dtype == np.float64
    np.testing.assert_allclose(
        got, plain.rmia(scores, members, online, a, gamma), rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("online", [True, False])
@FIXED
@given(
    seed=st.integers(0, 2**32),
    size=st.integers(2, 9),
    held_out=st.booleans(),
    paired=st.booleans(),
    labels=st.integers(0, 2),
)
def test_a_population_is_the_scale_and_never_the_record_itself(
    online, seed, size, held_out, paired, labels
):
    rng = np.random.default_rng(seed)
    members = plain.draw(rng, 8, 9, paired)
    scores = random_scores(rng, (8, 9, labels)[: 3 if labels else 2], "normal")
    if held_out:
        population = random_scores(rng, (8, size, *scores.shape[2:]), "normal")
        expected = plain.rmia(scores, members, online, 0.3, held_out=population)
    else:
        population = rng.choice(9, size, replace=False)
        expected = plain.rmia(scores, members, online, 0.3, population=population)
    np.testing.assert_allclose(
        run_rmia(scores, members, online, 0.3, population=population), expected, rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("online", [True, False])
def test_float32_scores_give_the_same_within_their_digits(online):
    """Shares of 400 records: a ratio off by 1e-6 of itself passes now and then another, rarely two."""
    scores, members, _ = naive.simulate(np.random.default_rng(3), 12, np.ones(400, int))
    single, double = (
        run_rmia(scores, members, online, 0.3),
        run_rmia(scores.astype(np.float64), members, online, 0.3),
    )
    assert single.dtype == np.float32
    assert abs(single - double).max() <= 3 / 399
    assert abs(single - double).mean() < 1e-4


def test_a_target_alone_is_as_among_all():
    scores, members, _ = naive.simulate(np.random.default_rng(4), 12, np.ones(50, int))
    for online in (True, False):
        np.testing.assert_array_equal(
            run_rmia(scores, members, online, targets=[7, 2]),
            run_rmia(scores, members, online)[[7, 2]],
        )


@FIXED
@given(
    seed=st.integers(0, 2**32),
    targets=st.integers(8, 10),
    paired=st.booleans(),
    labels=st.integers(0, 2),
)
def test_tune_is_a_search(seed, targets, paired, labels):
    """On all records and four references, drawn as tune draws them."""
    rng = np.random.default_rng(seed)
    members = plain.draw(rng, targets - targets % 2 if paired else targets, 12, paired)
    scores = random_scores(rng, (*members.shape, labels)[: 3 if labels else 2], "normal") + (
        3 * members if not labels else 3 * members[..., None]
    )
    target, pair = int(rng.integers(len(members))), plain.are_pairs(members)
    refs = plain.references(target, len(members), pair)
    tried = np.random.default_rng([0, 2, target // 2 if pair else target]).permutation(refs)[:4]
    assert tune(scores, members, [target])[0] == plain.tune(
        scores, members, target, tried, range(12), list(np.linspace(0, 1, 11))
    )


@pytest.mark.parametrize("paired", [True, False])
def test_nothing_of_the_target_enters_its_a(paired):
    """The a of 8 targets is the same when the target's membership and scores, and its partner's, are drawn again; it is not all the same."""
    rng = np.random.default_rng(5)
    members = plain.draw(rng, 8, 300, paired)
    scores = 2 * rng.standard_normal((8, 300)) + 4 * rng.standard_normal(300) + members
    before, moved = tune(scores, members, range(8)), 0
    for target in range(8):
        own = [target, target ^ 1] if paired else [target]
        again, other = scores.copy(), members.copy()
        again[own] = 9 * rng.standard_normal((len(own), 300)) - 3
        if paired:
            other[own] ^= rng.random(300) < 0.5
        else:
            other[target, members.sum(0) == 4] ^= True  # 3 of each kind are left
        after = tune(again, other, range(8))
        assert after[target] == before[target]
        moved += (after != before).sum()
    assert moved > 0


@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_a_record_that_only_its_members_believe_keeps_its_digits(real):
    """p is 0.5 with the record and 1e-7 to 1e-9 without it, as of a memorised wrong label: its own ratios are not taken for 1."""
    rng = np.random.default_rng(9)
    members = naive.paired(rng, 8, 6)
    scores = np.where(
        members, rng.standard_normal((8, 6)), -18 + 2 * rng.standard_normal((8, 6))
    ).astype(real)
    for online in (True, False):
        np.testing.assert_allclose(
            run_rmia(scores, members, online, 1.0),
            plain.rmia(scores, members, online, 1.0),
            rtol=0,
            atol=1e-6,
        )


@FIXED
@given(
    seed=st.integers(0, 2**32),
    size=st.integers(2, 60),
    kind=st.sampled_from(["normal", "tied", "heavy", "constant"]),
)
def test_count_is_a_search(seed, size, kind):
    rng = np.random.default_rng(seed)
    draw_of = {
        "normal": lambda n: rng.standard_normal(n),
        "tied": lambda n: rng.integers(0, 4, n),
        "constant": lambda n: np.full(n, 0.7),
        "heavy": lambda n: np.minimum(np.exp(30 * rng.standard_normal(n)), 1e30),
    }[kind]
    ladder, values = np.sort(draw_of(size).astype(np.float32)), draw_of(200).astype(np.float32)
    values[:size] = ladder  # and neighbours of what is on the ladder
    values[size : 2 * size] = np.nextafter(ladder, np.float32(-np.inf))
    expected = [sum(step <= value for step in ladder.tolist()) for value in values.tolist()]
    assert count(ladder, values).tolist() == expected


def test_constant_scores_tell_nothing():
    members = naive.paired(np.random.default_rng(0), 8, 6)
    for value in (0.0, -80.0, 80.0):
        got = run_rmia(np.full((8, 6), value, np.float32), members)
        assert (got == 1).all()  # every record ties with every other: no threshold tells them apart


def test_chunks_and_a_sampled_population(monkeypatch):
    scores, members, index = naive.simulate(np.random.default_rng(1), 8, np.full(25, 2))
    whole = run_rmia(scores, members[:, index])
    monkeypatch.setattr(rmia, "CELLS", 56)
    np.testing.assert_array_equal(run_rmia(scores, members[:, index]), whole)
    monkeypatch.setattr(rmia, "POPULATION", 20)
    sampled = [run_rmia(scores, members[:, index], seed=seed) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(sampled[0], sampled[1])
    assert (sampled[0] != sampled[2]).any()
    assert abs(sampled[0] - whole).mean() < 0.15


def test_a_population_of_one_and_other_shapes_are_refused():
    members = naive.paired(np.random.default_rng(0), 8, 6)
    with pytest.raises(InputError, match="population holds 1 records; expected at least 2"):
        run_rmia(np.zeros((8, 6), np.float32), members, population=np.array([3]))
    scores = np.zeros((8, 6), np.float32)
    for wrong in ([3, 6], [-1, 2], [True, False]):
        with pytest.raises(InputError, match="population: .*; expected whole numbers from 0 to 5"):
            run_rmia(scores, members, population=np.array(wrong))
    with pytest.raises(InputError, match="targets: .*; expected whole numbers from 0 to 7"):
        run_rmia(scores, members, targets=[8])
    with pytest.raises(
        InputError, match=r"population \(7, 5\); expected scores \(8, 'Z'\) or record numbers"
    ):
        run_rmia(scores, members, population=np.zeros((7, 5)))
    with pytest.raises(InputError, match="gamma is 0; expected a number above 0"):
        run_rmia(scores, members, gamma=0)
    with pytest.raises(InputError, match="differ; expected both"):
        run_rmia(np.zeros((8, 5), np.float32), members)


@pytest.mark.parametrize(("targets", "repeats"), [(8, 40), (16, 25), (64, 6)])
@pytest.mark.parametrize("online", [True, False])
def test_no_leakage_gives_half(online, targets, repeats):
    """Within 4 Monte-Carlo errors of 0.5 (6 cases: fails by chance in about 1 of 200 choices of seeds), and those under 0.0025."""
    mean, error = mean_auc(lambda s, m: run_rmia(s, m, online), targets, repeats, 1000)
    assert error < 0.0025
    assert abs(mean - 0.5) < 4 * error


@pytest.mark.parametrize("attack", [run_lira, run_rmia])
def test_nan_scores_are_named(attack):
    members = draw_members(8, 20, 0)
    scores = np.zeros((8, 20))
    scores[3, 7] = np.nan
    with pytest.raises(InputError, match="target 3, record 7 is NaN"):
        attack(scores, members)
