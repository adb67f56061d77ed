"""Layers, and the rule of padding, that several families share."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return the zeros (before, after) an axis of `size` under TensorFlow's "same" padding.

    As few as give ceil(size / stride) outputs; the odd one comes after.
    """
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class ChannelsFirst(nn.Module):
    """(batch, H, W, C) as cohorts store images -> (batch, C, H, W) as convolutions take them."""

    def forward(self, x):
        return x.permute(0, 3, 1, 2)


class Head(nn.Linear):
    """The last dense layer: (batch, features) -> logits (batch, outputs), always in float32.

    Logits stay in float32 under any autocast (docs/deviations.md). With an `init` of its weights
    its bias starts at zero; without, it starts as torch's dense layers do.
    """

    def __init__(self, features: int, outputs: int, init=None):
        super().__init__(features, outputs)
        if init:
            init(self.weight)
            nn.init.zeros_(self.bias)

    def forward(self, x):
        with torch.autocast(x.device.type, enabled=False):
            return F.linear(x.float(), self.weight, self.bias)
