import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.stats import members
from rollcall.util.errors import InputError

EVEN = st.integers(4, 20).map(lambda half: 2 * half)


@given(EVEN, st.integers(2, 41), st.integers(0, 2**32))
def test_halves_are_complementary_and_equal(targets, patients, seed):
    drawn = members.draw_members(targets, patients, seed)
    assert drawn.dtype == bool
    assert drawn.shape == (targets, patients)
    assert (drawn[0::2] ^ drawn[1::2]).all()
    assert (drawn.sum(0) == targets // 2).all()
    assert (drawn[0::2].sum(1) == patients // 2).all()
    assert (drawn[1::2].sum(1) == patients - patients // 2).all()
    assert members.check_paired(drawn) is drawn


@given(EVEN, EVEN, st.integers(0, 1000))
def test_a_grown_run_keeps_its_rows(few, many, seed):
    few, many = sorted((few, many))
    np.testing.assert_array_equal(
        members.draw_members(many, 30, seed)[:few], members.draw_members(few, 30, seed)
    )


def test_the_seed_decides_the_draw():
    assert (members.draw_members(8, 50, 3) == members.draw_members(8, 50, 3)).all()
    assert (members.draw_members(8, 50, 3) != members.draw_members(8, 50, 4)).any()
    rows = members.draw_members(64, 50, 3)[0::2]
    assert len(np.unique(rows, axis=0)) == 32  # no pair repeats another


def test_every_patient_is_as_likely_and_no_two_go_together():
    """64,000 pairs: the share of 'in' has SE 0.002, a correlation SE 0.004.

    Five SE, 45 comparisons: fails by chance in 1 of 40,000.
    """
    rows = [members.draw_members(2000, 10, seed)[0::2] for seed in range(64)]
    first = np.vstack(rows).astype(float)
    assert abs(first.mean(0) - 0.5).max() < 5 * 0.002
    correlation = np.corrcoef(first.T)[np.triu_indices(10, 1)]
    assert abs(correlation + 1 / 9).max() < 5 * 0.004  # equal halves: -1 / (P - 1)


@pytest.mark.parametrize("targets", [9, 7, 6, 2, 0, -8])
def test_odd_or_few_targets_are_refused(targets):
    with pytest.raises(
        InputError, match=f"targets is {targets}; expected an even number of at least 8"
    ):
        members.draw_members(targets, 20, 0)


def test_members_that_are_not_paired_are_refused():
    drawn = members.draw_members(8, 20, 0)
    drawn[5, 3] = drawn[4, 3]
    with pytest.raises(InputError, match="column 3 is in both or neither of targets 4 and 5"):
        members.check_paired(drawn)
    with pytest.raises(InputError, match="expected a bool array"):
        members.check_paired(drawn.astype(int))
    with pytest.raises(InputError, match="expected a bool array"):
        members.check_paired(drawn[0])
    with pytest.raises(InputError, match="targets is 7"):
        members.check_paired(drawn[:7])
