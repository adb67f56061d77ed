import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rollcall.risk.canonical import (
    PATIENTS_PER_BLOCK,
    Order,
    find_order,
    patient_levels,
    split_in_halves,
)
from tests.oracles import risk as naive


@given(seed=st.integers(0, 2**32), sizes=st.lists(st.integers(1, 4), min_size=2, max_size=8))
def test_shuffled_rows_come_in_the_same_order(seed, sizes):
    rng = np.random.default_rng(seed)
    scores, members, index = naive.simulate(rng, 8, sizes)
    pairs, patients, records = (rng.permutation(n) for n in (4, len(sizes), len(index)))
    rows = np.column_stack([2 * pairs, 2 * pairs + 1])
    swapped = rng.random(4) < 0.5
    rows[swapped] = rows[swapped][:, ::-1]
    moved = scores[rows.ravel()][:, records]
    place = np.argsort(patients)  # where each patient went
    moved_index, moved_members = place[index[records]], members[rows.ravel()][:, patients]
    a, b = find_order(scores, index), find_order(moved, moved_index)
    statistic = rng.standard_normal((8, len(sizes)))
    np.testing.assert_array_equal(
        a.arrange(statistic), b.arrange(statistic[rows.ravel()][:, patients])
    )
    np.testing.assert_array_equal(a.arrange(members), b.arrange(moved_members))
    np.testing.assert_array_equal(a.restore(a.arrange(statistic)[0]), statistic[a.targets[0]])
    np.testing.assert_array_equal(a.undo(a.arrange(statistic)), statistic)
    half, moved_half = split_in_halves(scores, index), split_in_halves(moved, moved_index)
    np.testing.assert_array_equal(half[records], moved_half)
    assert (a.targets[0::2] // 2 == a.targets[1::2] // 2).all()


def test_levels_are_means_over_all_targets_and_records():
    rng = np.random.default_rng(0)
    scores, index = rng.normal(size=(8, 6)), np.array([1, 0, 1, 2, 0, 1])
    expected = [scores[:, index == p].mean() for p in range(3)]
    np.testing.assert_allclose(patient_levels(scores, index), expected)
    labels = rng.normal(size=(8, 6, 3))
    expected = [labels[:, index == p].mean((0, 1)).sum() for p in range(3)]
    np.testing.assert_allclose(patient_levels(labels, index), expected)


def test_halves_are_of_patients_and_equal():
    scores, _, index = naive.simulate(np.random.default_rng(1), 8, np.arange(41) % 3 + 1)
    half = split_in_halves(scores, index)
    of_patient = np.array([set(half[index == p]) for p in range(41)])
    assert all(len(kinds) == 1 for kinds in of_patient)
    assert sum(True in kinds for kinds in of_patient) == 21


def test_what_is_arranged_in_blocks_is_as_numpy_lays_it_out():
    """Sums of a patient's numbers round as they did before: the layout is the same."""
    rng = np.random.default_rng(0)
    patients = 2 * PATIENTS_PER_BLOCK + 3
    order = Order(rng.permutation(patients), rng.permutation(6))
    statistic = rng.standard_normal((6, patients)).astype(np.float32)
    expected, arranged = statistic[order.targets][:, order.patients], order.arrange(statistic)
    np.testing.assert_array_equal(arranged, expected)
    assert (arranged.dtype, arranged.strides) == (expected.dtype, expected.strides)
    undone = order.undo(arranged)
    np.testing.assert_array_equal(undone, statistic)
    assert undone.strides == statistic.strides
