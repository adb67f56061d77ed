from torch import nn

from lib.errors import InputError
from lib.models.layers import ChannelsFirst, Head


def small_cnn(input_shape, outputs: int, widths=(16, 32, 64)) -> nn.Module:
    """3x3 convolutions with GroupNorm (8 groups), each halved in size, then ReLU (of the maxima: the same, on a quarter of the values); a mean and a linear head."""
    if len(input_shape) != 3:
        raise InputError(f"model 'small_cnn' needs images (H, W, C), and this cohort's inputs are {tuple(input_shape)}; use mlp or tabular_resnet")
    layers, channels = [ChannelsFirst()], input_shape[2]
    for width in widths:
        layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.GroupNorm(8, width), nn.MaxPool2d(2), nn.ReLU()]
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), Head(channels, outputs))
