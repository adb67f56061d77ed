"""What tests of models share: networks from a seed, and layers written out in numpy."""

import numpy as np
import torch

from rollcall import models

torch.set_num_threads(1)
SMALL_VIT = {"patch": 4, "width": 12, "depth": 2, "heads": 3, "mlp": 20}


def network(name, shape, outputs, seed=0, **settings):
    torch.manual_seed(seed)
    return models.build(name, shape, outputs, **settings)


def uneven(module, seed=1):
    """Every parameter moved, so that norms' scales and all biases count."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return module


def arrays(module):
    return {name: value.detach().double().numpy() for name, value in module.named_parameters()}


def group_norm(x, scale, bias, epsilon, groups=16):
    result = np.empty_like(x)
    for rows in np.split(np.arange(len(x)), groups):
        part = x[rows]
        result[rows] = (part - part.mean()) / np.sqrt(part.var() + epsilon)
    shape = (-1,) + (1,) * (x.ndim - 1)
    return result * scale.reshape(shape) + bias.reshape(shape)


def leaky(x, slope):
    return np.where(x > 0, x, slope * x)
