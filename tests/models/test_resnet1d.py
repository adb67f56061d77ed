"""The one-dimensional ResNet against a naive version in numpy that shares no code with rollcall."""

import numpy as np
import pytest
import torch

from rollcall.models.resnet1d import ConvNorm
from tests.models.common import arrays, group_norm, leaky, network, uneven


def convolve1d(x, kernel, bias):
    """A "same" convolution over time: (k - 1) // 2 zeros before, the rest after.

    x (C, T), kernel (outputs, C, k).
    """
    side, length = kernel.shape[2], x.shape[1]
    result = np.repeat(bias[:, None], length, 1)
    for t in range(length):
        for a in range(side):
            if 0 <= t + a - (side - 1) // 2 < length:
                result[:, t] += kernel[:, :, a] @ x[:, t + a - (side - 1) // 2]
    return result


@pytest.mark.parametrize("kernel", [8, 5, 3, 1])
def test_signals_are_padded_by_the_smaller_half_first(kernel):
    conv = uneven(ConvNorm(2, 16, kernel))
    x, values = torch.randn(1, 2, 11), arrays(conv)
    names = sorted(values)  # <conv>.bias, <conv>.weight, <norm>.bias, <norm>.weight
    expected = group_norm(
        convolve1d(x[0].double().numpy(), values[names[1]], values[names[0]]),
        values[names[3]],
        values[names[2]],
        1e-6,
    )
    np.testing.assert_allclose(conv(x)[0].detach().numpy(), expected, rtol=1e-3, atol=1e-4)


def test_the_resnet1d_is_its_naive_twin():
    built = uneven(network("resnet1d", (13, 3), 4, width=16))
    w, signal = arrays(built), torch.randn(1, 13, 3)

    def conv_norm(x, name, kernel):
        conv, norm = (f"{name}.1", f"{name}.2") if kernel > 1 else (f"{name}.0", f"{name}.1")
        return group_norm(
            convolve1d(x, w[f"{conv}.weight"], w[f"{conv}.bias"]),
            w[f"{norm}.weight"],
            w[f"{norm}.bias"],
            1e-6,
        )

    x = signal[0].double().numpy().T
    for block in (1, 2, 3):
        y = leaky(conv_norm(x, f"{block}.convs.0", 8), 0.2)
        y = leaky(conv_norm(y, f"{block}.convs.1", 5), 0.0 if block == 2 else 0.2)
        y = conv_norm(y, f"{block}.convs.2", 3)
        shortcut = (
            conv_norm(x, f"{block}.shortcut", 1)
            if block < 3
            else group_norm(x, w["3.shortcut.weight"], w["3.shortcut.bias"], 1e-6)
        )
        x = leaky(y + shortcut, 0.2)
    np.testing.assert_allclose(
        built(signal)[0].detach().numpy(),
        w["6.weight"] @ x.mean(1) + w["6.bias"],
        rtol=1e-3,
        atol=1e-3,
    )
