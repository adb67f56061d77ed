"""The spread of losses over the epochs: naive truths, stacks, micro-batches; no bit of training."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcall.runs import run as run_folder
from rollcall.training.batches import count_steps, draw_batches
from rollcall.training.layout import Layout
from rollcall.training.stack import Stack, loss_per_record, loss_per_target, to_device
from rollcall.training.traces.spread import measure_spread
from rollcall.util.errors import InputError
from tests.training.common import TABLE_RECIPE, train_targets


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.integers(1, 12), st.integers(1, 7), st.integers(1, 40))
def test_the_spread_is_that_of_each_records_own_losses(seed, members, batch, steps):
    rng = np.random.default_rng(seed)
    records = rng.permutation(20)[:members]
    order = np.concatenate(list(draw_batches(seed, records, batch, steps)))
    losses = rng.exponential(size=len(order))
    spread = measure_spread(losses.astype(np.float32), order, members, 20)
    epochs = len(order) // members
    for record in range(20):
        values = losses[: epochs * members][order[: epochs * members] == record]
        if record in records and epochs > 1:
            expected = np.subtract(*np.quantile(values, (0.75, 0.25)))
            assert spread[record] == pytest.approx(expected, rel=1e-4, abs=1e-6)
        else:
            assert np.isnan(spread[record])


@pytest.mark.parametrize(("outputs", "shape"), [(1, (3, 5)), (4, (3, 5)), (6, (3, 5, 6))])
def test_the_losses_of_records_are_those_that_are_trained_on(outputs, shape):
    torch.manual_seed(0)
    logits = torch.randn(3, 5, outputs)
    labels = torch.randint(0, 2, shape)
    losses = loss_per_record(logits, labels)
    assert losses.shape == shape
    torch.testing.assert_close(losses.flatten(1).mean(1), loss_per_target(logits, labels))


def test_a_stack_keeps_the_losses_of_each_target(tiny, members):
    """As trained alone, with micro-batches and several steps at once; and no logit is another."""
    torch.set_num_threads(1)
    recipe = dataclasses.replace(TABLE_RECIPE, epochs=6)
    records = [np.flatnonzero(members[target][tiny.patient_index]) for target in range(3)]
    spreads = []
    for layout in (
        Layout(stack=4),
        Layout(stack=4, micro_batches=3),
        Layout(stack=4, recorded=True),
    ):
        stack = Stack(to_device(tiny), recipe, layout)
        list(stack.train(records, [0, 1, 2]))
        spreads.append([stack.spread(number) for number in range(3)])
    for other in spreads[1:]:
        np.testing.assert_allclose(spreads[0], other, atol=1e-4)
    for number, who in enumerate(records):
        assert (np.isfinite(spreads[0][number]) == np.isin(np.arange(len(tiny)), who)).all()
    assert (spreads[0][0][records[0]] > 0).all()
    alone = Stack(to_device(tiny), recipe, Layout(stack=4))
    list(alone.train(records[2:], [2]))
    np.testing.assert_array_equal(alone.spread(0), spreads[0][2])
    alone.trace = None
    list(alone.train(records[2:], [2]))
    with_trace = train_targets(tiny, recipe, [2], members, layout=Layout(stack=4))[0]
    np.testing.assert_array_equal(alone.logits(0)[0], with_trace[0])


def test_the_losses_are_those_before_each_step(tiny, members):
    """A target of one epoch has none; the first batch's losses are those of the fresh weights."""
    recipe = dataclasses.replace(TABLE_RECIPE, epochs=1)
    records = np.flatnonzero(members[0][tiny.patient_index])
    stack = Stack(to_device(tiny), recipe, Layout(stack=1))
    stack.load([7])
    first = next(draw_batches(7, records, recipe.batch, count_steps(recipe, len(tiny))))
    logits = torch.from_numpy(stack.logits(0)[0][first])[None]
    labels = torch.from_numpy(tiny.labels[first])[None]
    list(stack.train([records], [7]))
    np.testing.assert_allclose(
        stack.trace.kept[0, 0, 0], loss_per_record(logits, labels)[0], atol=1e-5
    )
    assert np.isnan(stack.spread(0)).all()


def test_a_run_keeps_it_and_sees_damage(tmp_path, tiny):
    made = run_folder.create(tmp_path / "run", tiny, TABLE_RECIPE, 8)
    logits = np.zeros((len(tiny), 2), np.float32)
    spread = np.full(len(tiny), np.nan, np.float32)
    for target, values in (
        (0, None),
        (1, spread),
        (2, np.where(np.arange(len(tiny)) % 2, 1e9, spread)),
    ):
        made.write_target(target, logits, {"seed": 0}, values)
    assert made.spread(0) is made.spread(1) is None
    assert np.isnan(made.spread(2)[::2]).all()
    assert (made.spread(2)[1::2] == 65504).all()
    path = made.file("targets/0002.spread.npy")
    path.write_bytes(path.read_bytes()[:-2] + b"\0\1")
    with pytest.raises(InputError, match=r"delete 0002\.json"):
        made.spread(2)
    assert (made.logits(2) == 0).all()
