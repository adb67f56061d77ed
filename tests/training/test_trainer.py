"""Every layout trains the same targets, and what lacks memory is halved."""

import numpy as np
import pytest
import torch

from rollcall.training import trainer
from rollcall.training.layout import Layout, choose_layout
from rollcall.training.stack import Stack, to_device
from rollcall.util.errors import InputError
from tests.training.common import IMAGE_RECIPE, TABLE_RECIPE, train_targets


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "layouts"),
    [
        (
            TABLE_RECIPE,
            [
                Layout(stack=3),
                Layout(streams=2, stack=2),
                Layout(streams=5),
                Layout(stack=3, micro_batches=3),
            ],
        ),
        (
            IMAGE_RECIPE,
            [
                Layout(stack=2),
                Layout(streams=2),
                Layout(micro_batches=2),
                Layout(stack=2, micro_batches=16),
            ],
        ),
    ],
)
def test_every_layout_trains_the_same_targets_to_rounding(tiny, members, recipe, layouts):
    """Streams, stacks of any size (convolutions too), micro-batches, and reuse of a stack.

    All train what one target after another trains, each on its own.
    """
    alone = [
        train_targets(tiny, recipe, [target], members, layout=Layout())[0][0] for target in range(5)
    ]
    for layout in layouts:
        together, _ = train_targets(tiny, recipe, range(5), members, layout=layout)
        np.testing.assert_allclose(together, alone, atol=2e-3)


@pytest.mark.parametrize(("room", "left"), [(2, Layout(stack=2)), (0.25, Layout(micro_batches=4))])
def test_out_of_memory_halves_the_stack_then_the_batch_and_goes_on(
    tiny, members, monkeypatch, room, left
):
    """`room`: the batches of how many targets fit."""
    whole, _ = train_targets(tiny, TABLE_RECIPE, range(4), members, layout=Layout())

    def small(data, recipe, layout, *more):
        if layout.stack / layout.micro_batches > room:
            raise torch.OutOfMemoryError
        return Stack(data, recipe, layout, *more)

    monkeypatch.setattr(trainer, "Stack", small)
    options = {"layout": Layout(stack=8)}
    results, halved = train_targets(tiny, TABLE_RECIPE, range(4), members, **options)
    assert halved.layout == left
    assert len(results) == 4
    np.testing.assert_allclose(results, whole, atol=2e-3)


def test_what_does_not_fit_with_one_record_at_a_time_says_so(tiny, members, monkeypatch):
    def none(*arguments):
        Stack(*arguments)  # which refuses micro-batches of less than a record
        raise torch.OutOfMemoryError

    monkeypatch.setattr(trainer, "Stack", none)
    with pytest.raises(
        InputError, match=r"not enough memory to train 'mlp' .* one record at a time"
    ):
        train_targets(tiny, TABLE_RECIPE, range(4), members, layout=Layout(stack=8))
    data = to_device(tiny)
    layout, table = choose_layout(
        [Layout(stack=4)], lambda layout: none(data, TABLE_RECIPE, layout)
    )
    assert layout == Layout()
    assert [row["failed"][:13] for row in table] == ["out of memory"] * 7 + ["InputError: c"]


def test_progress_rises_to_one(tiny, members):
    reported = []
    records = [np.flatnonzero(members[target][tiny.patient_index]) for target in range(6)]
    one_by_one = trainer.Trainer(to_device(tiny), TABLE_RECIPE, Layout(stack=2))
    assert len(list(one_by_one.train(records, list(range(6)), reported.append))) == 6
    assert reported == sorted(reported)
    assert 0 < reported[0] < 1 / 3
    assert 2 / 3 < reported[-1] <= 1
