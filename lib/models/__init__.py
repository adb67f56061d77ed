"""Target models, by name. Each is a plain nn.Module from a batch of float32 inputs to float32 logits, without batch statistics."""

from __future__ import annotations

from torch import nn

from lib.errors import InputError, unknown
from lib.models.mlp import mlp
from lib.models.small_cnn import small_cnn
from lib.models.tabular_resnet import tabular_resnet

MODELS = {"mlp": mlp, "small_cnn": small_cnn, "tabular_resnet": tabular_resnet}
STACKED = ("mlp", "tabular_resnet")  # networks of matrix products: many train at once; the others one after another


def build(name: str, input_shape: tuple[int, ...], outputs: int, **settings) -> nn.Module:
    """A fresh model `name` for inputs of `input_shape` (without the batch) and `outputs` logits."""
    if name not in MODELS:
        raise unknown("model", name, MODELS)
    try:
        return MODELS[name](input_shape, outputs, **settings)
    except TypeError as error:
        raise InputError(f"model {name!r}: {error}; see lib/models/{name}.py for its settings") from error
