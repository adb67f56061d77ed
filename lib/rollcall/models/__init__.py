"""Target models, by name. Each is a plain nn.Module from a batch of float32 inputs to float32 logits, without batch statistics.

Families go by their own names, with settings; the paper's models (Knolle et al. 2026) by the paper's, each a family with settings, of which a
recipe may set any anew.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from rollcall.models.mlp import mlp
from rollcall.models.resnet1d import resnet1d
from rollcall.models.small_cnn import small_cnn
from rollcall.models.tabular_resnet import tabular_resnet
from rollcall.models.vit import vit
from rollcall.models.wide_resnet import wide_resnet
from rollcall.util.errors import InputError, unknown_name

MODELS = {
    "mlp": mlp,
    "small_cnn": small_cnn,
    "tabular_resnet": tabular_resnet,
    "wide_resnet": wide_resnet,
    "vit": vit,
    "resnet1d": resnet1d,
    "wrn_28_2": partial(wide_resnet, depth=28, widen=2),
    "wrn_40_4": partial(wide_resnet, depth=40, widen=4),
    "wrn_28_5": partial(wide_resnet, depth=28, widen=5),
    "vit_b_16": partial(vit, patch=16, width=768, depth=12, heads=12, mlp=3072),
    "vit_b_32": partial(vit, patch=32, width=768, depth=12, heads=12, mlp=3072),
    "vit_l_16": partial(vit, patch=16, width=1024, depth=24, heads=16, mlp=4096),
    "resnet1d_128": partial(resnet1d, width=128),
    "resnet1d_64": partial(resnet1d, width=64),
    "resnet1d_32": partial(resnet1d, width=32),
    "tabresnet_300_6": partial(tabular_resnet, width=300, depth=6),
}
STACKED = (
    "mlp",
    "tabular_resnet",
    "tabresnet_300_6",
)  # networks of matrix products: many train at once; the others one after another


def build(name: str, input_shape: tuple[int, ...], outputs: int, **settings) -> nn.Module:
    """A fresh model `name` for inputs of `input_shape` (without the batch) and `outputs` logits."""
    if name not in MODELS:
        raise unknown_name("model", name, MODELS)
    builder = MODELS[name]
    try:
        return builder(input_shape, outputs, **settings)
    except TypeError as error:
        family = getattr(builder, "func", builder).__name__
        raise InputError(
            f"model {name!r}: {error}; see rollcall/models/{family}.py for its settings"
        ) from error
