"""Several steps in one graph, and what is left over one by one: the same steps in their order."""

import dataclasses

import numpy as np
import pytest
import torch

from rollcall.training.batches import count_steps
from rollcall.training.gpu.recording import PASSES_PER_GRAPH, record, steps_per_graph
from rollcall.training.layout import Layout
from rollcall.training.stack import Stack, to_device
from tests.training.common import IMAGE_RECIPE, TABLE_RECIPE, train_targets


def test_a_graph_holds_a_power_of_two_of_steps_and_few_passes():
    assert [steps_per_graph(passes, 1000) for passes in (1, 2, 3, 5, 8, 16, 17, 64)] == [
        16,
        8,
        4,
        2,
        2,
        1,
        1,
        1,
    ]
    assert [steps_per_graph(1, steps) for steps in (1, 2, 3, 15, 16)] == [1, 2, 2, 8, 16]
    for passes in range(1, 40):
        for steps in range(1, 40):
            count = steps_per_graph(passes, steps)
            assert 1 <= count <= steps
            assert count * passes <= PASSES_PER_GRAPH or count == 1


def test_on_a_cpu_the_steps_are_taken_one_after_another():
    taken = []
    runs = record(taken.append, lambda: pytest.fail("nothing warms up"), {1, 4}, None)
    runs[4]()
    runs[1]()
    assert taken == [0, 1, 2, 3, 0]
    assert set(runs) == {1, 4}


@pytest.mark.parametrize(
    ("recipe", "accumulate"),
    [(TABLE_RECIPE, 1), (TABLE_RECIPE, 3), (dataclasses.replace(IMAGE_RECIPE, batch=2), 1)],
)
def test_several_steps_at_once_train_the_same_targets(tiny, members, recipe, accumulate):
    """More than a chunk of steps, and not a multiple of those in a graph: to the last bit."""
    torch.set_num_threads(1)
    epochs = 71 * 2 * recipe.batch * accumulate / len(tiny)
    recipe = dataclasses.replace(recipe, epochs=round(epochs), accumulate=accumulate)
    steps, at_once = count_steps(recipe, len(tiny)), steps_per_graph(accumulate, 64)
    assert steps > 64
    assert steps % 64 % at_once
    options = {"targets": range(2), "members": members}
    alone, _ = train_targets(tiny, recipe, layout=Layout(), **options)
    together, trainer = train_targets(tiny, recipe, layout=Layout(recorded=True), **options)
    assert trainer.stacks[0].steps_at_once == at_once > 1
    assert (np.array(together) == np.array(alone)).all()


def test_the_number_of_steps_issued_ends_with_all_of_them(tiny):
    recipe = dataclasses.replace(TABLE_RECIPE, epochs=25)
    stack = Stack(to_device(tiny), recipe, Layout(recorded=True))
    issued = list(stack.train([np.arange(90)], [0]))
    assert issued == sorted(set(issued))
    assert issued[-1] == stack.steps == count_steps(recipe, len(tiny))
    assert issued[:4] == [16, 32, 48, 64]
