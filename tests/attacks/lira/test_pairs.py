import numpy as np
import pytest

from rollcall.attacks.lira.pairs import attack_block, make_store, pool_block
from tests.attacks.simulation import random_scores
from tests.oracles import attacks as plain
from tests.oracles import risk as naive


@pytest.fixture
def block():
    """Scores of 12 paired targets and 6 records, and a store with room for more."""
    rng = np.random.default_rng(0)
    members = naive.paired(rng, 12, 6)
    return random_scores(rng, members.shape, "normal"), members, make_store(12, 9, np.float64)


@pytest.mark.parametrize("online", [True, False])
def test_a_block_is_its_definition(block, online):
    scores, members, store = block
    out = np.empty(scores.shape)
    assert attack_block(scores, members[0::2], online, None, out, store).all()
    expected, size = plain.lira(scores, members, online, shared=False)
    assert (abs(out - expected) <= 1e-9 * size).all()
    good, (squares, freedom, *_) = pool_block(scores, members[0::2], store)
    assert good.all()
    assert (freedom == 6 * 4).all()
    expected, size = plain.lira(scores, members, online, shared=True)
    assert attack_block(scores, members[0::2], online, squares / freedom, out, store).all()
    assert (abs(out - expected) <= 1e-9 * size).all()


@pytest.mark.parametrize("online", [True, False])
def test_records_whose_digits_are_lost_are_reported(block, online):
    """One far from 0 with a small spread, one constant, one with all its spread in one pair."""
    scores, members, store = block
    scores[:, 1] = 1e6 + scores[:, 1] / 1e3
    scores[:, 2] = 3.0
    scores[:, 4] = np.where(np.arange(12) < 2, 50 * scores[:, 4], scores[:, 4] / 1e3)
    out = np.empty(scores.shape)
    good = attack_block(scores, members[0::2], online, None, out, store)
    assert good.tolist() == [True, False, False, True, False, True]
    expected, size = plain.lira(scores, members, online, shared=False)
    assert (abs(out - expected) <= 1e-9 * size)[:, good].all()
    good, (squares, freedom, *_) = pool_block(scores, members[0::2], store)
    assert good.tolist() == [True, False, False, True, True, True]
    assert (freedom == 4 * 4).all()
    assert np.isfinite(squares).all()
