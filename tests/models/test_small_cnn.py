"""small_cnn on a CPU: its fused layers are torch's, gradient and ties included."""

from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from rollcall import models
from rollcall.models import small_cnn
from rollcall.models.small_cnn import NormHalve

GROUPS = 2


def plain_layers(x, norm):
    """The same by torch's layers, one after the other."""
    x = nn.functional.group_norm(x, GROUPS, norm.weight, norm.bias, norm.eps)
    return nn.functional.max_pool2d(x, 2).relu()


def uneven_norm(channels, seed, negative=False):
    """A layer in float64 with weights that differ; with one below zero if `negative`."""
    rng = np.random.default_rng(seed)
    norm = NormHalve(GROUPS, channels).double()
    norm.weight.data = torch.from_numpy(rng.uniform(0.5, 2, channels))
    norm.bias.data = torch.from_numpy(rng.standard_normal(channels))
    if negative:
        norm.weight.data[-1] *= -1
    return norm


def gradients(layer, norm, values, given):
    """Output, then the gradients of input, weights and biases."""
    values = values.clone().requires_grad_()
    y = layer(values)
    return y.detach(), *torch.autograd.grad(y, [values, norm.weight, norm.bias], given)


@given(
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(2, 7),
    st.integers(2, 7),
    st.integers(0, 4),
    st.booleans(),
    st.integers(1, 200),
    st.integers(0, 2**31),
)
def test_the_fused_layers_are_torchs_gradient_and_ties_included(
    batch, per_group, height, width, levels, negative, at_once, seed
):
    """Few levels make ties and constant planes; odd sizes lose a row or a column."""
    rng = np.random.default_rng(seed)
    channels = GROUPS * per_group
    norm = uneven_norm(channels, seed, negative)
    values = torch.from_numpy(
        3.0 + rng.integers(-levels, levels + 1, (batch, channels, height, width))
    )
    given = torch.from_numpy(rng.standard_normal((batch, channels, height // 2, width // 2)))
    expected = gradients(lambda x: plain_layers(x, norm), norm, values, given)
    with mock.patch.object(small_cnn, "VALUES_AT_ONCE", at_once):
        for layout in (torch.contiguous_format, torch.channels_last):
            found = gradients(norm, norm, values.contiguous(memory_format=layout), given)
            for ours, theirs in zip(found, expected, strict=True):
                assert torch.allclose(ours, theirs, rtol=1e-9, atol=1e-9)
    with torch.no_grad():
        assert torch.allclose(norm(values), expected[0], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("shape", [(2, 4, 5, 4), (1, 4, 2, 3), (3, 2, 4, 4)])
def test_the_fused_gradient_is_that_of_differences(shape):
    norm = uneven_norm(shape[1], 1)
    values = torch.randn(shape, dtype=torch.float64).requires_grad_()

    def layer(x, weight, bias):
        return small_cnn._NormHalve.apply(x, weight, bias, GROUPS, norm.eps)

    assert torch.autograd.gradcheck(layer, (values, norm.weight, norm.bias))


def test_a_plane_far_from_zero_keeps_its_variance():
    """In float32, as in training: mean of squares less squared mean would lose it."""
    norm = uneven_norm(4, 2)
    values = 5 + 1e-2 * torch.randn(20, 4, 64, 64)
    given = torch.randn(20, 4, 32, 32)
    expected = gradients(lambda x: plain_layers(x, norm), norm, values.double(), given.double())
    found = gradients(norm.float(), norm, values, given)
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.allclose(
            ours.double(), theirs, rtol=1e-3, atol=1e-3 * float(theirs.abs().max())
        )


def test_the_backward_pass_keeps_the_input_and_half_of_its_size():
    kept = {}

    def keep(value):
        kept[value.untyped_storage().data_ptr()] = value.untyped_storage().nbytes()
        return value

    values = torch.randn(8, 4, 32, 32)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
        NormHalve(GROUPS, 4)(values.requires_grad_())
    assert values.nbytes * 1.5 <= sum(kept.values()) <= values.nbytes * 1.6


def test_a_nan_goes_through_the_layer():
    """So that a target that diverges is seen to."""
    values = torch.zeros(2, 4, 6, 6)
    values[0, 1, 2, 3] = float("nan")
    lost = torch.isnan(NormHalve(GROUPS, 4)(values))
    assert lost[0, :2].all()  # the group of that value
    assert not lost[0, 2:].any()
    assert not lost[1].any()


@pytest.mark.parametrize("shape", [(32, 32, 1), (28, 20, 3)])
def test_small_cnn_is_what_its_description_says(shape):
    """Logits and gradients are those of plain layers, to rounding."""
    torch.manual_seed(3)
    network = models.build("small_cnn", shape, 3)
    names = [f"{layer}.{kind}" for layer in (1, 2, 5, 6, 9, 10, 15) for kind in ("weight", "bias")]
    names = [name for name in names if name not in ("1.bias", "5.bias", "9.bias")]
    assert [name for name, _ in network.named_parameters()] == names
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
