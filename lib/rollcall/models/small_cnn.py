from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from rollcall.models.layers import ChannelsFirst, Head
from rollcall.util.errors import InputError


class ChannelPlanes(ChannelsFirst):
    """ChannelsFirst; on a processor each channel's plane is laid out by itself, where torch's GroupNorm is ten times as fast backwards."""

    def forward(self, x):
        x = super().forward(x)
        return x if x.is_cuda else x.clone(memory_format=torch.contiguous_format)


class _Halve(torch.autograd.Function):
    """Maxima of 2x2 squares, an odd last row or column left out: max_pool2d(x, 2) and its gradient, bit for bit, by operations on whole planes."""

    @staticmethod
    def forward(ctx, x):
        batch, channels, height, width = ctx.shape = x.shape
        rows, columns = height // 2, width // 2
        pairs = x[:, :, : 2 * rows, : 2 * columns].reshape(batch, channels, 2 * rows, columns, 2)
        left, right = pairs.unbind(-1)
        upper, lower = torch.maximum(left, right).view(batch, channels, rows, 2, columns).unbind(3)
        if ctx.needs_input_grad[0]:
            ctx.save_for_backward(
                right > left, lower > upper
            )  # of equal values the first, as max_pool2d
        return torch.maximum(upper, lower)

    @staticmethod
    def backward(ctx, grad):
        second, lower = ctx.saved_tensors
        batch, channels, rows, columns = grad.shape
        pooled = grad.new_empty(batch, channels, rows, 2, columns)
        _shared(grad, lower, *pooled.unbind(3))
        pairs = grad.new_empty(batch, channels, 2 * rows, columns, 2)
        _shared(pooled.view(batch, channels, 2 * rows, columns), second, *pairs.unbind(-1))
        whole = pairs.view(batch, channels, 2 * rows, 2 * columns)
        return (
            F.pad(whole, (0, ctx.shape[3] - 2 * columns, 0, ctx.shape[2] - 2 * rows))
            if whole.shape != ctx.shape
            else whole
        )


def _shared(grad, second, first_out, second_out) -> None:
    """grad into `second_out` where `second`, into `first_out` elsewhere; zero in the other."""
    torch.mul(grad, second, out=second_out)
    torch.sub(grad, second_out, out=first_out)


class Halve(nn.MaxPool2d):
    """The largest value of each 2x2 square. On a processor in planes (ChannelPlanes), for which torch's own is several times slower."""

    def __init__(self):
        super().__init__(2)

    def forward(self, x):
        return super().forward(x) if x.is_cuda else _Halve.apply(x)


def small_cnn(input_shape, outputs: int, widths=(16, 32, 64)) -> nn.Module:
    """3x3 convolutions with GroupNorm (8 groups), each halved in size, then ReLU (of the maxima: the same, on a quarter of the values); a
    mean and a linear head."""
    if len(input_shape) != 3:
        raise InputError(
            f"model 'small_cnn' needs images (H, W, C), and this cohort's inputs are {tuple(input_shape)}; use mlp or tabular_resnet"
        )
    layers, channels = [ChannelPlanes()], input_shape[2]
    for width in widths:
        layers += [
            nn.Conv2d(channels, width, 3, padding=1, bias=False),
            nn.GroupNorm(8, width),
            Halve(),
            nn.ReLU(),
        ]
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), Head(channels, outputs))
