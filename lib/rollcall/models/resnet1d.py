"""The one-dimensional residual network of Knolle et al. 2026 for ECGs, with GroupNorm.

After Wang, Yan and Oates, Time series classification from scratch with deep neural networks, 2017.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import nn

from rollcall.models.layers import Head, same_padding
from rollcall.util.errors import InputError

GROUPS, EPSILON, SLOPE = 16, 1e-6, 0.2
KERNELS = (8, 5, 3)


class TimeLast(nn.Module):
    """(batch, time, leads) as cohorts store signals -> (batch, leads, time) for convolutions."""

    def forward(self, x):
        return x.permute(0, 2, 1)


class ConvNorm(nn.Sequential):
    """Zeros that keep the length, a convolution with bias, and GroupNorm.

    An even kernel's odd zero comes last: 3 before and 4 after for a kernel of 8.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int):
        conv = nn.Conv1d(inputs, outputs, kernel)
        nn.init.xavier_uniform_(conv.weight)
        nn.init.zeros_(conv.bias)
        pad = [nn.ConstantPad1d(same_padding(kernel, kernel, 1), 0.0)] if kernel > 1 else []
        super().__init__(*pad, conv, nn.GroupNorm(GROUPS, outputs, eps=EPSILON))


class Block(nn.Module):
    """Three convolutions of kernels 8, 5, 3 with norms, plus the shortcut; then leaky ReLU.

    The shortcut is a 1x1 convolution with its norm, or a norm alone where the width stays. `relu`
    makes the second activation a plain ReLU, as it is in the reference's second block.
    """

    def __init__(self, inputs: int, outputs: int, relu: bool):
        super().__init__()
        self.convs = nn.ModuleList(
            [
                ConvNorm(inputs if kernel == KERNELS[0] else outputs, outputs, kernel)
                for kernel in KERNELS
            ]
        )
        self.shortcut = (
            ConvNorm(inputs, outputs, 1)
            if inputs != outputs
            else nn.GroupNorm(GROUPS, outputs, eps=EPSILON)
        )
        self.slope = 0.0 if relu else SLOPE

    def forward(self, x):
        first, second, third = self.convs
        y = F.leaky_relu(first(x), SLOPE)
        y = F.leaky_relu(second(y), self.slope)
        return F.leaky_relu(third(y) + self.shortcut(x), SLOPE)


def build_resnet1d(input_shape: tuple[int, ...], outputs: int, width: int = 128) -> nn.Module:
    """Build the network: signals (batch, time, leads) -> logits (batch, outputs).

    Three blocks, `width`, 2 `width` and 2 `width` wide, a mean over time and a dense head. Width
    128 on 12 leads and 5 outputs has 2,021,381 parameters.
    """
    if width < 1 or width % GROUPS:
        raise InputError(
            f"model 'resnet1d': width {width}, expected a multiple of {GROUPS} "
            "(the groups of its norms)"
        )
    blocks = [
        Block(input_shape[1], width, False),
        Block(width, 2 * width, True),
        Block(2 * width, 2 * width, False),
    ]
    return nn.Sequential(
        TimeLast(),
        *blocks,
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
        Head(2 * width, outputs, nn.init.xavier_uniform_),
    )
