"""A small convolutional network, for images on a laptop."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torch.autograd.function import once_differentiable

from rollcall.models.layers import ChannelsFirst, Head

VALUES_AT_ONCE = 2**17  # of an activation, backwards: what a core's own cache holds
threshold_backward = torch.ops.aten.threshold_backward  # (gradient, x, 0): the gradient where x > 0


class _NormHalve(torch.autograd.Function):
    """GroupNorm, the largest value of each 2x2 square, ReLU: of weights above zero.

    Such a norm keeps the order of a plane's values: the largest are found before it, and only they
    are normalised. x (batch, channels, H, W), best with channels last in memory, where operations
    on squares are on runs of channels; an odd last row or column counts for the norm alone. Kept
    for the backward pass: x, and twice a quarter of its size.
    """

    @staticmethod
    def forward(ctx, x, weight, bias, groups, epsilon):
        x = x.permute(0, 2, 3, 1).contiguous()
        ctx.groups, ctx.share = groups, groups / x[0].numel()
        mean = _sum_groups(x.sum((1, 2)), groups).mul_(ctx.share)
        centred = x - mean[:, None, None]
        variance = _sum_groups(centred.mul_(centred).sum((1, 2)), groups).mul_(ctx.share)
        inverse = variance.add_(epsilon).rsqrt_()
        scale = inverse * weight
        shift = torch.addcmul(bias, mean, scale, value=-1)
        pairs = torch.maximum(*_columns(x))
        best = torch.maximum(pairs[:, ::2], pairs[:, 1::2])
        y = torch.addcmul(shift[:, None, None], best, scale[:, None, None]).relu_()
        ctx.save_for_backward(x, best, y, weight, mean, inverse)
        return y.permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        x, best, y, weight, mean, inverse = ctx.saved_tensors
        grad = threshold_backward(grad.permute(0, 2, 3, 1), y, 0)
        of_bias = grad.sum((1, 2))  # of each record, as of_weight
        of_weight = (grad * best).sum((1, 2)).addcmul_(of_bias, mean, value=-1).mul_(inverse)
        # through mean and variance each value of a plane gets level + slope * value
        slope = _sum_groups(of_weight * weight, ctx.groups).mul_(inverse).mul_(-ctx.share)
        level = _sum_groups(of_bias * weight, ctx.groups).mul_(-ctx.share)
        level = level.addcmul_(slope, mean, value=-1).mul_(inverse)
        slope.mul_(inverse)
        grad.mul_((inverse * weight)[:, None, None])
        of_x = torch.empty_like(x)
        size = max(1, VALUES_AT_ONCE // x[0].numel())
        whole = (x, grad, level[:, None, None], slope[:, None, None], of_x)
        chunks = zip(*(values.split(size) for values in whole), strict=True)
        for values, of_best, start, factor, out in chunks:
            torch.addcmul(start, values, factor, out=out)
            left, right = _columns(values)
            pairs = torch.maximum(left, right)
            upper, lower = pairs[:, ::2], pairs[:, 1::2]
            # of equal values the first gets the gradient, as in max_pool2d
            of_lower = threshold_backward(of_best, lower - upper, 0)
            torch.sub(of_best, of_lower, out=upper)
            lower.copy_(of_lower)
            of_right = threshold_backward(pairs, right - left, 0)
            left, right = _columns(out)
            right += of_right
            left += pairs.sub_(of_right)
        return of_x.permute(0, 3, 1, 2), of_weight.sum(0), of_bias.sum(0), None, None


def _sum_groups(values, groups: int):
    """Give each channel the sum of its group: (batch, channels) -> the same shape."""
    parts = values.unflatten(1, (groups, -1))
    return parts.sum(2, keepdim=True).expand_as(parts).flatten(1)


def _columns(x):
    """Return the left and the right columns of the 2x2 squares; x (batch, H, W, channels)."""
    rows, columns = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
    return x[:, :rows, :columns:2], x[:, :rows, 1:columns:2]


def _is_above_zero(weight) -> bool:
    """Say whether all weights are above zero; not where torch.func lets nobody look at them."""
    try:
        return bool((weight.detach().numpy() > 0).all())
    except RuntimeError:
        return False


class NormHalve(nn.GroupNorm):
    """GroupNorm, the largest value of each 2x2 square, ReLU; in one on a CPU.

    Halved before its ReLU: the same as after it, on a quarter of the values.
    """

    def forward(self, x):
        if not x.is_cuda and _is_above_zero(self.weight):
            values = x.to(self.weight.dtype)
            y = _NormHalve.apply(values, self.weight, self.bias, self.num_groups, self.eps)
            return y.to(x.dtype)
        return F.relu(F.max_pool2d(super().forward(x), 2))


def build_small_cnn(
    input_shape: tuple[int, ...], outputs: int, widths: tuple[int, ...] = (16, 32, 64)
) -> nn.Module:
    """Build 3x3 convolutions, each with NormHalve (8 groups), then an image's mean and a Head."""
    layers, channels = [ChannelsFirst()], input_shape[2]
    for width in widths:
        layers += [
            nn.Conv2d(channels, width, 3, padding=1, bias=False),
            NormHalve(8, width),
            nn.Identity(),  # two, so that weights keep the names they had with layers of
            nn.Identity(),  # pooling and ReLU
        ]
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), Head(channels, outputs))
