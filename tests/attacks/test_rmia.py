import importlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.attacks import lira
from lib.attacks.rmia import rmia
from lib.errors import InputError
from lib.members import draw
from tests import naive
from tests.attacks.test_lira import mean_auc
from tests.naive import FIXED

module = importlib.import_module("lib.attacks.rmia")  # the package's `rmia` is the function


@pytest.mark.parametrize("online", [True, False])
@FIXED
@given(seed=st.integers(0, 2**32), half=st.integers(4, 6), records=st.integers(3, 12), a=st.sampled_from([0.0, 0.3, 1.0]),
       gamma=st.sampled_from([1.0, 0.8, 2.0]), twins=st.booleans())
def test_rmia_is_its_definition(online, seed, half, records, a, gamma, twins):
    rng = np.random.default_rng(seed)
    members = naive.paired(rng, 2 * half, records)
    scores = (2 * rng.standard_normal((2 * half, records))).astype(np.float32)
    if twins:  # two equal records: each counts as outdone by the other at gamma 1
        scores[:, 1], members[:, 1] = scores[:, 0], members[:, 0]
    got = rmia(scores, members, online, a, gamma)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, naive.rmia(scores, members, online, a, gamma), rtol=1e-6, atol=1e-6)


@FIXED
@given(seed=st.integers(0, 2**32), size=st.integers(2, 9))
def test_population_is_the_scale_and_never_the_record_itself(seed, size):
    rng = np.random.default_rng(seed)
    members = naive.paired(rng, 8, 10)
    scores = rng.standard_normal((8, 10)).astype(np.float32)
    population = rng.choice(10, size, replace=False)
    np.testing.assert_allclose(rmia(scores, members, population=population), naive.rmia(scores, members, True, population=population), rtol=1e-6)


def test_constant_scores_tell_nothing():
    members = naive.paired(np.random.default_rng(0), 8, 6)
    for value in (0.0, -80.0, 80.0):
        got = rmia(np.full((8, 6), value, np.float32), members)
        assert (got == 1).all()  # every record ties with every other: no threshold tells them apart


def test_chunks_and_a_sampled_population(monkeypatch):
    scores, members, index = naive.simulate(np.random.default_rng(1), 8, np.full(25, 2))
    whole = rmia(scores, members[:, index])
    monkeypatch.setattr(module, "CHUNK", 7)
    np.testing.assert_array_equal(rmia(scores, members[:, index]), whole)
    monkeypatch.setattr(module, "POPULATION", 20)
    sampled = [rmia(scores, members[:, index], seed=seed) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(sampled[0], sampled[1])
    assert (sampled[0] != sampled[2]).any()
    assert abs(sampled[0] - whole).mean() < 0.15


def test_a_population_of_one_and_other_shapes_are_refused():
    members = naive.paired(np.random.default_rng(0), 8, 6)
    with pytest.raises(InputError, match="population holds 1 records; expected at least 2"):
        rmia(np.zeros((8, 6), np.float32), members, population=np.array([3]))
    with pytest.raises(InputError, match="differ; expected both"):
        rmia(np.zeros((8, 5), np.float32), members)


@pytest.mark.parametrize("targets, repeats", [(8, 60), (16, 40), (64, 15)])
@pytest.mark.parametrize("online", [True, False])
def test_no_leakage_gives_half(online, targets, repeats):
    """Within 4 Monte-Carlo errors of 0.5 (6 cases: fails by chance in about 1 of 200 choices of seeds), and those under 0.0025."""
    mean, error = mean_auc(lambda s, m: rmia(s, m, online), targets, repeats, 1000)
    assert error < 0.0025
    assert abs(mean - 0.5) < 4 * error


@pytest.mark.parametrize("attack", [lira, rmia])
def test_nan_scores_are_named(attack):
    members = draw(8, 20, 0)
    scores = np.zeros((8, 20))
    scores[3, 7] = np.nan
    with pytest.raises(InputError, match="target 3, record 7 is NaN"):
        attack(scores, members)
