"""Poisson samples of units, and chunks that lose nobody."""

import dataclasses
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from rollcall.training.private.sampling import Shape, _group, _pack, draw_rows, find_shape
from rollcall.training.private.terms import sketch_terms
from tests.training.private.common import RECIPE, members_of, of_records

AUGMENTED = dataclasses.replace(
    RECIPE, augment="weak", privacy=RECIPE.privacy | {"augmentations": 3}
)


def drawn(cohort, recipe, members, targets=(0, 1, 2), shape=None):
    terms = sketch_terms(recipe, cohort)
    records = [members_of(cohort, members, target) for target in targets]
    shape = shape or find_shape(recipe, cohort)
    size = cohort.inputs.shape[1:3]
    rows = draw_rows(recipe, terms, cohort.patient_index, size, records, list(targets), shape)
    return list(rows), terms, records


@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=30),
    st.integers(1, 3),
    st.integers(1, 4),
    st.data(),
)
def test_chunks_hold_each_record_of_each_unit_once(sizes, times, blocks, data):
    starts = np.concatenate([[0], np.cumsum(sizes)])
    order = np.random.default_rng(0).permutation(starts[-1])
    units = np.array(sorted(data.draw(st.sets(st.integers(0, len(sizes) - 1)))), int)
    shape = Shape(blocks, data.draw(st.integers(max(sizes) * times, 20)))
    index, leader, weight = _pack(order, starts, units, shape, times)
    assert index.shape == leader.shape == weight.shape == (len(index), shape.rows)
    expected = Counter(
        record for unit in units for record in order[starts[unit] : starts[unit + 1]].tolist()
    )
    counts = Counter(index[weight > 0].tolist())
    assert counts == Counter(dict.fromkeys(expected, times))
    assert set(weight[weight > 0]) <= {np.float32(1 / times)}
    unit_of = {
        record: unit for unit in units for record in order[starts[unit] : starts[unit + 1]].tolist()
    }
    for rows, leaders, weights in zip(index, leader, weight, strict=True):
        used = np.flatnonzero(weights)
        for row in used:
            assert unit_of[rows[row]] == unit_of[rows[leaders[row]]]
            assert row // shape.block == leaders[row] // shape.block
        firsts = [unit_of[rows[row]] for row in used if leaders[row] == row]
        assert len(firsts) == len(set(firsts)) == len({unit_of[rows[row]] for row in used})


@pytest.mark.parametrize("recipe", [RECIPE, of_records(), AUGMENTED])
def test_a_unit_comes_whole_or_not_at_all(tiny, members, recipe):
    steps, _, records = drawn(tiny, recipe, members)
    for rows in steps:
        for target, mine in enumerate(records):
            index = rows.index[:, target][rows.weight[:, target] > 0].numpy()
            assert set(index) <= set(mine)
            assert set(Counter(index.tolist()).values()) <= {recipe.private.augmentations}
            if recipe.private.unit == "patient":
                owners = tiny.patient_index[mine]
                expected = mine[np.isin(owners, tiny.patient_index[index])]
                assert set(index) == set(expected)


def test_small_chunks_take_as_much_as_large_ones(tiny, members):
    small = Shape(1, int(np.bincount(tiny.patient_index).max()))
    for few, many in zip(
        drawn(tiny, RECIPE, members)[0], drawn(tiny, RECIPE, members, shape=small)[0], strict=True
    ):
        for target in range(3):
            one, other = (
                sorted(each.index[:, target][each.weight[:, target] > 0].tolist())
                for each in (few, many)
            )
            assert one == other


@pytest.mark.parametrize("recipe", [RECIPE, of_records()])
def test_each_unit_is_drawn_at_the_rate_by_itself(tiny, members, recipe):
    """Counts are binomial, over units and over pairs of them; a step may have nobody."""
    recipe = dataclasses.replace(recipe, epochs=60, batch=3)
    steps, terms, records = drawn(tiny, recipe, members, (0,))
    order, starts = _group(
        records[0], tiny.patient_index if recipe.private.unit == "patient" else None
    )
    unit_of = np.repeat(np.arange(len(starts) - 1), np.diff(starts))[np.argsort(order)]
    place = {record: unit_of[at] for at, record in enumerate(np.sort(order))}
    taken = np.zeros((len(steps), len(starts) - 1), bool)
    for step, rows in enumerate(steps):
        index = rows.index[rows.weight > 0].tolist()
        taken[step, [place[record] for record in index]] = True
    total = taken.size
    assert binom.ppf(1e-6, total, terms.rate) <= taken.sum() <= binom.isf(1e-6, total, terms.rate)
    sizes = taken.sum(1)
    expected = taken.shape[1] * terms.rate * (1 - terms.rate)
    assert abs(sizes.var() / expected - 1) < 5 * (2 / len(steps)) ** 0.5 + 0.05
    assert (sizes == 0).any()


def test_targets_and_steps_draw_by_themselves(tiny, members):
    steps, _, _ = drawn(tiny, RECIPE, members, (0, 0))
    assert all((rows.index[:, 0] == rows.index[:, 1]).all() for rows in steps)
    assert len({tuple(rows.index[rows.weight > 0].tolist()) for rows in steps}) == len(steps)
