import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcall.risk.exposed import name_exposed
from rollcall.risk.exposed.chance import (
    _envelope,
    bound_false,
    chance_of_naming,
    expect_false,
    local_rates,
)
from rollcall.risk.noise_floor import draw_noise_floor, random_signs
from rollcall.risk.record import PooledShape, binormal_auc
from rollcall.stats.moments import compute_moments
from tests.oracles import exposed as naive
from tests.oracles import risk


def audit(seed, patients, pairs, leaking, rounds, strata=1):
    rng = np.random.default_rng(seed)
    shift = np.where(np.arange(patients) < leaking, 4.0, 0.0)
    statistic, members, _ = risk.simulate(rng, 2 * pairs, np.ones(patients, int), shift)
    auc = binormal_auc(compute_moments(statistic, members), PooledShape(0, 0, 0, 0))[0]
    floor = draw_noise_floor(statistic, rounds, seed)
    stratum = np.arange(patients) % strata
    return statistic, auc, floor, name_exposed(auc, floor, rng.random(patients), stratum)


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32), leaking=st.integers(0, 12), strata=st.integers(1, 2))
def test_who_is_expected_by_chance_and_each_ones_local_rate(seed, leaking, strata):
    _, auc, floor, naming = audit(seed, 40, 6, leaking, 30, strata)
    chance = chance_of_naming(floor, naming)
    columns = list(naming.exposed), list(naming.stratum)
    expected = naive.expect_false(auc, floor, *columns, naming.threshold)
    assert expect_false(chance, auc) == pytest.approx(expected)
    group = np.arange(40) < 20
    parts = [expect_false(chance, auc, part) for part in (group, ~group)]
    assert sum(parts) == pytest.approx(expected)
    rates = naive.local_rates(naming.p, naming.weight, *columns, naming.null_share)
    np.testing.assert_allclose(local_rates(naming), rates, rtol=1e-6)


@pytest.mark.parametrize(("leaking", "seed"), [(6, 0), (3, 1), (10, 2)])
def test_the_bound_is_the_envelopes_of_redrawn_audits(leaking, seed, monkeypatch):
    monkeypatch.setattr("rollcall.risk.exposed.chance.BOUND_ROUNDS", 40)
    statistic, auc, floor, naming = audit(seed, 60, 8, leaking, 40)
    assert naming.exposed.any()
    below = np.flatnonzero(auc < 0.5)
    signs = {}
    for begin in range(0, len(below), 32):
        block = below[begin : begin + 32]
        shared = random_signs(40, 8, seed, 9, begin)
        swaps = np.random.default_rng([0, 10]).integers(0, 2, (len(block), 8), np.int8) * 2 - 1
        signs |= {i: shared * swap for i, swap in zip(block, swaps, strict=True)}
    columns = naming.p, naming.weight, naming.exposed
    expected = naive.bound_false(statistic, signs, floor, auc, *columns, rounds=40)
    assert bound_false(statistic, floor, auc, naming, seed) == expected


def test_nobody_named_bounds_nobody():
    statistic, auc, floor, naming = audit(3, 50, 5, 0, 200)
    assert not naming.exposed.any()
    assert bound_false(statistic, floor, auc, naming) == 0
    assert (chance_of_naming(floor, naming) == 0).all()
    assert (local_rates(naming) == 1).all()


def test_five_per_cent_of_the_rounds_leave_the_envelope():
    counts = np.random.default_rng(0).poisson(np.arange(1, 8) / 2, (2000, 7)).cumsum(1)
    envelope = _envelope(counts.astype(float), 0.05)
    outside = (counts > envelope).any(1).mean()
    assert 0.005 < outside <= 0.05
