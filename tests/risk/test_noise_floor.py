import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.risk import noise_floor
from rollcall.risk.noise_floor import draw_noise_floor, permuted_auc, random_signs
from tests.oracles import risk as naive


@given(seed=st.integers(0, 2**32), pairs=st.integers(4, 8))
def test_a_permuted_auc_is_the_binormal_auc_of_the_redrawn_members(seed, pairs):
    rng = np.random.default_rng(seed)
    statistic = rng.standard_normal((2 * pairs, 3)).astype(np.float32)
    centred = statistic - statistic.mean(0)
    signs = random_signs(5, pairs, seed)
    assert set(np.unique(signs)) <= {-1, 1}
    areas = permuted_auc(statistic[0::2] - statistic[1::2], (centred**2).sum(0), signs)
    for turn in range(5):
        member = np.array([[sign > 0, sign < 0] for sign in signs[turn]]).ravel()
        expected = [naive.area(statistic[:, n], member) for n in range(3)]
        assert areas[turn] == pytest.approx(expected, abs=1e-5)


def test_random_signs_are_fair_and_independent():
    """40,000 draws of 8 pairs: a mean has SE 0.005, a correlation 0.005.

    Five SE over 36 comparisons: fails by chance in 1 of 40,000.
    """
    many = random_signs(40_000, 8, 0, 4, 0)
    assert set(np.unique(many)) == {-1, 1}
    assert abs(many.mean(0)).max() < 5 * 0.005
    assert abs(np.corrcoef(many.T)[np.triu_indices(8, 1)]).max() < 5 * 0.005
    assert (random_signs(5, 8, 0, 4, 0) == random_signs(5, 8, 0, 4, 0)).all()
    assert (random_signs(50, 8, 0, 4, 32) != random_signs(50, 8, 0, 4, 0)).any()


def test_the_floor_is_made_of_the_signs_of_each_block(monkeypatch):
    monkeypatch.setattr(noise_floor, "PATIENTS_PER_BLOCK", 3)
    statistic = np.random.default_rng(2).standard_normal((10, 8)).astype(np.float32)
    floor = draw_noise_floor(statistic, 6, seed=5)
    assert floor.dtype == np.float32
    assert floor.shape == (6, 8)
    for patient in range(8):
        signs = random_signs(6, 5, 5, 4, patient // 3 * 3)
        # whom each pair's first target is to this patient; fixed, whatever the seed
        swap = np.random.default_rng([0, 10]).integers(0, 2, (3, 5), np.int8)[patient % 3] * 2 - 1
        for turn in range(6):
            member = np.array([[sign > 0, sign < 0] for sign in signs[turn] * swap]).ravel()
            expected = naive.area(statistic[:, patient], member)
            assert floor[turn, patient] == pytest.approx(expected, abs=1e-5)
    assert (draw_noise_floor(statistic, 6, seed=5) == floor).all()
    assert (draw_noise_floor(statistic, 6, seed=6) != floor).any()
