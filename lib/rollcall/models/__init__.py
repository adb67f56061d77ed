"""Target models, by name. Each is an nn.Module: float32 inputs -> float32 logits, record by record.

No model has batch statistics: a record's logits depend on that record and the weights alone.
torch is loaded by the functions that build, not by importing this package.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from rollcall.models.registry import FAMILIES, MODELS, check_kind, kind_of
from rollcall.util.errors import InputError, first_line, unknown_name

if TYPE_CHECKING:
    from torch import nn

__all__ = ["MODELS", "build", "build_for", "count_parameters", "find_forward_stack", "list_models"]


def build(name: str, input_shape: tuple[int, ...], outputs: int, **settings) -> nn.Module:
    """Build a fresh model.

    name: in MODELS. input_shape: of one record, without the batch. outputs: number of logits.
    settings: of the model's family, in place of those that the name stands for. The weights come
    from torch's global generator. InputError for an unknown name or setting, or another shape of
    input than the family takes.
    """
    if name not in MODELS:
        raise unknown_name("model", name, MODELS)
    check_kind(name, kind_of(input_shape), f"an input of shape {tuple(input_shape)}")
    family = MODELS[name].family
    builder = getattr(import_module(f"rollcall.models.{family}"), f"build_{family}")
    try:
        return builder(input_shape, outputs, **(MODELS[name].settings | settings))
    except TypeError as error:
        raise InputError(
            f"model {name!r}: {error}; see rollcall/models/{family}.py for its settings"
        ) from error


def build_for(recipe, cohort, device: str = "cpu") -> nn.Module:
    """Build the network of a recipe (its `model` and `settings`) for a cohort's inputs and classes.

    device: "cpu", or "meta" for the shapes alone, which takes no time and no memory. InputError
    for settings with which no network can be built.
    """
    import torch

    try:
        with torch.device(device):
            return build(recipe.model, cohort.inputs.shape[1:], cohort.outputs, **recipe.settings)
    except InputError:
        raise
    except (RuntimeError, ValueError, ArithmeticError) as error:
        if device != "meta":  # there a device may be at fault; here nothing but the settings
            raise
        raise InputError(
            f"model {recipe.model!r} cannot be built with settings {recipe.settings} for inputs of "
            f"{cohort.inputs.shape[1:]}: {first_line(error)}"
        ) from error


def find_forward_stack(name: str) -> Callable | None:
    """Return the family's own forward pass of many targets at once; None if it has none.

    (parameters with a leading axis of targets, batch (targets, batch, ...)) -> logits.
    """
    family = import_module(f"rollcall.models.{MODELS[name].family}")
    return getattr(family, "forward_stack", None)


def count_parameters(network: nn.Module) -> int:
    """Count the trainable numbers of a network."""
    return sum(value.numel() for value in network.parameters())


def list_models() -> list[dict]:
    """List every model: name, family, input_shape, outputs, and parameters for those.

    input_shape and outputs are the family's in `registry.FAMILIES`.
    """
    import torch

    rows = []
    for name, model in MODELS.items():
        family = FAMILIES[model.family]
        with torch.device("meta"):
            network = build(name, family.input_shape, family.outputs)
        rows.append(
            {
                "name": name,
                "family": model.family,
                "input_shape": family.input_shape,
                "outputs": family.outputs,
                "parameters": count_parameters(network),
            }
        )
    return rows
