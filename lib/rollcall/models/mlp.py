"""The multilayer perceptron: the smallest model, for any input; one, or a stack of them."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import torch
from torch import nn

from rollcall.models.layers import Head


class Traced(NamedTuple):
    """A dense layer of a stack in one pass: names of weight and bias, input and output.

    input (targets, batch, inputs), output (targets, batch, outputs), before any ReLU.
    """

    weight: str
    bias: str
    input: torch.Tensor
    output: torch.Tensor


def build_mlp(
    input_shape: tuple[int, ...], outputs: int, width: int = 128, depth: int = 2
) -> nn.Module:
    """Build a perceptron on the flattened input: `depth` hidden layers of `width` ReLU units."""
    layers, size = [nn.Flatten()], prod(input_shape)
    for _ in range(depth):
        layers += [nn.Linear(size, width), nn.ReLU()]
        size = width
    return nn.Sequential(*layers, Head(size, outputs))


def forward_stack(parameters: dict[str, torch.Tensor], batch: torch.Tensor) -> torch.Tensor:
    """Compute the logits of many perceptrons at once: (targets, batch, outputs).

    parameters: of `build_mlp`, in its order, each with a leading axis of targets. batch (targets,
    batch, ...). The logits and gradients of torch.func.vmap over the network, to rounding (from 32
    inputs on, bit for bit where measured); a step takes 0.7 to 0.8 of the time, since no gradient
    is copied into the layout of its weight.
    """
    values = list(parameters.values())
    *hidden, head = zip(values[::2], values[1::2], strict=True)
    x = batch.flatten(2)
    for weight, bias in hidden:
        x = _StackedLinear.apply(x, weight, bias, True)
    with torch.autocast(x.device.type, enabled=False):  # as Head
        return _StackedLinear.apply(x.float(), *head, False)


def trace_stack(
    parameters: dict[str, torch.Tensor], batch: torch.Tensor
) -> tuple[torch.Tensor, list[Traced]]:
    """Compute the logits as `forward_stack`, and what each dense layer was given and gave.

    The parameters take no gradient here; what the layers gave does, and with what they were given
    makes the gradient of the weights.
    """
    names = list(parameters)
    x, layers = batch.flatten(2), []
    for weight, bias in zip(names[::2], names[1::2], strict=True):
        x = layers[-1].output.relu() if layers else x
        output = torch.baddbmm(
            parameters[bias][:, None], x, parameters[weight].transpose(1, 2)
        ).requires_grad_()
        layers.append(Traced(weight, bias, x, output))
    return layers[-1].output, layers


class _StackedLinear(torch.autograd.Function):
    """A dense layer of each target, whose gradients come in the layout of the weights.

    x (targets, batch, inputs), weight (targets, outputs, inputs), bias (targets, outputs), relu:
    whether one follows -> (targets, batch, outputs). Under autocast products are in its dtype.
    """

    @staticmethod
    def forward(ctx, x, weight, bias, relu):
        if torch.is_autocast_enabled(x.device.type):
            dtype = torch.get_autocast_dtype(x.device.type)
            x, weight, bias = x.to(dtype), weight.to(dtype), bias.to(dtype)
        out = torch.bmm(x, weight.transpose(1, 2)).add_(bias[:, None])
        ctx.save_for_backward(x, weight, out.relu_() if relu else None)
        return out

    @staticmethod
    def backward(ctx, grad):
        x, weight, out = ctx.saved_tensors
        if out is not None:
            grad = torch.ops.aten.threshold_backward(grad, out, 0)
        of_x = torch.bmm(grad, weight) if ctx.needs_input_grad[0] else None
        return of_x, torch.bmm(grad.transpose(1, 2), x), grad.sum(1), None
