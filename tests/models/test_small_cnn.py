"""small_cnn on a CPU: its pooling is torch's, gradient and ties included."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from rollcall import models
from rollcall.models.small_cnn import Halve


@given(
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(2, 7),
    st.integers(2, 7),
    st.integers(1, 4),
    st.integers(0, 2**31),
)
def test_halving_is_torchs_pooling_bit_for_bit(batch, channels, height, width, levels, seed):
    """Few levels make ties; odd sizes lose a row or a column."""
    rng = np.random.default_rng(seed)
    values = torch.from_numpy(
        rng.integers(-levels, levels + 1, (batch, channels, height, width)).astype(np.float32)
    )
    ours, theirs = values.clone().requires_grad_(), values.clone().requires_grad_()
    left, right = Halve()(ours), nn.functional.max_pool2d(theirs, 2)
    given = torch.from_numpy(rng.standard_normal(left.shape).astype(np.float32))
    left.backward(given)
    right.backward(given)
    assert (left == right).all()
    assert (ours.grad == theirs.grad).all()
    with torch.no_grad():
        assert (Halve()(values) == right).all()


def test_a_nan_goes_through_the_pooling():
    """So that a target that diverges is seen to."""
    values = torch.zeros(1, 4, 6, 6)
    values[0, 1, 2, 3] = float("nan")
    assert torch.isnan(Halve()(values)).nonzero().tolist() == [[0, 1, 1, 1]]


@pytest.mark.parametrize("shape", [(32, 32, 1), (28, 20, 3)])
def test_small_cnn_is_what_its_description_says(shape):
    """Logits and gradients are those of plain layers, to rounding."""
    torch.manual_seed(3)
    network = models.build("small_cnn", shape, 3)
    plain, channels = [], shape[2]
    for width in (16, 32, 64):
        plain += [
            nn.Conv2d(channels, width, 3, padding=1, bias=False),
            nn.GroupNorm(8, width),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
        channels = width
    plain = nn.Sequential(*plain, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 3))
    for ours, theirs in zip(network.parameters(), plain.parameters(), strict=True):
        theirs.data.copy_(ours.data)
    images, labels = torch.rand(16, *shape) * 2 - 1, torch.arange(16) % 3
    left, right = network(images), plain(images.permute(0, 3, 1, 2))
    assert torch.allclose(left, right, atol=1e-5)
    for logits in (left, right):
        nn.functional.cross_entropy(logits, labels).backward()
    for ours, theirs in zip(network.parameters(), plain.parameters(), strict=True):
        assert torch.allclose(ours.grad, theirs.grad, atol=1e-5, rtol=1e-3)
