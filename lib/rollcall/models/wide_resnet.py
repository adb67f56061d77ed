"""The wide residual network of Knolle et al. 2026 for images, with GroupNorm.

After Zagoruyko and Komodakis, Wide residual networks, 2016.
"""

from __future__ import annotations

from math import sqrt

import torch
import torch.nn.functional as F
from torch import nn

from rollcall.models.layers import ChannelsFirst, Head, same_padding
from rollcall.util.errors import InputError

GROUPS, EPSILON, SLOPE = 16, 1e-3, 0.1


class ChannelPlanes(ChannelsFirst):
    """ChannelsFirst; to train on a CPU each channel's plane is contiguous, here and ever after.

    With channels last torch's GroupNorm takes up to ten times as long backwards there, and thirty
    times in bf16. Convolutions lose a tenth on planes: more than the norm gains when only going
    forwards.
    """

    def forward(self, x):
        x = super().forward(x)
        if x.is_cuda or not torch.is_grad_enabled():
            return x
        return x.clone(memory_format=torch.contiguous_format)


class SameConv(nn.Conv2d):
    """A square convolution without bias, padded as TensorFlow's "same", on (batch, C, H, W).

    Weights start from N(0, 2 / (kernel^2 outputs)).
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1):
        super().__init__(inputs, outputs, kernel, stride, bias=False)
        nn.init.normal_(self.weight, std=sqrt(2 / (kernel**2 * outputs)))

    def forward(self, x):
        rows, columns = (
            same_padding(size, self.kernel_size[0], self.stride[0]) for size in x.shape[2:]
        )
        if rows[0] == rows[1] and columns[0] == columns[1]:
            return F.conv2d(x, self.weight, None, self.stride, (rows[0], columns[0]))
        return F.conv2d(F.pad(x, (*columns, *rows)), self.weight, None, self.stride)


class NormAct(nn.GroupNorm):
    """GroupNorm of 16 groups, then leaky ReLU.

    The norm's arithmetic is in float32 under any autocast. On planes on a CPU it reads and writes
    bf16 itself, and only that is kept for the backward pass; elsewhere the values are cast.
    """

    def __init__(self, channels: int):
        super().__init__(GROUPS, channels, eps=EPSILON)

    def forward(self, x):
        on_planes = not x.is_cuda and x.is_contiguous()
        y = super().forward(x) if on_planes else super().forward(x.float()).to(x.dtype)
        return F.leaky_relu(y, SLOPE, inplace=True)


class Block(nn.Module):
    """Norm, act, conv (with the stride), norm, act, conv; plus the shortcut.

    The shortcut is the input, or, where width or stride changes, a 1x1 projection of the input's
    norm and act.
    """

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.act1, self.conv1 = NormAct(inputs), SameConv(inputs, outputs, 3, stride)
        self.act2, self.conv2 = NormAct(outputs), SameConv(outputs, outputs, 3)
        self.project = (
            SameConv(inputs, outputs, 1, stride) if inputs != outputs or stride != 1 else None
        )

    def forward(self, x):
        active = self.act1(x)
        shortcut = x if self.project is None else self.project(active)
        return shortcut + self.conv2(self.act2(self.conv1(active)))


def build_wide_resnet(
    input_shape: tuple[int, ...], outputs: int, depth: int = 28, widen: int = 2
) -> nn.Module:
    """Build a WRN-`depth`-`widen`: images (batch, H, W, C), any H and W -> logits (batch, outputs).

    depth = 6n + 4: n blocks in each of three groups, 16, 32 and 64 times `widen` wide, with strides
    1, 2, 2. WRN-28-2 on one channel and 14 outputs has 1,467,838 parameters.
    """
    if depth < 10 or depth % 6 != 4 or widen < 1:
        raise InputError(
            f"model 'wide_resnet': depth {depth} and widen {widen}, expected a depth of "
            "10, 16, 22, 28, ... (6n + 4) and widen of at least 1"
        )
    layers, channels = [ChannelPlanes(), SameConv(input_shape[2], 16, 3)], 16
    for width, stride in ((16 * widen, 1), (32 * widen, 2), (64 * widen, 2)):
        for number in range((depth - 4) // 6):
            layers.append(Block(channels, width, stride if number == 0 else 1))
            channels = width
    layers += [
        NormAct(channels),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        Head(channels, outputs, nn.init.xavier_normal_),
    ]
    return nn.Sequential(*layers)
