"""What steps are fed with: the draws of each target's own generators, chunk by chunk, ahead."""

import dataclasses
import threading

import numpy as np
import pytest

from rollcall.training import augmentation
from rollcall.training.batches import draw_batches
from rollcall.training.feeding import STEPS_PER_CHUNK, draw_augmentations, draw_chunks, make_ahead
from tests.training.common import IMAGE_RECIPE


@pytest.mark.parametrize("augment", ["none", "weak"])
@pytest.mark.parametrize("steps", [1, STEPS_PER_CHUNK, 2 * STEPS_PER_CHUNK + 5])
def test_chunks_are_each_targets_batches_and_augmentations_in_order(augment, steps):
    """Beside one target after another, drawn step by step."""
    recipe = dataclasses.replace(IMAGE_RECIPE, batch=4, accumulate=3, augment=augment)
    records, seeds = [np.arange(11), np.arange(7, 30), np.arange(50)], [4, 9, 2]
    chunks = list(draw_chunks(recipe, (16, 16), records, seeds, steps))
    assert [len(chunk.indices) for chunk in chunks[:-1]] == [STEPS_PER_CHUNK] * (len(chunks) - 1)
    indices = np.concatenate([chunk.indices.numpy() for chunk in chunks])
    assert indices.shape == (steps, 3, 3, 4)
    names = {"flip", "shift"} if augment == "weak" else set()
    draws = {
        name: np.concatenate([chunk.draws[name].numpy() for chunk in chunks]) for name in names
    }
    assert all(set(chunk.draws) == names for chunk in chunks)
    for target, (members, seed) in enumerate(zip(records, seeds, strict=True)):
        batches = draw_batches(seed, members, 4, 3 * steps)
        rng = np.random.default_rng([seed, 1])
        for step in range(steps):
            for number in range(3):
                assert (indices[step, number, target] == next(batches)).all()
                expected = augmentation.draw(augment, rng, 4, 16, 16)
                for name in names:
                    assert (draws[name][step, number, target] == expected[name]).all()


def test_tables_have_no_augmentation():
    recipe = dataclasses.replace(IMAGE_RECIPE, augment="none")
    assert draw_augmentations(recipe, (), [np.random.default_rng(0)]) == {}


def test_the_next_one_is_made_while_this_one_is_used():
    made = [threading.Event() for _ in range(4)]
    threads = set()

    def make():
        for number, event in enumerate(made):
            threads.add(threading.current_thread())
            event.set()
            yield number

    items = make_ahead(make())
    for number in range(4):
        assert next(items) == number
        assert number == 3 or made[number + 1].wait(60)
        assert number > 1 or not made[number + 2].is_set()
    assert list(items) == []
    assert len(threads) == 1
    assert threading.current_thread() not in threads


def test_what_fails_while_it_is_made_is_raised_and_no_thread_is_left():
    def make():
        yield 1
        raise KeyError("two")

    items = make_ahead(make())
    assert next(items) == 1
    with pytest.raises(KeyError, match="two"):
        next(items)
    before = threading.active_count()
    items = make_ahead(iter(range(1, 100)))
    assert next(items) == 1
    assert threading.active_count() == before + 1
    items.close()
    assert threading.active_count() == before
