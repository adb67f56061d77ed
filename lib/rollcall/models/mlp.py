"""The multilayer perceptron: the smallest model, for any input."""

from __future__ import annotations

from math import prod

from torch import nn

from rollcall.models.layers import Head


def build_mlp(
    input_shape: tuple[int, ...], outputs: int, width: int = 128, depth: int = 2
) -> nn.Module:
    """Build a perceptron on the flattened input: `depth` hidden layers of `width` ReLU units."""
    layers, size = [nn.Flatten()], prod(input_shape)
    for _ in range(depth):
        layers += [nn.Linear(size, width), nn.ReLU()]
        size = width
    return nn.Sequential(*layers, Head(size, outputs))
