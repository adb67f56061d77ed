"""Seeds and batches: every member before any again; inputs as networks take them."""

import numpy as np
import torch

from rollcall.training.batches import as_input, draw_batches


def test_batches_use_every_member_before_any_again():
    own = np.arange(10, 33)
    drawn = np.concatenate(list(draw_batches(5, own, 7, 23)))
    assert len(drawn) == 7 * 23
    assert set(drawn) == set(own)
    for start in range(0, len(drawn) - 23, 23):
        assert sorted(drawn[start : start + 23]) == sorted(own)
    assert (drawn == np.concatenate(list(draw_batches(5, own, 7, 23)))).all()


def test_every_pass_has_an_order_of_its_own():
    records = np.arange(10, 33)
    first, second = draw_batches(5, records, 23, 2)
    (other,) = draw_batches(6, records, 23, 1)
    assert sorted(first) == sorted(second) == sorted(other) == records.tolist()
    orders = {tuple(order) for order in (records, first, second, other)}
    assert len(orders) == 4


def test_signals_are_scaled():
    stored = torch.tensor([[1000, -500]], dtype=torch.int16)
    assert as_input(stored, 1e-3).tolist() == [[1.0, -0.5]]
    assert as_input(torch.tensor([0, 255], dtype=torch.uint8), 5.0).tolist() == [-1.0, 1.0]
