"""The wide ResNet against a naive version in numpy that shares no code with rollcall."""

import math

import numpy as np
import pytest
import torch

from rollcall.models.wide_resnet import NormAct, SameConv
from tests.models.common import arrays, group_norm, leaky, network, uneven


def convolve(x, kernel, stride):
    """TensorFlow's "same" by its rule, one output pixel at a time.

    x (C, H, W), kernel (outputs, C, k, k).
    """
    outputs, _, side, _ = kernel.shape
    _, height, width = x.shape
    rows, columns = math.ceil(height / stride), math.ceil(width / stride)
    top = max((rows - 1) * stride + side - height, 0) // 2
    left = max((columns - 1) * stride + side - width, 0) // 2
    result = np.zeros((outputs, rows, columns))
    for i in range(rows):
        for j in range(columns):
            for a in range(side):
                for b in range(side):
                    y, z = i * stride + a - top, j * stride + b - left
                    if 0 <= y < height and 0 <= z < width:
                        result[:, i, j] += kernel[:, :, a, b] @ x[:, y, z]
    return result


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (1, 1), (1, 2)])
@pytest.mark.parametrize(("height", "width"), [(6, 8), (5, 7), (4, 5), (1, 2)])
def test_same_padding_is_tensorflows(kernel, stride, height, width):
    conv = SameConv(2, 3, kernel, stride)
    x = torch.randn(1, 2, height, width)
    expected = convolve(x[0].double().numpy(), conv.weight.detach().double().numpy(), stride)
    np.testing.assert_allclose(conv(x)[0].detach().numpy(), expected, rtol=1e-4, atol=1e-5)


def test_a_stride_of_two_on_an_even_size_pads_nothing_before_and_one_after():
    conv = SameConv(1, 1, 3, 2)
    with torch.no_grad():
        conv.weight.copy_(torch.arange(9.0).view(1, 1, 3, 3))
        picked = conv(torch.eye(16).view(16, 1, 4, 4))[:, 0].reshape(
            16, 4
        )  # the weight with which each pixel enters each of 2 x 2 outputs
    assert picked[0].tolist() == [0, 0, 0, 0]
    assert picked[5].tolist() == [4, 0, 0, 0]
    assert picked[10].tolist() == [8, 6, 2, 0]
    assert picked[15].tolist() == [0, 0, 0, 4]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_norm_of_bf16_is_computed_in_float32(layout):
    """Rounded once to bf16, then the leaky ReLU; gradients as of a norm whose input is cast."""
    norm = uneven(NormAct(32))
    values = (3 + torch.randn(4, 32, 7, 5)).bfloat16().contiguous(memory_format=layout)
    given = torch.randn(4, 32, 7, 5).bfloat16()

    def cast_first(x):
        y = torch.nn.functional.group_norm(x.float(), 16, norm.weight, norm.bias, 1e-3)
        return torch.nn.functional.leaky_relu(y.bfloat16(), 0.1)

    with torch.autocast("cpu", torch.bfloat16):
        ours, theirs = values.clone().requires_grad_(), values.clone().requires_grad_()
        left, right = norm(ours), cast_first(theirs)
    assert left.dtype == torch.bfloat16
    assert (left == right).all()
    for found, expected in zip(
        torch.autograd.grad(left, [ours, norm.weight, norm.bias], given),
        torch.autograd.grad(right, [theirs, norm.weight, norm.bias], given),
        strict=True,
    ):
        scale = float(expected.abs().max())
        assert torch.allclose(found.float(), expected.float(), rtol=2**-7, atol=1e-3 * scale)


@pytest.mark.parametrize("channels", [1, 3])
def test_on_a_cpu_training_keeps_planes_and_bf16(channels):
    """The layout that torch's norms are fast with, and half the bytes, for the backward pass."""
    built, kept = network("wide_resnet", (12, 8, channels), 3, depth=10, widen=1), []
    weights = {value.data_ptr() for value in built.parameters()}

    def keep(value):
        if value.ndim == 4 and value.data_ptr() not in weights and value.shape[0] == 2:
            kept.append(value)
        return value

    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value),
        torch.autocast("cpu", torch.bfloat16),
    ):
        built(torch.randn(2, 12, 8, channels))
    assert len(kept) > 20
    assert all(value.is_contiguous() for value in kept)
    assert all(value.dtype == torch.bfloat16 for value in kept)


@pytest.mark.parametrize(("depth", "widen"), [(10, 1), (16, 2)])
def test_the_wide_resnet_is_its_naive_twin(depth, widen):
    built = uneven(network("wide_resnet", (6, 4, 2), 3, depth=depth, widen=widen))
    w, image = arrays(built), torch.randn(1, 6, 4, 2)
    x, layer, channels = (
        convolve(image[0].double().numpy().transpose(2, 0, 1), w["1.weight"], 1),
        2,
        16,
    )

    def act(x, name):
        return leaky(group_norm(x, w[f"{name}.weight"], w[f"{name}.bias"], 1e-3), 0.1)

    for group in range(3):
        for block in range((depth - 4) // 6):
            stride, outputs = (2 if group > 0 and block == 0 else 1), 16 * widen * 2**group
            active = act(x, f"{layer}.act1")
            projected = stride != 1 or outputs != channels
            assert (f"{layer}.project.weight" in w) == projected
            shortcut = convolve(active, w[f"{layer}.project.weight"], stride) if projected else x
            x = shortcut + convolve(
                act(convolve(active, w[f"{layer}.conv1.weight"], stride), f"{layer}.act2"),
                w[f"{layer}.conv2.weight"],
                1,
            )
            channels, layer = outputs, layer + 1
    x = act(x, str(layer)).mean((1, 2))
    np.testing.assert_allclose(
        built(image)[0].detach().numpy(),
        w[f"{layer + 3}.weight"] @ x + w[f"{layer + 3}.bias"],
        rtol=1e-3,
        atol=1e-3,
    )
